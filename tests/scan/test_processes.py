"""Processes of our own find what this one finds, and one that is killed costs nothing but time."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from keywatch.detect.examples import expand
from keywatch.detect.known import KnownKeys
from keywatch.detect.rules import packaged
from keywatch.model.content import Chunk, Origin
from keywatch.model.errors import ScanError
from keywatch.model.source import Lot, Reading
from keywatch.native.sieve import Harmless
from keywatch.scan.examination import Examined
from keywatch.scan.processes import Processes
from keywatch.scan.recipe import Recipe

PEPPER = bytes(32)
PATIENCE = 60


@dataclass(frozen=True)
class Text:
    """A lot of some chunks. It can be sent to another process, as this module can be imported there."""

    texts: tuple[str, ...]
    size: int = 1

    def read(self, harmless: Harmless | None = None) -> Reading:  # noqa: ARG002 - it is looked at in any case
        for number, text in enumerate(self.texts):
            yield Chunk(text.encode(), Origin("t", f"{number}.txt"))


@dataclass(frozen=True)
class Deadly(Text):
    """Ends the process that reads it, as often as there are files to take away."""

    lives: str = ""

    def read(self, harmless: Harmless | None = None) -> Reading:  # noqa: ARG002 - it is looked at in any case
        for life in Path(self.lives).iterdir():
            life.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        yield from super().read()


@dataclass(frozen=True)
class Endless(Text):
    """Says that it was begun, and goes on for ever."""

    mark: str = ""

    def read(self, harmless: Harmless | None = None) -> Reading:  # noqa: ARG002 - it is looked at in any case
        Path(self.mark).touch()
        while True:
            yield Chunk(b"nothing", Origin("t", "p"))


@dataclass(frozen=True)
class Unreadable(Text):
    """Cannot be read."""

    def read(self, harmless: Harmless | None = None) -> Reading:  # noqa: ARG002 - it is looked at in any case
        yield from super().read()
        raise ScanError("it cannot be read", hint="do something")


def secrets(count: int) -> tuple[str, ...]:
    return tuple(expand(f"client_secret: amzn1.oa2-cs.v1.{{hex:64}} {number}\n") for number in range(count))


@pytest.fixture
def processes(rules_cache: Path) -> Iterator[Processes]:
    with_two = of(rules_cache)
    yield with_two
    with_two.close()


def of(rules_cache: Path, *, copied: bool = False) -> Processes:
    recipe = Recipe(packaged(), rules_cache, PEPPER, KnownKeys(()))
    processes = Processes(recipe, 2)
    assert not copied or processes.fork(recipe.examiner())
    return processes


def examined(processes: Processes, lots: Sequence[Lot]) -> list[Examined]:
    """Return what is found in lots that are examined at the same time."""
    with ThreadPoolExecutor() as threads:
        return list(threads.map(processes.examine, lots))


def they_find_what_this_process_finds(processes: Processes, place: Path) -> None:  # noqa: ARG001 - others need it
    lots = [Text(secrets(number)) for number in range(6)]
    here = processes.recipe.examiner()
    found = examined(processes, lots)
    assert found == [here.lot(lot) for lot in lots]
    assert [len(one.findings) for one in found] == list(range(6))


def one_that_is_killed_costs_its_lot_again(processes: Processes, place: Path) -> None:
    """Everything is found, also what others look through at the time."""
    for deaths in (1, 2):
        for number in range(deaths):
            (place / str(number)).touch()
        lots = [Text(secrets(1)), Deadly(secrets(2), lives=str(place)), Text(secrets(3))]
        found = examined(processes, lots)
        assert [len(one.findings) for one in found] == [1, 2, 3]
        assert not any(one.skipped for one in found)


def a_lot_that_kills_each_process_is_told(processes: Processes, place: Path) -> None:
    """It is not scanned, and that is said; the next one is."""
    for number in range(20):
        (place / str(number)).touch()
    (told,) = processes.examine(Deadly(secrets(1), lives=str(place))).skipped
    assert "ended from outside" in told.why
    assert len(processes.examine(Text(secrets(1))).findings) == 1


def what_cannot_be_read_is_an_error_here(processes: Processes, place: Path) -> None:  # noqa: ARG001 - others need it
    """And the process that could not is good for the next."""
    with pytest.raises(ScanError, match="it cannot be read") as error:
        processes.examine(Unreadable(()))
    assert error.value.hint == "do something"
    assert len(processes.examine(Text(secrets(1))).findings) == 1


def they_stop_when_they_are_told_to(processes: Processes, place: Path) -> None:
    """Also what nobody has begun is answered, so that no thread waits for ever."""
    lots = [Endless((), mark=str(place / str(number))) for number in range(3)]
    with ThreadPoolExecutor() as threads:
        waiting = [threads.submit(processes.examine, lot) for lot in lots]
        until(lambda: len(list(place.iterdir())) == 2)
        processes.stop()
    assert [wait.result().findings for wait in waiting] == [()] * 3


def they_end_whatever_they_are_at(processes: Processes, place: Path) -> None:
    """As above, and nobody is waited for."""
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(processes.examine, Endless((), mark=str(place / "begun")))
        until((place / "begun").exists)
        processes.close()
    assert waiting.result() == Examined()


def what_others_have_open_comes_to_its_end(processes: Processes, place: Path) -> None:  # noqa: ARG001 - others need it
    """A pipe to git that stayed open in a copy would keep both waiting for ever."""
    end, other = os.pipe()
    more = of(Path(str(processes.recipe.cache)), copied=True)
    os.close(other)
    assert os.read(end, 1) == b""
    more.close()


CHECKS: list[Callable[[Processes, Path], None]] = [
    they_find_what_this_process_finds,
    one_that_is_killed_costs_its_lot_again,
    a_lot_that_kills_each_process_is_told,
    what_cannot_be_read_is_an_error_here,
    they_stop_when_they_are_told_to,
    they_end_whatever_they_are_at,
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_of_interpreters(processes: Processes, tmp_path: Path, check: Callable[[Processes, Path], None]) -> None:
    check(processes, tmp_path)


@pytest.mark.parametrize("check", [*CHECKS, what_others_have_open_comes_to_its_end], ids=lambda check: check.__name__)
def test_of_copies(rules_cache: Path, tmp_path: Path, check: Callable[[Processes, Path], None]) -> None:
    """Those of a process without threads, which the one that tests is not."""
    alone(
        tmp_path,
        f"""
processes = here.of(Path({str(rules_cache)!r}), copied=True)
place = Path({str(tmp_path / "place")!r})
place.mkdir()
here.{check.__name__}(processes, place)
processes.close()
""",
    )


def test_a_process_with_threads_is_not_copied(rules_cache: Path) -> None:
    """Their locks would stay locked in the copy."""
    recipe = Recipe(packaged(), rules_cache, PEPPER, KnownKeys(()))
    over = threading.Event()
    other = threading.Thread(target=over.wait)
    other.start()
    try:
        assert not Processes(recipe, 1).fork(recipe.examiner())
    finally:
        over.set()
        other.join()


def test_modules_in_the_directory_that_is_scanned_are_not_run(
    rules_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever scans a repository that somebody else made is in it, more often than not."""
    for name in ("multiprocessing", "pickle", "struct", "fcntl", "queue", "keywatch"):
        (tmp_path / f"{name}.py").write_text("import pathlib; pathlib.Path('run').touch()\n")
    monkeypatch.chdir(tmp_path)
    processes = of(rules_cache)
    try:
        assert len(processes.examine(Text(secrets(1))).findings) == 1
    finally:
        processes.close()
    assert not (tmp_path / "run").exists()


def test_the_pepper_is_in_no_text_of_a_recipe(processes: Processes) -> None:
    recipe = Recipe(packaged(), None, b"pepper-pepper-pepper-pepper-here", KnownKeys(()))
    assert "pepper-pepper" not in f"{recipe!r} {recipe} {processes!r}"


@pytest.mark.parametrize("copied", [True, False], ids=["copy", "interpreter"])
def test_they_end_with_the_process_that_started_them(rules_cache: Path, tmp_path: Path, copied: bool) -> None:
    """After a kill -9 nothing is left running."""
    program = f"""
processes = here.of(Path({str(rules_cache)!r}), copied={copied})
processes.examine(here.Endless((), mark={str(tmp_path / "begun")!r}))
"""
    process = subprocess.Popen(command(tmp_path, program), start_new_session=True)
    try:
        until((tmp_path / "begun").exists)
        process.kill()
        process.wait(PATIENCE)
        until(lambda: not alive(process.pid))
    finally:
        process.kill()
        process.wait()


def alone(place: Path, program: str) -> None:
    """Run a program to which this module is `here`."""
    subprocess.run(command(place, program), check=True, timeout=PATIENCE)


def command(place: Path, program: str) -> list[str]:
    head = f"import sys\nsys.path.insert(0, {str(Path(__file__).parent)!r})\n"
    (place / "main.py").write_text(f"{head}import test_processes as here\nfrom pathlib import Path\n{program}")
    return [sys.executable, str(place / "main.py")]


def until(is_so: Callable[[], bool]) -> None:
    began = time.monotonic()
    while not is_so():
        assert time.monotonic() - began < PATIENCE
        time.sleep(0.01)


def alive(session: int) -> list[int]:
    """Return the processes of a session that are not dead."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            state, _, _, of = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
        except (OSError, ValueError):
            continue
        if int(of) == session and state != "Z":
            found.append(int(folder.name))
    return found
