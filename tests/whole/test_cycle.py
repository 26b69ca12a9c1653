"""One full cycle of the real daemon in the demo's world, as a newcomer sees it."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from keywatch.demo.slack import Trouble
from tests.whole.conftest import Lived


def titles(lived: Lived) -> list[str]:
    return [message.text.splitlines()[0] for message in lived.told]


def one(lines: list[str], *words: str) -> str:
    """The one line that has all the words."""
    (line,) = [line for line in lines if all(word in line for word in words)]
    return line


def test_each_problem_is_one_message_and_a_second_cycle_says_nothing(make_world: Lived) -> None:
    """A key about to die, a token on its way, and why; a key never used, a leaked pair, a seller's secret key: once."""
    lived = make_world
    for _ in range(2):
        done = lived.keywatch("run", "--once", "--config", str(lived.world.config))
        assert done.returncode == 0, done.stderr
        said = titles(lived)
        assert len(said) == lived.world.problems == 6
        assert one(said, "reports-export", "4 days left")
        assert one(said, "orders in Paris", "13 days left")
        assert one(said, "seller A1DEMOPARIS00 of application orders: Amazon denies all calls (403)")
        assert one(said, "pilot-integration", "never used in 40 days")
        assert one(said, "Leaked", "ci-deploy", "orders-sync")
        assert one(said, "seller's secret key", "tickets.log")
    assert Counter(message.channel for message in lived.told) == {"#keys": 3, "#orders": 3}


def test_the_inventory_names_every_key_once_with_its_days(make_world: Lived) -> None:
    """A Vault entry and the IAM key it holds are one line; the day Amazon deletes it is named."""
    lived = make_world
    lived.keywatch("run", "--once", "--config", str(lived.world.config))
    listed = json.loads(lived.keywatch("keys", "--json", "--config", str(lived.world.config)).stdout)
    keys = {key["id"]: key for key in listed["keys"]}
    assert len(keys) == 7
    reports = keys[f"aws-access-key-id:{lived.world.cloud.keys['reports-export'].id}"]
    assert (reports["days_left"], reports["basis"], reports["level"]) == (4, "proven", "urgent")
    assert {place["source"] for place in reports["locations"]} == {"aws-iam:demo", "vault-kv2:demo"}
    pilot = keys[f"aws-access-key-id:{lived.world.cloud.keys['pilot-integration'].id}"]
    assert (pilot["basis"], pilot["last_success"]) == ("never", None)
    table = lived.keywatch("keys", "--config", str(lived.world.config)).stdout
    assert one(table.splitlines(), reports["name"], "urgent (proven)")


def test_a_leak_in_a_deleted_file_names_key_commit_and_author(make_world: Lived) -> None:
    """The finding says where it was, that it is gone from the tree, who committed it, and whose it is."""
    lived = make_world
    lived.keywatch("run", "--once", "--config", str(lived.world.config))
    listed = json.loads(lived.keywatch("findings", "--json", "--config", str(lived.world.config)).stdout)
    leak = next(item for item in listed["findings"] if item["category"] == "aws")
    assert leak["key"] == f"aws-access-key-id:{lived.world.cloud.keys['ci-deploy'].id}"
    assert leak["ownership"] == "ours"
    (place,) = leak["places"]
    assert (place["path"], place["line"], place["author"], place["present"]) == (
        "deploy/ci.env",
        2,
        "Dana Example",
        False,
    )
    seller = next(item for item in listed["findings"] if item["category"] == "seller")
    assert seller["ownership"] == "foreign"


def test_a_source_that_fails_stops_no_other_and_makes_its_keys_unknown(make_world: Lived) -> None:
    """CloudTrail gone: one alert about it, its keys unknown and not dying, everything else as before, exit 2."""
    lived = make_world
    config = lived.world.config
    config.write_text(config.read_text("utf-8").replace('bucket = "demo-cloudtrail"', 'bucket = "gone"'), "utf-8")
    done = lived.keywatch("run", "--once", "--config", str(config))
    assert done.returncode == 2
    said = titles(lived)
    assert one(said, "cannot read cloudtrail:demo")
    assert not [line for line in said if "reports-export" in line]
    assert one(said, "orders in Paris", "13 days left")
    listed = json.loads(lived.keywatch("keys", "--json", "--config", str(config)).stdout)
    reports = next(key for key in listed["keys"] if "reports-export" in key["name"])
    assert reports["basis"] == "unknown"
    assert "cloudtrail:demo is blind" in reports["reasons"][0]


def test_a_blind_source_resolves_nothing_and_its_return_is_told(make_world: Lived) -> None:
    """What was known stays open while nobody can look; when the source is back, its alert is struck through."""
    lived = make_world
    config, text = lived.world.config, lived.world.config.read_text("utf-8")
    lived.keywatch("run", "--once", "--config", str(config))
    config.write_text(text.replace('bucket = "demo-cloudtrail"', 'bucket = "gone"'), "utf-8")
    lived.keywatch("run", "--once", "--config", str(config))
    assert titles(lived)[6:] == [one(titles(lived), "cannot read cloudtrail:demo")]
    config.write_text(text, "utf-8")
    lived.keywatch("run", "--once", "--config", str(config))
    assert "RESOLVED" in titles(lived)[-1].upper()
    assert len(titles(lived)) == 8


def test_a_key_that_is_used_again_is_told_as_resolved(make_world: Lived) -> None:
    """The message about the dying key is struck through in place: nobody has to look whether it is over."""
    from datetime import UTC, datetime, timedelta

    lived = make_world
    lived.keywatch("run", "--once", "--config", str(lived.world.config))
    lived.world.cloud.call("reports-export", datetime.now(UTC) - timedelta(minutes=20))
    lived.keywatch("run", "--once", "--config", str(lived.world.config))
    assert one(titles(lived)[6:], "reports-export", "RESOLVED")
    assert len(lived.world.slack.messages) == 6


def test_slack_may_be_down_for_a_cycle(make_world: Lived) -> None:
    """What could not be told is told next time, each thing once."""
    lived = make_world
    lived.world.slack.fail(Trouble.BROKEN, times=50, method="chat.postMessage")
    assert lived.keywatch("run", "--once", "--config", str(lived.world.config)).returncode == 2
    assert not lived.told
    lived.world.slack.forgive()
    again = lived.keywatch("run", "--once", "--config", str(lived.world.config))
    assert again.returncode in {0, 2}
    assert len(set(titles(lived))) == len(titles(lived))


def test_check_names_what_holds_and_what_is_missing(make_world: Lived) -> None:
    """Every source with each permission; a missing one with what to do, and exit status 2."""
    lived = make_world
    good = lived.keywatch("check", "--config", str(lived.world.config))
    assert (good.returncode, good.stderr) == (0, "")
    assert "iam:ListUsers" in good.stdout
    config = lived.world.config
    config.write_text(config.read_text("utf-8").replace(lived.world.vault.url, "http://127.0.0.1:9"), "utf-8")
    bad = lived.keywatch("check", "--config", str(config))
    assert bad.returncode == 2
    assert "missing" in bad.stdout
    assert "Traceback" not in bad.stdout + bad.stderr


def test_make_demo_once_shows_it_all(tmp_path: Path) -> None:
    """`keywatch demo --once` builds the world, tells six things, lists seven keys, exits 0, and leaves nothing."""
    import os

    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    done = subprocess.run(
        [sys.executable, "-m", "keywatch", "demo", "--once"],
        env=environment | {"TMPDIR": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("[Slack #") == 6
    assert "urgent (proven)" in done.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("signal_name", ["SIGTERM", "SIGINT"])
def test_the_daemon_stops_when_asked(make_world: Lived, signal_name: str) -> None:
    """It finishes the step it is in and exits with status 0; systemd would wait ten seconds."""
    import signal

    lived = make_world
    with subprocess.Popen(
        [sys.executable, "-m", "keywatch", "run", "--config", str(lived.world.config)],
        env=lived.world.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as daemon:
        assert lived.heard.wait(90)
        daemon.send_signal(getattr(signal, signal_name))
        assert daemon.wait(60) == 0
