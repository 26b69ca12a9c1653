"""The daemon's log cannot carry a secret."""

import json
import logging
import sys
import threading

import pytest
import structlog

from keywatch.model.secret import Secret
from keywatch.service.log import configure, guard_streams

pytestmark = pytest.mark.usefixtures("clean_logging")

CANARY = "wJ" + "alrXUtnFEMIK7MDENGbPxRfiCYcanary012345"
TOKENS = [
    CANARY,
    "Atzr|" + "IwEBIcanary",
    "Atza%7C" + "IwEBIcanary",
    "amzn1.oa2-cs.v1." + "0123456789abcdef" * 4,
    "0123456789abcdef" * 4,
    "xoxb-" + "1234-canary",
    "https://hooks.slack.com/" + "services/T0/B0/canary",
    "hvs." + "canarycanary",
]


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_line_is_json_with_its_fields(capsys: pytest.CaptureFixture[str]) -> None:
    """Not on a terminal, each event is one JSON object with time, level and fields."""
    configure()
    structlog.get_logger().info("source_read", source="aws-iam:prod", items=3)
    (line,) = lines(capsys)
    assert (line["event"], line["source"], line["items"], line["level"]) == ("source_read", "aws-iam:prod", 3, "info")
    assert str(line["timestamp"]).endswith("Z")


def test_a_field_that_is_not_on_the_list_is_dropped(capsys: pytest.CaptureFixture[str]) -> None:
    """A new field is a decision: until it is taken, the field does not show."""
    configure()
    structlog.get_logger().info("source_read", response=CANARY)
    (line,) = lines(capsys)
    assert "response" not in line
    assert line["count"] == "1 unlisted field(s) dropped"


@pytest.mark.parametrize("token", TOKENS)
def test_what_looks_like_a_token_is_cut_out_of_a_listed_field(token: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Text that came from outside may quote anything."""
    configure()
    structlog.get_logger().warning("item_skipped", why=f"refused {token} by server", hint=[Secret(token.encode())])
    text = capsys.readouterr().err
    assert "<cut>" in text
    assert token not in text


def test_a_traceback_shows_where_but_neither_text_nor_locals(capsys: pytest.CaptureFixture[str]) -> None:
    """An exception's text and its frames' variables are where libraries keep requests and responses."""
    configure()

    def fails(held: str) -> None:
        raise RuntimeError(f"request failed: {held}")

    try:
        fails("short-canary-value")
    except RuntimeError:
        structlog.get_logger().exception("job_failed", job="scan")
    (line,) = lines(capsys)
    assert line["error_type"] == "RuntimeError"
    assert "test_log.py:" in str(line["at"])
    assert "canary" not in json.dumps(line)


def test_a_library_logs_under_its_own_name_and_without_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    """slack_sdk logs whole requests at DEBUG: below WARNING it is silent, above it shows the text, not the values."""
    configure("debug")
    logging.getLogger("slack_sdk.web").debug("body %s", CANARY)
    logging.getLogger("somebody").warning("used %s", "a value of no known shape")
    logging.getLogger("somebody").warning(f"used {CANARY}")  # noqa: G004 - as libraries do
    first, second = lines(capsys)
    assert (first["event"], first["logger"], first["message"]) == ("library_logged", "somebody", "used %s")
    assert second["message"] == "used <cut>"


def test_a_person_at_a_terminal_reads_text(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """On a terminal the same event is a line of text."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    configure()
    structlog.get_logger().info("daemon_started", version="1")
    text = capsys.readouterr().err
    assert "daemon_started" in text
    assert not text.startswith("{")


def test_a_thread_that_dies_is_logged_without_its_text(capsys: pytest.CaptureFixture[str]) -> None:
    """Python itself would print the exception's text on stderr, past every rule of the log."""
    configure()
    guard_streams()

    def dies() -> None:
        raise RuntimeError("short-canary-value")

    thread = threading.Thread(target=dies)
    thread.start()
    thread.join()
    (line,) = lines(capsys)
    assert (line["event"], line["error_type"]) == ("thread_died", "RuntimeError")
    assert "canary" not in json.dumps(line)


def test_a_line_that_cannot_be_logged_is_not_printed_instead(capsys: pytest.CaptureFixture[str]) -> None:
    """A library that logs in a wrong way must not have its values shown for it."""
    configure()
    guard_streams()
    logging.getLogger("somebody").warning("two values: %s %s", "short-canary-value")  # noqa: PLE1206 - as libraries do
    assert "canary" not in capsys.readouterr().err
