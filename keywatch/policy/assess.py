"""What can be said of each obligation now. Pure; the clock is an argument."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from keywatch.model.alert import Problem
from keywatch.policy.obligation import Attestation, Obligation

SOON = timedelta(days=14)
"""So long before a word lapses it is asked for anew."""


class State(StrEnum):
    """How an obligation stands, worst first."""

    BROKEN = "broken"
    UNKNOWN = "unknown"
    """Nobody looks, or nobody can look now: that nothing is seen means nothing."""
    DUE = "due"
    """A person has to confirm it: for the first time, or again."""
    KEPT = "kept"
    """What is watched shows nothing, and what a person confirms is confirmed."""
    EXCUSED = "excused"


class Word(StrEnum):
    """How it is with what a person confirms."""

    NONE = "none"
    """No person is asked."""
    MISSING = "missing"
    LAPSED = "lapsed"
    LAPSES = "lapses"
    """It holds, and will not for long."""
    HOLDS = "holds"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """An obligation, how it stands, and why."""

    obligation: Obligation
    state: State
    reasons: tuple[str, ...]
    problems: tuple[Problem, ...] = ()
    """What shows that it is not kept."""
    attestation: Attestation | None = None
    """The last word that was given."""
    holds_until: datetime | None = None
    """How long that word holds."""
    word: Word = Word.NONE


_SOURCES = {"answers": "answers to selling-partner calls (a request log, a reporter, a probe)"}
"""What a source is called where its name alone would say little."""
_DUE = frozenset({Word.MISSING, Word.LAPSED})


def assess(
    obligations: Iterable[Obligation],
    *,
    problems: Iterable[Problem],
    attestations: Iterable[Attestation],
    read: Collection[str],
    blind: Mapping[str, Collection[str]],
    now: datetime,
) -> list[Assessment]:
    """
    Say of each obligation how it stands.

    Args:
        obligations: what is asked for.
        problems: everything that is wrong now.
        attestations: every word that was ever given; the latest of each obligation counts.
        read: what keywatch is configured to read: `inventory`, `access`, `calls`, `answers`, `content`.
        blind: of those, the sources that cannot be read now.
        now: aware UTC.
    """
    wrong = list(problems)
    latest: dict[str, Attestation] = {}
    for word in sorted(attestations, key=lambda word: word.at):
        latest[word.obligation] = word
    return [_assessed(item, _watched(item, wrong, read, blind), latest.get(item.id), now) for item in obligations]


def _assessed(item: Obligation, watched: "_Watched | None", word: Attestation | None, now: datetime) -> Assessment:
    until = word.at + item.confirmed_every if word and item.confirmed_every else None
    if item.excused is not None:
        return Assessment(obligation=item, state=State.EXCUSED, reasons=(item.excused,), attestation=word)
    states = [(watched.state, watched.reason)] if watched else []
    confirmed = _confirmed(word, until, now) if item.confirmed_every is not None else Word.NONE
    if confirmed is not Word.NONE:
        states.append((State.DUE if confirmed in _DUE else State.KEPT, _said(confirmed, word, until)))
    worst = min((state for state, _ in states), key=list(State).index)
    return Assessment(
        obligation=item,
        state=worst,
        reasons=tuple(reason for _, reason in states),
        problems=watched.problems if watched else (),
        attestation=word,
        holds_until=until,
        word=confirmed,
    )


class _Watched(NamedTuple):
    """What is seen of an obligation."""

    state: State
    reason: str
    problems: tuple[Problem, ...] = ()


def _watched(
    item: Obligation, wrong: list[Problem], read: Collection[str], blind: Mapping[str, Collection[str]]
) -> _Watched | None:
    if not item.watched:
        return None
    if found := tuple(problem for problem in wrong if problem.kind in item.watched):
        more = f", and {len(found) - 1} more" if len(found) > 1 else ""
        return _Watched(State.BROKEN, f"{found[0].title}{more}", found)
    missing = [_SOURCES.get(kind, kind) for kind in item.seen_by if kind not in read]
    if missing and item.only_where_read:
        return None
    if missing:
        why = f"nothing is configured that would see it: no source of {' and none of '.join(missing)}"
        return _Watched(State.UNKNOWN, why)
    if unseen := sorted({source for kind in item.seen_by for source in blind.get(kind, ())}):
        more = f" and {len(unseen) - 3} more" if len(unseen) > 3 else ""  # noqa: PLR2004 - names that fit a line
        return _Watched(State.UNKNOWN, f"cannot be read now: {', '.join(unseen[:3])}{more}")
    return _Watched(State.KEPT, "watched, and nothing is wrong")


def _confirmed(word: Attestation | None, until: datetime | None, now: datetime) -> Word:
    if word is None or until is None:
        return Word.MISSING
    if now >= until:
        return Word.LAPSED
    return Word.LAPSES if now >= until - SOON else Word.HOLDS


def _said(state: Word, word: Attestation | None, until: datetime | None) -> str:
    if word is None or until is None:
        return "nobody has confirmed it yet"
    end = {Word.LAPSED: "lapsed on", Word.LAPSES: "lapses on", Word.HOLDS: "holds until"}[state]
    return f"confirmed by {word.by} on {word.at:%Y-%m-%d}, which {end} {until:%Y-%m-%d}"
