"""A whole cycle over AWS's stores: hygiene is told once, and nothing is taken back that was not looked at."""

from collections.abc import Iterator
from typing import Any

import pytest

from keywatch.model.key import KeyKind
from keywatch.model.standing import Basis
from keywatch.service.standings import known_keys
from tests.aws.organisation import MANAGEMENT, ROLE, FakeAccount, Organisation
from tests.aws.server import AwsFault, Caller, FakeAws
from tests.inventory.stores import ACCOUNT, DAY, HERE, KEY_ID, NOW, THERE, Account, arn, parameter, secret, version
from tests.service.installation import Installation

STUCK = {"old".ljust(32, "-"): ["AWSCURRENT"], "new".ljust(32, "-"): ["AWSPENDING"]}


@pytest.fixture
def account() -> Account:
    """A key from SP-API's old days, kept as a secret; a secret whose rotation failed; a password in the clear."""
    account = Account()
    account.secrets = {
        HERE: [
            secret("uploader", tags={"access_key_id": KEY_ID, "owner": "ops"}),
            secret("sp-api/orders", SecretVersionsToStages=STUCK, RotationEnabled=True),
        ]
    }
    account.versions = {
        account.secrets[HERE][1]["ARN"]: [version("old", 9, "AWSCURRENT"), version("new", 8, "AWSPENDING")]
    }
    account.parameters = {HERE: [parameter("/db/password", "String")]}
    return account


@pytest.fixture
def aws(account: Account) -> Iterator[FakeAws]:
    with account.serve() as server:
        denied = AwsFault("AccessDenied", status=403)
        server.on("iam", "GenerateCredentialReport", lambda _params, _caller: denied)
        server.on("iam", "GetCredentialReport", lambda _params, _caller: denied)
        yield server


def untidy(told: list[str]) -> set[str]:
    """What was told of hygiene: the windows of keys are told elsewhere."""
    words = ("older than", "left over from", "rotation", "unencrypted", "cannot read")
    return {line.partition(" -> ")[0] for line in told if any(word in line for word in words)}


def test_hygiene_is_told_once_and_taken_back_only_by_who_looked(
    here: Installation, account: Account, aws: FakeAws
) -> None:
    """Each problem is one alert; while a region is refused its alerts stay; when all is mended they are over."""
    here.now = NOW
    config = f'[[aws]]\nname = "prod"\nregion = "{HERE}"\nregions = ["{HERE}", "{THERE}"]\nendpoint_url = "{aws.url}"\n'
    here.configure(config)
    assert {
        "fired: AWS access key spapi (…AAAA): older than 180 days",
        "fired: IAM user spapi is left over from SP-API's signatures",
        "fired: key sp-api/orders: its rotation has failed",
        "fired: key /db/password is kept unencrypted",
    } == untidy(here.news())
    key = here.standings()["spapi"].key
    assert (KeyKind.AWS_ACCESS_KEY, "ops", 2) == (key.kind, key.owner, len(key.locations))
    assert set() == untidy(here.news())

    mended = account.secrets, account.parameters
    account.secrets, account.parameters = {}, {}
    account.refused = {("ListSecrets", HERE), ("DescribeParameters", HERE)}
    assert set() == untidy(here.news())
    assert Basis.UNKNOWN is here.standings()["sp-api/orders"].basis
    assert 1 == here.source("aws-secrets:prod").skipped_total

    account.refused = set()
    account.secrets = {HERE: [secret("sp-api/orders", RotationEnabled=True, NextRotationDate=NOW + DAY)]}
    account.parameters = {HERE: [parameter("/db/password")]}
    assert {
        "resolved: key sp-api/orders: its rotation has failed",
        "resolved: key /db/password is kept unencrypted",
    } == untidy(here.news())

    account.secrets, account.parameters = mended
    here.configure(config + '[hygiene]\nleave_out = ["plain-parameter"]\n')
    assert {"regressed: key sp-api/orders: its rotation has failed"} == untidy(here.news())


def test_each_account_of_an_organisation_keeps_its_own(here: Installation) -> None:
    """Secrets and parameters are read in every account through its role; one that refuses is blind alone."""
    other, third = "222233334444", "333344445555"
    organisation = Organisation(FakeAccount(id=MANAGEMENT), FakeAccount(id=other), FakeAccount(id=third))
    organisation.accounts[1].refused = {"ListSecrets"}

    def listed(params: dict[str, Any], caller: Caller) -> dict[str, Any]:
        assert {"IncludePlannedDeletion": True, "MaxResults": 100} == params
        account = organisation._asked("ListSecrets", caller).id
        return {"SecretList": [secret("lwa/a", ARN=arn("lwa/a").replace(ACCOUNT, account))]}

    organisation.aws.on("secretsmanager", "ListSecrets", listed)
    organisation.aws.on("ssm", "DescribeParameters", lambda _params, _caller: {"Parameters": []})
    config = f'[[aws]]\nname = "all"\norganisation = true\nmember_role = "{ROLE}"\n'
    with organisation.aws:
        here.configure(f'{config}region = "{HERE}"\nendpoint_url = "{organisation.aws.url}"\n')
        here.cycle()
    with here.open() as keywatch:
        places = [place for key in known_keys(keywatch._store) for place in key.locations]
    assert {
        (f"aws-secrets:all/{account}", arn("lwa/a").replace(ACCOUNT, account)) for account in (MANAGEMENT, third)
    } == {(place.source, place.place) for place in places if place.source.startswith("aws-secrets:")}
    refused = here.source(f"aws-secrets:all/{other}")
    assert "secretsmanager:ListSecrets was refused" in (refused.error or "")
    assert here.source(f"aws-parameters:all/{other}").failing_since is None


def test_stores_can_be_switched_off(here: Installation, aws: FakeAws) -> None:
    """Whoever keeps no keys in AWS asks for none, and needs no right to."""
    here.now = NOW
    here.configure(f'[[aws]]\nname = "prod"\nsecrets = false\nparameters = false\nendpoint_url = "{aws.url}"\n')
    here.cycle()
    assert {"iam", "sts"} == {asked.service for asked in aws.asked}
