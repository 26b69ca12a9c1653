"""How an obligation stands: broken, unknown, to be confirmed, kept; each side of each moment."""

from dataclasses import replace
from datetime import timedelta

import pytest

from keywatch.alerts.policy_problems import reminders
from keywatch.model.alert import AlertId, Problem, ProblemKind
from keywatch.model.finding import Severity
from keywatch.policy import Assessment, Attestation, Obligation, State, Word, assess
from keywatch.policy.obligation import Duty
from tests.alerts.builders import DAY, NOW

SECOND = timedelta(seconds=1)
DUTY = Duty(policy="aup", edition="x", link="https://example.com")
WATCHED = Obligation(
    id="watched", title="W.", duty=DUTY, watched=(ProblemKind.KEY_DYING,), seen_by=("inventory", "calls")
)
ASKED = Obligation(id="asked", title="A.", duty=DUTY, confirmed_every=90 * DAY, question="Is it?")
BOTH = Obligation(
    id="both",
    title="B.",
    duty=DUTY,
    watched=(ProblemKind.SELLER_SECRET,),
    seen_by=("content",),
    confirmed_every=90 * DAY,
    question="Is it?",
)
EVERYTHING = frozenset({"inventory", "calls", "content"})


def wrong(kind: ProblemKind) -> Problem:
    return Problem(
        id=AlertId(f"{kind.value}:x"), kind=kind, severity=Severity.HIGH, title="it is wrong", facts=(), next_step="x"
    )


def word(obligation: str, days_ago: float = 0, by: str = "Anna") -> Attestation:
    return Attestation(obligation=obligation, by=by, at=NOW - days_ago * DAY)


def stood(item: Obligation, *problems: Problem, words: tuple[Attestation, ...] = (), **more: object) -> Assessment:
    facts: dict[str, object] = {"read": EVERYTHING, "blind": {}, "now": NOW}
    (found,) = assess([item], problems=problems, attestations=words, **(facts | more))  # type: ignore[arg-type]
    return found


def test_what_is_watched_is_kept_while_nothing_is_wrong() -> None:
    """And broken by the problems that it names, not by others."""
    assert stood(WATCHED).state is State.KEPT
    assert stood(WATCHED, wrong(ProblemKind.SELLER_SECRET)).state is State.KEPT
    broken = stood(WATCHED, wrong(ProblemKind.KEY_DYING), wrong(ProblemKind.KEY_DYING))
    assert (broken.state, broken.reasons) == (State.BROKEN, ("it is wrong, and 1 more",))


def test_where_nobody_looks_nothing_is_claimed() -> None:
    """Neither without a source, nor while one is blind; what is seen to be wrong is wrong all the same."""
    assert stood(WATCHED, read={"inventory"}).reasons == (
        "nothing is configured that would see it: no source of calls",
    )
    blind = {"calls": ["cloudtrail:a", "cloudtrail:b", "cloudtrail:c", "cloudtrail:d"], "content": ["git:x"]}
    unseen = stood(WATCHED, blind=blind)
    assert (unseen.state, unseen.reasons) == (
        State.UNKNOWN,
        ("cannot be read now: cloudtrail:a, cloudtrail:b, cloudtrail:c and 1 more",),
    )
    assert stood(WATCHED, wrong(ProblemKind.KEY_DYING), blind=blind).state is State.BROKEN


def test_a_word_may_be_enough_where_nothing_looks() -> None:
    """Where that is said of it: nothing is configured to look, and a person does. Whoever looks and cannot is blind."""
    item = replace(BOTH, only_where_read=True)
    said = (word("both"),)
    assert State.DUE is stood(item, read={"calls"}).state
    assert State.KEPT is stood(item, read={"calls"}, words=said).state
    assert State.UNKNOWN is stood(BOTH, read={"calls"}, words=said).state
    assert State.UNKNOWN is stood(item, blind={"content": ["git:x"]}, words=said).state
    assert State.BROKEN is stood(item, wrong(ProblemKind.SELLER_SECRET), words=said).state


@pytest.mark.parametrize(
    ("age", "state", "how"),
    [
        (0 * DAY, State.KEPT, Word.HOLDS),
        (76 * DAY - SECOND, State.KEPT, Word.HOLDS),
        (76 * DAY, State.KEPT, Word.LAPSES),
        (90 * DAY - SECOND, State.KEPT, Word.LAPSES),
        (90 * DAY, State.DUE, Word.LAPSED),
        (900 * DAY, State.DUE, Word.LAPSED),
    ],
)
def test_a_word_holds_for_its_time_to_the_second(age: timedelta, state: State, how: Word) -> None:
    """And is asked for anew before it ends."""
    found = stood(ASKED, words=(word("asked", age / DAY),))
    assert (found.state, found.word) == (state, how)
    assert "Anna" in found.reasons[0]


def test_the_last_word_counts_and_without_one_it_is_due() -> None:
    """Whatever order they come in; somebody's word about something else says nothing."""
    assert (stood(ASKED, words=(word("both"),)).state, stood(ASKED).word) == (State.DUE, Word.MISSING)
    words = (word("asked", 1, "Ben"), word("asked", 200))
    for order in (words, words[::-1]):
        found = stood(ASKED, words=order)
        assert (found.state, found.attestation) == (State.KEPT, words[0])


def test_of_what_is_watched_and_confirmed_the_worse_is_told_and_both_are_reasons() -> None:
    """A person's word does not outweigh what was seen."""
    assert stood(BOTH).state is State.DUE
    assert stood(BOTH, words=(word("both"),)).state is State.KEPT
    assert stood(BOTH, words=(word("both"),), read=set()).state is State.UNKNOWN
    broken = stood(BOTH, wrong(ProblemKind.SELLER_SECRET), words=(word("both"),))
    assert (broken.state, broken.word, len(broken.reasons)) == (State.BROKEN, Word.HOLDS, 2)


def test_what_does_not_apply_says_why() -> None:
    """Whatever else is the case."""
    excused = Obligation(id="x", title="X.", duty=DUTY, watched=WATCHED.watched, excused="no such keys")
    assert stood(excused, wrong(ProblemKind.KEY_DYING)).reasons == ("no such keys",)


def test_whoever_sees_to_it_is_reminded_of_what_is_due_and_what_soon_will_be() -> None:
    """Of each by itself, so that confirming one ends its reminder; of what is broken as well, if a word is missing."""
    rows = [
        stood(WATCHED),
        stood(ASKED),
        stood(BOTH, wrong(ProblemKind.SELLER_SECRET)),
        stood(ASKED, words=(word("asked", 80),)),
        stood(ASKED, words=(word("asked", 1),)),
    ]
    told = list(reminders(rows, "compliance"))
    assert [(problem.id, problem.stage) for problem in told] == [
        ("attestation-due:asked", "missing"),
        ("attestation-due:both", "missing"),
        ("attestation-due:asked", "lapses"),
    ]
    assert {problem.owner for problem in told} == {"compliance"}
    assert "keywatch policy attest asked" in told[0].next_step
