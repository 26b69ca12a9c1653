"""IAM inventory: every key of every user and root, and what is said when IAM does not answer."""

from collections.abc import Iterator
from datetime import UTC, datetime

import boto3
import pytest

from keywatch.collect.aws import AwsAccess
from keywatch.collect.inventory.aws_iam import AwsIamKeys
from keywatch.demo.iam import DemoKey, DemoUser, IamServer
from keywatch.model.errors import SourceDenied, SourceMalformed, SourceUnreachable
from keywatch.model.key import Handle, HandleSpace, Key, KeyKind, KeyStatus, Location
from keywatch.model.source import Skipped

BORN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ACCOUNT = "111122223333"


def key_id(number: int) -> str:
    return "AKIA" + "KEYWATCHTEST" + "ABCDEFGHIJ"[number] + "AAA"


def user(number: int, **key: str) -> DemoUser:
    return DemoUser(name=f"user{number}", keys=[DemoKey(id=key_id(number), created_at=BORN, **key)])  # type: ignore[arg-type]


@pytest.fixture
def iam() -> Iterator[IamServer]:
    with IamServer(ACCOUNT) as server:
        yield server


def source(server: IamServer, *, attempts: int = 1, account: str | None = None) -> AwsIamKeys:
    return AwsIamKeys("prod", AwsAccess(endpoint_url=server.url, attempts=attempts), account=account)


def keys(items: Iterator[Key | Skipped]) -> list[Key]:
    return [item for item in items if isinstance(item, Key)]


def test_a_key_carries_what_iam_and_the_users_tags_say(iam: IamServer) -> None:
    """A key has its id as handle, its user as location, and owner and application from tags whatever their case."""
    iam.users = [user(0)]
    iam.users[0].tags = {"Owner": "ops@example.com", "application": "orders"}
    [found] = source(iam).keys()
    expected = Key(
        kind=KeyKind.AWS_ACCESS_KEY,
        handles=(Handle(HandleSpace.AWS_ACCESS_KEY_ID, key_id(0)),),
        name="user0",
        locations=(Location(source(iam).id, "arn:aws:iam::111122223333:user/user0"),),
        created_at=BORN,
        owner="ops@example.com",
        application="orders",
        account=ACCOUNT,
    )
    assert expected == found


def test_every_page_is_read(iam: IamServer) -> None:
    """Users, keys and tags beyond the first page are found too."""
    iam.page = 1
    iam.users = [user(number) for number in range(4)]
    iam.users[0].keys.append(DemoKey(id=key_id(9), created_at=BORN))
    iam.users[3].tags = {"team": "a", "owner": "b"}
    found = {key.id: key.owner for key in keys(source(iam).keys())}
    expected = {f"aws-access-key-id:{key_id(number)}": None for number in (0, 1, 2, 9)}
    assert expected | {f"aws-access-key-id:{key_id(3)}": "b"} == found


def test_a_user_on_two_pages_is_one_user(iam: IamServer) -> None:
    """A key is yielded once even if IAM repeats its user."""
    iam.users = [user(0), user(0)]
    assert len(list(source(iam).keys())) == 1


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("Active", KeyStatus.ACTIVE),
        ("Inactive", KeyStatus.INACTIVE),
        ("Expired", KeyStatus.EXPIRED),
        ("Frozen", KeyStatus.UNKNOWN),
    ],
)
def test_status_is_iams_own(iam: IamServer, said: str, expected: KeyStatus) -> None:
    """All statuses of IAM's model are told apart, and one it may invent is unknown rather than active."""
    iam.users = [user(0, status=said)]
    assert [expected] == [key.status for key in keys(source(iam).keys())]


def test_root_keys_are_a_key(iam: IamServer) -> None:
    """A root access key is in the inventory although IAM does not list it."""
    iam.root_keys = True
    [found] = keys(source(iam).keys())
    assert (Handle(HandleSpace.AWS_ROOT, ACCOUNT),) == found.handles
    assert Location(source(iam).id, f"arn:aws:iam::{ACCOUNT}:root") == found.locations[0]


def test_one_denied_user_does_not_hide_the_others(iam: IamServer) -> None:
    """A user whose keys may not be listed is skipped by name with the action to grant; the rest goes on."""
    iam.users = [user(0), user(1)]
    iam.refused = {("ListAccessKeys", "user0")}
    skipped, found = source(iam).keys()
    assert isinstance(skipped, Skipped)
    assert isinstance(found, Key)
    assert "user/user0" in skipped.what
    assert skipped.hint == f"allow iam:ListAccessKeys to {iam.arn('keywatch')}"


def test_denied_tags_cost_the_owner_not_the_key(iam: IamServer) -> None:
    """Where tags may not be read, the key is inventoried without an owner and the skip is told."""
    iam.users = [user(0)]
    iam.refused = {("ListUserTags", "")}
    skipped, found = source(iam).keys()
    assert isinstance(skipped, Skipped)
    assert isinstance(found, Key)
    assert found.owner is None


def test_a_denied_summary_is_skipped(iam: IamServer) -> None:
    """Not knowing about root keys is told, and does not fail the inventory."""
    iam.refused = {("GetAccountSummary", "")}
    [skipped] = source(iam).keys()
    assert isinstance(skipped, Skipped)
    assert skipped.what == f"root keys of account {ACCOUNT}"


def test_a_user_deleted_meanwhile_is_no_error(iam: IamServer) -> None:
    """A user that is gone by the time its keys are listed is neither key nor skip."""
    iam.users = [user(0), user(1)]
    iam.users[0].deleted = True
    [found] = source(iam).keys()
    assert isinstance(found, Key)
    assert found.id == f"aws-access-key-id:{key_id(1)}"


def test_denied_users_fail_the_source(iam: IamServer) -> None:
    """Without iam:ListUsers nothing can be said of any key, and the error names action and principal."""
    iam.refused = {("ListUsers", "")}
    with pytest.raises(SourceDenied, match="aws-iam:prod: iam:ListUsers was refused") as caught:
        list(source(iam).keys())
    assert caught.value.hint == f"allow iam:ListUsers to {iam.arn('keywatch')}"


def test_the_wrong_account_is_refused(iam: IamServer) -> None:
    """Credentials of another account than the configured one never fill the inventory."""
    with pytest.raises(SourceDenied, match="belong to account 111122223333, not 444455556666"):
        list(source(iam, account="444455556666").keys())


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (400, "Throttling", SourceUnreachable),
        (503, "ServiceUnavailable", SourceUnreachable),
        (403, "ExpiredToken", SourceUnreachable),
        (403, "InvalidClientTokenId", SourceDenied),
        (403, "SignatureDoesNotMatch", SourceDenied),
        (400, "ValidationError", SourceMalformed),
    ],
)
def test_what_aws_answers_decides_the_error(iam: IamServer, status: int, code: str, error: type[Exception]) -> None:
    """Refused, cannot now, and makes no sense are three different errors, none with AWS's message in it."""
    iam.errors = [(status, code)]
    with pytest.raises(error, match=code) as caught:
        list(source(iam).keys())
    assert "invented" not in str(caught.value)


def test_throttling_is_waited_out(iam: IamServer) -> None:
    """A throttled request is tried again."""
    iam.users = [user(0)]
    iam.errors = [(400, "Throttling")]
    assert len(keys(source(iam, attempts=3).keys())) == 1


def test_nonsense_is_malformed(iam: IamServer) -> None:
    """An answer that is not IAM's XML is malformed, not empty."""
    iam.body = b"<html>captive portal"
    with pytest.raises(SourceMalformed):
        list(source(iam).keys())


def test_nobody_there_is_unreachable(iam: IamServer) -> None:
    """A closed port is unreachable, and the hint says what to look at."""
    iam.stop()
    with pytest.raises(SourceUnreachable, match="GetCallerIdentity got no answer"):
        list(source(iam).keys())


def test_no_credentials_is_said(iam: IamServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without credentials the error says which boto3 would have taken."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(SourceDenied, match="no AWS credentials"):
        list(source(iam).keys())


def test_a_missing_profile_is_said(iam: IamServer) -> None:
    """A profile that does not exist is an error about credentials."""
    with pytest.raises(SourceDenied, match=r"^aws-iam:prod: .*ProfileNotFound"):
        list(AwsIamKeys("prod", AwsAccess(endpoint_url=iam.url, profile="nobody")).keys())


def test_a_role_is_assumed_under_our_name(iam: IamServer) -> None:
    """With a role every request is made in a session that is called keywatch."""
    access = AwsAccess(endpoint_url=iam.url, role_arn=f"arn:aws:iam::{ACCOUNT}:role/keywatch", external_id="ours")
    assert list(AwsIamKeys("prod", access).keys()) == []
    assert iam.sessions == ["keywatch"]


def test_check_tries_each_permission(iam: IamServer) -> None:
    """`check` names what holds and what is missing, one by one, even in an account without users."""
    iam.refused = {("ListUserTags", "")}
    *_, tags, summary = items = list(source(iam).check())
    assert items[:3] == ["sts:GetCallerIdentity", "iam:ListUsers", "iam:ListAccessKeys"]
    assert isinstance(tags, Skipped)
    assert tags.hint == f"allow iam:ListUserTags to {iam.arn('keywatch')}"
    assert summary == "iam:GetAccountSummary"


def test_moto_agrees(aws_url: str) -> None:
    """The same inventory works against moto's IAM, which was not written by us."""
    iam = boto3.client("iam", endpoint_url=aws_url, region_name="us-east-1")
    iam.create_user(UserName="orders", Tags=[{"Key": "owner", "Value": "ops"}])
    ids = {iam.create_access_key(UserName="orders")["AccessKey"]["AccessKeyId"] for _ in range(2)}
    found = keys(AwsIamKeys("moto", AwsAccess(endpoint_url=aws_url)).keys())
    assert {f"aws-access-key-id:{key_id}" for key_id in ids} == {key.id for key in found}
    assert {"ops"} == {key.owner for key in found}
