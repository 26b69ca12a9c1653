"""The console and the switchboard."""

from io import StringIO

import pytest

from keywatch.alerts.routing import CONSOLE
from keywatch.model.errors import DeliveryError, DeliveryRefused
from keywatch.notify.console import ConsoleNotifier
from keywatch.notify.switchboard import Switchboard
from tests.alerts.builders import alert, delivery


def test_a_message_reads_as_a_person_would_write_it() -> None:
    """Headline, facts in a column, next step, when; a fact of several lines stays in its column."""
    stream = StringIO()
    told = alert(facts=(("What", "key a"), ("Where", "here\nand there")))
    assert ConsoleNotifier(stream).send(delivery(alerts=(told,))).reference is None
    assert stream.getvalue().splitlines() == [
        "🟠 HIGH: key a is dying",
        "  What       key a",
        "  Where      here",
        "             and there",
        "  Next step  Use it.",
        "  keywatch, 2026-11-23 14:18 UTC",
    ]


def test_a_closed_console_is_a_failed_delivery() -> None:
    """The message is tried again, not lost."""
    stream = StringIO()
    stream.close()
    with pytest.raises(DeliveryError, match="the console takes no message"):
        ConsoleNotifier(stream).send(delivery())


def test_the_channel_decides_who_takes_a_message() -> None:
    """The console takes its own; the default takes every other channel."""
    default, console = StringIO(), StringIO()
    board = Switchboard(ConsoleNotifier(default), {CONSOLE: ConsoleNotifier(console)})
    board.send(delivery(channel=CONSOLE))
    assert (default.getvalue(), console.getvalue() != "") == ("", True)
    board.send(delivery(channel="#keys"))
    assert default.getvalue() != ""


def test_who_cannot_be_asked_refuses_the_question() -> None:
    """A channel whose notifier cannot reconcile refuses, whatever the others can do."""
    console = ConsoleNotifier(StringIO())
    board = Switchboard(console, {})
    assert not board.reconciles
    for notifier in (console, board):
        with pytest.raises(DeliveryRefused):
            notifier.find(delivery())
