"""What a hosting service says of its repositories, and which of them are wanted."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Protocol

from keywatch.collect.content.remote_url import RemoteUrl, parse_remote
from keywatch.model.errors import SourceMalformed, UsageError
from keywatch.model.source import Skipped

_NAME = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.+-]*(?:/[A-Za-z0-9_.][A-Za-z0-9_.+-]*)+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosted:
    """One repository of an organisation."""

    name: str
    """As the service writes it, with its owner: `acme/orders`."""
    url: RemoteUrl
    archived: bool = False
    fork: bool = False
    wiki: bool = False
    """Whether it may have a wiki, which is a repository of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which repositories of a listing are wanted."""

    include: tuple[str, ...] = ()
    """Patterns, of which one must fit: `acme/orders-*`, or `orders-*` for the last part alone. Empty: all."""
    exclude: tuple[str, ...] = ()
    archived: bool = True
    """Nobody rotates what leaked there either."""
    forks: bool = False
    """They repeat somebody else's history."""
    wikis: bool = False

    def wants(self, hosted: Hosted) -> bool:
        """Whether this repository is to be read."""
        if (hosted.archived and not self.archived) or (hosted.fork and not self.forks):
            return False
        return self.names(hosted.name)

    def names(self, name: str) -> bool:
        """Whether the patterns let this name in."""
        return (not self.include or _fits(name, self.include)) and not _fits(name, self.exclude)


class Hosting(Protocol):
    """A service that lists an organisation's repositories. One implementation a module."""

    def repositories(self) -> Iterator[Hosted | Skipped]:
        """
        Yield every repository of the organisation that the token is shown, each once.

        Raises:
            SourceError: the listing cannot be had, or not to its end.
        """
        ...

    def check(self) -> Iterator[str | Skipped]:
        """As `KeySource.check`: what of the permissions is there, and what is missing."""
        ...


def hosted_url(origin: str, name: object, who: str) -> RemoteUrl:
    """
    Return the address of the repository `name` at `origin`, whatever address the listing gives: a token is sent there.

    Raises:
        SourceMalformed: this is no repository's name.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name) or ".." in name.split("/"):
        raise SourceMalformed(f"{who}: lists a repository whose name cannot be one")
    try:
        return parse_remote(f"{origin}/{name}.git")
    except UsageError:
        raise SourceMalformed(f"{who}: lists a repository whose name cannot be one") from None


def wanted(
    listing: Iterable[Hosted | Skipped], selection: Selection
) -> Iterator[tuple[str, RemoteUrl, bool] | Skipped]:
    """Yield name and address of each wanted repository, and whether it may be missing, as a wiki without a page is."""
    seen: set[str] = set()
    for item in listing:
        if isinstance(item, Skipped):
            yield item
        elif item.name not in seen and selection.wants(item):
            seen.add(item.name)  # a listing that is cut into pages shifts while it is read
            yield item.name, item.url, False
            if selection.wikis and item.wiki:
                path = item.url.path.removesuffix(".git") + ".wiki.git"
                yield f"{item.name}.wiki", RemoteUrl(item.url.scheme, item.url.host, path), True


def _fits(name: str, patterns: tuple[str, ...]) -> bool:
    whole, last = name.lower(), name.lower().rpartition("/")[2]
    return any(fnmatchcase(whole if "/" in pattern else last, pattern.lower()) for pattern in patterns)
