"""A chunk read as it was meant: encoded stretches in plain, with their surroundings, and the way back to the bytes."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import replace

from keywatch.detect.candidate import Candidate
from keywatch.detect.encoding import Edit
from keywatch.detect.lines import Lines

_AROUND = 12
"""Lines on each side that are shown with a decoded stretch, so that a name or an id beside it is seen too."""
_REACH = 1024
"""Bytes of them at most."""
_SEAM = b"\n" * 14 + b"\0" + b"\n" * 14
"""Between stretches that are far apart: nothing matches across it."""


class View:
    """What the edits of one chunk make of it. No longer than the chunk and all decoded text together."""

    def __init__(self, data: bytes, edits: Iterable[Edit], lines: Lines, *, whole: bool = True) -> None:
        """
        Put the text of the edits in the place of what they replace.

        Args:
            data: the chunk.
            edits: ascending, none overlapping another.
            lines: of the chunk.
            whole: whether everything was decoded; not if that would have been too much.
        """
        self.whole = whole
        self._pieces: list[tuple[int, int, int]] = []
        self._at: list[int] = []
        self._edited: list[tuple[int, int]] = []
        self._ours: list[tuple[int, int]] = []
        self._decoded: list[tuple[int, int]] = []
        self._parts: list[bytes] = []
        self._size = 0
        reached = 0
        for edit in edits:
            start, text = edit.start, edit.text
            if start - reached >= _AROUND and (
                start - reached > _REACH or data.count(b"\n", reached, start) >= _AROUND
            ):
                reached = self._apart(data, reached, start, lines)
            if start > reached:
                self._add(data[reached:start], reached, start)
            size = self._size
            shown = (size, size + len(text))
            self._edited.append(shown)
            (self._ours if edit.ours else self._decoded).append(shown)
            self._at.append(size)
            self._pieces.append((start, edit.end, True))
            self._parts.append(text)
            self._size = shown[1]
            reached = edit.end
        self._after(data, reached, len(data), lines)
        self.data = b"".join(self._parts)

    def _apart(self, data: bytes, reached: int, start: int, lines: Lines) -> int:
        """Pass over what is far from edits, of which the next is at `start`; return how far that is."""
        floor = lines.around(start, _AROUND, _REACH)[0]
        if floor > reached:
            reached = self._after(data, reached, start, lines)
            if reached < floor:
                self._add(_SEAM, reached, reached)
                reached = floor
        return reached

    def _after(self, data: bytes, reached: int, limit: int, lines: Lines) -> int:
        """Show what follows the last edit, up to `limit`; return how far that is."""
        if not self._edited:
            return reached
        end = min(limit, lines.around(reached, _AROUND, _REACH)[1])
        self._add(data[reached:end], reached, end)
        return end

    def _add(self, text: bytes, start: int, end: int) -> None:
        if text:
            self._at.append(self._size)
            self._pieces.append((start, end, False))
            self._parts.append(text)
            self._size += len(text)

    def is_new(self, start: int, end: int) -> bool:
        """Tell whether some of what the view shows from `start` to `end` came out of decoding."""
        return _touches(self._decoded, start, end)

    def placed(self, candidates: Iterable[Candidate]) -> list[Candidate]:
        """Return those of `candidates` that rest on decoded text, with their places in the chunk."""
        return [self._placed(candidate) for candidate in candidates if self._rests(candidate)]

    def _rests(self, candidate: Candidate) -> bool:
        # One byte more, for the escape in front of a token that begins at a word boundary.
        start = candidate.start if candidate.since < 0 else min(candidate.start, candidate.since)
        end = max(candidate.end, candidate.reach)
        rests = candidate.decoded or _touches(self._edited, start - 1, end)
        return rests and not _touches(self._ours, candidate.secret_start, candidate.secret_end)

    def _placed(self, candidate: Candidate) -> Candidate:
        start, end = self._span(candidate.start, candidate.end)
        secret_start, secret_end = self._span(candidate.secret_start, candidate.secret_end)
        reach = self._span(candidate.secret_start, max(candidate.reach, candidate.secret_end))[1]
        return replace(
            candidate,
            start=min(start, secret_start),
            end=max(end, secret_end),
            secret_start=secret_start,
            secret_end=secret_end,
            decoded=True,
            since=-1 if candidate.since < 0 else self._span(candidate.since, candidate.since + 1)[0],
            reach=reach,
        )

    def _span(self, start: int, end: int) -> tuple[int, int]:
        """Return where the chunk holds what the view shows from `start` to `end`."""
        first, last = self._piece(start), self._piece(max(start, end - 1))
        begin = self._pieces[first][0] if self._pieces[first][2] else self._within(first, start)
        stop = self._pieces[last][1] if self._pieces[last][2] else self._within(last, end)
        return begin, max(begin, stop)

    def _piece(self, position: int) -> int:
        # Of pieces that begin at one byte the last is meant: those before it are empty.
        return bisect_right(self._at, position) - 1

    def _within(self, piece: int, position: int) -> int:
        start, end, _ = self._pieces[piece]
        return min(end, start + position - self._at[piece])


def _touches(spans: list[tuple[int, int]], start: int, end: int) -> bool:
    """Tell whether one of the spans, which ascend and do not overlap, has a byte from `start` to `end`."""
    at = bisect_right(spans, (end, 0)) - 1
    return at >= 0 and spans[at][1] > start


def joined(plain: Sequence[Candidate], decoded: Sequence[Candidate]) -> list[Candidate]:
    """
    Return what was found plainly and what was found decoded, without what both saw, sorted by place.

    Of two that overlap the more specific stays; of equals the plain one, whose place is exact.
    """
    if not decoded:
        return list(plain)
    dropped: set[int] = set()
    open_: dict[bool, list[Candidate]] = {False: [], True: []}
    told = [(candidate, False) for candidate in plain] + [(candidate, True) for candidate in decoded]
    told.sort(key=lambda item: (item[0].secret_start, item[0].secret_end, item[1]))
    for candidate, is_decoded in told:
        # Thousands may share one encoded run. Each step but the last takes one off for good, so the work is linear.
        others = open_[not is_decoded]
        while others:
            other = others[-1]
            if other.secret_end > candidate.secret_start:
                pair = (candidate, other) if is_decoded else (other, candidate)
                if _says_more(*pair) is not is_decoded:
                    dropped.add(id(candidate))
                    break
                dropped.add(id(other))
            others.pop()
        else:
            open_[is_decoded].append(candidate)
    return [candidate for candidate, _ in told if id(candidate) not in dropped]


def _says_more(decoded: Candidate, plain: Candidate) -> bool:
    """Tell whether the decoded reading is more specific, or goes on where the plain one was cut off."""
    if decoded.rule.specificity != plain.rule.specificity:
        return decoded.rule.specificity > plain.rule.specificity
    return len(decoded.secret) > len(plain.secret) and decoded.secret.startswith(plain.secret)
