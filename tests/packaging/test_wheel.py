"""The wheel, which the container installs, holds all of keywatch and nothing else."""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
KERNEL = "keywatch/native/_kernel.so"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """A wheel built from the files under version control, as the Dockerfile builds it and with no way to an index."""
    return built(copied(tmp_path_factory.mktemp("source")))


def copied(source: Path) -> Path:
    """Copy what a wheel is built from into a folder."""
    for name in tracked("keywatch", "pyproject.toml", "setup.py", "README.md", "LICENSE"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    return source


def built(source: Path, **environment: str) -> zipfile.ZipFile:
    """Build a wheel in a folder."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "."]
    subprocess.run(command, cwd=source, env=os.environ | environment, check=True)
    (wheel,) = source.glob("keywatch-*.whl")
    return zipfile.ZipFile(wheel)


def tags(wheel: zipfile.ZipFile) -> list[str]:
    """Return what a wheel is for: Python, its ABI, the system."""
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/WHEEL"))
    return str(Parser().parsestr(wheel.read(name).decode())["Tag"]).split("-")


def tracked(*paths: str) -> set[str]:
    """Return the names of the files under version control below some paths."""
    listed = subprocess.run(["git", "ls-files", "-z", *paths], cwd=ROOT, capture_output=True, text=True, check=True)
    return {name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()}


def test_every_file_of_the_package_is_shipped(wheel: zipfile.ZipFile) -> None:
    """Rules, templates and migrations come along with the code; tests do not."""
    shipped = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert shipped == tracked("keywatch") | {KERNEL}


def test_the_kernel_fits_every_python_of_its_platform(wheel: zipfile.ZipFile) -> None:
    """What is compiled knows nothing of Python, so the wheel is tied to the system alone."""
    python, abi, system = tags(wheel)
    assert (python, abi) == ("py3", "none")
    assert system != "any"


def test_without_a_compiler_there_is_a_wheel_for_every_system(tmp_path: Path) -> None:
    """A compiler that is missing costs the kernel and nothing else. What an earlier build left is not shipped."""
    source = copied(tmp_path)
    stale = source / "build" / "lib" / KERNEL
    stale.parent.mkdir(parents=True)
    stale.write_bytes(b"of an earlier build")
    wheel = built(source, CC=str(tmp_path / "no-compiler"))
    assert tags(wheel) == ["py3", "none", "any"]
    assert KERNEL not in wheel.namelist()
    assert "keywatch/native/count.c" in wheel.namelist()


def test_the_source_distribution_can_be_built_from(tmp_path: Path) -> None:
    """The C files, and what compiles them, are in it; what was compiled here is not."""
    source = copied(tmp_path)
    (source / KERNEL).write_bytes(b"of this machine")
    command = [sys.executable, "-c", "from setuptools import build_meta; build_meta.build_sdist('.')"]
    subprocess.run(command, cwd=source, capture_output=True, check=True)
    (archive,) = source.glob("keywatch-*.tar.gz")
    with tarfile.open(archive) as tar:
        names = {name.partition("/")[2] for name in tar.getnames()}
    assert tracked("keywatch", "pyproject.toml", "setup.py", "README.md", "LICENSE") - names == set()
    assert KERNEL not in names


def test_the_wheel_says_what_it_is(wheel: zipfile.ZipFile) -> None:
    """Its metadata names the version that the code has, the supported Pythons and the licence, whose text is inside."""
    import keywatch

    (metadata,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    said = Parser().parsestr(wheel.read(metadata).decode())
    assert said["Version"] == keywatch.__version__
    assert said["Requires-Python"] == ">=3.11"
    assert said["License-Expression"] == "Apache-2.0"
    assert any(name.endswith("/licenses/LICENSE") for name in wheel.namelist())


def test_the_command_is_installed(wheel: zipfile.ZipFile) -> None:
    """Installing the wheel gives one command: keywatch."""
    (points,) = (name for name in wheel.namelist() if name.endswith(".dist-info/entry_points.txt"))
    assert wheel.read(points).decode().split() == ["[console_scripts]", "keywatch", "=", "keywatch.cli:main"]
