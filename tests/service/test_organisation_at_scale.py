"""Ten thousand keys in two hundred accounts, while AWS refuses three calls in ten; and how many calls keys cost."""

import types
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from functools import partial

import pytest

from keywatch.alerts.problems import SourceRole
from keywatch.baseline import Policy
from keywatch.collect.aws import AwsAccess, AwsClients
from keywatch.collect.aws_organisation import Accounts, AccountSource, AwsAccounts
from keywatch.collect.calls.iam_last_used import IamLastUsed
from keywatch.collect.iam import Shelf
from keywatch.collect.inventory.aws_iam import AwsIamKeys
from keywatch.model.call import Call, Silence
from keywatch.model.key import SourceId
from keywatch.model.standing import Basis
from keywatch.service.planned import Planned
from keywatch.service.standings import standings
from tests.aws.organisation import MANAGEMENT, NOW, ROLE, FakeAccount, FakeKey, Organisation
from tests.aws.server import refusing
from tests.service.installation import Installation

DAY = timedelta(days=1)
ACCOUNTS, USERS = 200, 25


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that botocore would have waited before its retries."""
    waited: list[float] = []
    monkeypatch.setattr("botocore.endpoint.time", types.SimpleNamespace(sleep=waited.append))
    return waited


@pytest.fixture
def organisation() -> Iterator[Organisation]:
    """Every user has two keys: one used yesterday; one never, and in each fifth account there are a few idle ones."""
    accounts = [FakeAccount(id=str(int(MANAGEMENT) + number)) for number in range(ACCOUNTS)]
    for number, account in enumerate(accounts):
        for user in range(USERS):
            idle = number % 5 == 0 and user < 5
            account.add(
                f"user{user}",
                FakeKey(id=account.key_id(2 * user), used_at=NOW - (70 * DAY if idle else DAY)),
                FakeKey(id=account.key_id(2 * user + 1), created_at=NOW - 2 * DAY),
            )
    organisation = Organisation(*accounts)
    with organisation.aws:
        yield organisation


def planned(organisation: Organisation) -> tuple[Planned, Planned]:
    """As the settings plan it, but without `adaptive`: that would wait for a server that refuses ever less."""
    access = AwsAccess(endpoint_url=organisation.aws.url, attempts=15)
    shelf = Shelf()

    def keys(name: str, account: str, access: AwsAccess, through: AwsClients) -> AccountSource:
        return AwsIamKeys(
            name,
            access,
            account=account,
            through=through,
            shelf=shelf,
            now=lambda: NOW,
            owner_tags=(),
            application_tags=(),
        )

    def uses(name: str, account: str, access: AwsAccess, through: AwsClients) -> AccountSource:
        return IamLastUsed(name, access, account=account, through=through, shelf=shelf, now=lambda: NOW)

    chosen = Accounts(member_role=ROLE)
    inventory, calls = (partial(AwsAccounts, kind, "big", access, chosen) for kind in ("aws-iam", "iam-last-used"))
    return (
        Planned(
            id=SourceId("aws-iam:big"), role=SourceRole.INVENTORY, every=DAY, build=lambda: inventory(keys), fleet=True
        ),
        Planned(
            id=SourceId("iam-last-used:big"), role=SourceRole.CALLS, every=DAY, build=lambda: calls(uses), fleet=True
        ),
    )


def test_no_key_is_lost_while_aws_refuses_three_calls_in_ten(
    here: Installation, organisation: Organisation, slept: list[float]
) -> None:
    """One run has every key with what IAM knows of its use, though thousands of calls were refused and made again."""
    aws, here.now = organisation.aws, NOW
    aws.fault = refusing(0.3)
    with here.open() as keywatch:
        assert [keywatch.reader.run(source) for source in planned(organisation)] == [True, True]
        states = keywatch._store.sources()
        evidence = keywatch._store.evidence()
        judged = Counter(row.basis for row in standings(keywatch._store, Policy(), NOW))
        present = [s.key.id for s in keywatch._store.sightings() if s.gone_at is None]
    expected = {f"aws-access-key-id:{key.id}" for a in organisation.accounts for u in a.users for key in u.keys}
    assert len(expected) == 10_000
    assert sorted(expected) == sorted(present)
    assert all(state.failing_since is None and not state.skipped for state in states)
    assert len(states) == 2 * (1 + ACCOUNTS)
    assert {str(item.handle) for item in evidence} == expected
    assert sum(isinstance(item, Call) for item in evidence) == 5_000
    assert judged == {Basis.ATTEMPT_ONLY: 5_000, Basis.NEVER: 5_000}
    # Each key that is idle was asked about, and no other.
    asked = {a.params["AccessKeyId"] for a in aws.asked if a.operation == "GetAccessKeyLastUsed"}
    assert asked == {
        k.id for a in organisation.accounts for u in a.users for k in u.keys if k.used_at == NOW - 70 * DAY
    }
    assert all(isinstance(item, Call | Silence) for item in evidence)
    refused = aws.calls() - len({(a.operation, a.caller.access_key_id, repr(a.params)) for a in aws.asked})
    assert 0.25 < refused / aws.calls() < 0.35
    assert len(slept) > 2_000


@pytest.mark.parametrize(
    ("users", "tags", "report", "expected"),
    [
        pytest.param(500, ("owner",), True, 1_011, id="as-shipped"),
        pytest.param(100, (), False, 305, id="without-tags-and-report"),
    ],
)
def test_what_a_thousand_keys_cost(users: int, tags: tuple[str, ...], report: bool, expected: int) -> None:
    """
    Calls to AWS for one run over an account of users with two keys each, none of which is near a threshold.

    As shipped: 5 x ListUsers, 500 x ListAccessKeys, 500 x ListUserTags, 1 x GetAccountSummary, 2 x GetCredentialReport
    and 3 to learn who we are and have a report made. Without tags and report, a fifth as many users: 1 x ListUsers,
    100 x ListAccessKeys, 200 x GetAccessKeyLastUsed and 4; a thousand keys take 1,509.
    """
    account = FakeAccount(id=MANAGEMENT, report_at=None)
    if not report:
        account.refused = {"GetCredentialReport"}
    for user in range(users):
        account.add(
            f"user{user}",
            FakeKey(id=account.key_id(2 * user), used_at=NOW - DAY),
            FakeKey(id=account.key_id(2 * user + 1), created_at=NOW - 2 * DAY),
        )
    organisation = Organisation(account)
    with organisation.aws as aws:
        access, shelf = AwsAccess(endpoint_url=aws.url), Shelf()
        keys = AwsIamKeys("cost", access, shelf=shelf, now=lambda: NOW, owner_tags=tags, application_tags=())
        assert len(list(keys.keys())) == 2 * users
        uses = IamLastUsed("cost", access, shelf=shelf, now=lambda: NOW).read({})
        assert len({item.handle for batch in uses for item in batch.evidence}) == 2 * users
        assert expected == aws.calls()
        assert (0 if report else 2 * users) == aws.calls("GetAccessKeyLastUsed")
