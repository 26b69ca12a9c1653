"""The trees: what is on this machine anyway, what npm installs, and whatever directories are given."""

import os
import shutil
import subprocess
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGES = (
    "typescript@5.9", "webpack@5", "react@19", "react-dom@19", "next@15", "lodash@4", "aws-sdk@2", "eslint@9",
    "@babel/core@7", "firebase@12",
)  # fmt: skip
_MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Tree:
    """A directory, or the reason why there is none."""

    name: str
    path: Path | None
    missing: str = ""

    @property
    def megabytes(self) -> float:
        """Size of its files; links are not followed."""
        return _size(self.path) / _MEGABYTE if self.path is not None else 0.0


def trees(directories: list[str]) -> Iterator[Tree]:
    """Yield the given directories; where none is given, those that every machine has or can get."""
    if directories:
        yield from (Tree(Path(name).resolve().name, Path(name).resolve()) for name in directories)
        return
    yield _standard_library()
    yield Tree("site-packages", Path(sysconfig.get_path("purelib")).resolve())
    yield _node_modules()


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "keywatch", "noise")


def _standard_library() -> Tree:
    """Return a copy of the library that this Python came with, tests included, without what pip put inside it."""
    name = f"python{sysconfig.get_python_version()}"
    copy = _cache() / name
    if not copy.is_dir():
        ignored = shutil.ignore_patterns("site-packages", "dist-packages", "__pycache__")
        shutil.copytree(sysconfig.get_path("stdlib"), copy, symlinks=True, ignore=ignored)
    return Tree(f"{name}'s library", copy)


def _node_modules() -> Tree:
    name, cache = "node_modules", _cache()
    if (cache / name).is_dir():
        return Tree(name, cache / name)
    npm = shutil.which("npm")
    if npm is None:
        return Tree(name, None, "npm is not installed")
    cache.mkdir(parents=True, exist_ok=True)
    command = [npm, "install", "--prefix", str(cache), "--ignore-scripts", "--no-audit", "--no-fund", *PACKAGES]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        shutil.rmtree(cache / name, ignore_errors=True)
        return Tree(name, None, f"npm install failed: {done.stderr.strip().splitlines()[-1:]}")
    return Tree(name, cache / name)


def _size(path: Path) -> int:
    files = (Path(folder, file) for folder, _, names in os.walk(path) for file in names)
    return sum(file.lstat().st_size for file in files if not file.is_symlink())
