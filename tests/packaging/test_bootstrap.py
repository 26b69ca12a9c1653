"""`.ci/venv`, which every make target starts with, does its work or ends in one sentence that says what to do."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / ".ci" / "venv"


@pytest.fixture
def bin_dir(tmp_path: Path) -> Path:
    """The only folder on the script's PATH, with the few programs it needs and whatever a test adds."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for program in ("sh", "cat", "cksum", "mktemp", "rm", "env", "printf"):
        found = shutil.which(program)
        assert found, program
        (folder / program).symlink_to(found)
    program_that_prints(folder / "id", "1000")
    return folder


def program_that_prints(path: Path, words: str, code: int = 0) -> None:
    """Write a program that prints some words and exits."""
    script(path, f"echo '{words}'\nexit {code}\n")


def script(path: Path, body: str) -> None:
    """Write a shell script."""
    path.write_text("#!/bin/sh\n" + body)
    path.chmod(0o755)


def bootstrap(bin_dir: Path, *, python: str = "python3") -> tuple[int, str]:
    """Run the script with this PATH alone: its exit code and the last line of what it said."""
    venv = bin_dir.parent / "venv"
    done = subprocess.run(
        [str(SCRIPT), str(venv), python],
        cwd=ROOT,
        env={"PATH": str(bin_dir)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == ""
    assert not venv.exists()
    return done.returncode, done.stderr.splitlines()[-1]


def debian_python(path: Path) -> None:
    """A Python 3.11 as Debian has it: everything is there but `ensurepip`."""
    script(path, 'case "$2" in *version_info*%*|*%d*) echo 3.11;; *ensurepip*) exit 1;; esac\n')


def test_without_python_it_says_what_to_install(bin_dir: Path) -> None:
    """A missing interpreter is named, and how to name another."""
    code, said = bootstrap(bin_dir, python="python3.99")
    assert code == 1
    assert said.startswith("keywatch: python3.99 is not here")
    assert "make PYTHON=" in said


def test_an_old_python_is_refused(bin_dir: Path) -> None:
    """A Python before 3.11 is refused with its version before anything is made."""
    script(bin_dir / "python3", 'case "$2" in *%d*) echo 3.9;; *) exit 1;; esac\n')
    code, said = bootstrap(bin_dir)
    assert code == 1
    assert "is Python 3.9, keywatch needs 3.11 or newer" in said


def test_without_root_it_names_the_command_to_run(bin_dir: Path) -> None:
    """Where the missing package cannot be installed from here, the one command that does it is printed."""
    debian_python(bin_dir / "python3")
    program_that_prints(bin_dir / "apt-get", "never reached", 1)
    code, said = bootstrap(bin_dir)
    assert code == 1
    assert said.endswith("run this once, as root: apt-get update && apt-get install python3.11-venv")


def test_with_a_password_free_sudo_it_installs_the_package(bin_dir: Path) -> None:
    """With sudo at hand the package lists are refreshed and the interpreter's own venv package is installed."""
    debian_python(bin_dir / "python3")
    script(bin_dir / "sudo", 'shift\nexec "$@"\n')
    script(bin_dir / "true", "exit 0\n")
    calls = bin_dir.parent / "calls"
    script(bin_dir / "apt-get", f'echo "$@" >>{calls}\n[ "$1" = update ]\n')
    code, said = bootstrap(bin_dir)
    assert calls.read_text().splitlines() == ["update", "install -y --no-install-recommends python3.11-venv"]
    assert code == 1
    assert said.startswith("keywatch: python3.11-venv could not be installed; run this once, as root: apt-get update")


def test_a_finished_environment_is_left_alone(tmp_path: Path) -> None:
    """A second run finds that nothing changed and starts no installation."""
    python = shutil.which("python3")
    assert python
    venv = tmp_path / "venv"
    (venv / "bin").mkdir(parents=True)
    copy = tmp_path / "checkout"
    for name in ("requirements", ".ci"):
        shutil.copytree(ROOT / name, copy / name)
    shutil.copytree(ROOT / "keywatch" / "native", copy / "keywatch" / "native")
    for name in ("pyproject.toml", "setup.py"):
        shutil.copy(ROOT / name, copy)
    # an interpreter that notes what it was called for stands for the slow installation
    script(venv / "bin" / "python", f'case "$1" in -c) exec {python} "$@";; *) echo "$@" >>{tmp_path}/calls;; esac\n')
    command = [str(copy / ".ci" / "venv"), str(venv), python]
    for _ in range(2):
        subprocess.run(command, cwd=copy, env=dict(os.environ), capture_output=True, check=True)
    calls = (tmp_path / "calls").read_text().splitlines()
    once = len(calls)
    assert "--require-hashes" in calls[0]
    for times, name in enumerate(("requirements/dev.txt", "keywatch/native/count.c"), 2):
        with (copy / name).open("a") as file:
            file.write("\n")
        subprocess.run(command, cwd=copy, env=dict(os.environ), capture_output=True, check=True)
        assert len((tmp_path / "calls").read_text().splitlines()) == once * times
