"""One source's view of a Vault, for one run."""

from collections.abc import Iterator
from typing import cast

from keywatch.collect.vault.access import VaultAccess
from keywatch.collect.vault.answer import Answer, Fields
from keywatch.collect.vault.refusal import NOT_FOUND, VaultRefused, bad_state, strange
from keywatch.collect.vault.session import VaultSession
from keywatch.collect.vault.wire import Request
from keywatch.model.errors import SourceDenied, SourceMalformed
from keywatch.model.secret import Secret
from keywatch.model.source import Skipped

_PAGE = 5_000
"""Names asked for at once. OpenBao sorts a whole folder for each page of it, so pages are large."""


_NO_SUCH = (400, 405, 501)
"""How servers say that they know no such verb or path, beside a 404 with an error text."""


class _Unsupported(Exception):
    """The server does not have it."""


class Vault:
    """A Vault as one source sees it. Made anew for each run; what lasts is in its session."""

    def __init__(self, who: str, access: VaultAccess, token: "Secret | VaultSession") -> None:
        """
        Args:
            who: The source that asks: what errors begin with.
            access: How the Vault is reached; a session knows better.
            token: Used as it is, for this run; or a session, which sees to it that there is one.
        """  # noqa: D205
        self._who = who
        self._session = VaultSession.of(access, token) if isinstance(token, Secret) else token
        self._begun = False
        self._revived = False
        """Whether the token died in this run: the second time it is left dead, as somebody means it."""

    def read(self, path: str, **query: str) -> Fields | None:
        """The `data` of `GET path`. None: there is nothing (404)."""
        return self._data(Request("GET", path, query=query))

    def post(self, path: str, body: Fields) -> Fields | None:
        """The `data` of `POST path`, where that is a question and changes nothing. None: there is nothing (404)."""
        return self._data(Request("POST", path, body))

    def list(self, path: str) -> tuple[str, ...]:
        """The names below `path`; folders end in a slash. Empty: there is nothing (404)."""
        return tuple(name for page in self.pages(path) for name in page)

    def pages(self, path: str, *, size: int = _PAGE) -> Iterator[tuple[str, ...]]:
        """
        Yield the names below `path`, at most `size` at a time where the server can page (OpenBao); else all at once.

        Nothing is yielded where there is nothing.
        """
        for data in self._paged(path, size):
            yield self._names(data)

    def detailed(self, mount: str, folder: str = "", *, size: int = _PAGE) -> Iterator[tuple[str, Fields]] | None:
        """
        Every name below a folder of KV v2 with its metadata, in one request a page, by OpenBao's `detailed-metadata`.

        A folder's metadata is empty. None: the server has no such thing, or the token may not (`list` on
        `<mount>/detailed-metadata/*`): use `list` and `read`.
        """
        if not self._session.server(self._who).scans:
            return None
        pages = self._paged(f"{mount}/detailed-metadata/{folder}", size, unsupported=True)
        try:
            first = next(pages, None)
        except (VaultRefused, _Unsupported):
            return None
        return self._detailed(first, pages)

    def scan(self, mount: str, folder: str = "") -> tuple[str, ...] | None:
        """
        The path of every secret below a folder of KV v2, however deep, relative to it, by OpenBao's SCAN.

        None: the server has no such thing, or the token may not (`scan` on `<mount>/metadata/*`): walk with `list`.
        """
        if not self._session.server(self._who).scans:
            return None
        try:
            data = self._data(Request("SCAN", f"{mount}/metadata/{folder}"), unsupported=True)
        except (VaultRefused, _Unsupported):
            return None
        return self._names(data or {})

    def mounted(self, mount: str) -> bool:
        """Whether anything answers at `mount`. Empty and missing are both 404, told apart by the error text alone."""
        answer = self._ask(Request("LIST", f"{mount}/metadata"))
        return answer.status != NOT_FOUND or answer.errors() == ()

    def token_lives(self) -> bool | None:
        """Whether the token is still accepted. None: its policies do not let it ask."""
        try:
            return self.read("auth/token/lookup-self") is not None
        except SourceDenied:
            return None

    def check(self) -> Iterator[str | Skipped]:
        """Say what the server is and whether keywatch gets in, as `KeySource.check`."""
        return self._session.check(self._who)

    def require_health(self) -> None:
        """
        Ask whether Vault is in a state to serve us.

        Raises:
            SourceUnreachable: it is sealed, a standby, not initialised, or does not answer.
        """
        error = bad_state(self._who, self._session.health(self._who).status)
        if error is not None:
            raise error

    def _paged(self, path: str, size: int, *, unsupported: bool = False) -> Iterator[Fields]:
        if not self._session.server(self._who).pages:
            data = self._data(Request("LIST", path))
            if data is not None:
                yield data
            return
        after = ""
        while True:
            query = {"limit": str(size)} | ({"after": after} if after else {})
            data = self._data(Request("LIST", path, query=query), unsupported=unsupported)
            names = self._names(data) if data is not None else ()
            if data is None or not names:
                return
            yield data
            # More than asked for: it does not page after all. The last name again: it would go on for ever.
            if len(names) != size or names[-1] == after:
                return
            after = names[-1]

    def _detailed(self, first: Fields | None, pages: Iterator[Fields]) -> Iterator[tuple[str, Fields]]:
        page = first
        while page is not None:
            infos = page.get("key_info")
            for name in self._names(page):
                info = infos.get(name) if isinstance(infos, dict) else None
                # What OpenBao tells of `a/` is what it knows of `a`.
                yield name, info if isinstance(info, dict) and not name.endswith("/") else {}
            page = next(pages, None)

    def _names(self, data: Fields) -> tuple[str, ...]:
        keys = data.get("keys", [])
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
            raise SourceMalformed(f"{self._who}: Vault's list of names is not a list of names")
        return tuple(cast("list[str]", keys))

    def _data(self, request: Request, *, unsupported: bool = False) -> Fields | None:
        answer = self._ask(request, accept=_NO_SUCH if unsupported else ())
        if answer.status in _NO_SUCH:
            raise _Unsupported
        if answer.status == NOT_FOUND:
            if unsupported and answer.errors():
                raise _Unsupported
            return None
        fields = answer.fields()
        data = fields.get("data") if fields is not None else None
        if not isinstance(data, dict):
            raise strange(self._who, request.what)
        return data

    def _ask(self, request: Request, *, accept: tuple[int, ...] = ()) -> Answer:
        who, session = self._who, self._session
        if not self._begun:
            session.begin()
            self._begun = True
        lease = session.lease(who)
        try:
            return session.ask(who, request, lease, accept=accept)
        except VaultRefused:
            if self._revived or not session.revive(who, lease):
                raise
            self._revived = True
            return session.ask(who, request, session.lease(who), accept=accept)
