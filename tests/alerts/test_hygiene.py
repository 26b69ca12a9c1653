"""How keys are kept: what is told beside the baseline, from when on, and what is not claimed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from keywatch.alerts.grouping import deliveries
from keywatch.alerts.held import Held, Limits
from keywatch.alerts.hygiene import CHECKS, hygiene
from keywatch.alerts.lifecycle import decide
from keywatch.alerts.routing import Routing
from keywatch.model.alert import Problem, ProblemKind
from keywatch.model.call import Call, Outcome
from keywatch.model.finding import Severity
from keywatch.model.key import Handle, HandleSpace, Keeping, Key, KeyKind, KeyStatus, Location, Rotation, SourceId
from keywatch.model.standing import Basis, Level
from keywatch.notify.wording import headline
from tests.alerts.builders import DAY, IAM, NOW, key, standing

SECOND = timedelta(seconds=1)
STORE = SourceId("aws-secrets:prod")
USER = "arn:aws:iam::111122223333:user/orders"
ENDED = datetime(2023, 10, 2, tzinfo=UTC)
FRESH = NOW - timedelta(hours=4)


def held(of: Key, *, level: Level = Level.GOOD, basis: Basis = Basis.PROVEN, **more: object) -> Held:
    return Held(standing=standing(level, basis, of=of), **more)  # type: ignore[arg-type]


def problems(*keys: Held, limits: Limits | None = None) -> list[Problem]:
    return hygiene(keys, now=NOW, limits=limits or Limits())[0]


def undecided(*keys: Held) -> set[str]:
    found, open_ = hygiene(keys, now=NOW, limits=Limits())
    assert [] == found
    return set(open_)


def of_user(name: str, *, age: timedelta = 10 * DAY, user: str = USER, **more: object) -> Key:
    """An access key of an IAM user."""
    return replace(key(name, created_at=NOW - age, **more), locations=(Location(IAM, user),))  # type: ignore[arg-type]


def kept(keeping: Keeping, **more: object) -> Key:
    """A key in one place of Secrets Manager."""
    return replace(
        key("orders", KeyKind.OTHER, space=HandleSpace.AWS_ARN, **more),  # type: ignore[arg-type]
        locations=(keeping.location,),
        keeping=(keeping,),
    )


def keeping(**rotation: datetime) -> Keeping:
    place = Location(STORE, "arn:aws:secretsmanager:eu-west-1:111122223333:secret:orders-aBcDeF")
    return Keeping(location=place, rotation=Rotation(**rotation) if rotation else None)  # type: ignore[arg-type]


def clear(**rotation: datetime) -> Keeping:
    """The same, unencrypted."""
    return replace(keeping(**rotation), clear=True)


@pytest.mark.parametrize(
    ("kind", "age", "severity"),
    [
        pytest.param(KeyKind.AWS_ACCESS_KEY, 90 * DAY, None, id="at-the-limit"),
        pytest.param(KeyKind.AWS_ACCESS_KEY, 90 * DAY + SECOND, Severity.LOW, id="beyond-it"),
        pytest.param(KeyKind.AWS_ACCESS_KEY, 181 * DAY, Severity.MEDIUM, id="twice-as-old"),
        pytest.param(KeyKind.LWA_REFRESH_TOKEN, 999 * DAY, None, id="no-limit-for-this-kind"),
    ],
)
def test_an_old_key_is_told_by_its_kinds_limit(kind: KeyKind, age: timedelta, severity: Severity | None) -> None:
    """Milder than what kills a key, graver when it is twice as old."""
    found = problems(held(key(kind=kind, created_at=NOW - age)))
    assert ([severity] if severity else []) == [problem.severity for problem in found]


def test_an_old_key_says_what_to_do_in_words() -> None:
    """Title, place, owner, reason, evidence and next step; the title does not change from day to day."""
    (found,) = problems(held(key(created_at=NOW - 100 * DAY)))
    assert (ProblemKind.KEY_OLD, "key-old:aws-access-key-id:ID-ORDERS", "orders@example.com") == (
        found.kind,
        found.id,
        found.owner,
    )
    assert found.title == "AWS access key orders (…DERS): older than 90 days"
    assert dict(found.facts)["Evidence"] == "it was there on 2026-08-15; the limit is 90 days"
    assert "Make a new key" in found.next_step


def test_the_limits_are_configurable() -> None:
    """Each kind has its own, and a kind of problem may be left out."""
    old = held(key("o", KeyKind.VAULT_TOKEN, created_at=NOW - 10 * DAY))
    assert 1 == len(problems(old, limits=Limits(rotate_after={KeyKind.VAULT_TOKEN: 9 * DAY})))
    limits = Limits(rotate_after={KeyKind.VAULT_TOKEN: 9 * DAY}, leave_out=frozenset({ProblemKind.KEY_OLD}))
    assert [] == problems(old, limits=limits)


@pytest.mark.parametrize(
    "one",
    [
        pytest.param(held(key(created_at=None)), id="of-unknown-age"),
        pytest.param(held(key(status=KeyStatus.INACTIVE), level=Level.LEFTOVER), id="switched-off"),
        pytest.param(held(key("root", space=HandleSpace.AWS_ROOT)), id="root"),
    ],
)
def test_what_is_not_to_be_replaced_is_not_called_old(one: Held) -> None:
    """Nothing is claimed of an unknown age, and what should be deleted is told as that alone."""
    assert [] == problems(one)


def test_a_key_that_nobody_could_look_at_is_neither_old_nor_young_again() -> None:
    """It may be gone by now: no alert fires, and none is called over. One holder that shows it is enough."""
    assert {"key-old:aws-access-key-id:ID-ORDERS"} == undecided(held(key(), hidden=frozenset({IAM})))
    elsewhere = replace(key(), locations=(*key().locations, Location(STORE, "arn:x")))
    assert 1 == len(problems(held(elsewhere, hidden=frozenset({IAM}))))


def test_two_active_keys_of_a_user_are_told_when_the_replacement_takes_too_long() -> None:
    """The younger key counts; one alert names the user and both keys with their last use."""
    older, younger = of_user("older", age=80 * DAY), of_user("younger", age=14 * DAY)
    assert [] == problems(held(older), held(younger))
    younger = of_user("younger", age=14 * DAY + SECOND)
    (found,) = problems(held(younger, basis=Basis.NEVER), held(older))
    assert (ProblemKind.SPARE_KEY, f"spare-key:{USER}", Severity.LOW) == (found.kind, found.id, found.severity)
    assert found.title == "IAM user orders has 2 active access keys"
    assert dict(found.facts)["What"] == (
        "AWS access key older (…LDER), last used 2026-08-29; AWS access key younger (…NGER), no use of it is known"
    )


@pytest.mark.parametrize(
    "second",
    [
        pytest.param(of_user("b", age=50 * DAY, status=KeyStatus.INACTIVE), id="one-is-switched-off"),
        pytest.param(of_user("b", age=50 * DAY, user=f"{USER}2"), id="another-user"),
        pytest.param(of_user("a", age=50 * DAY), id="the-same-key-twice"),
    ],
)
def test_one_active_key_is_enough(second: Key) -> None:
    """Only two active keys of the same user are one too many."""
    assert [] == problems(held(of_user("a", age=60 * DAY)), held(second))


def test_a_spare_key_is_not_told_where_it_cannot_be_seen_or_is_excused() -> None:
    """A user whose keys were not shown keeps its alert as it is; one that is excused has none."""
    keys = of_user("a", age=60 * DAY), of_user("b", age=50 * DAY)
    assert {f"spare-key:{USER}"} == undecided(held(keys[0]), held(keys[1], hidden=frozenset({IAM})))
    assert [] == problems(*map(held, keys), limits=Limits(excused_users=frozenset({"orders"})))


def used(at: datetime, service: str | None, *, about: bool = False, until: datetime | None = FRESH) -> Held:
    """An access key with what IAM says of its last use."""
    of = of_user("orders", age=NOW - ENDED + 900 * DAY)
    action = f"{service}/us-east-1 (credential report of today)" if service else "(credential report of today)"
    handle = Handle(HandleSpace.AWS_ACCESS_KEY_ID, "ID-ORDERS")
    use = Call(handle=handle, at=at, outcome=Outcome.ATTEMPT, source=SourceId("iam-last-used:prod"), action=action)
    return held(of, last_use=use, watched_until=until, about_sp_api=about)


def signers(*keys: Held) -> list[Problem]:
    return [problem for problem in problems(*keys) if problem.kind is ProblemKind.SP_API_SIGNER]


@pytest.mark.parametrize(
    ("one", "stage"),
    [
        pytest.param(used(ENDED - SECOND, "execute-api"), "over", id="signed-for-sp-api-and-nothing-since"),
        pytest.param(used(ENDED, "execute-api"), None, id="an-api-gateway-of-ones-own"),
        pytest.param(used(ENDED - DAY, "s3"), None, id="an-old-key-for-something-else"),
        pytest.param(used(ENDED - DAY, "s3", about=True), "over", id="named-for-it-and-nothing-since"),
        pytest.param(used(ENDED - DAY, None, about=True), "over", id="service-not-told"),
        pytest.param(used(NOW - DAY, "sts", about=True), "perhaps", id="still-takes-on-a-role"),
        pytest.param(used(NOW - DAY, "sts"), None, id="whose-role-nobody-says"),
        pytest.param(used(NOW - DAY, "sqs", about=True), None, id="reads-notifications"),
    ],
)
def test_who_is_left_over_from_sp_apis_signatures(one: Held, stage: str | None) -> None:
    """The service of the last request and the name decide; what is used for anything else is not spoken of."""
    assert ([stage] if stage else []) == [problem.stage for problem in signers(one)]


def test_a_leftover_user_is_told_with_its_evidence() -> None:
    """Title, evidence and next step say what is known, and no more."""
    (found,) = signers(used(ENDED - DAY, "execute-api"))
    assert found.id == f"sp-api-signer:{USER}"
    assert found.title == "IAM user orders is left over from SP-API's signatures"
    assert dict(found.facts)["Evidence"] == ("AWS access key orders (…DERS): last request 2023-10-01, to execute-api")
    assert "no AWS key" in found.next_step
    (perhaps,) = signers(used(NOW - DAY, "sts", about=True))
    assert perhaps.title == "IAM user orders may be left over from SP-API's signatures"
    assert "excused_users" in perhaps.next_step


def test_a_user_is_left_over_only_with_all_the_keys_that_were_used() -> None:
    """One key in use for something else makes the user none; one that was never used says nothing."""
    over = used(ENDED - DAY, "execute-api")
    other = replace(used(NOW, "s3"), standing=standing(Level.GOOD, of=of_user("second")))
    assert [] == signers(over, other)
    assert 1 == len(signers(over, replace(other, last_use=None)))
    assert [] == signers(replace(over, last_use=None))


@pytest.mark.parametrize(
    "one",
    [
        pytest.param(used(ENDED - DAY, "execute-api", until=NOW - 2 * DAY - SECOND), id="old-news"),
        pytest.param(used(ENDED - DAY, "execute-api", until=None), id="no-news"),
        pytest.param(replace(used(ENDED - DAY, "execute-api"), hidden=frozenset({IAM})), id="not-shown"),
    ],
)
def test_old_news_of_a_last_use_claims_nothing(one: Held) -> None:
    """The key may have been used since: the alert stays as it is."""
    assert f"sp-api-signer:{USER}" in undecided(replace(one, standing=standing(Level.LEFTOVER, of=one.key)))


@pytest.mark.parametrize(
    ("rotation", "stage"),
    [
        pytest.param({"stuck_since": NOW - 2 * DAY - SECOND}, "failed", id="half-done-for-days"),
        pytest.param({"stuck_since": NOW - 2 * DAY}, None, id="perhaps-under-way"),
        pytest.param({"due_at": NOW - 2 * DAY - SECOND}, "overdue", id="overdue"),
        pytest.param({"due_at": NOW - DAY, "rotated_at": NOW}, None, id="a-little-late"),
        pytest.param({"due_at": NOW - 9 * DAY, "stuck_since": NOW - 8 * DAY}, "failed", id="the-worse-of-both"),
    ],
)
def test_a_rotation_that_does_not_happen(rotation: dict[str, datetime], stage: str | None) -> None:
    """What was begun and not ended is told as failed, what was not begun in time as overdue."""
    found = problems(held(kept(keeping(**rotation))))
    assert ([stage] if stage else []) == [problem.stage for problem in found]


def test_a_failed_rotation_says_since_when() -> None:
    """The evidence has every date that is known."""
    (found,) = problems(
        held(kept(keeping(rotated_at=NOW - 40 * DAY, due_at=NOW - 10 * DAY, stuck_since=NOW - 9 * DAY)))
    )
    assert found.title == "key orders: its rotation has failed"
    assert dict(found.facts)["Evidence"] == (
        "last rotated 2026-10-14; a new value has waited since 2026-11-14; due by 2026-11-13"
    )
    (late,) = problems(held(kept(keeping(due_at=NOW - 10 * DAY))))
    assert dict(late.facts)["Evidence"] == "no rotation is known to have succeeded; due by 2026-11-13"
    assert (Severity.MEDIUM, Severity.LOW) == (found.severity, late.severity)


def test_a_secret_in_the_clear_is_told_with_its_place() -> None:
    """One alert a place, whatever becomes of the key's standing."""
    (found,) = problems(held(kept(clear()), basis=Basis.UNKNOWN))
    assert (ProblemKind.PLAIN_PARAMETER, Severity.MEDIUM) == (found.kind, found.severity)
    assert found.title == "key orders is kept unencrypted"
    assert "secret:orders-aBcDeF (aws-secrets:prod)" in dict(found.facts)["Where"]
    assert "SecureString" in found.next_step


def test_a_place_that_was_not_shown_is_not_judged() -> None:
    """Rotation and encryption may have been mended meanwhile."""
    of = kept(clear(stuck_since=NOW - 9 * DAY))
    place = of.locations[0].place
    assert {f"rotation-late:{place}", f"plain-parameter:{place}"} == undecided(held(of, hidden=frozenset({STORE})))


def test_a_well_kept_key_is_no_problem() -> None:
    """A rotated secret, encrypted, says nothing."""
    assert [] == problems(held(kept(keeping(rotated_at=NOW - DAY, due_at=NOW + DAY))))


@pytest.mark.parametrize("kind", CHECKS)
def test_each_kind_can_be_left_out(kind: ProblemKind) -> None:
    """What is left out is neither told nor held open."""
    everything = [
        used(ENDED - DAY, "execute-api"),
        held(of_user("spare", age=99 * DAY)),
        held(kept(clear(stuck_since=NOW - 9 * DAY))),
    ]
    everything[1] = replace(everything[1], watched_until=FRESH)
    told = {problem.kind for problem in problems(*everything)}
    assert set(CHECKS) == told
    assert told - {kind} == {one.kind for one in problems(*everything, limits=Limits(leave_out=frozenset({kind})))}


def test_a_company_that_never_replaced_a_key_gets_one_message_a_channel() -> None:
    """Two hundred old keys of one owner are a digest, and it says in words of what."""
    many = [held(key(f"k{number}", created_at=NOW - 100 * DAY)) for number in range(200)]
    decisions = decide(problems(*many), [], now=NOW)
    (digest,) = deliveries(decisions, Routing(default="#keys"), now=NOW)
    assert headline(digest) == "🔵 LOW: 200 keys that should be replaced"


def test_a_static_role_of_vault_that_does_not_rotate() -> None:
    """Vault says how often and not when: it is due so long after the user's newest key was made, where IAM dates it."""
    place = Location(SourceId("vault-aws:prod"), "aws/static-roles/orders")
    every = Keeping(location=place, user="orders", rotation=Rotation(every=7 * DAY))
    mine = replace(of_user("orders", age=10 * DAY), keeping=(every,))
    [late] = problems(held(mine))
    assert (ProblemKind.ROTATION_LATE, "overdue") == (late.kind, late.stage)
    assert dict(late.facts)["Evidence"] == "the user's newest key is of 2026-11-13; the next was due by 2026-11-20"
    assert "AWS secrets engine" in late.next_step
    assert [] == problems(held(replace(mine, created_at=NOW - 8 * DAY)))
    assert [] == problems(held(mine, dated=False))
    assert [] == problems(held(replace(mine, kind=KeyKind.OTHER)))
