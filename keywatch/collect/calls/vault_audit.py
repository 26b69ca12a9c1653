"""
Vault's and OpenBao's audit log: who read which secret, and that tokens and logins still work.

Vault answers a request only after an audit device has taken it, so where what all nodes wrote is read, nothing is
missing: https://developer.hashicorp.com/vault/docs/audit. That somebody read a secret is an attempt and no more: it is
not a use of the key in it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from keywatch.collect.calls.vault_audit_names import Known, VaultNames
from keywatch.collect.calls.vault_audit_reading import AuditReading
from keywatch.collect.calls.vault_audit_state import AuditState
from keywatch.collect.calls.vault_audit_tally import Tally
from keywatch.collect.tail_batch import GATHERED, Lines, TailBatch
from keywatch.model.call import Coverage
from keywatch.model.errors import SourceDenied, SourceError, SourceUnreachable
from keywatch.model.key import Handle, HandleSpace, KeyKind, SourceId
from keywatch.model.source import CallBatch, CallSource, Cursor, Skipped
from keywatch.model.time import to_rfc3339

KINDS = frozenset({KeyKind.VAULT_TOKEN})
QUIET = timedelta(days=1)
"""How long a log may be without an entry before its silence is not believed: a Vault that is in use is never quiet."""
_AHEAD = timedelta(minutes=5)
_SOME_NODES = "it is not known to be what all nodes wrote: what others answered would not be seen"


class Accessors(Protocol):
    """Who knows which token an accessor in the log belongs to."""

    def known(self) -> Known:
        """Return what Vault itself says, as far as it may be asked."""
        ...

    def check(self) -> Iterator[str | Skipped]:
        """As `KeySource.check`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRules:
    """What a person said of a log."""

    every_node: bool = False
    """Whether it is what all nodes of the Vault wrote; else silence proves nothing."""
    mixed: bool = False
    """Whether other lines stand among its entries, as in a journal."""
    may_be_clear: frozenset[str] = frozenset()
    """Fields of secrets that may stand in it as they are."""
    keeps_hashes: bool = False
    """Whether hashes of values that were handed out are kept, to compare what is found with them."""
    late: timedelta = timedelta()
    """How long it may take until an entry can be read."""


class VaultAuditLog:
    """
    An audit log, read on.

    It covers the time from its oldest entry to the last time that it was read to its end, unless something was lost.
    """

    def __init__(
        self,
        name: str,
        lines: Lines,
        *,
        now: Callable[[], datetime],
        names: VaultNames,
        rules: AuditRules | None = None,
        accessors: Accessors | None = None,
    ) -> None:
        """
        Args:
            name: The source's name in the settings.
            lines: The log. Bytes its pieces have shown before are not read again.
            now: The clock.
            names: Which Vault it is of, and what its tokens are known by.
            rules: What a person said of it.
            accessors: Where to ask whose an accessor is. None: tokens are known by their names alone.
        """  # noqa: D205
        self._id = SourceId(f"vault-audit:{name}")
        self.lines = lines
        self._now = now
        self._names = names
        self._rules = rules or AuditRules()
        self._accessors = accessors

    @property
    def id(self) -> SourceId:
        return self._id

    @property
    def kinds(self) -> frozenset[KeyKind]:
        return KINDS

    def read(self, cursor: Cursor) -> Iterator[CallBatch]:
        return (calls for calls, _ in self.steps(cursor) if calls is not None)

    def check(self) -> Iterator[str | Skipped]:
        yield from self.lines.check()
        if self._accessors is not None:
            yield from self._accessors.check()

    def steps(self, cursor: Cursor) -> Iterator[tuple[CallBatch | None, TailBatch | None]]:
        """See `ReadLog.steps`."""
        started = self._now()
        known = self._accessors.known() if self._accessors else Known()
        tally = Tally(
            self._id,
            replace(self._names, accessors=known.accessors),
            lambda: self._now() + _AHEAD,
            may_be_clear=self._rules.may_be_clear,
            keeps_hashes=self._rules.keeps_hashes,
        )
        reading = AuditReading(AuditState(cursor), tally, started, mixed=self._rules.mixed)
        blocked: Skipped | None = None
        size = 0
        try:
            for batch in self.lines.read(reading.state.tail):
                reading.state.tail = batch.cursor
                blocked = blocked or batch.blocked
                reading.take(batch)
                size += sum(len(piece.data) for piece in batch.pieces)
                if size < GATHERED:
                    yield None, batch
                    continue
                # Until the end is reached there may be entries that were not read yet: what is covered ends as before.
                yield self._batch(reading, known), batch
                size = 0
        except SourceError:
            yield self._batch(reading, known), None  # what was read before it holds
            raise
        if blocked is not None:
            yield self._batch(reading, known), None
            error = SourceUnreachable if blocked.what == self.lines.what else SourceDenied
            raise error(f"{self._id}: {blocked.what}: {blocked.why}", hint=blocked.hint)
        quiet = self._ended(reading.state, started)
        yield self._batch(reading, known, (*known.skipped, *quiet)), None

    def _ended(self, state: AuditState, started: datetime) -> Iterator[Skipped]:
        """Note that the log was read to its end."""
        if state.newest is None:
            yield Skipped(self.lines.what, "has no entry yet", "check that it is an audit device's log")
            return
        state.until = min(started - self._rules.late, state.newest + QUIET)
        if state.newest + QUIET < started:
            why = f"nothing was written to it since {to_rfc3339(state.newest)}: later silence proves nothing"
            yield Skipped(
                self.lines.what, why, "check that the audit device is enabled, and writes to where this is read"
            )

    def _batch(self, reading: AuditReading, known: Known, further: tuple[Skipped, ...] = ()) -> CallBatch:
        state = reading.state
        evidence, uses, exposed = reading.tally.take()
        for item in exposed:
            state.show(item)
        return CallBatch(
            evidence=evidence,
            uses=uses,
            cursor=state.cursor(),
            coverage=self._coverage(state, known),
            skipped=(*reading.skipped(), *further),
            logged=reading.tally.take_hashes(),
        )

    def _coverage(self, state: AuditState, known: Known) -> Coverage:
        declared = {Handle(HandleSpace.DECLARED, key) for key in self._names.tokens.values()}
        # Of tokens that nobody may ask about, or that are of another namespace, silence says nothing.
        asked = {handle for handles in known.accessors.values() for handle in handles}
        vaults = (self._names.vault, *self._names.namespaces.values())
        return Coverage(
            source=self._id,
            kinds=KINDS,
            handles=frozenset(declared | asked),
            beginnings=tuple(f"{HandleSpace.VAULT_LOGIN.value}:{vault}/" for vault in dict.fromkeys(vaults)),
            unseen=(() if self._rules.every_node else (_SOME_NODES,)) + known.unseen,
            since=state.since,
            until=state.until,
            exposed=state.exposed,
        )


_: type[CallSource] = VaultAuditLog
