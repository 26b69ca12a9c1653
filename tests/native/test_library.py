"""The kernel is used where it fits, and done without where anything is amiss."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from keywatch.native import HERE, OBJECT, revision
from keywatch.native.build import NotBuilt, build


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The room of an installation of its own, with its kernel."""
    package = tmp_path / "keywatch"
    shutil.copytree(HERE, package / "native", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(HERE.parent / "__init__.py", package)
    assert "in use" == said(package / "native")
    return package / "native"


def said(room: Path, **environment: str) -> str:
    """Ask an installation in a process of its own, which has to live on, whether its kernel is in use."""
    code = "from keywatch.native import library, state; print(library() is None, state())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=room.parents[1],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    missing, _, words = done.stdout.strip().partition(" ")
    assert (missing == "True") is (words != "in use")
    return words


def test_it_can_be_switched_off(installed: Path) -> None:
    """A variable of the environment is enough, for whoever suspects it."""
    assert "not in use: KEYWATCH_NATIVE=0 says so" == said(installed, KEYWATCH_NATIVE="0")


def test_it_need_not_be_there(installed: Path) -> None:
    """It was not built: that is said, and all goes on."""
    (installed / OBJECT).unlink()
    assert "not in use: it was not built when keywatch was installed" == said(installed)


def test_one_of_other_sources_is_not_called(installed: Path) -> None:
    """A checkout that was updated and not installed anew would call functions with the wrong arguments."""
    with (installed / "count.c").open("a") as source:
        source.write("/* changed */\n")
    assert said(installed).startswith("not in use: it was built of other sources")


@pytest.mark.parametrize("part", [0, 0.02, 0.5, 0.9, 0.999])
def test_one_that_was_cut_off_is_not_mapped(installed: Path, part: float) -> None:
    """The system's loader would map it all the same, and the process die of the first page that is missing."""
    whole = (installed / OBJECT).read_bytes()
    (installed / OBJECT).write_bytes(whole[: int(len(whole) * part)])
    assert "cut off" in said(installed)


@pytest.mark.parametrize(
    ("place", "other"),
    [
        pytest.param(18, b"\x08\x00", id="of-another-architecture"),
        pytest.param(0, b"#!/b", id="no-object-at-all"),
    ],
)
def test_one_that_the_system_refuses_is_done_without(installed: Path, place: int, other: bytes) -> None:
    """A file system that was copied to another machine has the right file for the wrong processor."""
    made = bytearray((installed / OBJECT).read_bytes())
    made[place : place + len(other)] = other
    (installed / OBJECT).write_bytes(made)
    assert said(installed).startswith("not in use: ")


def test_a_build_that_fails_leaves_no_kernel(tmp_path: Path) -> None:
    """Each compiler is tried, what it said is told, and an older object is not taken for the new one."""
    (tmp_path / OBJECT).write_bytes(b"an older one")
    complaining = [sys.executable, "-c", "import sys; sys.exit('this compiler has a bad day')"]
    with pytest.raises(NotBuilt, match=r"bad day(?s:.*)no-such-compiler"):
        build(tmp_path, compilers=[complaining, ["no-such-compiler"]])
    assert list(tmp_path.iterdir()) == []


def test_a_build_that_fails_leaves_what_was_built_of_the_same_sources(installed: Path) -> None:
    """Whoever tries again without a compiler, as where it was only there to install, loses nothing."""
    with pytest.raises(NotBuilt):
        build(installed, compilers=[["no-such-compiler"]])
    assert "in use" == said(installed)


def test_the_next_compiler_is_asked_when_one_fails(tmp_path: Path) -> None:
    """What it makes is marked as made of these sources; any compiler will do, and here one stands for it."""
    copying = "import shutil, sys; shutil.copy(sys.argv[0], sys.argv[sys.argv.index('-o') + 1])"
    script = tmp_path / "compiler.py"
    script.write_text(copying)
    build(tmp_path / "made", compilers=[["no-such-compiler"], [sys.executable, str(script)]])
    assert copying.encode() + revision() == (tmp_path / "made" / OBJECT).read_bytes()


@pytest.mark.parametrize("shared", [True, False], ids=["shared", "its own"])
def test_memory_of_processes_that_are_forked(shared: bool) -> None:
    """What is learned is learned for all of them; what one works with is its own."""
    program = f"""
import os
from keywatch.native.memory import Memory
numbers = Memory(4096, shared={shared}).numbers(1)
if (child := os.fork()) == 0:
    numbers[0] = 7
    os._exit(0)
os.waitpid(child, 0)
print(numbers[0])
"""
    told = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert told.strip() == ("7" if shared else "0")
