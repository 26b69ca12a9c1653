"""Parameter Store inventory: keys from metadata alone, and secrets in the clear told apart from what is no secret."""

from collections.abc import Iterator

import boto3
import pytest

from keywatch.collect.aws import AwsAccess
from keywatch.collect.inventory.aws_parameters import AwsParameters
from keywatch.collect.inventory.described import Describer
from keywatch.collect.inventory.named import NamePattern
from keywatch.model.errors import SourceDenied
from keywatch.model.key import Handle, HandleSpace, Keeping, Key, KeyKind, Location, SourceId
from keywatch.model.source import Skipped
from tests.aws.server import FakeAws
from tests.inventory.stores import ACCOUNT, DAY, HERE, KEY_ID, NOW, ROLE, THERE, Account, parameter, parted


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.fixture
def aws(account: Account) -> Iterator[FakeAws]:
    with account.serve() as server:
        yield server


def source(aws: FakeAws, *regions: str, everything: bool = False) -> AwsParameters:
    access = AwsAccess(endpoint_url=aws.url, region=HERE, attempts=1)
    return AwsParameters("prod", access, regions=regions, describer=Describer(everything=everything))


def read(aws: FakeAws, *regions: str, everything: bool = False) -> tuple[dict[str, Key], list[Skipped]]:
    return parted(list(source(aws, *regions, everything=everything).keys()))


def test_a_parameter_is_a_key_described_by_its_tags(account: Account, aws: FakeAws) -> None:
    """An encrypted parameter whose tags name an access key is that key, kept in one place more."""
    account.parameters = {HERE: [parameter("/prod/uploader")]}
    account.tags = {"/prod/uploader": {"access_key_id": KEY_ID, "Owner": "ops"}}
    place = f"arn:aws:ssm:{HERE}:{ACCOUNT}:parameter/prod/uploader"
    expected = Key(
        kind=KeyKind.AWS_ACCESS_KEY,
        handles=(Handle(HandleSpace.AWS_ACCESS_KEY_ID, KEY_ID), Handle(HandleSpace.AWS_ARN, place)),
        name="/prod/uploader",
        locations=(Location(SourceId("aws-parameters:prod"), place),),
        created_at=NOW - 10 * DAY,
        owner="ops",
    )
    assert ({"/prod/uploader": expected}, []) == read(aws)


def test_an_arn_that_aws_does_not_tell_is_made(account: Account, aws: FakeAws) -> None:
    """Older answers have none; a name with and one without a slash in front give what AWS would say."""
    bare = {name: {"Name": name, "Type": "SecureString"} for name in ("/lwa/a", "lwa-b")}
    account.parameters = {HERE: list(bare.values())}
    places = [key.locations[0].place for key in read(aws)[0].values()]
    assert [f"arn:aws:ssm:{HERE}:{ACCOUNT}:parameter/{name}" for name in ("lwa/a", "lwa-b")] == places


def test_a_secret_in_the_clear_is_told_whatever_it_is_a_secret_of(account: Account, aws: FakeAws) -> None:
    """A `String` with a secret's name is in the inventory, marked; an encrypted one that is no key is not."""
    account.parameters = {
        HERE: [
            parameter("/prod/db/password", "String"),
            parameter("/prod/db/safePassword"),
            parameter("/prod/db/host", "String"),
            parameter("/sp-api/orders/marketplace", "String"),
            parameter("/prod/db/password-length", "String"),
            parameter("/sp-api/orders/refresh-token", "StringList"),
        ]
    }
    account.tags = {"/sp-api/orders/refresh-token": {"application": "orders", "seller": "A1EXAMPLE"}}
    keys, _ = read(aws)
    assert {"/prod/db/password": KeyKind.OTHER, "/sp-api/orders/refresh-token": KeyKind.LWA_REFRESH_TOKEN} == {
        name: key.kind for name, key in keys.items()
    }
    assert all((Keeping(location=key.locations[0], clear=True),) == key.keeping for key in keys.values())


def test_a_pattern_says_what_a_plain_setting_is(account: Account, aws: FakeAws) -> None:
    """A name that sounds like a secret's may be said to be none, and one that does not may be said to be one."""
    account.parameters = {HERE: [parameter("/ui/token", "String"), parameter("/orders/it", "String")]}
    patterns = [NamePattern("/ui/*", holds_key=False), NamePattern("/{application}/it", KeyKind.LWA_CLIENT_SECRET)]
    access = AwsAccess(endpoint_url=aws.url, region=HERE)
    keys, _ = parted(list(AwsParameters("prod", access, describer=Describer(patterns=patterns)).keys()))
    assert {"/orders/it": "orders"} == {name: key.application for name, key in keys.items()}


def test_tags_are_asked_for_only_where_a_key_may_be(account: Account, aws: FakeAws) -> None:
    """Plain settings, of which there are many, cost nothing but their line in the listing."""
    plain = [parameter(f"/prod/setting{n}", "String") for n in range(4)]
    account.parameters = {HERE: [*plain, parameter("/prod/sealed"), parameter("/lwa/token", "String")]}
    read(aws)
    assert ["/prod/sealed", "/lwa/token"] == [
        asked.params["ResourceId"] for asked in aws.asked if asked.operation == "ListTagsForResource"
    ]


def test_every_page_and_region_is_read_and_a_repeated_parameter_is_one(account: Account, aws: FakeAws) -> None:
    """Empty pages are no end, and a page may repeat what the page before had."""
    account.parameters = {HERE: [parameter("/lwa/a"), parameter("/lwa/a"), parameter("/lwa/b")]}
    account.parameters[THERE] = [parameter("/lwa/c", ARN=f"arn:aws:ssm:{THERE}:{ACCOUNT}:parameter/lwa/c")]
    assert {"/lwa/a", "/lwa/b", "/lwa/c"} == set(read(aws, HERE, THERE)[0])


def test_every_encrypted_parameter_may_be_asked_for(account: Account, aws: FakeAws) -> None:
    """Then what says nothing of itself is a key of kind `other`; plain settings are still none."""
    account.parameters = {HERE: [parameter("/prod/sealed"), parameter("/prod/plain", "String", ARN="arn:x")]}
    assert {"/prod/sealed": KeyKind.OTHER} == {name: key.kind for name, key in read(aws, everything=True)[0].items()}


def test_denied_tags_cost_what_they_say_not_the_key(account: Account, aws: FakeAws) -> None:
    """A key that its name tells is inventoried; that tags could not be read is told for each."""
    account.parameters = {HERE: [parameter("/lwa/a"), parameter("/sealed")]}
    account.refused = {("ListTagsForResource", "")}
    keys, skipped = read(aws)
    assert {"/lwa/a"} == set(keys)
    assert [f"tags of /lwa/a in {HERE}", f"tags of /sealed in {HERE}"] == [item.what for item in skipped]
    assert {f"allow ssm:ListTagsForResource to {ROLE}"} == {item.hint for item in skipped}


def test_a_parameter_deleted_since_it_was_listed_is_no_error(account: Account, aws: FakeAws) -> None:
    """It has no tags; the next reading will not list it."""
    account.parameters, account.gone = {HERE: [parameter("/lwa/a"), parameter("/sealed")]}, {"/lwa/a", "/sealed"}
    keys, skipped = read(aws)
    assert ({"/lwa/a"}, []) == (set(keys), skipped)


def test_an_entry_without_a_name_costs_only_itself(account: Account, aws: FakeAws) -> None:
    """One description that makes no sense is counted, and the others are read."""
    account.parameters = {HERE: [{"Type": "SecureString"}, parameter("/lwa/a")]}
    keys, skipped = read(aws)
    assert ({"/lwa/a"}, [f"a parameter in {HERE}"]) == (set(keys), [item.what for item in skipped])


def test_a_denied_region_is_skipped_and_all_denied_fail(account: Account, aws: FakeAws) -> None:
    """One region's refusal costs that region."""
    account.parameters = {HERE: [parameter("/lwa/a")]}
    account.refused = {("DescribeParameters", THERE)}
    keys, (skipped,) = read(aws, THERE, HERE)
    assert ({"/lwa/a"}, f"parameters in {THERE}") == (set(keys), skipped.what)
    with pytest.raises(SourceDenied, match="ssm:DescribeParameters was refused"):
        list(source(aws, THERE).keys())


def test_no_value_is_ever_asked_for(account: Account, aws: FakeAws) -> None:
    """A whole reading and a check use these operations and no other."""
    account.parameters = {HERE: [parameter("/lwa/a"), parameter("/db/password", "String")]}
    read(aws, HERE, THERE, everything=True)
    list(source(aws, HERE, THERE).check())
    assert {"GetCallerIdentity", "DescribeParameters", "ListTagsForResource"} == {one.operation for one in aws.asked}


@pytest.mark.parametrize("operation", [None, "DescribeParameters", "ListTagsForResource"])
def test_check_names_the_one_missing_action(account: Account, aws: FakeAws, operation: str | None) -> None:
    """What is denied is named with region and principal, the others hold; no parameter need exist."""
    account.parameters = {HERE: [parameter("/any")]}
    account.refused = {(operation, THERE)} if operation else set()
    results = list(source(aws, HERE, THERE).check())
    missing = [(item.what, item.hint) for item in results if isinstance(item, Skipped)]
    named = [(f"ssm:{operation} in {THERE}", f"allow ssm:{operation} to {ROLE}")] if operation else []
    assert (named, 5 - len(named)) == (missing, len(results) - len(missing))


def test_moto_agrees(aws_url: str) -> None:
    """The same inventory works against moto's Parameter Store, page by page, and no value of it is seen."""
    client = boto3.client("ssm", endpoint_url=aws_url, region_name=HERE)
    for number in range(60):
        client.put_parameter(Name=f"/plain/{number}", Value="1", Type="String")
    tags = [{"Key": "kind", "Value": "lwa-client-secret"}, {"Key": "application", "Value": "orders"}]
    client.put_parameter(Name="/it", Value="invented", Type="SecureString", Tags=tags)  # type: ignore[arg-type]
    client.put_parameter(Name="/db/password", Value="invented", Type="String")
    access = AwsAccess(endpoint_url=aws_url, region=HERE)
    keys, skipped = parted(list(AwsParameters("moto", access).keys()))
    assert [] == skipped
    assert {"/it": KeyKind.LWA_CLIENT_SECRET, "/db/password": KeyKind.OTHER} == {n: k.kind for n, k in keys.items()}
    assert "invented" not in repr(keys)
    assert not [item for item in AwsParameters("moto", access).check() if isinstance(item, Skipped)]
