"""The repositories of an organisation or user on GitHub, GitHub Enterprise Cloud or Server."""

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

from keywatch.collect.content.hosting.api import Answer, Api, Fields, Patience
from keywatch.collect.content.hosting.listing import Hosted, Hosting, hosted_url
from keywatch.model.errors import KeywatchError, SourceDenied
from keywatch.model.secret import Secret
from keywatch.model.source import Skipped

WEB = "https://github.com"


class GitHub:
    """
    One organisation's, or user's, repositories.

    https://docs.github.com/rest/repos/repos

    A fine-grained token needs the repository permissions Metadata and Contents, both to read; a classic one the scope
    `repo`, as without it private repositories are silently not listed.
    """

    def __init__(
        self,
        owner: str,
        token: Callable[[], Secret] | None,
        *,
        base_url: str = WEB,
        ca: Path | None = None,
        patience: Patience | None = None,
    ) -> None:
        """
        Name the organisation; nothing is contacted yet.

        Args:
            owner: the organisation's or user's name.
            token: None: what is public, at sixty requests an hour.
            base_url: where people find it; the API's address follows from it.
            ca: trusted instead of the system's.
            patience: how long its rate limits may take.
        """
        self._web = base_url.rstrip("/")
        self._who = f"{self._web}/{owner}"
        self._owner = quote(owner, safe="")
        headers = {
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
            "User-Agent": "keywatch",
        }
        self._api = Api(self._who, api_of(self._web), token, headers=headers, ca=ca, patience=patience)
        self._anonymous = token is None

    def repositories(self) -> Iterator[Hosted | Skipped]:
        """See `Hosting.repositories`."""
        for answer, entries in self._pages():
            if answer.headers.get("x-github-sso", "").startswith("partial-results"):
                hint = "authorise the token for the organisation's single sign-on, in the token's settings"
                yield Skipped(self._who, "lists a part only, as single sign-on asks for more", hint)
            for entry in entries:
                yield self._hosted(entry)

    def check(self) -> Iterator[str | Skipped]:
        """See `Hosting.check`."""
        try:
            count = 0
            scopes: str | None = None
            expires: str | None = None
            for answer, entries in self._pages():
                count += len(entries)
                scopes = answer.headers.get("x-oauth-scopes")
                expires = answer.headers.get("github-authentication-token-expiration")
        except KeywatchError as error:
            yield Skipped(self._who, error.message, error.hint)
            return
        yield f"list {self._who}: {count} repositories" + (f"; the token expires {expires}" if expires else "")
        if self._anonymous:
            yield Skipped(self._who, "without a token only public repositories are seen", "set `token`")
        elif scopes is not None and "repo" not in {scope.strip() for scope in scopes.split(",")}:
            hint = "give it `repo`, or take a fine-grained token with Metadata: read and Contents: read"
            yield Skipped(self._who, "the token lacks the scope `repo`: only public repositories are seen", hint)

    def _pages(self) -> Iterator[tuple[Answer, list[Fields]]]:
        query = {"per_page": "100", "sort": "full_name", "direction": "asc"}
        missing = False
        for answer, entries in self._api.pages(f"/orgs/{self._owner}/repos", type="all", **query):
            missing = answer.status == 404  # noqa: PLR2004
            if not missing:
                yield answer, entries
        if not missing:
            return
        for answer, entries in self._api.pages(f"/users/{self._owner}/repos", type="owner", **query):
            if answer.status == 404:  # noqa: PLR2004
                hint = "correct the name; an organisation that the token may not see looks the same"
                raise SourceDenied(f"{self._who}: there is no such organisation or user", hint=hint)
            yield answer, entries

    def _hosted(self, entry: Fields) -> Hosted | Skipped:
        name = entry.get("full_name")
        url = hosted_url(self._web, name, self._who)
        if entry.get("disabled") is True:
            return Skipped(url.text, "is disabled by GitHub, and cannot be read", "ask GitHub's support why")
        return Hosted(
            name=str(name),
            url=url,
            archived=entry.get("archived") is True,
            fork=entry.get("fork") is True,
            wiki=entry.get("has_wiki") is True,
        )


def api_of(web: str) -> str:
    """Return where the API is, for GitHub itself, for GitHub Enterprise Cloud with data residency, and for a server."""
    parts = urlsplit(web)
    if parts.netloc == "github.com" or parts.netloc.endswith(".ghe.com"):
        return f"{parts.scheme}://api.{parts.netloc}"
    return f"{web}/api/v3"


_: type[Hosting] = GitHub
