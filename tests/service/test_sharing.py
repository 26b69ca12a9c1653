"""A key that is passed around, from the trail's files in S3 to the message that somebody reads."""

import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import boto3
import pytest

from keywatch.cli.main import run
from tests.service.installation import DAY, Installation
from tests.service.networks import write_countries, write_systems

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

KEY = "AKIA" + "KEYWATCHTESTAAAA"
ACCOUNT = "111122223333"
BOTO, CLI = "Boto3/1.44.5 os/linux#6 lang/python#3.11", "aws-cli/2.32.0 os/windows#10"
CLOUD, PHONE = "192.0.2.7", "203.0.113.9"
USERS = (CLOUD, BOTO), (PHONE, CLI)
HOUR = timedelta(hours=1)


class Trail:
    """A trail's bucket in moto, and the installation that reads it."""

    def __init__(self, url: str, here: Installation) -> None:
        self.s3: S3Client = boto3.client("s3", endpoint_url=url, region_name="us-east-1")
        self.s3.create_bucket(Bucket="trail")
        self.count = 0
        self.config = f"""
            [[cloudtrail]]
            name = "org"
            bucket = "trail"
            endpoint_url = "{url}"
            [[key]]
            name = "orders"
            kind = "aws-access-key"
            access_key_id = "{KEY}"
            owner = "orders-team"
            """
        here.configure(self.config)

    def put(self, *calls: tuple[datetime, str, str]) -> None:
        """One file, delivered a little after the last of its calls: when, from where, by what."""
        self.count += 1
        stamp = max(at for at, *_ in calls) + timedelta(minutes=5)
        records = [
            {
                "eventVersion": "1.11",
                "userIdentity": {"type": "IAMUser", "accountId": ACCOUNT, "accessKeyId": KEY},
                "eventTime": f"{at:%Y-%m-%dT%H:%M:%SZ}",
                "eventSource": "ec2.amazonaws.com",
                "eventName": "DescribeInstances",
                "sourceIPAddress": address,
                "userAgent": agent,
                "eventType": "AwsApiCall",
                "recipientAccountId": ACCOUNT,
            }
            for at, address, agent in calls
        ]
        name = f"{ACCOUNT}_CloudTrail_us-east-1_{stamp:%Y%m%dT%H%MZ}_{self.count:016d}.json.gz"
        self.s3.put_object(
            Bucket="trail",
            Key=f"AWSLogs/{ACCOUNT}/CloudTrail/us-east-1/{stamp:%Y/%m/%d}/{name}",
            Body=gzip.compress(json.dumps({"Records": records}).encode()),
        )


@pytest.fixture
def trail(aws_url: str, here: Installation) -> Trail:
    """A service that has made a call a day from one place, for a month."""
    trail = Trail(aws_url, here)
    for days in (range(30, 15, -1), range(15, 0, -1)):
        trail.put(*((here.now - n * DAY, CLOUD, BOTO) for n in days))
    return trail


def about_sharing(told: list[str]) -> list[str]:
    return [text for text in told if " used " in text]


def test_somebody_new_uses_a_key(trail: Trail, here: Installation) -> None:
    """Told within one cycle, once, and over when nothing new has come for a week; the place is known from then on."""
    assert [] == about_sharing(here.news())
    trail.put((here.now - HOUR, PHONE, CLI))
    [news] = about_sharing(here.news())
    assert news.startswith("fired: AWS access key orders (…AAAA): used from somewhere new, 203.0.113.0/24 ->")
    assert [] == about_sharing(here.news())
    here.now += 9 * DAY
    trail.put(*((here.now - n * DAY - HOUR, address, agent) for n in range(9) for address, agent in USERS))
    assert ["resolved"] == [news.partition(":")[0] for news in about_sharing(here.news())]
    trail.put((here.now, PHONE, CLI))
    assert [] == about_sharing(here.news())


def test_a_key_is_in_two_countries_at_once(trail: Trail, here: Installation) -> None:
    """With local databases the providers and countries are named; nothing is asked of anybody."""
    write_systems(here.directory / "asn.mmdb", {"192.0.2.0/24": (64500, "Cloud"), "203.0.113.0/24": (64501, "Phone")})
    write_countries(here.directory / "country.mmdb", {"192.0.2.0/24": "IE", "203.0.113.0/24": "BR"})
    here.configure(f"""
        [sharing]
        asn_database = "HERE/asn.mmdb"
        country_database = "HERE/country.mmdb"
        {trail.config}
        """)
    trail.put((here.now - HOUR, CLOUD, BOTO), (here.now - HOUR, PHONE, BOTO))
    [news] = about_sharing(here.news())
    assert "used from IE and BR in the same hour" in news
    with here.open() as keywatch:
        [alert] = [alert for alert in keywatch._store.alerts() if alert.problem.kind.value == "key-shared"]
    facts = dict(alert.problem.facts)
    assert "203.0.113.0/24 (AS64501 Phone, BR)" in facts["Used from"]
    assert "192.0.2.0/24 (AS64500 Cloud, IE) by boto3 on linux: 31 calls" in facts["Evidence"]


def test_what_is_allowed_is_not_told(trail: Trail, here: Installation) -> None:
    """An entry of the allow-list is about some keys and some uses of them."""
    allow = '[[sharing.allow]]\nkey = ["{}"]\nnetworks = ["203.0.113.0/24"]\nagents = ["aws-cli on *"]\n'
    trail.put((here.now - HOUR, PHONE, CLI))
    here.configure(allow.format("ord*") + trail.config)
    assert [] == about_sharing(here.news())
    here.configure(allow.format("billing") + trail.config)
    assert ["fired"] == [news.partition(":")[0] for news in about_sharing(here.news())]


def test_the_inventory_shows_from_where(aws_url: str, here: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    """`keywatch keys` counts networks and programs of the last window, in its table and as JSON."""
    here.now = datetime.now(UTC)  # the command looks at the clock
    trail = Trail(aws_url, here)
    trail.put((here.now - 9 * DAY, "198.51.100.1", "curl/8"), (here.now - HOUR, CLOUD, BOTO), (here.now, PHONE, CLI))
    here.cycle()
    capsys.readouterr()
    path = str(here.directory / "keywatch.toml")
    assert 0 == run(["keys", "--config", path])
    assert "2 networks, 2 programs" in " ".join(capsys.readouterr().out.split())
    assert 0 == run(["keys", "--json", "--config", path])
    [key] = json.loads(capsys.readouterr().out)["keys"]
    assert {"networks": 2, "programs": 2} == key["used_from"]


@pytest.mark.parametrize(
    ("content", "why"),
    [(None, "No such file or directory"), (b"", "not a database"), (b"\0" * 5000, "not a database")],
    ids=["missing", "empty", "something-else"],
)
def test_a_database_that_cannot_be_used_is_named(
    here: Installation, capsys: pytest.CaptureFixture[str], content: bytes | None, why: str
) -> None:
    """The daemon does not start without what it was told to use, and `check` says the same."""
    path = here.directory / "asn.mmdb"
    if content is not None:
        path.write_bytes(content)
    config = here.write("k.toml", f'state_dir = "{here.directory}/state"\n[sharing]\nasn_database = "{path}"\n')
    assert 2 == run(["check", "--config", str(config)])
    said = capsys.readouterr().err
    assert f"{path}: {why}" in said
    assert "download it anew" in said
