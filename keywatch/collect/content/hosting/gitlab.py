"""The projects of a group or user on GitLab, theirs or self-hosted."""

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

from keywatch.collect.content.hosting.api import Answer, Api, Fields, Patience
from keywatch.collect.content.hosting.listing import Hosted, Hosting, hosted_url
from keywatch.model.errors import KeywatchError, SourceDenied
from keywatch.model.secret import Secret
from keywatch.model.source import Skipped

WEB = "https://gitlab.com"
_NEEDED = ("read_api", "read_repository")
_ENOUGH = {"read_api": "api", "read_repository": "write_repository"}


class GitLab:
    """
    One group's projects, those of its subgroups among them, or a user's.

    The token, a personal or a group's, needs the scopes `read_api` and `read_repository`, and the role Reporter.
    https://docs.gitlab.com/api/groups
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
        Name the group; nothing is contacted yet.

        Args:
            owner: the group's full path, `acme/backend`, or a user's name.
            token: None: what is public.
            base_url: where people find it.
            ca: trusted instead of the system's.
            patience: how long its rate limits may take.
        """
        self._web = base_url.rstrip("/")
        self._who = f"{self._web}/{owner}"
        self._owner = quote(owner, safe="")
        headers = {"Accept": "application/json", "User-Agent": "keywatch"}
        self._api = Api(self._who, f"{self._web}/api/v4", token, headers=headers, ca=ca, patience=patience)
        self._anonymous = token is None

    def repositories(self) -> Iterator[Hosted | Skipped]:
        """See `Hosting.repositories`."""
        for _, entries in self._pages():
            for entry in entries:
                name = entry.get("path_with_namespace")
                url = hosted_url(self._web, name, self._who)
                wiki = entry.get("wiki_access_level", "enabled" if entry.get("wiki_enabled") else "disabled")
                if entry.get("empty_repo") is not True and entry.get("repository_access_level") != "disabled":
                    yield Hosted(
                        name=str(name),
                        url=url,
                        archived=entry.get("archived") is True,
                        fork=isinstance(entry.get("forked_from_project"), dict),
                        wiki=wiki != "disabled",
                    )

    def check(self) -> Iterator[str | Skipped]:
        """See `Hosting.check`."""
        try:
            count = sum(len(entries) for _, entries in self._pages())
            token = None if self._anonymous else self._api.get("/personal_access_tokens/self")
        except KeywatchError as error:
            yield Skipped(self._who, error.message, error.hint)
            return
        said = token.body if token is not None and isinstance(token.body, dict) else {}
        expires = said.get("expires_at")
        yield f"list {self._who}: {count} projects" + (f"; the token expires {expires}" if expires else "")
        if self._anonymous:
            yield Skipped(self._who, "without a token only public projects are seen", "set `token`")
        scopes = said.get("scopes")
        for scope in _NEEDED:
            if isinstance(scopes, list) and scope not in scopes and _ENOUGH[scope] not in scopes:
                yield Skipped(self._who, f"the token lacks the scope `{scope}`", "make one that has it")

    def _pages(self) -> Iterator[tuple[Answer, list[Fields]]]:
        query = {"per_page": "100", "order_by": "id", "sort": "asc"}
        below = {"include_subgroups": "true", "with_shared": "false"}
        missing = False
        for answer, entries in self._api.pages(f"/groups/{self._owner}/projects", **query, **below):
            missing = answer.status == 404  # noqa: PLR2004
            if not missing:
                yield answer, entries
        if not missing:
            return
        for answer, entries in self._api.pages(f"/users/{self._owner}/projects", pagination="keyset", **query):
            if answer.status == 404:  # noqa: PLR2004
                hint = "correct the path; a group that the token may not see looks the same"
                raise SourceDenied(f"{self._who}: there is no such group or user", hint=hint)
            yield answer, entries


_: type[Hosting] = GitLab
