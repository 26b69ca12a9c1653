"""Sessions traced to the long-lived keys that made them, and evidence reduced to the latest a key and outcome."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from itertools import islice

import msgspec

from keywatch.collect.calls.cloudtrail_record import IdentityType, Record
from keywatch.collect.calls.cloudtrail_tally import CODES, SIGNERS, Signer, Tally
from keywatch.collect.calls.cloudtrail_uses import CloudTrailUses
from keywatch.model.call import Call, Outcome
from keywatch.model.key import Handle, HandleSpace, SourceId
from keywatch.model.source import Json
from keywatch.model.time import parse_rfc3339, to_rfc3339
from keywatch.model.usage import Usage

LIFE = timedelta(hours=36)
"""The longest a session lives: GetSessionToken and GetFederationToken give 36 h at most, AssumeRole 12 h.
https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html"""
_HOPS = 10
_OUTCOMES = frozenset(outcome.value for outcome in Outcome)


class Trace(msgspec.Struct, frozen=True, gc=False):
    """A call as it is remembered while nobody knows whose it was."""

    time: str
    """As CloudTrail wrote it: ISO 8601 in UTC, so that text order is time order."""
    action: str
    principal: str | None
    address: str | None
    root: str | None
    """The account whose root user made it."""

    @classmethod
    def of(cls, record: Record) -> "Trace":
        """What is remembered of a record."""
        action = f"{record.event_source.removesuffix('.amazonaws.com')}:{record.event_name}"
        who = record.user_identity
        root = who.account_id if who and who.type is IdentityType.ROOT else None
        return cls(record.event_time, action, who.arn if who else None, record.source_ip, root)


class Tracer:
    """
    The latest call of each long-lived key and outcome, those of the sessions it made included.

    A session's calls may be read before the call that made it: files of several regions come in no fixed order. They
    wait, for `patience`, under the session's id. Both maps are bounded; what falls out is what was heard of first, and
    evidence that is lost this way makes a key look idler than it is, never busier.
    """

    def __init__(
        self,
        *,
        most: int = 20_000,
        patience: timedelta = timedelta(hours=3),
        signers: int = SIGNERS,
        codes: int = CODES,
    ) -> None:
        """
        Begin with nothing.

        Args:
            most: Sessions that are remembered, and such that wait.
            patience: How long a call waits for its session to be known.
            signers: Keys and sessions that are counted before it is put together; see `Tally`.
            codes: As much of them all.
        """
        self._most = most
        self._patience = patience
        self._latest: dict[tuple[str, Outcome], Trace] = {}
        self._makers: dict[str, tuple[str, str]] = {}
        """Session id -> who made it (a key or another session), and when."""
        self._waiting: dict[str, dict[Outcome, Trace]] = {}
        self._tally = Tally(self.made, partial(self._settle, waiting=True), self._settle, signers=signers, codes=codes)
        """What was counted and is not yet put together; with it, sessions of which nobody knows yet who made them."""
        self._uses = CloudTrailUses(self.maker)
        """From where the keys are used, their sessions included."""

    def maker(self, signer: str) -> str | None:
        """The long-lived key that `signer` is, or was made with; None while that is not known."""
        maker = self._maker(signer)
        return None if _temporary(maker) else maker

    def collect(self, records: Iterable[Record], latest: datetime) -> Counter[str]:
        """Note what the records of one file prove; see `Tally.count`."""
        return self._tally.count(records, latest)

    def newer(self, signer: str, outcome: Outcome, time: str) -> bool:
        """Whether a call at `time` would be news."""
        self._settle()
        maker = self._maker(signer)
        if _temporary(maker):
            held = self._waiting.get(maker)
            known = None if held is None else held.get(outcome)
        else:
            known = self._latest.get((maker, outcome))
        return known is None or time > known.time

    def add(self, signer: str, outcome: Outcome, trace: Trace) -> None:
        self._add(self._maker(signer), outcome, trace)

    def made(self, session: str, signer: str, at: str) -> None:
        """Learn that `signer` made `session`, and when, as CloudTrail wrote it."""
        if session == signer:
            return
        self._makers.pop(session, None)
        self._makers[session] = (signer, at)
        if len(self._makers) > self._most + self._most // 8:
            self._settle(waiting=True)
            for first in [*islice(self._makers, len(self._makers) - self._most)]:
                del self._makers[first]
        for outcome, trace in self._waiting.pop(session, {}).items():
            self._add(self._maker(signer), outcome, trace)

    def take(self, source: SourceId) -> Iterator[Call]:
        """Yield the calls of long-lived keys since the last time, and forget them."""
        self._settle(waiting=True)
        found, self._latest = self._latest, {}
        for (key, outcome), trace in found.items():
            handles = [Handle(HandleSpace.AWS_ACCESS_KEY_ID, key)]
            if trace.root:
                handles.append(Handle(HandleSpace.AWS_ROOT, trace.root))
            for handle in handles:
                yield Call(
                    handle=handle,
                    at=parse_rfc3339(trace.time),
                    outcome=outcome,
                    source=source,
                    action=trace.action,
                    principal=trace.principal,
                    address=trace.address,
                )

    def take_uses(self, source: SourceId) -> Iterator[Usage]:
        """Yield from where and by what long-lived keys were used since the last time, and forget it."""
        self._settle(waiting=True)
        return self._uses.take(source)

    def forget(self, now: datetime) -> None:
        """Drop sessions that have ended by `now`, and calls that have waited long enough."""
        ended, late = to_rfc3339(now - LIFE), to_rfc3339(now - self._patience)
        self._settle(waiting=True)
        self._tally.forget(late)
        self._uses.forget(now - self._patience)
        self._makers = {session: made for session, made in self._makers.items() if made[1] >= ended}
        self._waiting = {
            session: traces
            for session, traces in self._waiting.items()
            if max(trace.time for trace in traces.values()) >= late
        }

    def to_json(self) -> dict[str, Json]:
        self._settle()
        return {
            "makers": {session: [*made] for session, made in self._makers.items()},
            "waiting": {
                session: {outcome.value: [*msgspec.structs.astuple(trace)] for outcome, trace in traces.items()}
                for session, traces in self._waiting.items()
            },
            "uses": self._uses.to_json(),
        }

    def load(self, saved: Json) -> None:
        """Take up what `to_json` gave. What is not that is left out: it costs a trace, not the run."""
        parts = saved if isinstance(saved, Mapping) else {}
        makers, waiting = parts.get("makers"), parts.get("waiting")
        self._uses.load(parts.get("uses"))
        for session, made in (makers if isinstance(makers, Mapping) else {}).items():
            if isinstance(made, list) and len(made) == 2:  # noqa: PLR2004
                self._makers[session] = (str(made[0]), str(made[1]))
        for session, traces in (waiting if isinstance(waiting, Mapping) else {}).items():
            for outcome, trace in (traces if isinstance(traces, Mapping) else {}).items():
                if isinstance(trace, list) and len(trace) == len(Trace.__struct_fields__) and outcome in _OUTCOMES:
                    time, action, *rest = (None if part is None else str(part) for part in trace)
                    self._hold(session, Outcome(outcome), Trace(time or "", action or "", *rest))

    def _settle(self, *, waiting: bool = False) -> None:
        """
        Give what was counted to the keys it belongs to, as far as they are known by now.

        Args:
            waiting: whether the others may go on waiting as they are, if they are not too many.
        """
        found: list[tuple[str, str | None, Signer]] = []
        for signer, mine in self._tally.take(self._unknown if waiting else None):
            maker = self._maker(signer)
            temporary = _temporary(maker)
            for outcome, record in mine.latest():
                known = self._waiting.get(maker, {}).get(outcome) if temporary else self._latest.get((maker, outcome))
                if known is None or record.event_time > known.time:
                    self._add(maker, outcome, Trace.of(record))
            found.append((signer, None if temporary else maker, mine))
        self._uses.add(found, self._tally.spells)

    def _unknown(self, signer: str) -> bool:
        return _temporary(self._maker(signer))

    def _maker(self, signer: str) -> str:
        """The long-lived key behind `signer`, or the first session on the way whose maker is not known."""
        hops = 0
        while (made := self._makers.get(signer)) is not None and hops < _HOPS:
            signer = made[0]
            hops += 1
        return signer

    def _add(self, maker: str, outcome: Outcome, trace: Trace) -> None:
        if _temporary(maker):
            self._hold(maker, outcome, trace)
            return
        known = self._latest.get((maker, outcome))
        if known is None or known.time < trace.time:
            self._latest[maker, outcome] = trace

    def _hold(self, session: str, outcome: Outcome, trace: Trace) -> None:
        held = self._waiting.get(session)
        if held is not None:
            known = held.get(outcome)
            if known is None or known.time < trace.time:
                held[outcome] = trace
            return
        self._waiting[session] = {outcome: trace}
        if len(self._waiting) > self._most:
            del self._waiting[next(iter(self._waiting))]


def _temporary(key: str) -> bool:
    return key.startswith("ASIA")
