"""Secrets Manager inventory: keys from metadata alone, each once, and nothing taken for vanished that was not shown."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from keywatch.collect.aws import AwsAccess
from keywatch.collect.inventory.aws_iam import AwsIamKeys
from keywatch.collect.inventory.aws_secrets import AwsSecrets
from keywatch.collect.inventory.described import Describer
from keywatch.correlate import correlate
from keywatch.model.errors import SourceDenied, SourceMalformed, SourceUnreachable
from keywatch.model.key import Handle, HandleSpace, Key, KeyKind, KeyStatus, Location, Rotation, SourceId
from keywatch.model.source import Skipped
from tests.aws.server import Asked, AwsFault, FakeAws
from tests.inventory.stores import (
    DAY,
    HERE,
    KEY_ID,
    MADE,
    NOW,
    ROLE,
    THERE,
    USER,
    Account,
    arn,
    parted,
    secret,
    version,
)

CLIENT = "amzn1.application-oa2-client." + "0123456789abcdef" * 2


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.fixture
def aws(account: Account) -> Iterator[FakeAws]:
    with account.serve() as server:
        yield server


def source(aws: FakeAws, *regions: str, account: str | None = None, everything: bool = False) -> AwsSecrets:
    access = AwsAccess(endpoint_url=aws.url, region=HERE, attempts=2)
    return AwsSecrets("prod", access, account=account, regions=regions, describer=Describer(everything=everything))


def read(aws: FakeAws, *regions: str, everything: bool = False) -> tuple[dict[str, Key], list[Skipped]]:
    return parted(list(source(aws, *regions, everything=everything).keys()))


def test_a_secret_is_a_key_described_by_its_tags(account: Account, aws: FakeAws) -> None:
    """Kind, owner, application, region and handles come from tags, whatever their case and dashes."""
    tags = {"Kind": "LWA_client_secret", "OWNER": "ops", "application": "orders", "client-id": CLIENT, "region": "eu"}
    account.secrets = {HERE: [secret("prod/orders", tags=tags)]}
    expected = Key(
        kind=KeyKind.LWA_CLIENT_SECRET,
        handles=(
            Handle(HandleSpace.LWA_CLIENT_ID, CLIENT),
            Handle(HandleSpace.APPLICATION, "orders"),
            Handle(HandleSpace.AWS_ARN, arn("prod/orders")),
        ),
        name="prod/orders",
        locations=(Location(SourceId("aws-secrets:prod"), arn("prod/orders")),),
        created_at=NOW - 100 * DAY,
        owner="ops",
        application="orders",
        region="eu",
    )
    assert ({"prod/orders": expected}, []) == read(aws)


def test_dates_in_tags_count_more_than_when_the_value_was_stored(account: Account, aws: FakeAws) -> None:
    """A seller authorised when it says so; what is no date is said, and the key is there without it."""
    tags = {"kind": "lwa-refresh-token", "application": "orders", "seller": "A1EXAMPLE"}
    account.secrets = {
        HERE: [
            secret("a", tags={**tags, "authorised-at": "2026-03-01", "expires-at": "2027-02-01"}),
            secret("b", tags={**tags, "seller": "A2EXAMPLE", "authorised-at": "spring"}),
        ]
    }
    keys, skipped = read(aws)
    assert keys["a"].created_at == datetime(2026, 3, 1, tzinfo=UTC)
    assert keys["a"].expires_at == datetime(2027, 2, 1, tzinfo=UTC)
    assert (keys["b"].created_at, keys["b"].expires_at) == (NOW - 100 * DAY, None)
    assert [(item.what, item.why) for item in skipped] == [
        (f"tags of {arn('b')}", "authorised_at: should be a date, as 2026-09-01")
    ]


def test_what_does_not_say_that_it_is_a_key_is_none(account: Account, aws: FakeAws) -> None:
    """The password of a database is left out, unless every secret is asked for."""
    named = ["rds!cluster-1", "prod/orders/db-password", "lwa/client-id"]
    account.secrets = {HERE: [secret(name, tags={"kind": "database"}) for name in named] + [secret("lwa/orders")]}
    assert {"lwa/orders"} == set(read(aws)[0])
    assert {*named, "lwa/orders"} == set(read(aws, everything=True)[0])


def test_every_page_and_region_is_read_and_empty_pages_are_no_end(account: Account, aws: FakeAws) -> None:
    """A page without a secret but with a token is not the last one."""
    account.secrets = {region: [secret(f"lwa/{n}", region=region) for n in range(3)] for region in (HERE, THERE)}
    found = [item for item in list(source(aws, HERE, THERE).keys()) if isinstance(item, Key)]
    assert 6 == len(found) == len({key.id for key in found})


def test_a_page_that_repeats_a_secret_tells_it_once(account: Account, aws: FakeAws) -> None:
    """The listing is eventually consistent."""
    account.secrets = {HERE: [secret("lwa/a"), secret("lwa/a"), secret("lwa/b")]}
    assert {"lwa/a", "lwa/b"} == set(read(aws)[0])


def test_the_secret_and_the_iam_key_in_it_are_one_key_in_two_places(account: Account, aws: FakeAws) -> None:
    """An access key id in the tags is a handle that IAM's sighting has too; IAM is believed about age and status."""
    account.secrets = {HERE: [secret("uploader", tags={"access_key_id": KEY_ID}, DeletedDate=NOW)]}
    iam = AwsIamKeys("prod", AwsAccess(endpoint_url=aws.url))
    sightings = [*iam.keys(), *source(aws).keys()]
    (key,) = correlate(item for item in sightings if isinstance(item, Key))
    assert [USER["Arn"], arn("uploader")] == [location.place for location in key.locations]
    assert (KeyKind.AWS_ACCESS_KEY, KeyStatus.ACTIVE, MADE) == (key.kind, key.status, key.created_at)


@pytest.mark.parametrize(
    "regions", [pytest.param((HERE, THERE), id="primary-first"), pytest.param((THERE, HERE), id="replica-first")]
)
def test_a_replica_is_its_primary(account: Account, aws: FakeAws, regions: tuple[str, ...]) -> None:
    """A secret with a replica is one key in one place, and it is the primary that says how it is rotated."""
    account.secrets = {
        HERE: [secret("lwa/a", PrimaryRegion=HERE, RotationEnabled=True, NextRotationDate=NOW)],
        THERE: [secret("lwa/a", region=THERE, PrimaryRegion=HERE)],
    }
    (key,) = read(aws, *regions)[0].values()
    assert arn("lwa/a") == key.locations[0].place
    assert Rotation(due_at=NOW) == key.keeping[0].rotation


def test_a_replica_speaks_for_a_primary_that_cannot_be_asked(account: Account, aws: FakeAws) -> None:
    """Two replicas of a secret in a refused region are one key, under the name that the primary has."""
    account.secrets = {region: [secret("lwa/a", region=region, PrimaryRegion=HERE)] for region in (THERE, "us-west-2")}
    account.refused = {("ListSecrets", HERE)}
    keys, skipped = read(aws, THERE, HERE, "us-west-2")
    assert [arn("lwa/a")] == [key.locations[0].place for key in keys.values()]
    assert [f"secrets in {HERE}"] == [item.what for item in skipped]


def test_a_secret_to_be_deleted_is_switched_off_not_gone(account: Account, aws: FakeAws) -> None:
    """Until its recovery window ends it is in the inventory, as inactive."""
    account.secrets = {HERE: [secret("lwa/a", DeletedDate=NOW)]}
    assert KeyStatus.INACTIVE is read(aws)[0]["lwa/a"].status
    assert {"IncludePlannedDeletion": True, "MaxResults": 100} == aws.asked[1].params


@pytest.mark.parametrize(
    ("changed", "asked", "born"),
    [
        pytest.param(NOW - 100 * DAY, 0, NOW - 100 * DAY, id="never-changed"),
        pytest.param(NOW - DAY, 2, NOW - 30 * DAY, id="changed-since"),
    ],
)
def test_age_is_that_of_the_current_value(
    account: Account, aws: FakeAws, changed: datetime, asked: int, born: datetime
) -> None:
    """A change of tags or description does not make a value younger; versions are asked for only where that is open."""
    account.secrets = {HERE: [secret("lwa/a", LastChangedDate=changed)]}
    account.versions = {arn("lwa/a"): [version("old", 60, "AWSPREVIOUS"), version("new", 30, "AWSCURRENT")]}
    assert born == read(aws)[0]["lwa/a"].created_at
    assert asked == aws.calls("ListSecretVersionIds")


def test_the_age_of_an_iam_key_is_left_to_iam(account: Account, aws: FakeAws) -> None:
    """When an access key was stored says nothing of when it was made."""
    account.secrets = {HERE: [secret("a", tags={"access_key_id": KEY_ID}, LastChangedDate=NOW)]}
    assert read(aws)[0]["a"].created_at is None
    assert 0 == aws.calls("ListSecretVersionIds")


@pytest.mark.parametrize(
    ("stages", "stuck"),
    [
        pytest.param({"old": ["AWSCURRENT"], "new": ["AWSPENDING"]}, NOW - 3 * DAY, id="pending-alone"),
        pytest.param({"old": ["AWSPREVIOUS"], "new": ["AWSCURRENT", "AWSPENDING"]}, None, id="pending-and-current"),
    ],
)
def test_a_rotation_that_got_stuck_is_told_with_since_when(
    account: Account, aws: FakeAws, stages: dict[str, list[str]], stuck: datetime | None
) -> None:
    """A version that is pending and not current is a rotation that failed; the date is that version's."""
    named = {name.ljust(32, "-"): labels for name, labels in stages.items()}
    rules: dict[str, Any] = {"RotationRules": {"AutomaticallyAfterDays": 30}, "LastRotatedDate": NOW - 33 * DAY}
    account.secrets = {HERE: [secret("lwa/a", SecretVersionsToStages=named, RotationEnabled=True, **rules)]}
    account.versions = {arn("lwa/a"): [version("old", 33, *stages["old"]), version("new", 3, *stages["new"])]}
    (keeping,) = read(aws)[0]["lwa/a"].keeping
    assert Rotation(rotated_at=NOW - 33 * DAY, due_at=NOW - 3 * DAY, stuck_since=stuck) == keeping.rotation


def test_a_secret_without_rotation_says_nothing_of_it(account: Account, aws: FakeAws) -> None:
    """Dates left over from a rotation that was switched off promise nothing."""
    account.secrets = {HERE: [secret("lwa/a", NextRotationDate=NOW - 9 * DAY, LastRotatedDate=NOW - 99 * DAY)]}
    assert () == read(aws)[0]["lwa/a"].keeping


def test_a_denied_region_is_skipped_and_the_rest_is_read(account: Account, aws: FakeAws) -> None:
    """The skip names region, action and principal."""
    account.secrets = {HERE: [secret("lwa/a")]}
    account.refused = {("ListSecrets", THERE)}
    keys, skipped = read(aws, THERE, HERE)
    assert {"lwa/a"} == set(keys)
    why = f"aws-secrets:prod in {THERE}: secretsmanager:ListSecrets was refused"
    assert [Skipped(f"secrets in {THERE}", why, f"allow secretsmanager:ListSecrets to {ROLE}")] == skipped


def test_where_every_region_is_denied_the_source_fails(account: Account, aws: FakeAws) -> None:
    """Nothing can be said of any key, and the error says what to allow."""
    account.refused = {("ListSecrets", "")}
    with pytest.raises(SourceDenied) as caught:
        list(source(aws, HERE, THERE).keys())
    assert f"allow secretsmanager:ListSecrets to {ROLE}, or set `secrets = false`" == caught.value.hint


def test_denied_versions_cost_the_age_not_the_key(account: Account, aws: FakeAws) -> None:
    """The key is inventoried, and what is not known of it is told."""
    account.secrets = {HERE: [secret("lwa/a", LastChangedDate=NOW), secret("lwa/b")]}
    account.refused = {("ListSecretVersionIds", "")}
    keys, (skipped,) = read(aws)
    assert (None, NOW - 100 * DAY) == (keys["lwa/a"].created_at, keys["lwa/b"].created_at)
    assert f"versions of {arn('lwa/a')}" == skipped.what


def test_a_secret_deleted_since_it_was_listed_is_no_error(account: Account, aws: FakeAws) -> None:
    """Its age is unknown; the next reading will not list it."""
    account.secrets = {HERE: [secret("lwa/a", LastChangedDate=NOW)]}
    keys, skipped = read(aws)
    assert (None, []) == (keys["lwa/a"].created_at, skipped)


def test_an_entry_without_a_name_costs_only_itself(account: Account, aws: FakeAws) -> None:
    """One description that makes no sense is counted, and the others are read."""
    account.secrets = {HERE: [{"ARN": arn("x")}, {"Name": "lwa/y"}, secret("lwa/a")]}
    keys, skipped = read(aws)
    assert {"lwa/a"} == set(keys)
    assert [f"a secret in {HERE}"] * 2 == [item.what for item in skipped]


def test_a_listing_that_never_ends_is_given_up(aws: FakeAws) -> None:
    """The same token again is an error, not a loop."""
    aws.on("secretsmanager", "ListSecrets", lambda _params, _caller: {"SecretList": [], "NextToken": "again"})
    with pytest.raises(SourceMalformed, match="there is more, but not where"):
        list(source(aws).keys())


def test_throttling_is_waited_out_and_an_outage_is_unreachable(account: Account, aws: FakeAws) -> None:
    """A throttled page is asked again; a region that is down for good is unreachable, and says so."""
    account.secrets = {HERE: [secret("lwa/a")]}
    aws.fault = lambda asked: AwsFault("ThrottlingException") if asked.time == 1 else None
    assert {"lwa/a"} == set(read(aws)[0])
    aws.fault = lambda asked: AwsFault("InternalServiceError", status=500) if asked.service != "sts" else None
    with pytest.raises(SourceUnreachable, match="failed to answer secretsmanager:ListSecrets"):
        list(source(aws).keys())


def test_another_accounts_secrets_are_not_read(aws: FakeAws) -> None:
    """Credentials of another account than the configured one ask for nothing."""
    with pytest.raises(SourceDenied, match="belong to account 111122223333, not 444455556666"):
        list(source(aws, account="444455556666").keys())
    assert 0 == aws.calls(service="secretsmanager")


def test_no_value_is_ever_asked_for(account: Account, aws: FakeAws) -> None:
    """A whole reading with everything in it, and a check, use these operations and no other."""
    stages = {"old".ljust(32, "-"): ["AWSCURRENT"], "new".ljust(32, "-"): ["AWSPENDING"]}
    account.secrets = {HERE: [secret("lwa/a", SecretVersionsToStages=stages, LastChangedDate=NOW), secret("other")]}
    account.versions = {arn("lwa/a"): [version("old", 9, "AWSCURRENT"), version("new", 3, "AWSPENDING")]}
    read(aws, HERE, THERE, everything=True)
    list(source(aws, HERE, THERE).check())
    assert {"GetCallerIdentity", "ListSecrets", "ListSecretVersionIds"} == {asked.operation for asked in aws.asked}


def test_check_tries_each_permission_in_each_region(account: Account, aws: FakeAws) -> None:
    """What holds is named with its region; nothing is read beyond the first page, and no secret need exist."""
    account.secrets = {HERE: [secret(f"s{n}") for n in range(5)]}
    account.versions = {arn("s0"): [version("one", 1, "AWSCURRENT")]}
    expected = ["sts:GetCallerIdentity"]
    for region in (HERE, THERE):
        expected += [f"secretsmanager:ListSecrets in {region}", f"secretsmanager:ListSecretVersionIds in {region}"]
    assert expected == list(source(aws, HERE, THERE).check())
    assert 2 == aws.calls("ListSecrets")


@pytest.mark.parametrize("region", [HERE, THERE])
@pytest.mark.parametrize("operation", ["ListSecrets", "ListSecretVersionIds"])
def test_check_names_the_one_missing_action(account: Account, aws: FakeAws, operation: str, region: str) -> None:
    """Whichever action is denied in whichever region: that one is named with the principal, the others hold."""
    account.refused = {(operation, region)}
    results = list(source(aws, HERE, THERE).check())
    (missing,) = (item for item in results if isinstance(item, Skipped))
    assert f"secretsmanager:{operation} in {region}" == missing.what
    assert f"allow secretsmanager:{operation} to {ROLE}" == missing.hint
    assert 4 == len(results) - 1


def test_check_says_when_nobody_is_there(aws: FakeAws) -> None:
    """Without credentials that AWS knows, nothing else is tried."""
    aws.fault = lambda _: AwsFault("InvalidClientTokenId", status=403)
    (missing,) = source(aws).check()
    assert isinstance(missing, Skipped)
    assert "does not accept our credentials" in missing.why
    assert ["GetCallerIdentity"] == [asked.operation for asked in aws.asked]


def test_a_region_that_fails_is_left_after_its_first_permission(account: Account, aws: FakeAws) -> None:
    """Where nobody answers, the next permission is not tried; the next region is."""

    def fault(asked: Asked) -> AwsFault | None:
        down = asked.caller.region == HERE and asked.service != "sts"
        return AwsFault("InternalServiceError", status=500) if down else account._fault(asked)

    aws.fault = fault
    results = list(source(aws, HERE, THERE).check())
    assert [f"secretsmanager:ListSecrets in {HERE}"] == [item.what for item in results if isinstance(item, Skipped)]
    assert f"secretsmanager:ListSecretVersionIds in {THERE}" == results[-1]


def test_moto_agrees(aws_url: str) -> None:
    """The same inventory works against moto's Secrets Manager, which was not written by us."""
    client = boto3.client("secretsmanager", endpoint_url=aws_url, region_name=HERE)
    kind = [{"Key": "kind", "Value": "lwa-refresh-token"}, {"Key": "owner", "Value": "ops"}]
    for number in range(3):
        client.create_secret(Name=f"s{number}", SecretString="invented", Tags=kind)  # type: ignore[arg-type]
    client.create_secret(Name="db", SecretString="invented")
    client.delete_secret(SecretId="s1", RecoveryWindowInDays=7)
    client.put_secret_value(SecretId="s2", SecretString="invented too")
    access = AwsAccess(endpoint_url=aws_url, region=HERE)
    keys, skipped = parted(list(AwsSecrets("moto", access).keys()))
    assert [] == skipped
    assert {"s0": "active", "s1": "inactive", "s2": "active"} == {name: key.status for name, key in keys.items()}
    assert {("ops", KeyKind.LWA_REFRESH_TOKEN)} == {(key.owner, key.kind) for key in keys.values()}
    assert all(key.created_at for key in keys.values())
    assert not [item for item in AwsSecrets("moto", access).check() if isinstance(item, Skipped)]
