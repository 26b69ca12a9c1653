"""How many messages, and to whom."""

import pytest

from keywatch.alerts.grouping import deliveries, rerouted
from keywatch.alerts.lifecycle import Change, Decisions, decide
from keywatch.alerts.routing import CONSOLE, Routing
from keywatch.model.alert import ProblemKind, Transition
from keywatch.model.finding import Severity
from tests.alerts.builders import DAY, NOW, alert, problem

SLACK = Routing(default="#keys", owners={"Orders@example.com": "#orders"})


def fired(number: int, **more: object) -> Decisions:
    """So many new problems."""
    return decide([problem(f"{index:05}", **more) for index in range(number)], [], now=NOW)


def test_a_few_changes_are_told_one_by_one() -> None:
    """Up to five of a kind each get a message."""
    messages = deliveries(fired(5), SLACK, now=NOW)
    assert [1] * 5 == [len(message.alerts) for message in messages]
    assert {"#keys"} == {message.channel for message in messages}


def test_a_first_scan_does_not_flood() -> None:
    """5,000 findings of one kind are one message, the gravest first; a critical one among them has its own."""
    leak = ProblemKind.SECRET_LEAKED
    found = [problem(f"{index:05}", kind=leak, severity=Severity.LOW) for index in range(4999)]
    found += [problem("y", kind=leak), problem("z", kind=leak, severity=Severity.CRITICAL)]
    digest, critical = deliveries(decide(found, [], now=NOW), SLACK, now=NOW)
    assert (len(digest.alerts), digest.alerts[0].problem.severity) == (5000, Severity.HIGH)
    assert [one.problem.severity for one in critical.alerts] == [Severity.CRITICAL]


def test_digests_keep_kinds_channels_and_transitions_apart() -> None:
    """News of different kinds, for different channels or of different direction never share a digest."""
    changes = [
        *fired(6).changes,
        *fired(6, kind=ProblemKind.ROOT_KEY).changes,
        *fired(6, owner="orders@example.com ").changes,
        *(Change(transition=Transition.RESOLVED, alert=alert(str(index))) for index in range(6)),
    ]
    messages = deliveries(Decisions(changes=tuple(changes)), SLACK, now=NOW)
    assert [6] * 4 == [len(message.alerts) for message in messages]
    assert ["#keys", "#keys", "#orders", "#keys"] == [message.channel for message in messages]


def test_what_has_a_message_of_its_own_is_ended_in_that_message() -> None:
    """However many are over at once, each one's own message is edited; those of a digest share one."""
    over = tuple(Change(transition=Transition.RESOLVED, alert=alert(str(index))) for index in range(20))
    alone = {change.alert.id for change in over[:10]}
    messages = deliveries(Decisions(changes=over), SLACK, now=NOW, told_alone=alone)
    assert [len(message.alerts) for message in messages] == [1] * 10 + [10]


def test_a_decision_taken_twice_makes_the_same_messages() -> None:
    """The id depends on what is told to whom, not on when: a repeat cannot be queued a second time."""
    first, later = deliveries(fired(2), SLACK, now=NOW), deliveries(fired(2), SLACK, now=NOW + DAY)
    assert [one.id for one in first] == [one.id for one in later]
    assert 2 == len({one.id for one in first})


def test_each_revision_and_channel_has_its_own_message() -> None:
    """The same alert told again later, or elsewhere, is another message."""
    first = Change(transition=Transition.CHANGED, alert=alert(revision=2))
    second = Change(transition=Transition.CHANGED, alert=alert(revision=3))
    (one, two) = deliveries(Decisions(changes=(first, second)), SLACK, now=NOW)
    assert 3 == len({one.id, two.id, rerouted(one, CONSOLE, NOW).id})
    assert rerouted(one, CONSOLE, NOW).alerts == one.alerts


@pytest.mark.parametrize(
    ("owner", "expected"),
    [
        pytest.param(None, "#keys", id="nobody's"),
        pytest.param("  ORDERS@example.com", "#orders", id="an owner with a channel"),
        pytest.param("someone@example.com", "#keys", id="an owner without one"),
        pytest.param("#team-orders", "#team-orders", id="an owner that is a channel"),
        pytest.param("#", "#keys", id="no channel at all"),
    ],
)
def test_the_owner_decides_the_channel(owner: str | None, expected: str) -> None:
    """An owner's channel, or the default one."""
    assert expected == SLACK.channel(problem(owner=owner))


def test_without_slack_everything_goes_to_the_console() -> None:
    """An owner that names a channel is told on the console where there is no other way."""
    assert CONSOLE == Routing().channel(problem(owner="#team-orders"))


def test_refused_messages_go_down_the_list_of_fallbacks() -> None:
    """Each refusal leads to the next channel, and after the last one there is none."""
    routing = Routing(default="#keys", fallbacks=("#security", CONSOLE))
    assert ["#security", CONSOLE, None] == [routing.after(one) for one in ("#keys", "#security", CONSOLE)]
