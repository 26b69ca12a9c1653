"""One run of `keywatch scan`: its parts brought together, its targets scanned, its troubles told."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TextIO

from keywatch.collect.state_dir import NoState, load_pepper, state_dir
from keywatch.detect.anchors import Anchors
from keywatch.detect.known import KnownKeys
from keywatch.detect.ruleset import RuleSet
from keywatch.model.errors import KeywatchError, ScanError, UsageError
from keywatch.model.secret import Pepper
from keywatch.model.source import ContentSource, Skipped
from keywatch.report.safe import visible
from keywatch.report.scan_report import ScanReport
from keywatch.report.text import summary
from keywatch.report.words import amount, size_words
from keywatch.scan.baseline_file import Accepts, Recorder
from keywatch.scan.bench import Bench
from keywatch.scan.engine import Local
from keywatch.scan.findings import FindingSet
from keywatch.scan.own_rules import Own
from keywatch.scan.recipe import Recipe
from keywatch.scan.scanner import Scanner

Show = Callable[[int, int], None]
"""Is told the bytes and the chunks scanned so far."""

_NAMED = 20
_EVERY = 0.1
"""Seconds between two looks of the progress line."""


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
    jobs: int | None,
    show: Show,
    accepted: Sequence[Accepts] = (),
    recorder: Recorder | None = None,
    own: Mapping[str, Own] | None = None,
    skipped: Iterable[Skipped] = (),
) -> ScanReport:
    """
    Scan every source, whatever becomes of the others, and report.

    Args:
        sources: what to scan.
        rules: with what.
        here: where the compiled rules are kept.
        known: whose leak is told as ours.
        jobs: threads.
        show: is told the progress.
        accepted: baselines.
        recorder: notes what is found for a baseline.
        own: by target, what it says itself about scanning it.
        skipped: what could not be read before.

    Raises:
        RuleError: the rules cannot be compiled.
    """
    began = time.monotonic()
    anchors = Anchors(known.keys, here.pepper)
    if anchors.unopened:
        damaged = amount(anchors.unopened, "value")
        sys.stderr.write(f"keywatch: note: {damaged} of keys of ours cannot be looked for until the daemon has run\n")
    bench = Bench(rules, cache_dir() if here.directory else None, own or {}, anchors)
    recipe = Recipe(rules, cache_dir() if here.directory else None, here.pepper.for_worker(), known)
    engine = Local(jobs)
    found = FindingSet()
    missed = list(skipped)
    errors: list[KeywatchError] = []
    names: list[str] = []
    size = chunks = 0
    with _interruptible() as asked_to_stop, suppress(KeyboardInterrupt), _closing(engine, show):
        for source in sources:
            names.append(source.target)
            target = bench.target(source.target)
            scanner = Scanner(
                target.detector,
                here.pepper,
                known,
                engine=engine,
                accepted=accepted,
                recorder=recorder,
                allowed=bench.allowed,
                recipe=recipe if target.is_ours and not accepted and recorder is None else None,
            )
            try:
                for step in scanner.scan(source, {}):
                    found.add(target.told(step.findings))
                    missed += step.skipped
                    size += step.bytes
                    chunks += step.chunks
                    show(size, chunks)
                    if asked_to_stop.is_set():
                        raise KeyboardInterrupt
            except ScanError as error:
                errors.append(error)
    return ScanReport(
        targets=tuple(names),
        findings=found.all(),
        skipped=tuple(missed),
        left_out=bench.left_out(),
        errors=tuple(errors),
        untold=found.untold,
        bytes=size,
        chunks=chunks,
        seconds=time.monotonic() - began,
        interrupted=asked_to_stop.is_set(),
    )


@contextmanager
def _closing(engine: Local, show: Show) -> Iterator[None]:
    try:
        yield
    finally:
        engine.close()
        show(-1, -1)


@contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """Note Ctrl-C also where the exception is lost: in a callback or a destructor Python can only ignore it."""
    asked_to_stop = threading.Event()

    def note(_number: int, _frame: FrameType | None) -> None:
        asked_to_stop.set()
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield asked_to_stop  # only the main thread is interrupted
        return
    before = signal.signal(signal.SIGINT, note)
    try:
        yield asked_to_stop
    finally:
        signal.signal(signal.SIGINT, before)


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


@contextmanager
def written(path: Path | None) -> Iterator[TextIO]:
    """
    Yield where the report goes: stdout, or a file that appears under its name when it is whole.

    Raises:
        UsageError: the file cannot be written. Said before anything is scanned.
    """
    if path is None:
        yield sys.stdout
        return
    path = path.resolve()  # a link stays one: what it points to is written
    if path.exists() and not path.is_file():
        with _opened(path) as file:  # a pipe or device is written to; replacing /dev/null would hurt the whole machine
            yield file
        return
    import tempfile

    try:
        descriptor, draft = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise UsageError(
            f"--output {path}: {error.strerror}", hint="name a file in a directory you can write"
        ) from None
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            yield file
        Path(draft).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(draft).unlink()
        raise


def _opened(path: Path) -> TextIO:
    try:
        return path.open("w", encoding="utf-8", newline="")
    except OSError as error:
        raise UsageError(f"--output {path}: {error.strerror}", hint="name a file you can write") from None


def progress(*, wanted: bool) -> Show:
    """Return what shows progress on stderr, where that is a terminal and it is wanted."""
    if not wanted or not sys.stderr.isatty():
        return _silent
    began = last = time.monotonic()

    def show(size: int, chunks: int) -> None:
        nonlocal last
        now = time.monotonic()
        if size < 0:
            sys.stderr.write("\r\x1b[K")
        elif now - last >= _EVERY:
            last = now
            rate = size_words(int(size / (now - began)))
            sys.stderr.write(f"\r\x1b[Kscanned {amount(chunks, 'object')}, {size_words(size)}, {rate}/s")
        sys.stderr.flush()

    return show


def _silent(size: int, chunks: int) -> None:
    """Show nothing."""


def explain(report: ScanReport, *, summarised: bool) -> None:
    """Say on stderr what could not be scanned and what to do; and the summary, unless the report showed it."""
    lines: list[str] = []
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
    if not summarised:
        lines.append(f"keywatch: {summary(report)}")
    sys.stderr.writelines(f"{line}\n" for line in lines)


def _trouble(message: str, hint: str | None) -> list[str]:
    lines = [f"keywatch: error: {visible(message)}"]
    return [*lines, f"keywatch: hint: {visible(hint)}"] if hint else lines
