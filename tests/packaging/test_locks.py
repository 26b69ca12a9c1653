"""The locks in requirements/ name every package with its hashes, and no place to fetch it from."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ["build", "runtime", "dev"]


def pins(lock: str) -> list[tuple[Requirement, list[str]]]:
    """Every requirement of a lock with its hashes."""
    text = (ROOT / "requirements" / f"{lock}.txt").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    return [
        (Requirement(line.split("--hash")[0].strip()), re.findall(r"--hash=sha256:([0-9a-f]{64})", line))
        for line in lines
    ]


def wanted(extra: str | None) -> list[Requirement]:
    """Return what pyproject.toml asks for, with an extra's own wishes and those of the extras it takes in."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [Requirement(line) for line in project["dependencies"]]
    waiting = [extra] if extra else []
    while waiting:
        for line in project["optional-dependencies"][waiting.pop()]:
            requirement = Requirement(line)
            if requirement.name == project["name"]:
                waiting.extend(requirement.extras)
            else:
                asked.append(requirement)
    return asked


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_is_exact_and_hashed(lock: str) -> None:
    """A lock pins one version of each package and knows its files by their SHA-256."""
    assert pins(lock)
    for requirement, hashes in pins(lock):
        assert [specifier.operator for specifier in requirement.specifier] == ["=="], requirement.name
        assert requirement.url is None
        assert hashes, requirement.name


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_place(lock: str) -> None:
    """Where packages come from is the installing machine's business: a lock holds no address and no option."""
    text = (ROOT / "requirements" / f"{lock}.txt").read_text()
    assert "://" not in text
    assert set(re.findall(r"(?m)(?:^|\s)(--[a-z-]+)", text)) == {"--hash"}


@pytest.mark.parametrize(("lock", "extra"), [("runtime", None), ("dev", "dev")])
def test_a_lock_holds_all_that_the_project_asks_for(lock: str, extra: str | None) -> None:
    """Every dependency of pyproject.toml is pinned at a version it accepts; if this fails: make lock."""
    pinned = {canonicalize_name(pin.name): next(iter(pin.specifier)).version for pin, _ in pins(lock)}
    for requirement in wanted(extra):
        version = pinned.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement} is not in requirements/{lock}.txt: make lock"
        assert requirement.specifier.contains(version), f"{requirement} is pinned at {version}: make lock"


def test_what_is_tested_is_what_is_shipped() -> None:
    """The runtime's pins are the same, to the version, in the lock that the tests run under."""
    tested = {str(pin) for pin, _ in pins("dev")}
    assert {str(pin) for pin, _ in pins("runtime")} - tested == set()
