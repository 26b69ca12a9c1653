"""The Dockerfile builds a small image whose daemon is not root and hears its signals."""

import json
import shlex
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]


class Instruction(NamedTuple):
    """One instruction of a Dockerfile, its continued lines joined."""

    word: str
    rest: str


def instructions(text: str) -> list[Instruction]:
    """Split a Dockerfile into its instructions, without comments."""
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    joined = lines.replace("\\\n", " ")
    return [
        Instruction(word.upper(), rest.strip())
        for word, _, rest in (i.partition(" ") for i in joined.split("\n"))
        if word
    ]


@pytest.fixture(scope="module")
def dockerfile() -> list[Instruction]:
    """Every instruction of the Dockerfile."""
    return instructions((ROOT / "Dockerfile").read_text())


@pytest.fixture(scope="module")
def image(dockerfile: list[Instruction]) -> list[Instruction]:
    """The instructions of the last stage: what the image is."""
    last = max(place for place, instruction in enumerate(dockerfile) if instruction.word == "FROM")
    return dockerfile[last:]


def only(stage: list[Instruction], word: str) -> str:
    """Return what follows the only instruction of this name."""
    (rest,) = (instruction.rest for instruction in stage if instruction.word == word)
    return rest


def test_the_daemon_is_not_root(image: list[Instruction]) -> None:
    """The image runs under a fixed number that is not root's, after the last step that needs root."""
    user, _, group = only(image, "USER").partition(":")
    assert int(user) >= 10000
    assert int(group) >= 10000
    words = [instruction.word for instruction in image]
    assert words.index("USER") > max(place for place, word in enumerate(words) if word == "RUN")


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("ENTRYPOINT", ["keywatch"]),
        ("CMD", ["run", "--config", "/etc/keywatch/keywatch.toml"]),
        ("VOLUME", ["/var/lib/keywatch"]),
    ],
)
def test_the_daemon_is_process_1_and_keeps_its_state(image: list[Instruction], word: str, expected: list[str]) -> None:
    """ENTRYPOINT and CMD are in exec form, so no shell stands between a signal and the daemon; state is a volume."""
    assert json.loads(only(image, word)) == expected


def test_the_health_check_asks_the_daemon_itself(image: list[Instruction]) -> None:
    """Health is the answer of /healthz on loopback, asked by a program that the image has."""
    options, _, command = only(image, "HEALTHCHECK").partition("CMD ")
    program, flag, code = json.loads(command)
    assert "--timeout=" in options
    assert (program, flag) == ("/opt/keywatch/bin/python", "-c")
    assert "http://127.0.0.1:9470/healthz" in code
    compile(code, "HEALTHCHECK", "exec")


def test_what_is_copied_from_here_exists_and_is_let_into_the_build(dockerfile: list[Instruction]) -> None:
    """Every source of a COPY is in the checkout, and .dockerignore, which shuts out everything else, lets it in."""
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied: set[str] = set()
    for instruction in dockerfile:
        if instruction.word == "COPY" and "--from" not in instruction.rest:
            *sources, _ = shlex.split(instruction.rest)
            copied.update(sources)
    assert copied == allowed
    assert {name for name in copied if not (ROOT / name).exists()} == set()


def test_every_install_is_hash_locked_or_local(dockerfile: list[Instruction]) -> None:
    """A package enters the image only with the hash that the lock names, or from the wheel that the build just made."""
    installs = [i.rest for i in dockerfile if i.word == "RUN" and "pip" in i.rest and "install" in i.rest]
    assert len(installs) == 3
    for command in installs:
        assert "--require-hashes" in command or "--no-index" in command
