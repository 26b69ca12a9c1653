"""Processes of our own find what this one finds, and one that is killed costs nothing but time."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from keywatch.detect.examples import expand
from keywatch.detect.known import KnownKeys
from keywatch.detect.rules import packaged
from keywatch.model.content import Chunk, Origin
from keywatch.model.errors import ScanError
from keywatch.model.source import Reading
from keywatch.native.sieve import Harmless
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
    pool = Processes(Recipe(packaged(), rules_cache, PEPPER, KnownKeys(())), 2)
    yield pool
    pool.close()


def test_they_find_what_this_process_finds(processes: Processes) -> None:
    lots = [Text(secrets(number)) for number in range(6)]
    here = processes.recipe.examiner()
    found = [wait() for wait in [processes.start(lot) for lot in lots]]
    assert found == [here.lot(lot) for lot in lots]
    assert [len(one.findings) for one in found] == list(range(6))


@pytest.mark.parametrize("deaths", [1, 2])
def test_one_that_is_killed_costs_its_lot_again(processes: Processes, deaths: int, tmp_path: Path) -> None:
    """Everything is found, also what others had begun when the pool went down with the one."""
    for number in range(deaths):
        (tmp_path / str(number)).touch()
    lots = [Text(secrets(1)), Deadly(secrets(2), lives=str(tmp_path)), Text(secrets(3))]
    found = [wait() for wait in [processes.start(lot) for lot in lots]]
    assert [len(one.findings) for one in found] == [1, 2, 3]
    assert not any(one.skipped for one in found)


def test_a_lot_that_kills_each_process_is_told(processes: Processes, tmp_path: Path) -> None:
    """It is not scanned, and that is said; the next one is."""
    for number in range(20):
        (tmp_path / str(number)).touch()
    (told,) = processes.start(Deadly(secrets(1), lives=str(tmp_path)))().skipped
    assert "ended from outside" in told.why
    assert len(processes.start(Text(secrets(1)))().findings) == 1


def test_what_cannot_be_read_is_an_error_here(processes: Processes) -> None:
    with pytest.raises(ScanError, match="it cannot be read") as error:
        processes.start(Unreadable(()))()
    assert error.value.hint == "do something"


def test_they_stop_when_they_are_told_to(processes: Processes, tmp_path: Path) -> None:
    wait = processes.start(Endless((), mark=str(tmp_path / "begun")))
    began = time.monotonic()
    while not (tmp_path / "begun").exists():
        assert time.monotonic() - began < PATIENCE
        time.sleep(0.01)
    processes.stop()
    assert wait().findings == ()


def test_the_pepper_is_in_no_text_of_a_recipe(processes: Processes) -> None:
    recipe = Recipe(packaged(), None, b"pepper-pepper-pepper-pepper-here", KnownKeys(()))
    assert "pepper-pepper" not in f"{recipe!r} {recipe} {processes!r}"


def test_they_end_with_the_process_that_started_them(rules_cache: Path, tmp_path: Path) -> None:
    """After a kill -9 nothing is left running."""
    program = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import test_processes as here
from pathlib import Path
if __name__ == "__main__":
    recipe = here.Recipe(here.packaged(), Path({str(rules_cache)!r}), here.PEPPER, here.KnownKeys(()))
    here.Processes(recipe, 1).start(here.Endless((), mark={str(tmp_path / "begun")!r}))()
"""
    (tmp_path / "main.py").write_text(program)
    process = subprocess.Popen([sys.executable, str(tmp_path / "main.py")], start_new_session=True)
    try:
        began = time.monotonic()
        while not (tmp_path / "begun").exists():
            assert time.monotonic() - began < PATIENCE
            time.sleep(0.01)
        process.kill()
        process.wait(PATIENCE)
        while alive(process.pid):
            assert time.monotonic() - began < PATIENCE
            time.sleep(0.01)
    finally:
        process.kill()
        process.wait()


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
