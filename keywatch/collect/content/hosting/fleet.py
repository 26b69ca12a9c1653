"""All repositories of an organisation: listed anew for each run, each a source of its own."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from keywatch.collect.content.hosting.listing import Hosted, Hosting, Selection, wanted
from keywatch.collect.content.remote import RemoteRepository
from keywatch.collect.content.remote_url import RemoteUrl
from keywatch.model.key import SourceId
from keywatch.model.source import Skipped

Build = Callable[[RemoteUrl, SourceId, bool], RemoteRepository]
"""Makes the source of one repository: its address, its id, whether it may be missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Muster:
    """One listing, whole."""

    members: tuple[RemoteRepository, ...]
    skipped: tuple[Skipped, ...]
    unwanted: frozenset[SourceId]
    """Ids of those that are there and were not asked for."""


class Fleet:
    """An organisation's repositories."""

    def __init__(self, id: SourceId, hosting: Hosting, selection: Selection, build: Build) -> None:  # noqa: A002
        self.id = id
        self._hosting = hosting
        self._selection = selection
        self._build = build

    def muster(self) -> Muster:
        """
        List the repositories and make a source of each that is wanted.

        Raises:
            SourceError: the listing cannot be had whole, so nothing can be said of what is not in it.
        """
        listing = list(self._hosting.repositories())
        members: list[RemoteRepository] = []
        skipped: list[Skipped] = []
        for item in wanted(listing, self._selection):
            if isinstance(item, Skipped):
                skipped.append(item)
            else:
                name, url, may_be_missing = item
                members.append(self._build(url, self.member(name), may_be_missing))
        there = {self.member(item.name) for item in listing if isinstance(item, Hosted)}
        there |= {self.member(f"{item.name}.wiki") for item in listing if isinstance(item, Hosted)}
        unwanted = frozenset(there - {member.id for member in members})
        return Muster(members=tuple(members), skipped=tuple(skipped), unwanted=unwanted)

    def member(self, name: str) -> SourceId:
        """Return the id of the source that reads the repository `name`."""
        return SourceId(f"{self.id}/{name}")

    def excludes(self, member: SourceId) -> bool:
        """Whether the patterns leave this one out, whether or not it is still listed."""
        return not self._selection.names(member.removeprefix(f"{self.id}/"))

    def check(self) -> Iterator[str | Skipped]:
        """See `Hosting.check`."""
        yield from self._hosting.check()
