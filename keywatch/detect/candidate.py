"""A hit on its way to a match: confirmed by the exact pattern, with the secret cut out of it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import TypeAlias

from keywatch.detect.canonical import canonical
from keywatch.detect.checksum import crc32_holds
from keywatch.detect.database import loosened
from keywatch.detect.easier import Easier, asked, grouped
from keywatch.detect.pattern import compiled
from keywatch.detect.rule import Rule, ValueTest
from keywatch.detect.webtoken import was_issued
from keywatch.model.finding import Confidence
from keywatch.model.key import Handle

Stretch: TypeAlias = tuple[int, int, int]
"""`(start, end, limit)`: a match may start from `start` on, is looked for up to `end`, and may reach to `limit`."""

Places: TypeAlias = tuple[int, int, int, int]
"""Where a match begins and ends, and the secret in it."""

Outline: TypeAlias = tuple[int, int, int]
"""Where a match begins and ends, and up to where it could have reached."""

_PROOFS: dict[ValueTest, Callable[[bytes], bool]] = {
    ValueTest.CRC32: crc32_holds,
    ValueTest.WEB_TOKEN: was_issued,
}
"""Tests that a value need not pass, but is told with low confidence if it does not."""

_BLOCK = 4096
"""Bytes. Long stretches are looked through in blocks of at least this, so that one search never sees all of a chunk."""
_TRIES = 8
"""Places in a stretch at which a match is looked for one by one: more only where nearly anything begins one."""


@dataclass(slots=True, kw_only=True, eq=False)
class Candidate:
    """What one rule saw. Positions are bytes in the chunk."""

    rule: Rule
    start: int
    end: int
    secret_start: int
    secret_end: int
    secret: bytes = field(repr=False)
    """Canonical where the rule asks for it."""
    confidence: Confidence
    handles: tuple[Handle, ...] = ()
    decoded: bool = False
    """It was not to be seen in the text as it stands."""
    since: int = -1
    """Where the first part begins; below 0: there is none but the candidate itself."""
    reach: int = 0
    """Where the last of what was looked at ends, public names included: a repeat only if all was shown before."""


class Budget:
    """Bytes the exact patterns may still look at in one chunk for one rule: keeps hostile input linear."""

    def __init__(self, size: int) -> None:
        self.left = 32 * size + (1 << 20)

    def spend(self, amount: int) -> bool:
        """Take `amount`; False once there is nothing left."""
        self.left -= amount
        return self.left > 0


def outlines(rule: Rule, data: bytes, stretch: Stretch, budget: Budget) -> list[Outline]:
    """
    Return the matches of the exact pattern that start in the stretch, left to right, none overlapping another.

    Args:
        rule: has a regex.
        data: the chunk, which holds all of the stretch.
        stretch: where to look.
        budget: when it is spent, the rest is not looked at.
    """
    position, end, limit = stretch
    search, block = asked(rule.regex or "").anywhere, max(4 * rule.span, _BLOCK)
    found: list[Outline] = []
    while position < end:
        reach = limit if limit - position < block else position + block
        begin, stop = search(data, position, reach)
        # A search is charged with all it could reach if vain, else with what it matched and some for looking ahead.
        if begin < 0:
            if not budget.spend(reach - position + 16):
                break
            # Nothing that ends in the block; what starts in its last span may end behind it.
            position = reach - rule.span if reach < limit else end
        elif not budget.spend(stop - position + (reach - position) // 16 + 16):
            break
        elif stop == reach < limit and begin > position:
            position = begin  # cut off by the block: look again with all of it in sight
        else:
            found.append((begin, stop, reach))
            position = behind(begin, stop)
    return found


def outlines_of(rule: Rule, data: bytes, sighting: Stretch, budget: Budget) -> list[Outline]:
    """
    As `outlines`, of a stretch that the first pass sighted: from where its pattern matches to where that ends.

    Most match right where it begins, and RE2's automaton for one place has a fraction of the states of that for any
    place, which it makes as it goes: for a large pattern that takes longer than all its searches. What begins later
    and was not sighted by itself was sighted as a part of this, so it is looked for as the first pass does.
    """
    position, end, limit = sighting
    match, last = asked(rule.regex or "").here, min(end, limit)
    found: list[Outline] = []
    for _ in range(_TRIES):
        begin, stop = match(data, position, limit)
        if begin >= 0:
            if not budget.spend(stop - position + (limit - position) // 16 + 16):
                return found
            found.append((begin, stop, limit))
            position = behind(begin, stop)
        elif not budget.spend(limit - position + 16) or position + 1 >= end:
            return found
        else:
            position = _as_sighted(rule.anchor or rule.regex or "").anywhere(data, position + 1, last)[0]
        if not 0 <= position < end:
            return found
    return [*found, *outlines(rule, data, (position, end, limit), budget)]


@cache
def _as_sighted(regex: str) -> Easier:
    return asked(loosened(regex))


def behind(begin: int, stop: int) -> int:
    """Return from where on to look for the next match; an empty one is not met twice."""
    return stop if stop > begin else begin + 1


def confirmed(rule: Rule, data: bytes, stretches: Iterable[Stretch], budget: Budget) -> Iterator[Candidate]:
    """Yield the candidates of the matches in `stretches`, which ascend."""
    cursor = 0
    for start, end, limit in stretches:
        if budget.left <= 0:
            return
        for outline in outlines(rule, data, (max(start, cursor), end, limit), budget):
            cursor = behind(*outline[:2])
            yield candidate(rule, data, outline)


def candidate(rule: Rule, data: bytes, outline: Outline) -> Candidate:
    """Return the candidate of one match: the secret is the rule's group, else the first group with anything in it."""
    begin, stop, _ = outline
    start, end = _secret_span(rule, data, outline)
    proves = _PROOFS.get(rule.test)
    doubtful = proves is not None and not proves(data[start:end])
    return seen(rule, data, (begin, stop, start, end), Confidence.LOW if doubtful else rule.info.confidence)


def seen(rule: Rule, data: bytes, places: Places, confidence: Confidence) -> Candidate:
    """Return the candidate with these places in `data`."""
    start, end, secret_start, secret_end = places
    secret = data[secret_start:secret_end]
    return Candidate(
        rule=rule,
        start=start,
        end=end,
        secret_start=secret_start,
        secret_end=secret_end,
        secret=canonical(secret) if rule.canonical else secret,
        confidence=confidence,
        reach=end,
    )


def _secret_span(rule: Rule, data: bytes, outline: Outline) -> tuple[int, int]:
    begin, stop, reach = outline
    pattern = grouped(rule.regex or "", stop + 1 - begin)
    if pattern.groups:
        # RE2 takes time for all it is shown, so it is shown no more than matched and the byte behind that. Only where
        # the pattern may end with the text can it then match more than it did.
        hit = pattern.match(data, begin, min(stop + 1, reach))
        if hit is None or hit.end() != stop:
            hit = compiled(rule.regex or "").match(data, begin, reach)
        for group in [rule.secret_group] if rule.secret_group else range(1, pattern.groups + 1):
            start, end = hit.span(group) if hit is not None else (0, 0)
            if start < end:
                return (start, end)
    # Line ends at the edges of a match are where it was looked for, and no part of the secret.
    whole = data[begin:stop]
    bare = whole.strip(b"\n")
    start = begin + (len(whole) - len(whole.lstrip(b"\n")) if bare else 0)
    return (start, start + len(bare)) if bare else (begin, stop)
