"""
Audit entries counted: of millions, what decides. Who read which secret, which tokens and logins succeeded, and when.

Every entry costs a look-up of its token, and a few more where it counts. Names are made, and what stands in the clear
is looked for, when something is seen for the first time in an hour.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sized
from datetime import datetime

from keywatch.collect.calls.latest import Latest
from keywatch.collect.calls.usage import Uses
from keywatch.collect.calls.vault_audit_clear import fields_in_clear, shows_token
from keywatch.collect.calls.vault_audit_entry import (
    GIVERS,
    REQUEST,
    RESPONSE,
    WRITES,
    Auth,
    Entry,
    Response,
    has_failed,
    is_refusal,
)
from keywatch.collect.calls.vault_audit_hashes import handed_out, version_of
from keywatch.collect.calls.vault_audit_names import VaultNames, label
from keywatch.collect.calls.vault_audit_seen import Places, Seen
from keywatch.model.call import Call, Exposed, Outcome
from keywatch.model.held_value import LoggedHash
from keywatch.model.key import Handle, SourceId
from keywatch.model.time import parse_rfc3339
from keywatch.model.usage import Usage

_KNOWN = 50_000
"""Tokens, secrets, principals or addresses that are held by name."""
_SAMPLES = 20
"""Writes to a mount that are looked into, of each piece of the log."""
_NOTHING = (b"null", b'{"data":null', b'{"http_')
"""How data begin that hold no value. Of a version that was deleted KV v2 answers a whole 404, headers and body."""
_NOBODY = Auth()
_NAMELESS = 0
_RENEWAL = "auth/token/renew"


class _Principal:
    """Whoever it is that has a token, or many."""

    __slots__ = ("failed", "ignored", "label", "number", "succeeded", "tried")

    def __init__(self, label: str, number: int, handles: tuple[Handle, ...], *, ignored: bool) -> None:
        self.label = label
        self.number = number
        self.ignored = ignored
        # Of a token that is no key of ours nothing need be known but whose it is.
        self.tried = Seen(handles, Outcome.ATTEMPT, "request") if handles else None
        self.succeeded = Seen(handles, Outcome.SUCCESS, "request")
        self.failed = Seen(handles, Outcome.FAILURE, "request")


class Tally:
    """What was counted since the last `take`."""

    def __init__(
        self,
        source: SourceId,
        names: VaultNames,
        latest: Callable[[], datetime],
        *,
        may_be_clear: frozenset[str] = frozenset(),
        keeps_hashes: bool = False,
        most: int = _KNOWN,
    ) -> None:
        """
        Begin with nothing.

        Args:
            source: who tells all this.
            names: what entries are about.
            latest: an entry after this has not been written yet; it would keep a key alive for ever.
            may_be_clear: fields of secrets that may stand in the log as they are.
            keeps_hashes: whether the hashes of values that were handed out are kept.
            most: how many tokens and secrets are held by name.
        """
        self._source = source
        self._names = names
        self._latest = latest
        self._may_be_clear = may_be_clear
        self._keeps_hashes = keeps_hashes
        self._most = most
        self._tokens: dict[str | None, _Principal] = {}
        self._principals: dict[tuple[object, ...], _Principal] = {}
        self._secrets: dict[tuple[str, str], Seen | None] = {}
        self._logins: dict[tuple[object, ...], Seen] = {}
        self._forget()
        self._exposed: dict[tuple[str, bool], Exposed] = {}
        self._logged: dict[tuple[str, str, str], LoggedHash] = {}
        self._versions: set[tuple[str, int]] = set()
        self._written: Counter[str] = Counter()
        self.trouble: Counter[str] = Counter()
        """Entries that can be right in no way, by what is wrong with them."""

    def count(self, batch: Iterable[Entry], where: Callable[[int], str]) -> None:
        """
        Count entries.

        Args:
            batch: of one piece of a log.
            where: says for a person where the n-th of them stands.
        """
        known, latest = self._tokens.get, f"{self._latest():%Y-%m-%dT%H:%M:%S}"
        self._written.clear()
        for number, entry in enumerate(batch):
            if entry.time > latest:
                self.trouble["are from the future"] += 1
                continue
            who = known(entry.request.client_token)
            if who is None:
                who = self._learn(entry, number, where)
            if entry.type == RESPONSE:
                self._answered(who, entry, number, where)
            elif entry.type != REQUEST:
                self.trouble["are neither request nor response"] += 1
            elif who.tried is not None:
                self._try(who.tried, entry, who)

    def cut(self, entry: Entry, number: int, where: Callable[[int], str]) -> None:
        """Count one whose end cannot be read: an attempt."""
        who = self._learn(entry, number, where)
        if who.tried is not None:
            self._try(who.tried, entry, who)

    def _try(self, tried: Seen, entry: Entry, who: _Principal) -> None:
        if entry.time > tried.last and _is_time(entry.time):
            tried.last, tried.by, tried.address = entry.time, who.label, entry.request.remote_address

    def take(self) -> tuple[tuple[Call, ...], tuple[Usage, ...], tuple[Exposed, ...]]:
        """Return what was counted: of each kind of call the latest, from where things were used, what is in clear."""
        evidence, uses = Latest(), Uses()
        for who in self._principals.values():
            for seen in (who.tried, who.succeeded, who.failed):
                self._tell(seen, evidence, uses)
        for seen in (*self._secrets.values(), *self._logins.values()):
            self._tell(seen, evidence, uses)
        held: tuple[Sized, ...] = (self._tokens, self._principals, self._secrets, self._logins, self._places.network)
        if max(map(len, held)) > self._most:
            self._forget()
        exposed, self._exposed = tuple(self._exposed.values()), {}
        return evidence.calls(), tuple(uses.take(self._source)), exposed

    def take_hashes(self) -> tuple[LoggedHash, ...]:
        """Return the hashes of what was handed out."""
        logged, self._logged = tuple(self._logged.values()), {}
        self._versions.clear()
        return logged

    def _forget(self) -> None:
        self._tokens.clear()
        self._principals.clear()
        self._secrets.clear()
        self._logins.clear()
        self._places = Places()
        self._places.name.learn("")

    def _answered(self, who: _Principal, entry: Entry, number: int, where: Callable[[int], str]) -> None:
        request, answer = entry.request, entry.response
        operation = request.operation
        if who.tried is not None:
            # What keeps a token alive renews it whether or not anybody uses it.
            worked = who.tried if _RENEWAL in request.path else who.succeeded
            self._mark(who.failed if has_failed(entry) else worked, entry, who, _NAMELESS)
        if operation == "read":
            # Anything but the values of secrets is read all the time: Vault's own state, tokens of themselves.
            if request.mount_type in GIVERS and not who.ignored and answer is not None and _gives(entry, answer):
                namespace = request.namespace
                key = (namespace.path if namespace is not None else "", request.path)
                secret = self._secrets[key] if key in self._secrets else self._secret(entry, key)
                if secret is not None:
                    first = self._mark(secret, entry, who, who.number)
                    if first:
                        self._look(entry, number, where)
                    if self._keeps_hashes:
                        self._note(entry, answer, secret, first=first)
        elif answer is not None and answer.auth is not None:
            self._issued(entry, answer.auth, number, where)
        elif operation in WRITES and self._written[request.mount_point] < _SAMPLES:
            self._written[request.mount_point] += 1
            self._look(entry, number, where)

    def _mark(self, seen: Seen, entry: Entry, who: _Principal, name: int) -> bool:
        """Count a use. Returns whether it is the first in an hour."""
        time, address = entry.time, entry.request.remote_address
        code = self._places.code(time, address, name)
        if code is None or not _is_time(time):
            self.trouble["have no time"] += 1
            return False
        if time > seen.last:
            seen.last, seen.by, seen.address = time, who.label, address
        seen.uses[code] = seen.uses.get(code, 0) + 1
        if seen.hour == self._places.hour:
            return False
        seen.hour = self._places.hour
        return True

    def _learn(self, entry: Entry, number: int, where: Callable[[int], str]) -> _Principal:
        token, auth = entry.request.client_token, entry.auth or _NOBODY
        if shows_token(entry):
            self._expose(entry, (), where(number))
        who = self._principal(auth, known=token is not None)
        # Where nobody need be let in, as to log in, a token that was sent all the same is not looked up.
        if token is None or auth.client_token or auth.accessor or auth.display_name:
            self._tokens[token] = who
        return who

    def _principal(self, auth: Auth, *, known: bool = True) -> _Principal:
        """Whose token it is; many are of one."""
        own = self._names.accessors.get(auth.accessor or "") if known else None
        key = (known, own, auth.display_name, auth.entity_id, bytes(auth.metadata))
        who = self._principals.get(key)
        if who is None:
            handles = self._names.token(auth) if known else ()
            name = label(auth)
            who = _Principal(name, self._places.name.learn(name), handles, ignored=self._names.ignores(auth))
            self._principals[key] = who
        return who

    def _secret(self, entry: Entry, key: tuple[str, str]) -> Seen | None:
        handle = self._names.secret(entry.request, entry.response)
        seen = None if handle is None else Seen((handle,), Outcome.ATTEMPT, f"read {entry.request.path}")
        self._secrets[key] = seen
        return seen

    def _issued(self, entry: Entry, auth: Auth, number: int, where: Callable[[int], str]) -> None:
        """Take the response to a login, or whatever else gave out a token."""
        if entry.error:
            return
        if shows_token(entry):
            self._expose(entry, (), where(number))
        request = entry.request
        namespace = request.namespace.path if request.namespace else ""
        key = (namespace, request.path, auth.display_name, bytes(auth.metadata))
        seen = self._logins.get(key)
        if seen is None:
            handle = self._names.login(request, auth)
            seen = self._logins[key] = Seen((handle,) if handle else (), Outcome.SUCCESS, "login")
        who = self._principal(auth)
        if who.tried is not None and _RENEWAL not in request.path:
            # To make a token is not yet to use it.
            self._mark(who.succeeded if seen.handles else who.tried, entry, who, _NAMELESS)
        if self._mark(seen, entry, who, _NAMELESS):
            self._look(entry, number, where)

    def _look(self, entry: Entry, number: int, where: Callable[[int], str]) -> None:
        if fields := fields_in_clear(entry, self._may_be_clear):
            self._expose(entry, fields, where(number))

    def _note(self, entry: Entry, answer: Response, secret: Seen, *, first: bool) -> None:
        """Keep the hashes of what was handed out, of each version once; where there are none, once in an hour."""
        version = (secret.handles[0].value, version_of(bytes(answer.data)))
        if len(self._logged) >= self._most or (version in self._versions and not first):
            return
        self._versions.add(version)
        at = self._moment(entry.time)
        for one in handed_out(entry, secret.handles[0].value, at) if at is not None else ():
            self._logged[one.place, one.field, one.digest] = one

    def _expose(self, entry: Entry, fields: tuple[str, ...], where: str) -> None:
        at = self._moment(entry.time)
        if at is not None:
            mount = entry.request.mount_point if fields else ""
            item, key = Exposed(where=where, mount=mount, fields=fields, since=at, until=at), (mount, bool(fields))
            self._exposed[key] = self._exposed[key].joined(item) if key in self._exposed else item

    def _tell(self, seen: Seen | None, evidence: Latest, uses: Uses) -> None:
        """Hand on what was seen of one thing, and forget it."""
        if seen is None or not seen.last:
            return
        at = self._moment(seen.last)
        for call in seen.call(self._source, at) if at is not None else ():
            evidence.add(call)
        for origin, spell in self._places.spells(seen.uses).items():
            for handle in seen.handles:
                uses.add(handle, origin, spell)
        seen.last, seen.hour, seen.uses = "", 0, {}

    def _moment(self, time: str) -> datetime | None:
        try:
            return parse_rfc3339(time)
        except ValueError:
            self.trouble["have no time"] += 1
            return None


def _is_time(text: str) -> bool:
    """Whether it is one: what is none, and sorts behind one, must not take its place."""
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _gives(entry: Entry, answer: Response) -> bool:
    """Whether a value was given out: not of what was deleted, or is not there; of what is wrapped it was."""
    data = bytes(answer.data)
    if entry.error or is_refusal(data):
        return False
    return not data.startswith(_NOTHING) if data else bool(bytes(answer.wrap_info))
