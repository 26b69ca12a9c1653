"""Rules that need one another: parts that stand together, and rules that see the same secret."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from keywatch.detect.candidate import Candidate, Stretch
from keywatch.detect.filters import Sheet
from keywatch.detect.rule import Required
from keywatch.model.finding import Confidence
from keywatch.model.key import Handle

Found = Mapping[str, Sequence[Candidate]]
"""Candidates by rule id, in the order they stand in the chunk."""

WINDOW = 4096
"""Bytes. Parts of one composite are never looked for further apart, however long the lines between them are."""

_TRIES = 16
"""Parts looked at on each side: bounds the work where names stand in thousands."""

_TELLING = (b"secret", b"key", b"pass", b"cret")
_BEFORE = 48
_RAISED = {
    Confidence.SLIGHT: Confidence.LOW,
    Confidence.LOW: Confidence.MEDIUM,
    Confidence.MEDIUM: Confidence.HIGH,
    Confidence.HIGH: Confidence.HIGH,
}


def windows(lines: int, parts: Iterable[Candidate], sheet: Sheet) -> list[Stretch]:
    """Return the stretches of the chunk within so many `lines` of `parts`, which ascend; they are disjoint."""
    size, of = len(sheet.data), sheet.lines
    merged: list[tuple[int, int]] = []
    begin, stop = 0, -1
    for part in parts:
        if part.start <= stop:  # its window begins no earlier than that of the part before
            stop = max(stop, of.end_after(part.start, lines, WINDOW))
            continue
        first, last = of.around(part.start, lines, WINDOW)
        if first <= stop:
            stop = max(stop, last)
            continue
        if stop >= 0:
            merged.append((begin, stop))
        begin, stop = first, last
    if stop >= 0:
        merged.append((begin, stop))
    return [(begin, end, min(size, end + 256)) for begin, end in merged]


def composed(candidates: Sequence[Candidate], required: Required, found: Found, sheet: Sheet) -> list[Candidate]:
    """
    Return those of `candidates` that have the required part near them, with what the part adds.

    A part that names the key (`handle`) belongs to one secret only: a secret takes the nearest free name before it,
    else after it, as people write them; secrets under a telling name choose first.
    """
    parts = found.get(required.id, ())
    chosen = _paired(candidates, required, parts, sheet)
    kept = []
    for candidate in candidates:
        part = chosen.get(id(candidate))
        if part is not None:
            kept.append(_joined(candidate, part, required))
        elif required.optional:
            kept.append(candidate)
    return kept


def _paired(
    candidates: Sequence[Candidate], required: Required, parts: Sequence[Candidate], sheet: Sheet
) -> dict[int, Candidate]:
    taken: set[int] = set()
    chosen: dict[int, Candidate] = {}
    exclusive = required.handle is not None and not required.optional
    for candidate in sorted(candidates, key=lambda candidate: (not _telling(candidate, sheet), candidate.start)):
        part = _nearest(candidate, required, parts, sheet, taken)
        if part is not None:
            chosen[id(candidate)] = part
            if exclusive:
                taken.add(id(part))
    return chosen


def _telling(candidate: Candidate, sheet: Sheet) -> bool:
    before = sheet.data[max(0, candidate.secret_start - _BEFORE) : candidate.secret_start].lower()
    return any(word in before for word in _TELLING)


def _nearest(
    candidate: Candidate, required: Required, parts: Sequence[Candidate], sheet: Sheet, taken: set[int]
) -> Candidate | None:
    """Return the nearest free part before the candidate, else the nearest free one after it."""
    middle = bisect_right(parts, candidate.secret_start, key=lambda part: part.start)
    for side in (reversed(parts[max(0, middle - _TRIES) : middle]), parts[middle : middle + _TRIES]):
        for part in side:
            if id(part) not in taken and _near(candidate, part, required, sheet):
                return part
    return None


def _near(candidate: Candidate, part: Candidate, required: Required, sheet: Sheet) -> bool:
    if required.within_lines is not None:
        if abs(part.start - candidate.start) > WINDOW + candidate.rule.span:
            return False
        first, last = sorted((part.start, candidate.secret_start))
        if sheet.data.count(b"\n", first, last) > required.within_lines:
            return False
    if required.within_columns is not None:
        lines = sheet.lines
        return abs(lines.column(part.start) - lines.column(candidate.start)) <= required.within_columns
    return True


def _joined(candidate: Candidate, part: Candidate, required: Required) -> Candidate:
    handles = candidate.handles
    if required.handle is not None:
        handles = (*handles, Handle(required.handle, part.secret.decode("latin-1")))
    return replace(
        candidate,
        handles=handles,
        since=min(candidate.start if candidate.since < 0 else candidate.since, part.start),
        reach=max(candidate.reach, part.secret_end),
        confidence=_RAISED[candidate.confidence] if required.optional else candidate.confidence,
    )


def most_specific(candidates: Iterable[Candidate]) -> list[Candidate]:
    """
    Drop every candidate whose secret overlaps one of a more specific rule, and all but the first of equal ones.

    Sorted by place; the work is the number of candidates times the few that overlap at any one byte.
    """
    ordered = sorted(candidates, key=lambda c: (c.secret_start, c.secret_end))
    if len(ordered) <= 1:
        return ordered
    dropped: set[int] = set()
    open_: list[Candidate] = []
    for candidate in ordered:
        open_ = [other for other in open_ if other.secret_end > candidate.secret_start and id(other) not in dropped]
        for other in open_:
            loser = _loser(other, candidate)
            if loser is not None:
                dropped.add(id(loser))
        open_.append(candidate)
    return [candidate for candidate in ordered if id(candidate) not in dropped]


def _loser(first: Candidate, second: Candidate) -> Candidate | None:
    if first.rule.specificity != second.rule.specificity:
        return min(first, second, key=lambda candidate: candidate.rule.specificity)
    same = (first.secret_start, first.secret_end) == (second.secret_start, second.secret_end)
    return second if same else None
