"""IAM last-used: an attempt and a silence, never a success."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from keywatch.collect.aws import AwsAccess
from keywatch.collect.calls.iam_last_used import IamLastUsed
from keywatch.demo.iam import DemoKey, DemoUser, IamServer
from keywatch.model.call import Call, Evidence, Outcome, Silence
from keywatch.model.errors import SourceDenied
from keywatch.model.key import Handle, HandleSpace, SourceId
from keywatch.model.source import CallBatch

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
BORN = NOW - timedelta(days=200)
HOUR = timedelta(hours=1)
KEY = "AKIA" + "KEYWATCHTEST" + "AAAA"
SOURCE = SourceId("iam-last-used:prod")
HANDLE = Handle(HandleSpace.AWS_ACCESS_KEY_ID, KEY)


@pytest.fixture
def iam() -> Iterator[IamServer]:
    with IamServer(users=(DemoUser(name="orders", keys=[DemoKey(id=KEY, created_at=BORN)]),)) as server:
        server.report_at = NOW
        yield server


def source(server: IamServer) -> IamLastUsed:
    return IamLastUsed("prod", AwsAccess(endpoint_url=server.url, attempts=1), now=lambda: NOW)


def read(server: IamServer) -> CallBatch:
    [batch] = source(server).read({})
    return batch


def evidence(server: IamServer) -> tuple[Evidence, ...]:
    return read(server).evidence


def silence(since: datetime) -> Silence:
    return Silence(handle=HANDLE, since=since, until=NOW - 4 * HOUR, source=SOURCE)


def use(server: IamServer, at: datetime) -> None:
    server.users[0].keys[0] = DemoKey(id=KEY, created_at=BORN, used_at=at, service="s3", region="eu-west-1")


def test_a_key_never_used_is_silent_since_it_was_made(iam: IamServer) -> None:
    """No last-used date: silence from creation up to what IAM's lag lets us know."""
    assert (silence(BORN),) == evidence(iam)


def test_a_use_is_an_attempt_followed_by_silence(iam: IamServer) -> None:
    """A last use is an attempt, for refused requests count; silence begins after IAM's grain of 15 minutes."""
    use(iam, NOW - 100 * HOUR)
    call = Call(
        handle=HANDLE,
        at=NOW - 100 * HOUR,
        outcome=Outcome.ATTEMPT,
        source=source(iam).id,
        action="s3/eu-west-1 (credential report of 2026-11-23 12:00 UTC)",
        principal=iam.arn("orders"),
    )
    assert (call, silence(NOW - 100 * HOUR + timedelta(minutes=15))) == evidence(iam)


@pytest.mark.parametrize(
    ("ago", "expected"),
    [
        pytest.param(4 * HOUR + timedelta(minutes=15), [Call], id="silence-of-no-length-is-none"),
        pytest.param(4 * HOUR + timedelta(minutes=16), [Call, Silence], id="a-minute-of-silence"),
        pytest.param(timedelta(0), [Call], id="used-now"),
    ],
)
def test_no_silence_within_the_lag(iam: IamServer, ago: timedelta, expected: list[type]) -> None:
    """A use too recent to be followed by provable silence is an attempt alone."""
    use(iam, NOW - ago)
    assert expected == [type(item) for item in evidence(iam)]


def test_silence_reaches_back_to_2015_only(iam: IamServer) -> None:
    """IAM has tracked uses since 22 April 2015: an older key's silence starts there, not at its creation."""
    iam.users[0].keys[0].created_at = datetime(2012, 1, 1, tzinfo=UTC)
    assert (silence(datetime(2015, 4, 22, tzinfo=UTC)),) == evidence(iam)


def test_it_proves_nothing(iam: IamServer) -> None:
    """The source covers no kind of key, so no absence of success can be concluded from it."""
    assert source(iam).kinds == frozenset()
    assert read(iam).coverage.kinds == frozenset()
    assert read(iam).coverage.accounts == {"111122223333"}


def test_a_denied_key_is_skipped(iam: IamServer) -> None:
    """A key whose last use may not be read has no evidence, and is named."""
    iam.refused = {("GetAccessKeyLastUsed", "")}
    batch = read(iam)
    assert batch.evidence == ()
    assert [f"last use of {KEY}"] == [skip.what for skip in batch.skipped]


def test_a_key_deleted_meanwhile_is_silent_about_itself(iam: IamServer) -> None:
    """A deleted key yields neither evidence nor skip."""
    iam.users[0].deleted = True
    assert (read(iam).evidence, read(iam).skipped) == ((), ())


def test_many_keys_come_in_batches(iam: IamServer) -> None:
    """More keys than a batch holds come as several batches that miss none."""
    letters = "ABCDEFGHIJKLMNOP"
    iam.users = [
        DemoUser(name=f"u{a}{b}", keys=[DemoKey(id=KEY[:-2] + a + b, created_at=BORN)])
        for a in letters
        for b in letters
    ]
    batches = list(source(iam).read({}))
    assert [len(batch.evidence) for batch in batches] == [200, 56]


def test_denied_users_fail_the_source(iam: IamServer) -> None:
    """Without iam:ListUsers the source is blind."""
    iam.refused = {("ListUsers", "")}
    with pytest.raises(SourceDenied):
        list(source(iam).read({}))


def test_check_names_each_permission(iam: IamServer) -> None:
    """`check` tries what this source needs."""
    assert list(source(iam).check()) == [
        "sts:GetCallerIdentity",
        "iam:ListUsers",
        "iam:ListAccessKeys",
        "iam:GetAccessKeyLastUsed",
        "iam:GenerateCredentialReport",
        "iam:GetCredentialReport (it is of 2026-11-23 12:00 UTC)",
    ]
