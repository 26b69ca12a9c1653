"""Sessions with AWS: what they share, where they ask, and what a role's refusal is called."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from keywatch.collect.aws import AwsAccess, AwsClients
from keywatch.model.errors import SourceDenied
from tests.aws.organisation import MANAGEMENT, ROLE, FakeAccount, Organisation

OTHER = "222233334444"
SOON = timedelta(minutes=5)
"""Before botocore's own bound of ten minutes: it has no clock that a test could set."""


@pytest.fixture
def world() -> Iterator[Organisation]:
    world = Organisation(FakeAccount(id=MANAGEMENT), FakeAccount(id=OTHER))
    with world.aws:
        yield world


def arn(account: str) -> str:
    return f"arn:aws:iam::{account}:role/{ROLE}"


def members(world: Organisation, count: int) -> Iterator[AwsClients]:
    base = AwsClients("aws-iam:prod", AwsAccess(endpoint_url=world.aws.url))
    access = AwsAccess(endpoint_url=world.aws.url, role_arn=arn(OTHER))
    for _ in range(count):
        clients = AwsClients(f"aws-iam:prod/{OTHER}", access, through=base)
        clients.iam()
        yield clients
        clients.close()


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1"])
def test_sts_is_asked_in_its_region(region: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never at the global endpoint, whatever the environment says."""
    monkeypatch.setenv("AWS_STS_REGIONAL_ENDPOINTS", "legacy")
    sts = AwsClients("aws-iam:prod", AwsAccess(region=region)).sts()
    assert f"https://sts.{region}.amazonaws.com" == sts.meta.endpoint_url


def test_all_accounts_share_one_copy_of_the_models(world: Organisation) -> None:
    """A session of its own for each account would load megabytes each time."""
    first, second = (clients.session() for clients in members(world, 2))
    assert first is not second
    loaders = [session._session.get_component("data_loader") for session in (first, second)]
    assert loaders[0] is loaders[1]
    assert len(loaders[0].search_paths) == len(set(loaders[0].search_paths))


def test_nothing_is_kept_of_an_account_that_was_read(world: Organisation) -> None:
    """A hundred accounts, one after the other, leave less behind than one client takes with models of its own."""
    for _ in members(world, 20):
        pass
    before = resident()
    for _ in members(world, 100):
        pass
    assert resident() - before < 8 << 20


def resident() -> int:
    """Bytes of memory that this process has."""
    with open("/proc/self/statm") as file:  # noqa: PTH123 - not a file
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_a_member_is_known_without_asking(world: Organisation) -> None:
    """Whose role was assumed needs no further call; our own account is asked for."""
    (clients,) = members(world, 1)
    assert (OTHER, f"arn:aws:sts::{OTHER}:assumed-role/keywatch/keywatch") == (
        clients.identity().account,
        clients.identity().arn,
    )
    assert world.aws.calls("GetCallerIdentity") == 0


def test_a_role_that_may_not_be_assumed_is_called_that(world: Organisation) -> None:
    """Not the first call that would have needed it."""
    world.accounts[1].trusts = False
    clients = AwsClients("aws-iam:prod", AwsAccess(endpoint_url=world.aws.url, role_arn=arn(OTHER)))
    with pytest.raises(SourceDenied, match="sts:AssumeRole was refused") as caught:
        clients.iam()
    assert f"name arn:aws:iam::{MANAGEMENT}:user/keywatch in its trust policy" in str(caught.value.hint)


def test_credentials_renew_themselves(world: Organisation) -> None:
    """A role's credentials that are about to run out are asked for anew by the next call."""
    made = world.aws.handlers["sts", "AssumeRole"]

    def short(params: dict[str, object], caller: object) -> object:
        answer = made(params, caller)  # type: ignore[arg-type]
        answer["Credentials"]["Expiration"] = datetime.now(UTC) + SOON  # type: ignore[index]
        return answer

    world.aws.on("sts", "AssumeRole", short)  # type: ignore[arg-type]
    clients = AwsClients("aws-iam:prod", AwsAccess(endpoint_url=world.aws.url, role_arn=arn(OTHER)))
    iam = clients.iam()
    assert len(world.sessions) == 1
    iam.list_users()
    iam.list_users()
    assert len(world.sessions) == 3
