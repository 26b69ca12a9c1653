"""`kill -9` between any two steps of finding seen -> alert -> delivered: none lost, none doubled."""

import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from keywatch.demo.cloud import CloudKey
from keywatch.demo.history import make_repository
from keywatch.demo.slack import SlackServer
from keywatch.demo.text import HelpDesk, invented
from keywatch.model.secret import Secret

NOW = datetime.now(UTC)
ZYGOTE = Path(__file__).with_name("zygote.py")


@dataclass
class Deathbed:
    """Lives through the same day as often as asked, in a state directory of its own each time."""

    directory: Path
    process: "subprocess.Popen[str]"
    lives: int = 0

    def begin(self, slack: SlackServer) -> Path:
        """Forget everything but what costs time to make: the compiled rules. Returns the configuration."""
        self.lives += 1
        home = self.directory / f"life-{self.lives}"
        (home / "state").mkdir(parents=True, mode=0o700)
        if (cache := self.directory / "cache").exists():
            shutil.copytree(cache, home / "state" / "cache")
        (home / "token").write_text(slack.token, "ascii")
        config = home / "keywatch.toml"
        config.write_text(
            f"""
state_dir = "{home}/state"
slack = {{ token = "file:{home}/token", channel = "#keys", api_url = "{slack.api_url}" }}
scan = [  # each told in a channel of its own, so that no message has to wait for another
    {{ name = "repo", git = "{self.directory}/repo", owner = "#repo" }},
    {{ name = "desk", log = "{self.directory}/desk/tickets.log", owner = "#desk" }},
    {{ name = "gone", directory = "{self.directory}/gone" }},
]
""",
            "utf-8",
        )
        return config

    def live(self, config: Path, deadly: int = 0, when: str = "before") -> tuple[int, int]:
        """One cycle; returns the exit status and the number of commits that were made."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{config} {deadly} {when}\n")
        self.process.stdin.flush()
        status, commits = self.process.stdout.readline().split()
        return int(status), int(commits)


@pytest.fixture(scope="module")
def deathbed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deathbed]:
    """A repository with a leaked pair, a ticket with a seller's key, a directory that is missing: three problems."""
    directory = tmp_path_factory.mktemp("deathbed")
    pair = CloudKey("AKIA" + "KEYWATCHDEAD" + "2345", Secret(invented(40).encode()))
    make_repository(directory / "repo", pair, NOW)
    HelpDesk(directory / "desk" / "tickets.log").write(NOW, f"here is my secret key: {invented(40)}")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    with subprocess.Popen(
        [sys.executable, str(ZYGOTE), str(directory / "log")],
        env=environment | {"PYTHONPATH": str(ZYGOTE.parents[2])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        made = Deathbed(directory, process)
        with SlackServer(("#keys", "#repo", "#desk")) as slack:
            config = made.begin(slack)
            status, _ = made.live(config)
            assert status == 2, "a directory is missing, so the cycle is incomplete"
            shutil.copytree(config.parent / "state" / "cache", directory / "cache")
        yield made
        assert process.stdin is not None
        process.stdin.close()


def told(slack: SlackServer) -> Counter[str]:
    return Counter(message.text.splitlines()[0] for message in slack.messages)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_kill_at_any_commit_loses_and_doubles_nothing(deathbed: Deathbed, when: str) -> None:
    """Where the bot may read the channel's history, each alert arrives exactly once whenever the daemon dies."""
    deadly, died = 0, True
    while died:
        deadly += 1
        with SlackServer(("#keys", "#repo", "#desk")) as slack:
            config = deathbed.begin(slack)
            status, _ = deathbed.live(config, deadly, when)
            died = status == -signal.SIGKILL
            deathbed.live(config)
            counts = told(slack)
            assert len(counts) == 3, f"lost when killed {when} commit {deadly}: {counts}"
            assert set(counts.values()) == {1}, f"doubled when killed {when} commit {deadly}: {counts}"
    assert deadly > 10, "the cycle has more steps than this"


def test_without_the_history_at_most_the_message_under_way_is_doubled(deathbed: Deathbed) -> None:
    """Where the bot may not read back, nothing is lost, and at most the one message that was under way comes twice."""
    deadly, died, doubled = 0, True, 0
    while died:
        deadly += 1
        with SlackServer(("#keys", "#repo", "#desk")) as slack:
            slack.scopes.remove("channels:history")
            config = deathbed.begin(slack)
            status, _ = deathbed.live(config, deadly)
            died = status == -signal.SIGKILL
            deathbed.live(config)
            counts = told(slack)
            assert len(counts) == 3, f"lost when killed before commit {deadly}: {counts}"
            assert sum(counts.values()) <= 4, f"more than one doubled when killed before commit {deadly}: {counts}"
            doubled += sum(counts.values()) - 3
    assert doubled > 0, "the deaths have not hit the moment that this is about"
