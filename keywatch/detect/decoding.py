"""Which stretches of a chunk are encoded, and the view in which they are plain."""

from collections.abc import Iterable, Iterator, Sequence

from keywatch.detect import lazy_re2 as re2
from keywatch.detect.candidate import Candidate
from keywatch.detect.database import Sightings
from keywatch.detect.encoding import Edit, base64_edit, escape_edits, from_base64, hex_edit, utf16_edit
from keywatch.detect.filters import Sheet
from keywatch.detect.structure import apart_edits, broken_edits
from keywatch.detect.trigger import Encoding, Trigger
from keywatch.detect.view import View

DEPTH = 3
"""How often text is decoded that came out of decoding."""

_LINES = 12
_REACH = 1 << 14
"""Bytes on each side of an escape that are looked at: a token of 2 kB in which every letter is escaped takes 12 kB."""
_GENERIC = 20
"""Rules up to this specificity know a secret by its name and by chance alone: the value may be an encoded one."""
_MOST_SEEN = 64
"""Bytes of an escape trigger before its end."""
_ENCODED = re2.compile(rb"^[A-Za-z0-9+/_-]{16,}={0,2}$")
_CONTINUES = re2.compile(rb"%(?:2[BbFfDd]|3[Dd])|\\[/nr]|\\u00(?:2[bBfF]|3[dD])")


class Decoder:
    """Makes views of chunks. Pure; knows at which numbers the database reports its triggers."""

    def __init__(self, triggers: Sequence[Trigger], first: int) -> None:
        """
        Remember what gives encodings away.

        Args:
            triggers: the literal groups given to the database.
            first: the number of the first of them in `Sightings`.
        """
        self._triggers = tuple(enumerate(triggers, first))
        self.numbers = frozenset(number for number, _ in self._triggers)

    def view(
        self, sheet: Sheet, sightings: Sightings, plain: Iterable[Candidate], in_base64: Iterable[tuple[int, int]] = ()
    ) -> View | None:
        """
        Return the chunk with everything decoded that was sighted; None where that is nothing.

        Args:
            sheet: the chunk.
            sightings: what gives encodings away.
            plain: what was found without decoding.
            in_base64: further ends and phases of what was sighted in base64.
        """
        edits = list(_disjoint(self._edits(sheet, sightings, plain, in_base64)))
        return View(sheet.data, edits, sheet.lines) if edits else None

    def _edits(
        self, sheet: Sheet, sightings: Sightings, plain: Iterable[Candidate], in_base64: Iterable[tuple[int, int]]
    ) -> Iterator[Edit]:
        data, escaped = sheet.data, []
        runs: dict[Encoding, list[tuple[int, int]]] = {Encoding.BASE64: list(in_base64)}
        for number, trigger in self._triggers:
            ends = sightings[number][1] if number in sightings else []
            if trigger.encoding is Encoding.ESCAPED:
                escaped += ends
            elif trigger.encoding is Encoding.APART:
                yield from apart_edits(data, sorted(ends))
            elif trigger.encoding is Encoding.BROKEN:
                yield from broken_edits(data, sorted(ends))
            else:
                runs.setdefault(trigger.encoding, []).extend((end, trigger.phase) for end in ends)
        for encoding, seen in runs.items():
            for edit in _runs(data, encoding, sorted(seen)):
                if _goes_on(data, edit):
                    escaped += [edit.start, edit.end]
                else:
                    yield edit
        yield from _values(plain)
        for start, end in _windows(sheet, sorted(escaped)):
            yield from escape_edits(data, start, end)


def _runs(data: bytes, encoding: Encoding, seen: Iterable[tuple[int, int]]) -> Iterator[Edit]:
    """
    Yield the decoded runs around the sightings.

    Each run is decoded once for each place its groups may begin at, so the work is linear whatever is sighted.
    """
    reached = 0
    tried = [0] * 4
    for end, phase in seen:
        group = (end - phase) % 4
        if end <= max(reached, tried[group]):
            continue
        if encoding is Encoding.BASE64:
            edit = base64_edit(data, end, phase, reached)
        else:
            edit = (hex_edit if encoding is Encoding.HEX else utf16_edit)(data, end, reached)
        if edit.text:
            reached = edit.end
            yield edit
        else:
            tried[group] = edit.end


def _goes_on(data: bytes, edit: Edit) -> bool:
    """Tell whether the run is itself broken by escapes, which are undone first."""
    return (
        _CONTINUES.match(data, edit.end, edit.end + 6) is not None
        or _CONTINUES.search(data, max(0, edit.start - 3), edit.start) is not None
    )


def _values(plain: Iterable[Candidate]) -> Iterator[Edit]:
    """Yield the values of generic findings that turn out to be encoded text: `AWS_SECRET_ACCESS_KEY: d0phbHJ…`."""
    for candidate in plain:
        if candidate.rule.specificity <= _GENERIC and _ENCODED.match(candidate.secret) is not None:
            text = from_base64(candidate.secret)
            if text is not None and text.isascii() and text.decode().strip("\r\n").isprintable():
                yield Edit(candidate.secret_start, candidate.secret_end, text)


def _windows(sheet: Sheet, positions: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Yield the surroundings of `positions`, which ascend; those that touch are one."""
    begin = end = -1
    for position in positions:
        if position + _REACH // 2 < end:
            continue  # well inside
        start, stop = sheet.lines.around(position, _LINES, _REACH)
        start = min(start, max(0, position - _MOST_SEEN))
        if start > end:
            if end > begin:
                yield begin, end
            begin = start
        end = max(end, stop)
    if end > begin:
        yield begin, end


def _disjoint(edits: Iterable[Edit]) -> Iterator[Edit]:
    """Yield the edits in order; of those that overlap the one that begins first, the longest of these."""
    reached = 0
    for edit in sorted(edits, key=lambda edit: (edit.start, -edit.end)):
        if edit.start >= reached and edit.end > edit.start:
            reached = edit.end
            yield edit
