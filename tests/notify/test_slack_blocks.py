"""Whatever an alert holds, Slack takes the message, and nothing in it does anything."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywatch.demo.slack_view import faults, view
from keywatch.model.alert import Alert, AlertId, AlertState, Delivery, Problem, ProblemKind, Transition
from keywatch.model.finding import Severity
from keywatch.notify.console import plain
from keywatch.notify.slack_blocks import MOST_CHARACTERS, render, render_reply
from tests.alerts.builders import NOW, alert, delivery

# Every code point, lone surrogates and controls too.
ANY = st.text(st.characters(), max_size=300) | st.text(st.sampled_from('"\\<>&\u202e🔴'), max_size=4000)

PROBLEMS = st.builds(
    Problem,
    id=ANY.map(AlertId),
    kind=st.sampled_from(ProblemKind),
    severity=st.sampled_from(Severity),
    title=ANY,
    facts=st.lists(st.tuples(ANY, ANY), max_size=14).map(tuple),
    next_step=ANY,
    owner=st.none() | ANY,
    stage=ANY,
)


def about(problem: Problem) -> Alert:
    """An alert about a problem."""
    return Alert(problem=problem, state=AlertState.FIRING, opened_at=NOW, changed_at=NOW)


@given(st.lists(PROBLEMS, min_size=1, max_size=3), st.sampled_from(Transition), st.sampled_from([1, 1, 40]))
def test_any_alert_renders_within_slacks_limits(problems: list[Problem], transition: Transition, times: int) -> None:
    """Any text of any length, in any number of alerts: valid blocks, a fallback text, JSON that can be sent."""
    told = delivery(transition=transition, alerts=tuple(map(about, problems)) * times)
    for message in (render(told), render_reply(told)):
        assert faults(message.blocks) == []
        assert len(json.dumps(message.blocks, ensure_ascii=False)) <= MOST_CHARACTERS
        assert 0 < len(message.text) <= 4_000
        json.dumps(message.blocks, ensure_ascii=False).encode("utf-8")
        message.text.encode("utf-8")
    plain(told).encode("utf-8")


@pytest.mark.parametrize("size", [500, 900])
def test_what_is_too_long_in_sum_is_shortened_evenly(size: int) -> None:
    """Ten facts that need escaping are cut until the whole fits; none of them is left out."""
    facts = tuple((f"Label {number}", '"' * size) for number in range(10))
    message = render(delivery(alerts=(alert(facts=facts, next_step='"' * size),)))
    assert len(json.dumps(message.blocks, ensure_ascii=False)) <= MOST_CHARACTERS
    assert [f"Label {number}: " in view(message.blocks) for number in range(10)] == [True] * 10


def test_an_alert_without_facts_still_says_what_to_do() -> None:
    """An alert that has only a title is a header, a next step and a date."""
    assert len(render(delivery(alerts=(alert(facts=()),))).blocks) == 3


def test_markup_from_outside_is_inert() -> None:
    """A file may be called `<!channel>`: blocks show it as it is, and the fallback text has it escaped."""
    told = delivery(alerts=(alert(title="leak in <!channel> & <https://evil.example|here>.py"),))
    message = render(told)
    assert "&lt;!channel&gt; &amp; &lt;https://evil.example|here&gt;" in message.text
    assert "<!channel>" in view(message.blocks)
    assert "mrkdwn" not in json.dumps(message.blocks)


def test_a_terminal_cannot_be_tricked_either() -> None:
    """Escape sequences in a name reach neither Slack nor the console."""
    told = delivery(alerts=(alert(title="a\x1b]0;owned\x07b\x9b31m"),))
    assert not set("\x1b\x07\x9b") & set(plain(told) + view(render(told).blocks))


def test_a_message_says_how_bad_what_and_what_to_do() -> None:
    """Severity is a word, not only a colour; the facts and the next step follow."""
    text = view(render(delivery(alerts=(alert(severity=Severity.CRITICAL),))).blocks)
    assert text.splitlines() == [
        "🔴 CRITICAL: key a is dying",
        "  What: key a",
        "  So what: Amazon deletes it.",
        "  Next step: Use it.",
        "  keywatch, 2026-11-23 14:18 UTC",
    ]


def test_what_is_over_is_struck_through_and_asks_for_nothing() -> None:
    """A resolved alert says so in words, strikes its facts, and has no next step."""
    text = view(render(delivery(transition=Transition.RESOLVED)).blocks)
    assert text.startswith("✅ RESOLVED: key a is dying\n  What: ~key a~")
    assert "Next step" not in text


def test_what_is_back_is_said_to_be_back() -> None:
    """A regressed alert is told as one that had been resolved."""
    text = view(render(delivery(transition=Transition.REGRESSED)).blocks)
    assert text.startswith("🟠 HIGH again: key a is dying")
    assert text.endswith("it was resolved, and is back")


def test_a_digest_lists_the_first_and_counts_the_rest() -> None:
    """5,000 leaks are one message: how many, the first twenty with their owners, and the command that lists all."""
    told = tuple(alert(str(number), kind=ProblemKind.SECRET_LEAKED, owner="ann") for number in range(5000))
    lines = view(render(delivery(alerts=told)).blocks).splitlines()
    assert lines[0] == "🟠 HIGH: 5000 leaked secrets"
    assert lines[1] == "  * HIGH key 0 is dying (ann)"
    assert lines[21] == "  and 4,980 more: keywatch findings"
    assert len(plain(delivery(alerts=told)).splitlines()) == 53


def test_a_digest_of_what_is_over_asks_for_nothing() -> None:
    """A digest of resolved alerts has no next step; one that lists all counts no rest."""
    told: Delivery = delivery(transition=Transition.RESOLVED, alerts=(alert("a"), alert("b")))
    lines = view(render(told).blocks).splitlines()
    assert lines[:3] == ["✅ RESOLVED: 2 dying keys", "  * HIGH key a is dying", "  * HIGH key b is dying"]
    assert len(lines) == 4


def test_a_reply_says_what_has_changed_and_what_it_means() -> None:
    """The thread is told the new state and its consequence in one paragraph."""
    text = view(render_reply(delivery(transition=Transition.CHANGED)).blocks)
    assert text == "  Changed: 🟠 HIGH: key a is dying. Amazon deletes it."
