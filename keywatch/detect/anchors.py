"""
The values of the keys we hold, looked for wherever they stand, whatever they look like.

One literal from inside each value goes into a database of its own, in memory only, for literals are parts of secrets.
Where one is seen, what stands around it is fingerprinted as it would be if the value stood there: an equal fingerprint
is the value, and nothing else is told. So there are no false positives, and no boundaries that a value must have.
"""

import re
import string
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from keywatch.detect.candidate import Budget, Candidate
from keywatch.detect.encoding import Edit, escape_edits
from keywatch.detect.known_rules import known_rule
from keywatch.detect.rule import Rule
from keywatch.model.finding import Confidence
from keywatch.model.held_value import HeldValue
from keywatch.model.key import HandleSpace, Key, KeyKind
from keywatch.model.known_secret import Anchor, KnownSecret
from keywatch.model.secret import Fingerprint, Pepper, Secret

if TYPE_CHECKING:
    import hyperscan

MOST_IN_BASE64 = 10_000
"""Values up to which their anchors are looked for in base64 as well: that is three literals more for each."""
_MOST_HITS = 100_000
"""Hits in one chunk that are looked at: a literal that is everywhere must not keep the scan busy for ever."""
_NEVER_ESCAPED = (string.ascii_letters + string.digits + "-_.~").encode()
_LONGEST_ESCAPE = 6
"""Bytes of `\\u007c`."""


@dataclass(frozen=True, slots=True)
class _Value:
    """One value we look for."""

    anchor: Anchor
    fingerprint: Fingerprint
    rule: Rule


@dataclass(frozen=True, slots=True)
class _Literal:
    """What is looked for in plain."""

    size: int
    values: tuple[_Value, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """What one pass over some bytes told."""

    found: tuple[Candidate, ...] = ()
    encoded: tuple[tuple[int, int], ...] = ()
    """Where base64 ends in which an anchor was seen, and how far into a group of four that is."""
    cut: bool = False
    """There was more than could be looked at."""

    def __bool__(self) -> bool:
        return bool(self.found or self.encoded or self.cut)


NOTHING = Told()


class Anchors:
    """What is looked for. Never changes; safe to share between threads. Without a value it costs nothing."""

    def __init__(
        self,
        keys: Iterable[Key] = (),
        pepper: Pepper | None = None,
        values: Sequence[HeldValue] = (),
        *,
        most_in_base64: int = MOST_IN_BASE64,
    ) -> None:
        """
        Open the anchors of `keys`; they are compiled when they are first needed.

        Args:
            keys: the inventory; of two that have one value, the first gives it its words.
            pepper: the one they were sealed under.
            values: what stores hold, or held, that showed it to us.
            most_in_base64: with more values than these, none is looked for in base64.
        """
        self._pepper = pepper
        self._most_in_base64 = most_in_base64
        self._values: list[_Value] = []
        self.unopened = 0
        """Anchors that are damaged or another pepper's."""
        held: dict[Fingerprint, tuple[KnownSecret, KeyKind]] = {}
        kinds: dict[str, KeyKind] = {}
        for key in keys:
            for known in key.known:
                held.setdefault(known.fingerprint, (known, key.kind))
            kinds |= {handle.value: key.kind for handle in key.handles if handle.space is HandleSpace.VAULT}
        for value in values:
            if (sealed := value.known) is not None:
                kind = kinds.get(value.place, KeyKind.OTHER) if value.kind is KeyKind.OTHER else value.kind
                held.setdefault(sealed.fingerprint, (sealed, kind))
        if held and pepper is not None:
            self._open(held.values(), pepper)
        self._lock = threading.Lock()
        self._local = threading.local()

    def _open(self, held: Iterable[tuple[KnownSecret, KeyKind]], pepper: Pepper) -> None:
        from keywatch.detect.sealing import opened  # a scan without keys does without

        for known, kind in held:
            anchor = opened(known, pepper)
            if anchor is None:
                self.unopened += 1
            else:
                self._values.append(_Value(anchor, known.fingerprint, known_rule(kind)))

    def __len__(self) -> int:
        return len(self._values)

    def __bool__(self) -> bool:
        """Whether there is anything to look for."""
        return bool(self._values)

    def look(self, data: bytes) -> Told:
        """Return the values that stand in `data`, and where some may stand encoded."""
        if not self._values or not data:
            return NOTHING
        hits: list[tuple[int, int]] = []
        cut = False

        def note(number: int, _start: int, end: int, _flags: int, _context: object) -> None:
            nonlocal cut
            if len(hits) < _MOST_HITS:
                hits.append((number, end))
            else:
                cut = True

        with self._lock:
            database, literals = self._compiled
        database.scan(data, match_event_handler=note, scratch=self._scratch(database))
        if not hits:
            return NOTHING
        found: list[Candidate] = []
        encoded: list[tuple[int, int]] = []
        budget = Budget(len(data))
        for number, end in hits:
            literal = literals[number]
            if isinstance(literal, int):
                encoded.append((end, literal))
            else:
                found += self._confirmed(data, end - literal.size, literal.values, budget)
        return Told(tuple(found), tuple(encoded), cut or budget.left <= 0)

    def _confirmed(self, data: bytes, at: int, values: Iterable[_Value], budget: Budget) -> Iterator[Candidate]:
        for value in values:
            for start, stop, text in _readings(data, at, value.anchor, budget):
                if self._is(value, text):
                    yield _candidate(value.rule, start, stop, text)
                    break

    def _is(self, value: _Value, text: bytes) -> bool:
        return self._pepper is not None and self._pepper.fingerprint(Secret(text)) == value.fingerprint

    @cached_property
    def _compiled(self) -> "tuple[hyperscan.Database, list[_Literal | int]]":
        """The database, and what each of its literals stands for: values, or a place in base64."""
        import hyperscan

        from keywatch.detect.trigger import in_base64

        plain: dict[bytes, list[_Value]] = {}
        for value in self._values:
            for spelled in _spellings(value.anchor.text):
                plain.setdefault(spelled, []).append(value)
        expressions = list(plain)
        literals: list[_Literal | int] = [_Literal(len(text), tuple(values)) for text, values in plain.items()]
        if len(self._values) <= self._most_in_base64:
            texts = {value.anchor.text for value in self._values}
            for phase, literal in sorted({wrapped for text in texts for wrapped in in_base64(text)}):
                expressions.append(literal.encode())
                literals.append(phase)
        database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        database.compile(
            expressions=[b"".join(b"\\x%02x" % byte for byte in expression) for expression in expressions],
            ids=list(range(len(expressions))),
            flags=[0] * len(expressions),
        )
        return database, literals

    def _scratch(self, database: "hyperscan.Database") -> "hyperscan.Scratch":
        import hyperscan

        scratch: hyperscan.Scratch | None = getattr(self._local, "scratch", None)
        if scratch is None:
            scratch = self._local.scratch = hyperscan.Scratch(database)
        return scratch


def with_handles(found: Iterable[Candidate], ruled: Iterable[Candidate]) -> list[Candidate]:
    """Return the values that were `found`, each with the public names that a rule saw beside the very same text."""
    named = {(c.secret_start, c.secret_end): c for c in ruled if c.handles}
    return [_named(candidate, named.get((candidate.secret_start, candidate.secret_end))) for candidate in found]


def _named(candidate: Candidate, ruled: Candidate | None) -> Candidate:
    if ruled is None:
        return candidate
    return replace(candidate, handles=ruled.handles, reach=max(candidate.reach, ruled.reach))


def _candidate(rule: Rule, start: int, stop: int, text: bytes) -> Candidate:
    return Candidate(
        rule=rule,
        start=start,
        end=stop,
        secret_start=start,
        secret_end=stop,
        secret=text,
        confidence=Confidence.HIGH,
        reach=stop,
    )


def _spellings(text: bytes) -> set[bytes]:
    """Return an anchor as it stands, and as URLs and JSON write it where they escape some of its characters."""
    if text.translate(None, _NEVER_ESCAPED) == b"":
        return {text}
    strict = b"".join(b"%c" % byte if byte in _NEVER_ESCAPED else b"%%%02X" % byte for byte in text)
    points = b"".join(b"%c" % byte if byte in _NEVER_ESCAPED else b"\\u%04x" % byte for byte in text)
    json = text.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    html = b"".join(b"\\u%04x" % byte if byte in b"<>&'" else b"%c" % byte for byte in json)
    return {text, strict, _lowered(strict), points, json, json.replace(b"/", b"\\/"), html}


def _lowered(text: bytes) -> bytes:
    """Write the digits of `%7C` as `%7c`."""
    return re.sub(rb"%[0-9A-F]{2}", lambda escape: escape.group().lower(), text)


def _readings(data: bytes, at: int, anchor: Anchor, budget: Budget) -> Iterator[tuple[int, int, bytes]]:
    """
    Yield where the value would begin and end if the anchor at `at` is its, and what stands there, as long as it is.

    First as it stands, then with the escapes of URLs undone, then with those of JSON: a value may hold the other's.
    """
    start, stop = at - anchor.offset, at - anchor.offset + anchor.length
    if not budget.spend(anchor.length):
        return
    if start >= 0 and stop <= len(data):
        yield start, stop, data[start:stop]
    floor = max(0, at - _LONGEST_ESCAPE * (anchor.offset + 1))
    ceiling = min(len(data), at + _LONGEST_ESCAPE * (anchor.length - anchor.offset + 1))
    for sign in (b"%", b"\\"):
        if data.find(sign, floor, ceiling) < 0 or not budget.spend(ceiling - floor):
            continue
        before = [edit for edit in escape_edits(data, floor, at) if data[edit.start : edit.start + 1] == sign]
        after = [edit for edit in escape_edits(data, at, ceiling) if data[edit.start : edit.start + 1] == sign]
        # Read from its end to its beginning, as it is the end whose place is known.
        mirrored = [Edit(at - edit.end, at - edit.start, edit.text[::-1]) for edit in reversed(before)]
        back, head = _taken(data[floor:at][::-1], mirrored, anchor.offset)
        shifted = [Edit(edit.start - at, edit.end - at, edit.text) for edit in after]
        length, tail = _taken(data[at:ceiling], shifted, anchor.length - anchor.offset)
        if len(head) + len(tail) == anchor.length:
            yield at - back, at + length, head[::-1] + tail


def _taken(text: bytes, escapes: Sequence[Edit], wanted: int) -> tuple[int, bytes]:
    """Return how many bytes of `text` say the first `wanted` bytes of what it means, and those; fewer if need be."""
    parts, have, reached = [], 0, 0
    for edit in [*escapes, Edit(len(text), len(text))]:
        plain = text[reached : min(edit.start, reached + wanted - have)]
        parts += [plain, edit.text]
        reached += len(plain)
        have += len(plain)
        if have == wanted:
            parts.pop()
            break
        have += len(edit.text)
        reached = edit.end
    return reached, b"".join(parts)
