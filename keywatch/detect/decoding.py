"""Which stretches of a chunk are encoded, and the view in which they are plain."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from keywatch.detect import lazy_re2 as re2
from keywatch.detect.apart import Apart
from keywatch.detect.broken import broken_edits
from keywatch.detect.candidate import Candidate
from keywatch.detect.database import Sightings
from keywatch.detect.encoding import Edit, base64_edit, escape_edits, from_base64, hex_edit, line_edits, utf16_edit
from keywatch.detect.filters import Sheet
from keywatch.detect.rule import ValueTest
from keywatch.detect.spoken import spoken_edits
from keywatch.detect.trigger import Encoding, Trigger
from keywatch.detect.view import View

DEPTH = 3
"""How often text is decoded that came out of decoding."""

_LINES = 12
_REACH = 1 << 14
"""Bytes on each side of an escape that are looked at: a token of 2 kB in which every letter is escaped takes 12 kB."""
_RUN = 4096
"""Bytes of encoded text on each side of what gives it away, in a version of something that was looked at before."""
_MOST_SEEN = 64
"""Bytes of an escape trigger before its end."""
_ENCODED = re2.compile(rb"^[A-Za-z0-9+/_-]{16,}={0,2}$")
_SHORTEST = 16
_IN_PLAIN_TEXT = {Encoding.APART: (480, 640), Encoding.BROKEN: (480, 640), Encoding.SPOKEN: (2048, 2048)}
"""Bytes before and after what was sighted in which a value may stand."""
_MOST_VALUES = 20_000
_BY_NAME = 30
"""Rules up to this specificity know a secret by its name or its service's, whatever it looks like."""
_ROOM = 1 << 20
"""Bytes that decoding may add to a chunk beyond its own size: only gzip makes more of less."""
_CONTINUES = re2.compile(rb"%(?:2[BbFfDd]|3[Dd])|\\[/nr]|\\u00(?:2[bBfF]|3[dD])")


class Decoder:
    """Makes views of chunks; knows at which numbers the database reports its triggers."""

    def __init__(self, triggers: Sequence[Trigger], first: int) -> None:
        """
        Remember what gives encodings away.

        Args:
            triggers: the literal groups given to the database.
            first: the number of the first of them in `Sightings`.
        """
        self._triggers = tuple(enumerate(triggers, first))
        self.numbers = frozenset(number for number, _ in self._triggers)
        self.reaches = {number: _reach(trigger.encoding) for number, trigger in self._triggers}
        """How far from each of them there may stand what it gives away."""
        self._readers: dict[Encoding, Callable[[bytes, list[int]], Iterator[Edit]]] = {
            Encoding.APART: Apart().edits,
            Encoding.BROKEN: broken_edits,
            Encoding.SPOKEN: spoken_edits,
        }
        self._not_encoded: set[int] = set()
        """Values that are no encoded text, by Python's own hash: a history has the same in version after version."""

    def view(
        self,
        sheet: Sheet,
        sightings: Sightings,
        plain: Iterable[Candidate],
        shown: View | None = None,
        in_base64: Iterable[tuple[int, int]] = (),
    ) -> View | None:
        """
        Return the chunk with everything decoded that was sighted; None where that is nothing.

        Args:
            sheet: the chunk, or what a view of it shows.
            sightings: what the database saw in it.
            plain: what was found in it as it stands.
            shown: the view, if it is one: its plain text was looked at before.
            in_base64: further ends and phases of what was sighted in base64.
        """
        room = Room(len(sheet.data) + _ROOM)
        runs = {Encoding.BASE64: list(in_base64)}
        edits = list(_disjoint(self._edits(sheet, sightings, plain, room, shown, runs)))
        return View(sheet.data, edits, sheet.lines, whole=room.left > 0) if edits else None

    def _edits(  # noqa: PLR0917 - one pass over all that was sighted
        self,
        sheet: Sheet,
        sightings: Sightings,
        plain: Iterable[Candidate],
        room: "Room",
        shown: View | None,
        runs: dict[Encoding, list[tuple[int, int]]],
    ) -> Iterator[Edit]:
        data, escaped = sheet.data, []
        for number, trigger in self._triggers:
            if number not in sightings:
                continue
            ends = sightings[number][1]
            if trigger.encoding in _IN_PLAIN_TEXT:
                before, after = _IN_PLAIN_TEXT[trigger.encoding]
                if shown is not None:
                    ends = [end for end in ends if shown.is_new(end - before, end + after)]
                yield from self._readers[trigger.encoding](data, sorted(ends))
            elif trigger.encoding is Encoding.ESCAPED:
                escaped += ends
            else:
                runs.setdefault(trigger.encoding, []).extend((end, trigger.phase) for end in ends)
        for encoding, seen in runs.items():
            for edit in _runs(data, encoding, sorted(seen), room):
                if _goes_on(data, edit):
                    escaped += [edit.start, edit.end]
                else:
                    yield edit
        yield from self._values(plain)
        for start, end in _windows(sheet, sorted(escaped)):
            yield from escape_edits(data, start, end)

    def _values(self, plain: Iterable[Candidate]) -> Iterator[Edit]:
        """Yield the values that were told by their names and are encoded text: `AWS_SECRET_ACCESS_KEY: d0phbHJ…`."""
        for candidate in plain:
            secret = candidate.secret
            if len(secret) < _SHORTEST or (value := hash(secret)) in self._not_encoded:
                continue
            if candidate.rule.specificity <= _BY_NAME or candidate.rule.test is ValueTest.BASE64:
                text = _encoded(secret)
                if text is not None:
                    yield Edit(candidate.secret_start, candidate.secret_end, text)
                    continue
                if len(self._not_encoded) >= _MOST_VALUES:
                    self._not_encoded.clear()
                self._not_encoded.add(value)


def _reach(encoding: Encoding) -> int:
    return max(_IN_PLAIN_TEXT[encoding]) if encoding in _IN_PLAIN_TEXT else _RUN


@dataclass(slots=True)
class Room:
    """Bytes that decoded text may still take beyond what it was decoded from."""

    left: int


def _runs(data: bytes, encoding: Encoding, seen: Iterable[tuple[int, int]], room: Room) -> Iterator[Edit]:
    """
    Yield the decoded runs around the sightings, until there is no room for more.

    Each run is decoded once for each place its groups may begin at, so the work is linear whatever is sighted.
    """
    reached = 0
    tried = [0] * 4
    for end, phase in seen:
        group = (end - phase) % 4
        if room.left <= 0:
            return
        if end <= max(reached, tried[group]):
            continue
        if encoding is Encoding.BASE64:
            edit = base64_edit(data, end, phase, reached)
        else:
            edit = (hex_edit if encoding is Encoding.HEX else utf16_edit)(data, end, reached)
        if edit.text:
            reached = edit.end
            room.left -= max(0, len(edit.text) - (edit.end - edit.start))
            yield from line_edits(edit) if encoding is Encoding.UTF16 else (edit,)
        else:
            tried[group] = edit.end


def _goes_on(data: bytes, edit: Edit) -> bool:
    """Tell whether the run is itself broken by escapes, which are undone first."""
    return (
        _CONTINUES.match(data, edit.end, edit.end + 6) is not None
        or _CONTINUES.search(data, max(0, edit.start - 3), edit.start) is not None
    )


def _encoded(secret: bytes) -> bytes | None:
    """Return the text that a value is base64 of."""
    text = from_base64(secret) if _ENCODED.match(secret) is not None else None
    return text if text is not None and text.isascii() and text.decode().strip("\r\n").isprintable() else None


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
