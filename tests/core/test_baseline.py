"""The 90-day baseline, sentence by sentence."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywatch.baseline import Policy, judge
from keywatch.model.call import Call, Coverage, Evidence, Outcome, Silence
from keywatch.model.key import Handle, HandleSpace, Key, KeyKind, KeyStatus, Location, SourceId
from keywatch.model.standing import Basis, Level, Standing

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)
HANDLE = Handle(HandleSpace.AWS_ACCESS_KEY_ID, "AKIA" + "2" * 16)
TRAIL = SourceId("cloudtrail:prod")
IAM = SourceId("aws-iam:prod")


def a_key(
    kind: KeyKind = KeyKind.AWS_ACCESS_KEY,
    *,
    created: datetime | None = NOW - 400 * DAY,
    status: KeyStatus = KeyStatus.ACTIVE,
    account: str | None = "111122223333",
) -> Key:
    return Key(
        kind=kind,
        handles=(HANDLE,),
        name="orders",
        locations=(Location(IAM, "user/orders"),),
        application="orders",
        created_at=created,
        status=status,
        account=account,
    )


def call(at: datetime, outcome: Outcome = Outcome.SUCCESS) -> Call:
    return Call(handle=HANDLE, at=at, outcome=outcome, source=TRAIL)


def watched(
    since: datetime | None = NOW - 100 * DAY,
    until: datetime | None = NOW,
    *,
    kind: KeyKind = KeyKind.AWS_ACCESS_KEY,
    blind: str | None = None,
    accounts: frozenset[str] = frozenset(),
    applications: frozenset[str] = frozenset(),
    unseen: tuple[str, ...] = (),
    data_unseen: bool = False,
) -> Coverage:
    return Coverage(
        source=TRAIL,
        kinds=frozenset({kind}),
        since=since,
        until=until,
        blind=blind,
        accounts=accounts,
        applications=applications,
        unseen=unseen,
        data_unseen=data_unseen,
    )


def standing(key: Key, *evidence: Evidence, coverage: Coverage | None = None) -> Standing:
    return judge(key, evidence, [coverage or watched(kind=key.kind)], now=NOW)


@pytest.mark.parametrize(
    ("idle", "level"),
    [
        pytest.param(60 * DAY - TICK, Level.GOOD, id="just-before-the-first-step"),
        pytest.param(60 * DAY, Level.NOTICE, id="sixty-days"),
        pytest.param(75 * DAY, Level.WARNING, id="seventy-five-days"),
        pytest.param(83 * DAY, Level.URGENT, id="eighty-three-days"),
        pytest.param(88 * DAY, Level.CRITICAL, id="eighty-eight-days"),
        pytest.param(90 * DAY, Level.CRITICAL, id="exactly-the-window-is-not-over"),
        pytest.param(90 * DAY + TICK, Level.LAPSED, id="one-tick-over"),
    ],
)
def test_the_level_rises_with_the_time_since_the_last_success(idle: timedelta, level: Level) -> None:
    """Each warning step holds from its own instant on, and the window is inclusive."""
    result = standing(a_key(), call(NOW - idle))
    assert (Basis.PROVEN, level) == (result.basis, result.level)


def test_a_standing_names_the_day_of_deletion() -> None:
    """The day Amazon deletes the key is the UTC day on which 90 days without success are over."""
    result = standing(a_key(), call(NOW - 86 * DAY))
    assert (date(2026, 11, 27), 4, 86) == (result.deletes_on, result.days_left, result.idle_days)


def test_a_key_that_nobody_used_counts_from_its_creation() -> None:
    """A watched key without any call is never used, and dies 90 days after it was made."""
    result = standing(a_key(created=NOW - 20 * DAY))
    assert (result.basis, result.days_left, result.last_success) == (Basis.NEVER, 70, None)


def test_a_refused_call_is_no_success() -> None:
    """A failure neither starts the window anew nor makes a key look used."""
    result = standing(a_key(), call(NOW - 85 * DAY), call(NOW - DAY, Outcome.FAILURE))
    assert (result.basis, result.level, result.last_attempt) == (Basis.PROVEN, Level.URGENT, NOW - DAY)


def test_an_attempt_never_counts_as_success() -> None:
    """A selling-partner key that was only exchanged for tokens still dies by its creation date."""
    result = standing(a_key(KeyKind.LWA_REFRESH_TOKEN, created=NOW - 89 * DAY), call(NOW - DAY, Outcome.ATTEMPT))
    assert (result.basis, result.level, result.last_success) == (Basis.ATTEMPT_ONLY, Level.CRITICAL, None)


def test_an_aws_key_used_only_for_data_is_not_called_dying() -> None:
    """CloudTrail's management events are silent on S3 objects; IAM's last-used date contradicts a death sentence."""
    result = standing(a_key(), call(NOW - 85 * DAY), call(NOW - DAY, Outcome.ATTEMPT))
    assert (result.basis, result.level) == (Basis.ATTEMPT_ONLY, Level.GOOD)
    assert "cannot be told" in result.reasons[0]


def test_an_attempt_that_a_recorded_refusal_explains_contradicts_nothing() -> None:
    """IAM counts denied calls too: the one that CloudTrail shows as denied leaves the key as idle as before."""
    refused = call(NOW - DAY, Outcome.FAILURE)
    result = standing(a_key(), call(NOW - 85 * DAY), refused, call(NOW - DAY + timedelta(minutes=5), Outcome.ATTEMPT))
    assert (result.basis, result.level) == (Basis.PROVEN, Level.URGENT)


def test_a_recent_success_stays_proven_beside_a_later_attempt() -> None:
    """While the proven success is young, an unexplained later use changes nothing."""
    result = standing(a_key(), call(NOW - 3 * DAY), call(NOW - DAY, Outcome.ATTEMPT))
    assert (result.basis, result.idle_days) == (Basis.PROVEN, 3)


def test_silence_outside_coverage_is_unknown() -> None:
    """Absence of a call counts only where somebody was looking."""
    result = standing(a_key(), coverage=watched(since=NOW - 10 * DAY))
    assert Basis.UNKNOWN is result.basis
    assert "nobody was looking from 2026-08-25 to 2026-11-13" in result.reasons[0]


def test_a_hole_after_the_last_read_is_unknown() -> None:
    """A source that was last read a week ago says nothing of this week."""
    result = standing(a_key(), call(NOW - 40 * DAY), coverage=watched(until=NOW - 7 * DAY))
    assert (result.basis, result.last_success) == (Basis.UNKNOWN, NOW - 40 * DAY)


WRITES = ("the trail records writes only: reads would not be seen",)
"""What one source would not see."""


def silence(since: datetime, until: datetime = NOW - DAY / 6) -> Silence:
    return Silence(handle=HANDLE, since=since, until=until, source=IAM)


def test_a_source_that_does_not_see_everything_proves_no_silence() -> None:
    """A trail of writes only is silent on a key that reads every day: unknown, with what is missing."""
    result = standing(a_key(), call(NOW - 85 * DAY), coverage=watched(unseen=WRITES))
    assert (Basis.UNKNOWN, NOW - 85 * DAY) == (result.basis, result.last_success)
    assert result.reasons == (f"{TRAIL}: {WRITES[0]}",)


def test_what_such_a_source_saw_is_proof() -> None:
    """A success in a narrow trail is a success; while it is young, nothing is asked of silence."""
    assert Basis.PROVEN is standing(a_key(), call(NOW - DAY / 2), coverage=watched(unseen=WRITES)).basis


def test_where_a_narrow_source_was_not_even_looking_both_are_told() -> None:
    """A hole in time is told before what is not seen at any time."""
    result = standing(a_key(), call(NOW - 85 * DAY), coverage=watched(since=NOW - 9 * DAY, unseen=WRITES))
    assert result.reasons[0].startswith("nobody was looking from 2026-08-30")
    assert result.reasons[1] == f"{TRAIL}: {WRITES[0]}"


def test_a_wider_source_makes_up_for_a_narrow_one() -> None:
    """What one of two trails leaves out, the other may see."""
    narrow = watched(unseen=WRITES)
    assert Basis.UNKNOWN is judge(a_key(), [call(NOW - 85 * DAY)], [narrow, narrow], now=NOW).basis
    assert Basis.PROVEN is judge(a_key(), [call(NOW - 85 * DAY)], [narrow, watched()], now=NOW).basis


def test_iams_silence_makes_up_for_a_narrow_trail() -> None:
    """IAM counts uses of all kinds in all regions: where it says there was none since, none was missed."""
    evidence: list[Evidence] = [
        call(NOW - 85 * DAY),
        call(NOW - 85 * DAY, Outcome.ATTEMPT),
        silence(NOW - 85 * DAY + DAY / 96),
    ]
    assert Basis.PROVEN is judge(a_key(), evidence, [watched(unseen=WRITES)], now=NOW).basis


def test_an_attempt_that_a_narrow_trail_does_not_show_says_why() -> None:
    """IAM saw a use that the trail did not record: not dying, and the standing names what the trail leaves out."""
    result = standing(
        a_key(),
        call(NOW - 85 * DAY),
        call(NOW - DAY, Outcome.ATTEMPT),
        coverage=watched(unseen=WRITES, data_unseen=True),
    )
    assert (Basis.ATTEMPT_ONLY, Level.GOOD) == (result.basis, result.level)
    assert result.reasons == (
        "used on 2026-11-22, but whether that call succeeded cannot be told",
        f"{TRAIL}: {WRITES[0]}",
        f"it may have been a call for data, as of S3 objects, which {TRAIL} would not see",
    )


def test_silence_on_data_needs_iams_word() -> None:
    """A key used for S3 objects alone is silent in management events: without IAM's word it is unknown, not dying."""
    blind = watched(data_unseen=True)
    for evidence, told in (
        ([], "not known"),
        ([silence(NOW - 85 * DAY, NOW - 3 * DAY)], "last known for 2026-11-20"),
    ):
        result = judge(a_key(), [call(NOW - 85 * DAY), *evidence], [blind], now=NOW)
        assert Basis.UNKNOWN is result.basis
        assert result.reasons == (
            f"{TRAIL} would not see calls for data, as of S3 objects, and IAM's last-used date of the key is {told}",
        )
    assert Basis.UNKNOWN is standing(a_key(created=NOW - 20 * DAY), coverage=blind).basis


def test_with_iams_word_the_trails_silence_holds() -> None:
    """Where IAM says that the last use was the success on record, the key dies by that."""
    evidence: list[Evidence] = [call(NOW - 85 * DAY), call(NOW - 85 * DAY, Outcome.ATTEMPT), silence(NOW - 84 * DAY)]
    result = judge(a_key(), evidence, [watched(data_unseen=True)], now=NOW)
    assert (Basis.PROVEN, Level.URGENT, ()) == (result.basis, result.level, result.reasons)


def test_a_young_success_needs_no_word_of_iams() -> None:
    """Nothing is said against a key that succeeded lately."""
    result = standing(a_key(), call(NOW - 30 * DAY), coverage=watched(data_unseen=True))
    assert (Basis.PROVEN, Level.GOOD) == (result.basis, result.level)


def test_a_refused_call_that_may_hide_calls_for_data_is_remarked_on() -> None:
    """IAM knows the latest use only: where that was refused, what went before it is the trail's to tell."""
    evidence = [call(NOW - 85 * DAY), call(NOW - DAY, Outcome.FAILURE), call(NOW - DAY, Outcome.ATTEMPT)]
    result = judge(a_key(), evidence, [watched(data_unseen=True)], now=NOW)
    assert (Basis.PROVEN, Level.URGENT) == (result.basis, result.level)
    assert result.reasons == (
        "its latest use, on 2026-11-22, was refused; calls for data before that would not be seen",
    )


def test_a_source_of_data_alone_fills_the_gap() -> None:
    """A source that sees calls for data makes up for one that does not."""
    evidence = [call(NOW - 85 * DAY)]
    assert Basis.PROVEN is judge(a_key(), evidence, [watched(data_unseen=True), watched()], now=NOW).basis


def test_a_source_that_never_read_anything_covers_nothing() -> None:
    """An empty coverage is no coverage."""
    assert Basis.UNKNOWN is standing(a_key(), coverage=watched(since=None, until=None)).basis


def test_a_blind_source_makes_its_keys_unknown() -> None:
    """A source that could not be read is never taken for silence, and the standing says why."""
    result = standing(a_key(), call(NOW - 85 * DAY), coverage=watched(blind="access denied"))
    assert (result.basis, result.reasons) == (Basis.UNKNOWN, ("cloudtrail:prod is blind: access denied",))


def test_an_unreadable_inventory_makes_its_keys_unknown() -> None:
    """Whether a key still exists is unknown while nobody who holds it can be asked."""
    result = judge(a_key(), [call(NOW - DAY)], [watched()], now=NOW, unreadable={IAM: "sealed"})
    assert (result.basis, result.reasons) == (Basis.UNKNOWN, ("aws-iam:prod could not be read: sealed",))


def test_a_source_for_other_keys_proves_nothing() -> None:
    """A request log of SP-API calls says nothing of an AWS key, nor another account's trail."""
    other_kind = standing(a_key(), coverage=watched(kind=KeyKind.LWA_CLIENT_SECRET))
    other_account = standing(a_key(), coverage=watched(accounts=frozenset({"444455556666"})))
    other_application = standing(a_key(), coverage=watched(applications=frozenset({"invoices"})))
    assert [item.basis for item in (other_kind, other_account, other_application)] == [Basis.UNKNOWN] * 3
    assert "no configured source can prove" in other_kind.reasons[0]


def test_iam_vouches_for_a_key_that_was_never_used() -> None:
    """IAM's last-used date counts every use, so its absence proves that there was none, trail or no trail."""
    silence = Silence(handle=HANDLE, since=NOW - 50 * DAY, until=NOW - DAY / 6, source=IAM)
    key = a_key(created=NOW - 50 * DAY)
    assert Basis.NEVER is judge(key, [silence], [], now=NOW).basis
    assert Basis.NEVER is judge(key, [silence], [watched(blind="denied")], now=NOW).basis


def test_iam_alone_can_only_tell_an_attempt() -> None:
    """Without a trail, a key that IAM saw yesterday is attempt-only, not proven and not unknown."""
    used = NOW - 2 * DAY
    silence = Silence(handle=HANDLE, since=used + timedelta(minutes=15), until=NOW - DAY / 6, source=IAM)
    result = judge(a_key(), [call(used, Outcome.ATTEMPT), silence], [], now=NOW)
    assert (result.basis, result.days_left) == (Basis.ATTEMPT_ONLY, 88)


def test_a_key_of_unknown_age_without_calls_is_unknown() -> None:
    """Nothing can be counted from nowhere."""
    result = standing(a_key(created=None))
    assert (result.basis, result.days_left, result.deletes_on, result.level) == (Basis.UNKNOWN, None, None, Level.GOOD)


@pytest.mark.parametrize("status", [KeyStatus.INACTIVE, KeyStatus.EXPIRED])
def test_a_key_that_is_switched_off_is_a_leftover(status: KeyStatus) -> None:
    """An inactive key cannot make a call: it is to be removed, whatever its age."""
    assert Level.LEFTOVER is standing(a_key(status=status), call(NOW - DAY)).level


def test_an_mws_key_is_a_leftover_without_any_source() -> None:
    """MWS is closed: no source is needed to say that its keys are to be removed."""
    result = judge(a_key(KeyKind.MWS_KEY), [], [], now=NOW)
    assert (result.basis, result.level) == (Basis.NEVER, Level.LEFTOVER)


def test_the_windows_are_configuration() -> None:
    """Amazon's other clocks run under the same judge."""
    policy = Policy(window=180 * DAY, steps=((Level.WARNING, 150 * DAY),))
    result = judge(a_key(), [call(NOW - 151 * DAY)], [watched(since=NOW - 300 * DAY)], now=NOW, policy=policy)
    assert (result.level, result.days_left) == (Level.WARNING, 29)


def test_other_keys_evidence_is_passed_over() -> None:
    """A call counts for the key it names and no other."""
    stranger = Call(
        handle=Handle(HandleSpace.AWS_ACCESS_KEY_ID, "AKIA" + "3" * 16), at=NOW, outcome=Outcome.SUCCESS, source=TRAIL
    )
    assert Basis.NEVER is standing(a_key(), stranger).basis


ages = st.timedeltas(min_value=timedelta(), max_value=timedelta(days=500))


@given(ages=st.lists(st.tuples(ages, st.sampled_from(Outcome)), max_size=6))
def test_only_a_success_is_ever_reported_as_one(ages: list[tuple[timedelta, Outcome]]) -> None:
    """Whatever the evidence, the last success is the latest SUCCESS, and a proven basis has one."""
    calls = [call(NOW - age, outcome) for age, outcome in ages]
    result = standing(a_key(), *calls)
    expected = max((item.at for item in calls if item.outcome is Outcome.SUCCESS), default=None)
    assert expected == result.last_success
    assert result.basis is not Basis.PROVEN or expected is not None


@given(age=ages, ahead=st.timedeltas(min_value=timedelta(), max_value=timedelta(days=5)))
def test_a_clock_ahead_of_ours_buys_no_time(age: timedelta, ahead: timedelta) -> None:
    """A call from the future counts as made now."""
    result = standing(a_key(created=NOW - age), call(NOW + ahead))
    assert (result.last_success, result.days_left) == (NOW, 90)


STORE = Handle(HandleSpace.VAULT, "prod/kv/orders")


def fetched(at: datetime) -> Call:
    """A store gave out the value."""
    return Call(handle=STORE, at=at, outcome=Outcome.ATTEMPT, source=SourceId("vault-audit:prod"))


def test_to_fetch_a_key_is_not_to_use_it() -> None:
    """A deployment that reads a key from Vault each day keeps no key alive, and contradicts nothing that is known."""
    key = replace(a_key(), handles=(HANDLE, STORE))
    unused = standing(key, call(NOW - 85 * DAY), fetched(NOW - DAY))
    assert (Basis.PROVEN, Level.URGENT) == (unused.basis, unused.level)
    assert (None, NOW - DAY) == (unused.last_attempt, unused.last_read)


def test_a_key_that_is_only_fetched_is_not_called_unused() -> None:
    """Somebody wants it: whether its calls succeed nobody knows, and its clock runs from its making."""
    key = replace(a_key(created=NOW - 20 * DAY), handles=(HANDLE, STORE))
    found = standing(key, fetched(NOW - DAY))
    assert (Basis.ATTEMPT_ONLY, NOW - 20 * DAY) == (found.basis, found.clock_start)
    assert ("it was read from its store on 2026-11-22, and no successful call is on record",) == found.reasons
    assert Basis.NEVER is standing(key).basis


@pytest.mark.parametrize(
    ("handle", "known"),
    [
        (Handle(HandleSpace.VAULT_LOGIN, "prod/auth/approle/orders"), True),
        (Handle(HandleSpace.VAULT_LOGIN, "prod-eu/auth/approle/orders"), False),
        (Handle(HandleSpace.VAULT_ACCESSOR, "prod/0123"), False),
        (Handle(HandleSpace.DECLARED, "ci-token"), True),
        (Handle(HandleSpace.DECLARED, "another"), False),
    ],
)
def test_a_source_that_knows_some_names_speaks_of_no_other_key(handle: Handle, *, known: bool) -> None:
    """Where a source would not have seen a key's calls, its silence is none: nobody was looking."""
    key = replace(a_key(KeyKind.VAULT_TOKEN, account=None), handles=(handle,))
    coverage = replace(
        watched(kind=KeyKind.VAULT_TOKEN),
        handles=frozenset({Handle(HandleSpace.DECLARED, "ci-token")}),
        beginnings=("vault-login:prod/",),
    )
    assert (Basis.NEVER if known else Basis.UNKNOWN) is standing(key, coverage=coverage).basis
