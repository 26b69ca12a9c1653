"""
A version of something that was looked at before: where in it to look, when only some stretches are new.

Whatever a rule confirms depends on text near by: its own match, the lines around it, the parts it requires. So a secret
that was not there before has something new within reach of what is sighted of it; and where that was sighted before,
too far away from the change to be sighted again, it left a *mark* that the caller brings along as a stretch.
"""

import sys
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from keywatch.detect.database import Sightings
from keywatch.model.content import Changed, Chunk, Span, characters

MARGIN = 256
"""Bytes around what is new that are gone over again: a sighting reaches no further, or leaves a mark."""
_WHOLE = 0.6
"""Share of a chunk above which it is looked at whole."""
_AROUND = 8192
"""Bytes around what was found that are looked at like any other chunk: twice as far as anything reaches."""
_GAP = b"\n\0\0\n"
"""What no pattern crosses."""


class News:
    """What is new in a version, and what was sighted before: tells what concerns the two."""

    def __init__(self, changed: Changed) -> None:
        self._begins = [start for start, _ in changed.stretches]
        self._ends = [end for _, end in changed.stretches]
        self._marks = changed.marks

    def near(self, sightings: Sightings, loose: frozenset[int], reaches: Mapping[int, int]) -> Sightings:
        """
        Return those placed sightings, and marks, that something new concerns.

        Args:
            sightings: placed, by number.
            loose: the numbers of which only ends are known.
            reaches: how far off something may concern a sighting of this number; of others only what it touches.
        """
        # By hand, as it is asked of all that was sighted. Kept are ends with their starts, as they are to be sorted.
        begins, stops = self._begins, self._ends
        kept: dict[int, list[tuple[int, int]]] = {}
        for number, (starts, ends) in sightings.items():
            reach, is_loose = reaches.get(number, 0), number in loose
            near: list[tuple[int, int]] = []
            for start, end in zip(starts, ends, strict=True):
                first = end - MARGIN if is_loose else start
                last = end if end > first + MARGIN else first + MARGIN  # noqa: FURB136 - as often as anything is sighted
                place = bisect_right(begins, last + reach)
                if place and stops[place - 1] >= first - reach:
                    near.append((end, start))
            if near:
                kept[number] = near
        first, last = (begins[0], max(stops)) if begins else (sys.maxsize, -1)
        for start, end, number, reach in self._marks:
            if end + reach < first or start - reach > last:
                continue  # as most are
            place = bisect_right(begins, end + reach)
            if stops[place - 1] >= start - reach:
                span = (end, 0 if number in loose else start)
                if number in kept:
                    kept[number].append(span)
                else:
                    kept[number] = [span]
        found: Sightings = {}
        for number, spans in kept.items():
            ordered = sorted({*spans}) if len(spans) > 1 else spans
            found[number] = ([start for _, start in ordered], [end for end, _ in ordered])
        return found


class Excerpt:
    """The stretches of a chunk that are gone over again, as one text."""

    def __init__(self, data: bytes, changed: Changed) -> None:
        """Take what changed and its surroundings out of `data`."""
        self.spans = list(_merged(changed.stretches, MARGIN, len(data)))
        self.size = sum(end - start for start, end in self.spans)
        self.is_most = self.size > len(data) * _WHOLE
        self.data = b"" if self.is_most else _GAP.join(data[start:end] for start, end in self.spans)
        self._starts: list[int] = []
        at = 0
        for start, end in self.spans:
            self._starts.append(at)
            at += end - start + len(_GAP)

    def placed(self, sightings: Sightings, loose: frozenset[int]) -> Sightings:
        """
        Return what was sighted in the excerpt where it stands in the chunk.

        Args:
            sightings: by number.
            loose: the numbers of which only ends are known.
        """
        found: Sightings = {}
        for number, (starts, ends) in sightings.items():
            unknown = number in loose
            begins = [0] * len(ends) if unknown else [self._place(start) for start in starts]
            found[number] = (begins, [self._place(end) for end in ends])
        return found

    def _place(self, position: int) -> int:
        number = bisect_right(self._starts, position) - 1
        start, end = self.spans[number]
        return min(start + position - self._starts[number], end)


def around(chunk: Chunk, places: Iterable[Span]) -> Iterator[Chunk]:
    """Yield the surroundings of `places` as chunks of their own, in whole lines where these are not too long."""
    data = chunk.data
    for start, end in _merged(sorted(places), _AROUND, len(data)):
        begin = data.find(b"\n", start, start + _AROUND // 2) + 1 if start else 0
        begin = begin or start
        before = data.rfind(b"\n", 0, begin) + 1
        line = chunk.first_line + data.count(b"\n", 0, begin) if chunk.first_line else 0
        column = characters(data[before:begin]) + (1 if before else chunk.first_column)
        yield replace(
            chunk,
            data=data[begin:end],
            offset=chunk.offset + begin,
            first_line=line,
            first_column=column,
            overlap=0,
            newlines=(),
            changed=None,
            sighted=None,
        )


def _merged(spans: Iterable[Span], margin: int, size: int) -> Iterator[Span]:
    """Yield the spans, each widened by `margin`; those that touch are one."""
    begin = stop = -1 - margin
    for start, end in spans:
        if start - margin > stop:
            if stop > begin:
                yield max(0, begin), min(size, stop)
            begin, stop = start - margin, end + margin
        elif end + margin > stop:
            stop = end + margin
    if stop > begin:
        yield max(0, begin), min(size, stop)
