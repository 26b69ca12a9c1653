"""The whole of keywatch against the demo's world, as processes of their own."""

import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from keywatch.demo.slack import SlackMessage
from keywatch.demo.world import World, world


@dataclass
class Lived:
    """A world, and everything Slack was ever told in it, edits included."""

    world: World = field(init=False)
    told: list[SlackMessage] = field(default_factory=list)
    heard: threading.Event = field(default_factory=threading.Event)
    """Set when the first message has arrived."""

    def hear(self, message: SlackMessage) -> None:
        """Note what Slack was told."""
        self.told.append(message)
        self.heard.set()

    def keywatch(self, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """Run a command in this world, with its configuration."""
        return subprocess.run(
            [sys.executable, "-m", "keywatch", *arguments],
            env=self.world.environment | environment,
            cwd=self.world.directory,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@pytest.fixture
def make_world(tmp_path: Path, rules_cache: Path) -> Iterator[Lived]:
    """A fresh world, but for the compiled rules."""
    state = tmp_path / "world" / "state"
    state.mkdir(mode=0o700, parents=True)
    shutil.copytree(rules_cache, state / "cache")
    lived = Lived()
    with world(tmp_path / "world", on_message=lived.hear) as lived.world:
        yield lived
