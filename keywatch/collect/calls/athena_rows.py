"""What Athena's answer says: rows become calls, and what was there of each account. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from keywatch.collect.calls.athena_client import Row
from keywatch.collect.calls.cloudtrail_sessions import Trace, Tracer
from keywatch.collect.calls.cloudtrail_uses import handles
from keywatch.collect.calls.origins import family_of, network_of
from keywatch.collect.calls.usage import Uses
from keywatch.model.call import Call, Outcome
from keywatch.model.errors import SourceMalformed
from keywatch.model.key import SourceId
from keywatch.model.time import parse_rfc3339, to_rfc3339
from keywatch.model.usage import Origin, Spell, Usage, hour_of

COLUMNS = (
    "kind",
    "id",
    "maker",
    "success",
    "failure",
    "attempt",
    "oldest",
    "newest",
    "broken",
    "unknown",
    "timeless",
    "future",
    "hole",
)
_TROUBLES = {
    "broken": "are not CloudTrail records",
    "unknown": "are of an unknown version",
    "timeless": "have no time",
    "future": "are from the future",
}
_MOST_ROWS = 1_000_000
"""Held in memory while sessions are traced: some 500 bytes each."""
_TRACE_PARTS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was there of one account in the days that were asked for."""

    oldest: datetime
    """The first day on which something was delivered."""
    newest: datetime | None
    """The last call of anybody."""
    trouble: dict[str, int]
    """How many records could not be judged, by why."""
    hole: datetime | None
    """The end of the last day with such a record: until then the success that keeps a key alive may be in it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one query proves."""

    calls: tuple[Call, ...]
    accounts: dict[str, Seen]
    uses: tuple[Usage, ...] = ()
    """From where and by what each key and session made the latest call of each outcome: a part of what files tell."""


def understand(rows: Iterable[Row], source: SourceId, now: datetime, *, most: int = _MOST_ROWS) -> Answer:
    """
    Read the answer to `TrailTable.calls`. Sessions are traced by what traces them in files, so that both say the same.

    Raises:
        SourceMalformed: it is not such an answer, or longer than `most` rows.
    """
    accounts: dict[str, Seen] = {}
    found: list[Row] = []
    try:
        for row in rows:
            if row["kind"] == "account":
                accounts[row["id"] or ""] = _seen(row)
            else:
                found.append(row)
            if len(found) > most:
                hint = "name fewer accounts in one [[athena]]"
                raise SourceMalformed(f"{source}: Athena names more than {most} keys and sessions", hint=hint)
        tracer = Tracer(most=most + 1)
        for row in found:
            if row["maker"]:
                tracer.made(row["id"] or "", row["maker"], to_rfc3339(now))
        uses = _add_calls(found, tracer)
        return Answer(tuple(tracer.take(source)), accounts, tuple(uses.take(source)))
    except (KeyError, ValueError, TypeError):
        raise SourceMalformed(f"{source}: Athena answers with rows that make no sense") from None


def _add_calls(rows: Iterable[Row], tracer: Tracer) -> Uses:
    """Let `tracer` know of the calls in rows, and return what they say of the uses of keys."""
    uses = Uses()
    for row in rows:
        signer = row["id"] or ""
        for outcome in Outcome:
            if (text := row[outcome.value]) is None:
                continue
            trace, use = _trace(text)
            tracer.add(signer, outcome, trace)
            if use is not None and (key := tracer.maker(signer)) is not None:
                for handle in handles(key, trace.root):
                    uses.add(handle, *use)
    return uses


def _seen(row: Row) -> Seen:
    hole = row["hole"]
    counts = {why: int(row[name] or 0) for name, why in _TROUBLES.items()}
    return Seen(
        oldest=_day(row["oldest"] or ""),
        newest=parse_rfc3339(row["newest"]) if row["newest"] else None,
        trouble={why: count for why, count in counts.items() if count},
        hole=_day(hole) + timedelta(days=1) if hole else None,
    )


def _day(text: str) -> datetime:
    day = date.fromisoformat(text.replace("/", "-"))
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _trace(text: str) -> tuple[Trace, tuple[Origin, Spell] | None]:
    """What a call was, and what it says of the key's use: nothing, where it is no use from elsewhere."""
    parts = text.split("\x1f", _TRACE_PARTS - 1)
    if len(parts) != _TRACE_PARTS:
        raise ValueError("not a trace")
    at, service, name, principal, address, root, used, agent = parts
    action = f"{service.removesuffix('.amazonaws.com')}:{name}"
    trace = Trace(at, action, principal or None, address or None, root or None)
    network = network_of(address) if used else None
    if network is None:
        return trace, None
    return trace, (Origin(network, family_of(agent)), Spell.of(hour_of(parse_rfc3339(at))))
