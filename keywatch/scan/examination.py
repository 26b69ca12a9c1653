"""One chunk looked at: what the rules matched becomes findings, and the plaintext is let go."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from keywatch.detect.known import KnownKeys
from keywatch.detect.lines import Lines
from keywatch.model.content import Chunk, Glance, Mark, Passed, Repeated, Span
from keywatch.model.finding import Finding, Match, Place
from keywatch.model.secret import Pepper, Redacted
from keywatch.model.source import Lot, Sighted, Skipped
from keywatch.native.sieve import Harmless
from keywatch.scan.baseline_file import Accepts

if TYPE_CHECKING:
    from keywatch.scan.recipe import Recipe


_NOTHING = Sighted()


class Detects(Protocol):
    """What is asked of `keywatch.detect.engine.Detector`, which is loaded only where something is scanned."""

    @property
    def overruns(self) -> Counter[str]:
        """By rule: chunks in which it was cut off, so far."""
        ...

    def harmless(self) -> Harmless | None:
        """Return what remembers text in which nothing is sighted; None: all text must be looked at."""
        ...

    def glance(self, text: memoryview) -> list[Mark] | None:
        """Return all that is sighted in a text; None: look at it in every way."""
        ...

    def scan(self, chunk: Chunk, *, marks: list[Mark] | None = None) -> list[Match]:
        """Return what the rules match in one chunk. Called from several threads at once."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What was found in a batch, or in a part of one."""

    findings: tuple[Finding, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    bytes: int = 0
    chunks: int = 0
    overruns: Counter[str] = field(default_factory=Counter)
    """By rule: chunks in which it was cut off in another process, whose detector cannot be asked."""

    def joined(self, other: "Examined") -> "Examined":
        """Return both as one."""
        return Examined(
            findings=self.findings + other.findings,
            skipped=self.skipped + other.skipped,
            bytes=self.bytes + other.bytes,
            chunks=self.chunks + other.chunks,
            overruns=self.overruns + other.overruns,
        )


class Notes(Protocol):
    """Takes note of what is found while its plaintext is there: a baseline that is made, an oracle that is asked."""

    def note(self, match: Match) -> None: ...


class Examination:
    """Turns a chunk into findings. Safe to share between threads."""

    def __init__(
        self,
        detector: Detects,
        pepper: Pepper,
        known: KnownKeys,
        accepted: Sequence[Accepts] = (),
        recorder: Notes | None = None,
        *,
        recipe: "Recipe | None" = None,
    ) -> None:
        """
        Bring together what an examination needs.

        Args:
            detector: finds the matches.
            pepper: makes fingerprints of them.
            known: tells whose they are.
            accepted: baselines, whose matches are not told.
            recorder: notes all others.
            recipe: how another process makes the same; None: none can.
        """
        self.recipe = recipe
        self._accepted = tuple(accepted)
        self._recorder = recorder
        self.detector = detector
        self._pepper = pepper
        self._known = known

    def __call__(self, chunk: Chunk) -> list[Finding]:
        """Return a finding, with one place, for each match in `chunk`."""
        return self._told(self.detector.scan(chunk))

    def all(self, chunks: Sequence[Chunk]) -> Examined:
        """Return what is found in chunks that are at hand."""
        return Examined(
            findings=tuple(finding for chunk in chunks for finding in self(chunk)),
            bytes=sum(len(chunk.data) - chunk.overlap for chunk in chunks),
            chunks=len(chunks),
        )

    def lot(self, lot: Lot, stopped: Callable[[], bool] = lambda: False) -> Examined:
        """
        Read a lot, and return what is found in it.

        Args:
            lot: what to read.
            stopped: is asked before each chunk; what was found before it is told.

        Raises:
            ScanError: it cannot be read (any more).
        """
        findings: list[Finding] = []
        skipped: list[Skipped] = []
        told: dict[str, list[Finding]] = {}  # by blob
        size = count = 0
        reading, scan = lot.read(self.detector.harmless()), self.detector.scan
        with suppress(StopIteration):
            item = next(reading)
            while not stopped():
                sighted: Sighted | None = _NOTHING
                if isinstance(item, Chunk):  # as most are
                    marks: list[Mark] = []
                    matches = scan(item, marks=marks)
                    if matches:
                        found = self._told(matches)
                        findings += found
                        told[item.origin.blob or ""] = found
                        places = {(match.offset - item.offset, match.length) for match in matches}
                        # Each once: encoded text may hold several secrets, which are told again for each of its places.
                        spans = sorted((start, start + length) for start, length in places)
                        sighted = Sighted(spans, sorted(marks))
                    elif marks:
                        sighted = Sighted((), sorted(marks))
                    size += len(item.data) - item.overlap
                    count += 1
                elif isinstance(item, Passed):
                    size += item.bytes
                    count += item.count
                elif isinstance(item, Glance):
                    seen = self.detector.glance(item.data)
                    sighted = None if seen is None else Sighted(marks=seen)
                elif isinstance(item, Repeated):
                    told[item.origin.blob or ""] = again = list(_again(told.get(item.before, ()), item))
                    findings += again
                    size += len(item.data)
                    count += 1
                else:
                    skipped.append(item)
                item = reading.send(sighted)
        return Examined(findings=tuple(findings), skipped=tuple(skipped), bytes=size, chunks=count)

    def _told(self, matches: Sequence[Match]) -> list[Finding]:
        matches = [match for match in matches if not self._is_accepted(match)]
        if self._recorder is not None:
            for match in matches:
                self._recorder.note(match)
        return [self._finding(match) for match in matches]

    def _is_accepted(self, match: Match) -> bool:
        return any(baseline.accepts(match) for baseline in self._accepted)

    def _finding(self, match: Match) -> Finding:
        fingerprint = self._pepper.fingerprint(match.secret)
        key, ownership = self._known.ownership_of(match.rule.category, fingerprint, match.handles)
        return Finding(
            rule=match.rule,
            redacted=Redacted(fingerprint, match.secret.preview()),
            confidence=match.confidence,
            places=(_place(match),),
            ownership=ownership,
            key=key,
            handles=match.handles,
            specificity=match.specificity,
            held=self._known.held_as(fingerprint),
        )


def _again(findings: Iterable[Finding], repeated: Repeated) -> Iterator[Finding]:
    """Yield what was found in one text with its places in another one."""
    lines = Lines(Chunk(repeated.data, repeated.origin))
    spans: dict[int, list[Span]] = {}
    for was, span in repeated.spans:
        spans.setdefault(was, []).append(span)
    for finding in findings:
        (before,) = finding.places
        for start, end in spans.get(before.offset, ()):
            line, column = lines.place(start)
            end_line, end_column = lines.end(end) if end > start else (line, column)
            place = replace(
                before,
                blob=repeated.origin.blob,
                offset=start,
                line=line,
                column=column,
                end_line=end_line,
                end_column=end_column,
            )
            yield replace(finding, places=(place,))


def _place(match: Match) -> Place:
    origin = match.origin
    part = origin.part(match.offset)
    lines, offset = (part.line - 1, part.offset) if part else (0, 0)
    return Place(
        target=origin.target,
        path=f"{origin.path}@{part.name}" if part else origin.path,
        line=match.line - lines,
        column=match.column,
        end_line=match.end_line - lines,
        end_column=match.end_column,
        offset=match.offset - offset,
        blob=origin.blob,
        confidence=match.confidence,
    )
