"""The credential report in place of a call a key: what it is believed, when it is not, and what is asked then."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from keywatch.collect.aws import AwsAccess
from keywatch.collect.calls.iam_last_used import IamLastUsed
from keywatch.collect.credential_report import Slot, parsed
from keywatch.collect.iam import Shelf
from keywatch.collect.inventory.aws_iam import AwsIamKeys
from keywatch.model.call import Call, Evidence, Silence
from keywatch.model.key import Handle, HandleSpace, Key, KeyStatus
from keywatch.model.source import Skipped
from tests.aws.organisation import MANAGEMENT, NOW, FakeAccount, FakeKey, Organisation
from tests.aws.server import AwsFault

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
ROOT = Handle(HandleSpace.AWS_ROOT, MANAGEMENT)


@pytest.fixture
def world() -> Iterator[Organisation]:
    """One account."""
    world = Organisation(FakeAccount(id=MANAGEMENT))
    with world.aws:
        yield world


@pytest.fixture
def account(world: Organisation) -> FakeAccount:
    return world.accounts[0]


def read(world: Organisation, slept: list[float] | None = None) -> tuple[list[Evidence], list[Skipped]]:
    access = AwsAccess(endpoint_url=world.aws.url, attempts=1)
    source = IamLastUsed("prod", access, now=lambda: NOW, sleep=(slept if slept is not None else []).append)
    batches = list(source.read({}))
    return [item for b in batches for item in b.evidence], [skip for b in batches for skip in b.skipped]


def asked(world: Organisation) -> int:
    return world.aws.calls("GetAccessKeyLastUsed")


def test_one_report_speaks_for_every_key(world: Organisation, account: FakeAccount) -> None:
    """Uses and silences are the report's, as of when it was made, which the evidence says; no key is asked about."""
    account.add(
        "a", FakeKey(id=account.key_id(0), used_at=NOW - 9 * DAY), FakeKey(id=account.key_id(1), created_at=NOW - DAY)
    )
    (use, silence, quiet), skipped = read(world)
    assert isinstance(use, Call)
    assert (NOW - 9 * DAY, "s3 (credential report of 2026-11-23 11:00 UTC)") == (use.at, use.action)
    assert isinstance(silence, Silence)
    assert (NOW - 9 * DAY + timedelta(minutes=15), NOW - 5 * HOUR) == (silence.since, silence.until)
    assert isinstance(quiet, Silence)
    assert (NOW - DAY, NOW - 5 * HOUR) == (quiet.since, quiet.until)
    assert (0, []) == (asked(world), skipped)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        pytest.param({"used_at": NOW - 58 * DAY}, 0, id="far-from-a-warning"),
        pytest.param({"used_at": NOW - 59 * DAY}, 1, id="near-a-warning"),
        pytest.param({"used_at": NOW - 200 * DAY}, 1, id="a-use-would-revive-it"),
        pytest.param({"created_at": NOW - 5 * DAY}, 0, id="too-young-to-be-unused"),
        pytest.param({"created_at": NOW - 6 * DAY}, 1, id="about-to-be-told-as-unused"),
        pytest.param({"status": "Inactive", "used_at": NOW - 200 * DAY}, 0, id="switched-off"),
        pytest.param({"used_at": NOW - DAY, "changed_at": NOW - 9 * DAY}, 1, id="switched-off-and-on-again"),
        pytest.param({"used_at": NOW - DAY, "reported": False}, 1, id="younger-than-the-report"),
        pytest.param({"status": "Inactive", "changed_at": NOW - 9 * DAY}, 0, id="switched-off-later"),
    ],
)
def test_a_key_is_asked_about_where_that_decides_something(
    world: Organisation, account: FakeAccount, key: dict[str, object], expected: int
) -> None:
    """Near a level's threshold, beyond it, or where the report does not speak of the key for certain."""
    account.add("a", FakeKey(id=account.key_id(0), **key))  # type: ignore[arg-type]
    read(world)
    assert expected == asked(world)


def test_keys_of_one_date_are_not_told_apart(world: Organisation, account: FakeAccount) -> None:
    """Two keys made in one second cannot be joined with two slots: each is asked about, and gets its own use."""
    account.add(
        "a", FakeKey(id=account.key_id(0), used_at=NOW - DAY), FakeKey(id=account.key_id(1), used_at=NOW - 2 * DAY)
    )
    evidence, _ = read(world)
    used = {item.handle.value: item.at for item in evidence if isinstance(item, Call)}
    assert used == {account.key_id(0): NOW - DAY, account.key_id(1): NOW - 2 * DAY}
    assert asked(world) == 2


def test_a_use_after_the_report_counts(world: Organisation, account: FakeAccount) -> None:
    """Of an idle key the answer to the question is believed, not the report, and it reaches further."""
    account.add("a", FakeKey(id=account.key_id(0), used_at=NOW - 80 * DAY))
    key = account.users[0].keys[0]
    made = world.aws.handlers["iam", "GetCredentialReport"]

    def then_used(params: dict[str, object], caller: object) -> object:
        answer = made(params, caller)  # type: ignore[arg-type]
        key.used_at = NOW - 30 * HOUR
        return answer

    world.aws.on("iam", "GetCredentialReport", then_used)  # type: ignore[arg-type]
    (use, silence), _ = read(world)
    assert isinstance(use, Call)
    assert (NOW - 30 * HOUR, "s3") == (use.at, use.action)
    assert isinstance(silence, Silence)
    assert NOW - 4 * HOUR == silence.until


def test_an_old_report_is_made_anew(world: Organisation, account: FakeAccount) -> None:
    """AWS keeps a report for four hours; after that one is asked for, and waited for."""
    account.add("a", FakeKey(id=account.key_id(0), used_at=NOW - DAY))
    account.report_at = NOW - 5 * HOUR
    (use, silence), skipped = read(world)
    assert isinstance(use, Call)
    assert isinstance(silence, Silence)
    assert (NOW - 4 * HOUR, [], 0) == (silence.until, skipped, asked(world))
    assert world.aws.calls("GenerateCredentialReport") == 1


@pytest.mark.parametrize("code", ["ReportNotPresent", "ReportExpired", "ReportInProgress"])
def test_a_report_that_is_not_there_yet_is_waited_for(world: Organisation, account: FakeAccount, code: str) -> None:
    """The first looks find none; a little later it is there. How long to wait is bounded."""
    account.add("a", FakeKey(id=account.key_id(0), used_at=NOW - DAY))
    status = {"ReportInProgress": 404}.get(code, 410)
    world.aws.fault = lambda a: (
        AwsFault(code, status=status) if a.operation == "GetCredentialReport" and a.time <= 3 else None
    )
    slept: list[float] = []
    _, skipped = read(world, slept)
    assert (skipped, asked(world), slept) == ([], 0, [1, 2])


def test_too_many_requests_for_a_report_are_no_trouble(world: Organisation, account: FakeAccount) -> None:
    """Where AWS will not begin another report, the one under way is waited for."""
    account.report_at = NOW - 5 * HOUR
    world.aws.on("iam", "GenerateCredentialReport", lambda _params, _caller: AwsFault("LimitExceeded", status=409))
    slept: list[float] = []
    _, skipped = read(world, slept)
    assert (sum(slept), skipped) == (30, [])


def test_nobody_waits_for_a_report_that_is_said_to_be_there(world: Organisation, account: FakeAccount) -> None:
    """A server whose reports bear an old date and which says that it has made one will make no other."""
    account.report_at = NOW - 5 * HOUR
    world.aws.on("iam", "GenerateCredentialReport", lambda _params, _caller: {"State": "COMPLETE"})
    slept: list[float] = []
    _, skipped = read(world, slept)
    assert (slept, skipped) == ([], [])


@pytest.mark.parametrize(
    ("report_at", "refused", "why", "hint"),
    [
        pytest.param(NOW - 9 * HOUR, "", "it is of 2026-11-23 03:00 UTC", None, id="stale"),
        pytest.param(None, "", "still making", "next time", id="never-ready"),
        pytest.param(NOW, "GetCredentialReport", "refused", "allow iam:GetCredentialReport", id="may-not-be-seen"),
        pytest.param(None, "GenerateCredentialReport", "refused", "allow iam:Generate", id="may-not-be-made"),
    ],
)
def test_without_a_report_each_key_is_asked_about(
    world: Organisation, account: FakeAccount, *, report_at: datetime | None, refused: str, why: str, hint: str | None
) -> None:
    """It costs calls, not knowledge; and what is missing is named."""
    account.add("a", FakeKey(id=account.key_id(0), used_at=NOW - DAY), FakeKey(id=account.key_id(1), status="Inactive"))
    account.report_at, account.refused, world.new_reports_at = report_at, {refused}, None
    evidence, [skip] = read(world)
    assert asked(world) == 2
    assert {item.handle.value for item in evidence} == {account.key_id(0), account.key_id(1)}
    assert ("credential report", True) == (skip.what, why in skip.why)
    assert (hint or "") in (skip.hint or "")


@pytest.mark.parametrize("content", [b"", b"\x00\xff\x00", b"who,what\n1,2\n", b'"user\n' * 3])
def test_a_report_that_makes_no_sense_is_none(world: Organisation, account: FakeAccount, content: bytes) -> None:
    """Whatever else stands in AWS's place, nothing is concluded from it."""
    account.add("a", FakeKey(id=account.key_id(0)))
    answer = {"Content": content, "ReportFormat": "text/csv", "GeneratedTime": NOW}
    world.aws.on("iam", "GetCredentialReport", lambda _params, _caller: answer)
    _, [skip] = read(world)
    assert "not what AWS documents" in skip.why
    assert asked(world) == 1


def test_a_report_from_the_future_reaches_to_now(world: Organisation, account: FakeAccount) -> None:
    """A clock ahead of ours does not vouch for what has not happened yet."""
    account.add("a", FakeKey(id=account.key_id(0), created_at=NOW - DAY))
    account.report_at = NOW + 5 * HOUR
    ([silence], _) = read(world)
    assert isinstance(silence, Silence)
    assert NOW - 4 * HOUR == silence.until


def test_the_root_users_keys_are_known_from_the_report(world: Organisation, account: FakeAccount) -> None:
    """When they were made and used last is in its row, though no id of them is anywhere."""
    account.root = [
        FakeKey(id="1", created_at=NOW - 90 * DAY, used_at=NOW - 2 * DAY),
        FakeKey(id="2", status="Inactive"),
    ]
    [key] = AwsIamKeys("prod", AwsAccess(endpoint_url=world.aws.url), now=lambda: NOW).keys()
    assert isinstance(key, Key)
    assert ((ROOT,), KeyStatus.ACTIVE, NOW - 300 * DAY) == (key.handles, key.status, key.created_at)
    (use, silence), _ = read(world)
    assert isinstance(use, Call)
    assert (ROOT, NOW - 2 * DAY) == (use.handle, use.at)
    assert silence.handle == ROOT


def test_keys_are_listed_once(world: Organisation, account: FakeAccount) -> None:
    """What the inventory has just listed is not listed again to ask when it was used; what it left long ago is."""
    account.add("a", FakeKey(id=account.key_id(0), used_at=NOW - DAY))
    access, shelf = AwsAccess(endpoint_url=world.aws.url), Shelf()

    def run(inventory_at: datetime | None) -> int:
        before = world.aws.calls("ListAccessKeys")
        if inventory_at is not None:
            list(AwsIamKeys("prod", access, shelf=shelf, now=lambda: inventory_at).keys())
        [batch] = IamLastUsed("prod", access, now=lambda: NOW, shelf=shelf).read({})
        assert len(batch.evidence) == 2
        return world.aws.calls("ListAccessKeys") - before

    assert [run(NOW - HOUR), run(None), run(NOW - 3 * HOUR)] == [1, 1, 2]


def test_a_listing_with_holes_is_not_passed_on(world: Organisation, account: FakeAccount) -> None:
    """A user whose keys the inventory could not list is asked about by the one who needs them, and named."""
    account.add("a", FakeKey(id=account.key_id(0), used_at=NOW - DAY))
    account.refused = {"ListAccessKeys"}
    access, shelf = AwsAccess(endpoint_url=world.aws.url), Shelf()
    list(AwsIamKeys("prod", access, shelf=shelf, now=lambda: NOW).keys())
    account.refused = set()
    [batch] = IamLastUsed("prod", access, now=lambda: NOW, shelf=shelf).read({})
    assert len(batch.evidence) == 2


def test_a_row_is_read_by_its_columns_names() -> None:
    """Their order does not matter; what is not as documented is left out, and the rest of the table is not."""
    rows = [
        "access_key_2_active,access_key_1_last_used_date,user,access_key_1_active,access_key_1_last_rotated",
        "false,no_information,ünï,TRUE,2026-01-02T03:04:05+00:00",
        "false,not_supported,b,true,2026-01-02T03:04:05+00:00",
        "false,N/A,c,perhaps,2026-01-02T03:04:05+00:00",
        "false,N/A,d",
        "false,2026-02-03T04:05:06+02:00,e,false,2026-01-02T03:04:05Z",
    ]
    report = parsed("\n".join(rows).encode(), NOW)
    made = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert report.slots == {
        "ünï": (Slot(True, made, None),),
        "b": (),
        "c": (),
        "d": (),
        "e": (Slot(False, made, datetime(2026, 2, 3, 2, 5, 6, tzinfo=UTC)),),
    }
