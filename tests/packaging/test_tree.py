"""The tree holds nothing of the machine it was written on and names no package index."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# Written in pieces, or this very file would be found.
INDEX = re.compile(
    "|".join(
        [
            "python" + "hosted",
            "pypi" + r"\.org",
            "deb" + r"\.debian\.org",
            "(?:registry|index)" + r"\.(?:npmjs|docker|crates)",
            r"https?://\S+/" + "simple/?(?![\\w-])",
            "(?:extra-)?" + "index-url[= ]+http",
            "trusted" + "-host",
        ]
    )
)

# Folders where anybody may keep a checkout, and which documents may name for reasons of their own.
COMMON = set(map(Path, ("/", "/home", "/opt", "/root", "/srv", "/tmp", "/usr/local/src", "/usr/src", "/var/tmp")))


def tracked() -> Iterator[tuple[str, str]]:
    """Every text file under version control: its name and its text."""
    listed = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, check=True)
    for name in listed.stdout.decode().split("\0"):
        path = ROOT / name
        if name and path.is_file() and not path.is_symlink():
            content = path.read_bytes()
            if b"\0" not in content:
                yield name, content.decode(errors="replace")


def lines_with(pattern: re.Pattern[str]) -> list[str]:
    """Return each place in the tree that a pattern is found at, as file:line: text."""
    return [
        f"{name}:{number}: {line.strip()[:120]}"
        for name, text in tracked()
        if pattern.search(text)
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def test_the_tree_is_under_version_control() -> None:
    """The searches below look at real files."""
    assert {"pyproject.toml", "Makefile", "keywatch/__init__.py"} <= {name for name, _ in tracked()}


def test_no_file_names_a_package_index() -> None:
    """Where packages come from is the business of the machine that installs them."""
    assert lines_with(INDEX) == []


def test_no_file_names_the_place_of_this_checkout() -> None:
    """No path of the machine that a file was written on is left in it."""
    telling = {place for place in (ROOT.parent, Path.home()) if place not in COMMON}
    for place in telling:
        path = re.compile(r"(?<![\w.~$}-])" + re.escape(str(place)) + r"(?![\w-])")
        assert lines_with(path) == []
