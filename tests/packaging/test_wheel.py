"""The wheel, which the container installs, holds all of keywatch and nothing else."""

import shutil
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """A wheel built from the files under version control, as the Dockerfile builds it and with no way to an index."""
    source = tmp_path_factory.mktemp("source")
    for name in tracked("keywatch", "pyproject.toml", "README.md", "LICENSE"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "."]
    subprocess.run(command, cwd=source, check=True)
    (built,) = source.glob("keywatch-*.whl")
    return zipfile.ZipFile(built)


def tracked(*paths: str) -> set[str]:
    """Return the names of the files under version control below some paths."""
    listed = subprocess.run(["git", "ls-files", "-z", *paths], cwd=ROOT, capture_output=True, text=True, check=True)
    return {name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()}


def test_every_file_of_the_package_is_shipped(wheel: zipfile.ZipFile) -> None:
    """Rules, templates and migrations come along with the code; tests do not."""
    shipped = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert shipped == tracked("keywatch")


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
