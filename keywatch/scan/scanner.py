"""One source scanned from a cursor on: read, examined on all cores, attributed, told in steps that can be committed."""

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from keywatch.collect.content.attribution import Attributes, Introduction
from keywatch.collect.content.measure import Foresees
from keywatch.detect.known import KnownKeys
from keywatch.model.errors import ScanError, SourceError
from keywatch.model.finding import Finding, Place
from keywatch.model.secret import Pepper
from keywatch.model.source import CallBatch, ContentBatch, ContentSource, Cursor, Skipped
from keywatch.native.memory import let_go
from keywatch.scan.baseline_file import Accepts
from keywatch.scan.commits import CommitLists
from keywatch.scan.engine import Engine, Local, Waits
from keywatch.scan.examination import Detects, Examination, Examined, Notes
from keywatch.scan.findings import merged
from keywatch.scan.recipe import Recipe

_HELD = 20_000
"""Findings of one history held back, at most, until they are attributed in one pass over its log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanStep:
    """What one step of a scan brought. Commit findings and cursor together, or neither."""

    findings: tuple[Finding, ...]
    """One per value within the step; the same one may come again in a later step, with other places."""
    cursor: Cursor | None
    """None: not a place to resume from; a later step will be."""
    skipped: tuple[Skipped, ...] = ()
    bytes: int = 0
    chunks: int = 0
    calls: CallBatch | None = None
    """What the same bytes prove: see `ContentBatch.calls`."""


class Scanner:
    """Scans sources. Share one between them: the detector behind it is costly to make, and safe to share."""

    def __init__(
        self,
        detector: Detects,
        pepper: Pepper,
        known: KnownKeys,
        *,
        engine: Engine | None = None,
        accepted: Sequence[Accepts] = (),
        recorder: Notes | None = None,
        allowed: CommitLists | None = None,
        recipe: Recipe | None = None,
    ) -> None:
        """
        Bring together what a scan needs.

        Args:
            detector: finds the matches.
            pepper: makes fingerprints of them.
            known: tells whose they are.
            engine: where chunks are examined; by default on all cores of this machine.
            accepted: baselines, whose values are not told.
            recorder: notes every other value, as for a baseline.
            allowed: commits whose findings are not told.
            recipe: how another process finds the same; None: none can.
        """
        self._detector = detector
        self._examine = Examination(detector, pepper, known, accepted, recorder, recipe=recipe)
        self._engine = engine or Local()
        self._allowed = allowed

    def prepare(self, source: ContentSource, cursor: Cursor) -> None:
        """Start what is worth starting to scan `source` on from `cursor`: best done while there is only one thread."""
        if not cursor and isinstance(source, Foresees):
            self._engine.prepare(self._examine, source.foreseen)

    def scan(self, source: ContentSource, cursor: Cursor) -> Iterator[ScanStep]:
        """
        Scan `source` on from `cursor`.

        Findings of a source with a history are held back until their authors are known. They are told, without them,
        before an error or an interruption passes through.

        Raises:
            ScanError: the source cannot be read (further). Steps yielded before still hold.
        """
        if not isinstance(source, Attributes):
            yield from self._steps(source, cursor)
            return
        held: list[Finding] = []
        try:
            for step in self._steps(source, cursor):
                held += step.findings
                if step.cursor is None and len(held) < _HELD:
                    yield replace(step, findings=())
                    continue
                findings, skipped = _attributed(source, held)
                if self._allowed is not None:
                    findings = tuple(f for f in map(self._allowed.without, findings) if f is not None)
                held = []
                yield replace(step, findings=findings, skipped=step.skipped + skipped)
        except (Exception, KeyboardInterrupt):
            if held:
                yield ScanStep(findings=merged(held), cursor=None)
            raise

    def close(self) -> None:
        """Stop the engine's threads."""
        self._engine.close()

    def _steps(self, source: ContentSource, cursor: Cursor) -> Iterator[ScanStep]:
        try:
            yield from self._examined(source, cursor)
        finally:
            let_go()  # a daemon may not scan again for hours

    def _examined(self, source: ContentSource, cursor: Cursor) -> Iterator[ScanStep]:
        waiting: deque[tuple[ContentBatch, Waits]] = deque()
        overruns = self._overruns()
        elsewhere: Counter[str] = Counter()

        def step() -> ScanStep:
            """Wait for the first, and take it out only then: an interruption leaves it there."""
            batch, wait = waiting[0]
            try:
                found = wait()
            except Exception:
                waiting.popleft()  # those behind it are still told
                raise
            waiting.popleft()
            elsewhere.update(found.overruns)
            return _step(batch, found)

        def rest() -> Iterator[ScanStep]:
            while waiting:
                yield step()

        try:
            for batch in source.read(cursor):
                waiting.append((batch, self._engine.start(self._examine, batch)))
                while len(waiting) > (0 if batch.is_pause else self._engine.ahead):
                    yield step()
            yield from rest()
        except (ScanError, SourceError):
            # What was read before it still holds.
            yield from rest()
            raise
        except KeyboardInterrupt:
            # What was looked at is told; as some of it may not have been, none of it is a place to go on from.
            self._engine.stop()
            yield from (replace(one, cursor=None) for one in rest())
            raise
        if cut := self._overruns() - overruns + elsewhere:
            yield ScanStep(findings=(), cursor=None, skipped=tuple(_cut_off(source.target, cut)))

    def _overruns(self) -> Counter[str]:
        return Counter(self._detector.overruns)


def _step(batch: ContentBatch, found: Examined) -> ScanStep:
    return ScanStep(
        findings=merged(found.findings),
        cursor=batch.cursor,
        skipped=batch.skipped + found.skipped,
        bytes=found.bytes,
        chunks=found.chunks,
        calls=batch.calls,
    )


def _cut_off(target: str, overruns: Counter[str]) -> Iterator[Skipped]:
    for rule, count in sorted(overruns.items()):
        why = f"rule {rule} was cut off in {count} chunks, as the content kept it busy beyond reason"
        yield Skipped(target, why, "narrow the rule's pattern, or give it a keyword")


def _attributed(source: Attributes, findings: list[Finding]) -> tuple[tuple[Finding, ...], tuple[Skipped, ...]]:
    """Fill in who committed each place; one line for each path the blob was brought in at."""
    named = [place for finding in findings for place in finding.places if place.blob]
    if not named:
        return merged(findings), ()
    try:
        known = dict(source.introductions({place.blob for place in named if place.blob}))
        if lost := [place for place in named if place.blob not in known]:
            known |= source.uncommitted(lost)
    except ScanError as error:
        return merged(findings), (Skipped("who committed it", error.message, error.hint),)

    def places(place: Place) -> Iterator[Place]:
        brought = known.get(place.blob or "", ())
        inner = _inner(place.path, brought)
        yield from (_brought(place, item, inner) for item in brought) if brought else (place,)

    return merged(replace(f, places=tuple(p for place in f.places for p in places(place))) for f in findings), ()


def _inner(path: str, brought: Sequence[Introduction]) -> str:
    """Return what a path says of a place inside a file (`!conf/app.env`), whatever the file was called."""
    outer = max((item.path for item in brought if path.startswith(f"{item.path}!")), key=len, default=path)
    return path[len(outer) :]


def _brought(place: Place, item: Introduction, inner: str) -> Place:
    return replace(
        place,
        path=item.path + inner,
        commit=item.commit,
        author=item.author,
        committed_at=item.committed_at,
        present=item.present,
    )
