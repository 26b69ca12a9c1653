"""One run of `keywatch scan`: its parts brought together, its targets scanned, its troubles told."""

import os
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from keywatch.cli.interrupts import Interrupts
from keywatch.cli.progress import Progress
from keywatch.collect.content.measure import Ahead, Measures
from keywatch.collect.state_dir import NoState, load_pepper, state_dir
from keywatch.detect.anchors import Anchors
from keywatch.detect.known import KnownKeys
from keywatch.detect.ruleset import RuleSet
from keywatch.model.errors import KeywatchError, ScanError
from keywatch.model.finding import Confidence, Finding
from keywatch.model.secret import Pepper
from keywatch.model.source import ContentSource, Skipped
from keywatch.report.safe import visible
from keywatch.report.scan_report import Root, ScanReport
from keywatch.report.text import summary
from keywatch.report.words import amount
from keywatch.scan.baseline_file import Accepts, Recorder
from keywatch.scan.bench import Bench
from keywatch.scan.engine import Engine
from keywatch.scan.findings import FindingSet, Sure, sure
from keywatch.scan.own_rules import Own
from keywatch.scan.past import Past
from keywatch.scan.recipe import Recipe
from keywatch.scan.scanner import Scanner, ScanStep

_NAMED = 20
_PATIENCE = 0.3
"""Seconds for which threads are waited for when somebody wants the scan to end."""


@dataclass(frozen=True, slots=True)
class Installation:
    """What this machine keeps between two scans."""

    pepper: Pepper
    directory: Path | None
    """None: nothing can be kept, and the pepper is for this run only."""


def run(
    sources: Iterable[ContentSource],
    rules: RuleSet,
    here: Installation,
    known: KnownKeys,
    *,
    engine: Engine,
    progress: Progress,
    stop: Interrupts,
    tell: Callable[[list[Finding]], None] | None = None,
    accepted: Sequence[Accepts] = (),
    recorder: Recorder | None = None,
    own: Mapping[str, Own] | None = None,
    skipped: Iterable[Skipped] = (),
    remembering: bool = True,
    least: Confidence = Confidence.LOW,
) -> ScanReport:
    """
    Scan every source, whatever becomes of the others, and report.

    Args:
        sources: what to scan.
        rules: with what.
        here: where the compiled rules are kept.
        known: whose leak is told as ours.
        engine: where it is examined; closed at the end.
        progress: is told how far it is.
        stop: ends the scan early.
        tell: is told what is new after each step; see `FindingSet.add`.
        accepted: baselines.
        recorder: notes what is found for a baseline.
        own: by target, what it says itself about scanning it.
        skipped: what could not be read before.
        remembering: whether a repository that was scanned before is read on from there.
        least: findings that are less sure are counted only.

    Raises:
        RuleError: the rules cannot be compiled.
    """
    began = time.monotonic()
    anchors = Anchors(known.keys, here.pepper, known.values)
    if anchors.unopened:
        damaged = amount(anchors.unopened, "value")
        sys.stderr.write(f"keywatch: note: {damaged} of keys of ours cannot be looked for until the daemon has run\n")
    bench = Bench(rules, cache_dir() if here.directory else None, own or {}, anchors)
    recipe = Recipe(rules, cache_dir() if here.directory else None, here.pepper.for_worker(), known, tuple(accepted))
    found = FindingSet()
    missed = list(skipped)
    errors: list[KeywatchError] = []
    roots: dict[str, Root] = {}
    names: list[str] = []
    size = chunks = 0
    with _closing(engine, progress, stop):
        for source in sources:
            if stop.asked:
                break
            names.append(source.target)
            roots |= _root(source)
            target = bench.target(source.target)
            plain = target.is_ours and not accepted and recorder is None
            scanner = Scanner(
                target.detector,
                here.pepper,
                known,
                engine=engine,
                accepted=accepted,
                recorder=recorder,
                allowed=bench.allowed,
                recipe=recipe if target.is_ours and recorder is None else None,
            )

            def add(findings: Iterable[Finding]) -> None:
                news = found.add(findings)
                if tell is not None and (certain := [item for one in news if (item := sure(one, least))]):
                    tell(certain)

            past = Past(source, here if plain and remembering else None, rules, known)
            if past.cursor:
                sys.stderr.write(
                    f"keywatch: note: {visible(source.target)}: read on from the scan before; --fresh reads all\n"
                )
            try:
                scanner.prepare(source, past.cursor)
                progress.target(source.target, _ahead(source))  # which may start a thread
                steps = cast("Generator[ScanStep]", scanner.scan(source, past.cursor))
                for step in _steps(steps, stop):
                    findings = tuple(target.told(step.findings))
                    add(findings)
                    past.note(step, findings)
                    missed += step.skipped
                    size += step.bytes
                    chunks += step.chunks
                    progress.add(step.bytes, step.chunks)
                if not stop.asked:
                    add(past.standing())
                    missed += past.skipped()
                    past.keep()
            except ScanError as error:
                errors.append(error)
    certain = Sure(found.all(), least)
    return ScanReport(
        targets=tuple(names),
        findings=certain,
        doubted=certain.doubted,
        skipped=tuple(missed),
        left_out=bench.left_out(),
        errors=tuple(errors),
        roots=roots,
        bytes=size,
        chunks=chunks,
        seconds=time.monotonic() - began,
        interrupted=stop.asked,
    )


def _steps(steps: Generator[ScanStep], stop: Interrupts) -> Iterator[ScanStep]:
    """
    Yield the steps of a scan until somebody wants it to end.

    It is interrupted only while it works on the next step: what it has told by then, and what it holds back until the
    authors are known, is all taken in.
    """
    try:
        while True:
            step = None
            try:
                with stop.raised():
                    step = next(steps, None)
            except KeyboardInterrupt:
                if step is not None:
                    yield step  # it came just before
                with suppress(KeyboardInterrupt, StopIteration):
                    yield steps.throw(KeyboardInterrupt())
                return
            if step is None:
                return
            yield step
    finally:
        steps.close()


def _root(source: ContentSource) -> dict[str, Root]:
    """Return where the paths of a source begin, where it is a directory or a file."""
    path = getattr(source, "path", None)
    if not isinstance(path, Path) or not path.exists():
        return {}
    top = path.resolve()
    top = top if top.is_dir() else top.parent
    base = next((above for above in (top, *top.parents) if os.path.lexists(above / ".git")), top)
    prefix = "" if base == top else f"{top.relative_to(base).as_posix()}/"
    return {source.target: Root(str(base), prefix)}


def _ahead(source: ContentSource) -> Callable[[], Ahead | None]:
    return lambda: source.ahead if isinstance(source, Measures) else None


@contextmanager
def _closing(engine: Engine, progress: Progress, stop: Interrupts) -> Iterator[None]:
    try:
        yield
    finally:
        progress.end()
        if stop.asked:
            # A thread may be deep inside one chunk, and no thread can be ended: it ends with the process.
            closing = threading.Thread(target=engine.close, daemon=True)
            closing.start()
            closing.join(_PATIENCE)
        else:
            engine.close()


def cache_dir() -> Path | None:
    """Return where compiled rules are kept; None where there is no such place."""
    try:
        return state_dir() / "cache"
    except NoState:
        return None


def installation() -> Installation:
    """
    Return this installation; without a writable home, one for this run only.

    Raises:
        StoreError: the pepper is there, and unfit to be used.
    """
    try:
        directory = state_dir()
        return Installation(load_pepper(directory, create=True), directory)
    except NoState as error:
        sys.stderr.write(f"keywatch: note: {visible(error.message)}; fingerprints are good for this run only\n")
        return Installation(Pepper(os.urandom(Pepper.SIZE)), None)


def explain(report: ScanReport, note: str | None, *, summarised: bool) -> None:
    """
    Say on stderr what could not be scanned and what to do.

    Args:
        report: what the scan came to.
        note: what the format had no room for.
        summarised: the report showed the summary; it is told here as well if not.
    """
    lines = [f"keywatch: note: {note}"] if note else []
    for error in report.errors:
        lines += _trouble(error.message, error.hint)
    for item in report.skipped[:_NAMED]:
        lines += _trouble(f"{item.what}: {item.why}", item.hint)
    if len(report.skipped) > _NAMED:
        lines.append(f"keywatch: error: {amount(len(report.skipped) - _NAMED, 'further item')} could not be scanned")
    for file, count in report.left_out.items():
        lines.append(
            f"keywatch: note: {visible(file)} left out {amount(count, 'finding')}; --no-repo-config shows them"
        )
    if report.doubted:
        were = "was" if report.doubted == 1 else "were"
        doubted = f"{amount(report.doubted, 'finding')} of less confidence {were} not told (test code, mostly)"
        lines.append(f"keywatch: note: {doubted}: --confidence slight tells all")
    if not summarised:
        lines.append(f"keywatch: {summary(report)}")
    sys.stderr.writelines(f"{line}\n" for line in lines)


def _trouble(message: str, hint: str | None) -> list[str]:
    lines = [f"keywatch: error: {visible(message)}"]
    return [*lines, f"keywatch: hint: {visible(hint)}"] if hint else lines
