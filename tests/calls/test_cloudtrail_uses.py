"""From where CloudTrail's records say that a key was used."""

import json
import random
from datetime import UTC, datetime, timedelta

import pytest

from keywatch.collect.calls.cloudtrail_file import decode
from keywatch.collect.calls.cloudtrail_sessions import Tracer
from keywatch.model.key import HandleSpace, SourceId
from keywatch.model.time import to_rfc3339
from keywatch.model.usage import Usage, start_of

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
SOURCE = SourceId("cloudtrail:org")
KEY, OTHER = "AKIA" + "KEYWATCHTESTAAAA", "AKIA" + "KEYWATCHTESTBBBB"
SESSION, SECOND = "ASIA" + "KEYWATCHTESTAAAA", "ASIA" + "KEYWATCHTESTBBBB"
HERE, THERE = "203.0.113.7", "198.51.100.9"
BOTO = "Boto3/1.44.5 os/linux#6"


def call(at: datetime, key: str = KEY, address: str | None = HERE, **changes: object) -> dict[str, object]:
    who = {"type": "IAMUser", "accountId": "1", "accessKeyId": key} | dict(changes.pop("who", {}))  # type: ignore[call-overload]
    fields: dict[str, object] = {
        "eventVersion": "1.11",
        "userIdentity": who,
        "eventTime": to_rfc3339(at),
        "eventSource": "ec2.amazonaws.com",
        "eventName": "DescribeInstances",
        "sourceIPAddress": address,
        "userAgent": BOTO,
        "eventType": "AwsApiCall",
    }
    return fields | changes


def assume(at: datetime, session: str, key: str = KEY) -> dict[str, object]:
    made = {"credentials": {"accessKeyId": session}}
    return call(at, key, eventSource="sts.amazonaws.com", eventName="AssumeRole", responseElements=made)


def read(tracer: Tracer, *records: dict[str, object]) -> None:
    """One file."""
    tracer.collect(decode(json.dumps({"Records": records}).encode())[0], NOW)


def told(uses: list[Usage]) -> list[tuple[str, str, str, int]]:
    return sorted((use.handle.value, use.origin.network, use.origin.agent, use.spell.calls) for use in uses)


def uses(*records: dict[str, object]) -> list[Usage]:
    tracer = Tracer()
    read(tracer, *records)
    return list(tracer.take_uses(SOURCE))


def test_calls_of_one_program_at_one_place_are_one_use() -> None:
    """A hundred calls are one row: how many, and in which hours; a new version of the library changes nothing."""
    records = [call(NOW - n * HOUR / 10, userAgent=f"Boto3/1.{n} os/linux#6") for n in range(100)]
    [use] = uses(*records)
    assert [(KEY, "203.0.113.0/24", "boto3 on linux", 100)] == told([use])
    assert (NOW - 10 * HOUR, NOW) == (start_of(use.spell.first), start_of(use.spell.last))
    assert use.spell.hours == (1 << 11) - 1


@pytest.mark.parametrize("error", ["AccessDenied", "Throttling", "Client.DryRunOperation"])
def test_who_is_refused_used_the_key_all_the_same(error: str) -> None:
    """Somebody who tries what a stolen key may do is refused most of the time: what counts is that the key signed."""
    assert [(KEY, "203.0.113.0/24", "boto3 on linux", 1)] == told(uses(call(NOW, errorCode=error)))


@pytest.mark.parametrize(
    "record",
    [
        pytest.param(call(NOW, errorCode="SignatureDoesNotMatch"), id="without-the-secret"),
        pytest.param(call(NOW, errorCode="InvalidClientTokenId"), id="without-the-key"),
        pytest.param(call(NOW, who={"invokedBy": "athena.amazonaws.com"}), id="a-service-on-its-behalf"),
        pytest.param(call(NOW, address="cloudformation.amazonaws.com"), id="from-a-service"),
        pytest.param(call(NOW, address="AWS Internal"), id="inside-aws"),
        pytest.param(call(NOW, address=None), id="from-nowhere"),
        pytest.param(call(NOW, userAgent="Boto3/1.44 keywatch"), id="keywatch-itself"),
        pytest.param(call(NOW, eventType="AwsServiceEvent"), id="nobodys-call"),
        pytest.param(call(NOW, who={"type": "AWSAccount"}), id="the-other-accounts-copy"),
        pytest.param(call(NOW + HOUR), id="from-the-future"),
        pytest.param(call(NOW, eventTime="0000-99-99T99:00:00Z"), id="at-no-time"),
        pytest.param(call(NOW, eventTime=""), id="without-a-time"),
    ],
)
def test_what_is_no_use_from_elsewhere(record: dict[str, object]) -> None:
    """A use is a call that the key signed, from an address, at a time."""
    assert [] == uses(record)


def test_a_session_is_its_makers() -> None:
    """What a session did, and a session made by that session, the key did."""
    records = assume(NOW - 2 * HOUR, SESSION), assume(NOW - HOUR, SECOND, SESSION), call(NOW, SECOND, THERE)
    assert [
        (KEY, "198.51.100.0/24", "boto3 on linux", 1),
        (KEY, "203.0.113.0/24", "boto3 on linux", 2),
    ] == told(uses(*records))


def test_root_is_known_by_its_account() -> None:
    """Nobody can list the ids of root's keys: what they and their sessions do is root's. A console login is no key."""
    root = {"type": "Root"}
    made = {"credentials": {"accessKeyId": SESSION}}
    found = uses(
        call(NOW, who=root, eventSource="sts.amazonaws.com", eventName="GetSessionToken", responseElements=made),
        call(NOW, SESSION, THERE, who=root),
        call(NOW, SECOND, "192.0.2.1", who=root),
    )
    assert {
        (space, network)
        for space in (HandleSpace.AWS_ACCESS_KEY_ID, HandleSpace.AWS_ROOT)
        for network in ("203.0.113.0/24", "198.51.100.0/24")
    } == {(use.handle.space, use.origin.network) for use in found}


def test_a_session_may_be_seen_before_it_is_made() -> None:
    """Files of several regions come in no order: the session waits, over a restart too, and is counted once."""
    first = Tracer()
    read(first, call(NOW - HOUR, SESSION, THERE), call(NOW - HOUR, SECOND, THERE))
    assert [] == list(first.take_uses(SOURCE))
    then = Tracer()
    then.load(json.loads(json.dumps(first.to_json())))
    read(then, call(NOW, SESSION, THERE), assume(NOW - 2 * HOUR, SESSION))
    found = list(then.take_uses(SOURCE))
    assert [
        (KEY, "198.51.100.0/24", "boto3 on linux", 2),
        (KEY, "203.0.113.0/24", "boto3 on linux", 1),
    ] == told(found)
    assert {3} == {use.spell.hours for use in found if use.spell.calls > 1}
    assert [] == list(then.take_uses(SOURCE))


def test_a_session_does_not_wait_for_ever() -> None:
    """A session that no key made (a service's, a console login's) is let go."""
    tracer = Tracer()
    read(tracer, call(NOW - HOUR, SESSION))
    tracer.forget(NOW)
    assert tracer.to_json()["uses"]
    tracer.forget(NOW + 3 * HOUR)
    assert {} == tracer.to_json()["uses"]


def test_a_session_ends_after_its_calls_were_counted() -> None:
    """A batch may be of many days: what a session did is its maker's even if it has ended when the batch ends."""
    tracer = Tracer()
    read(tracer, assume(NOW - 90 * HOUR, SESSION), call(NOW - 89 * HOUR, SESSION, THERE))
    tracer.forget(NOW)
    assert (KEY, "198.51.100.0/24", "boto3 on linux", 1) in told(list(tracer.take_uses(SOURCE)))


def test_what_was_saved_badly_is_left_out() -> None:
    """A cursor that somebody has damaged costs a use, and not the run."""
    tracer = Tracer()
    good = ["203.0.113.0/24", "boto3", 494_000, 494_001, 2, "3"]
    bad = [["203.0.113.0/24"], 7, ["a", "b", 1, 1, 1, "xyz"], ["a", "b", "x", 1, 1, "1"]]
    tracer.load(json.loads(json.dumps({"uses": {SESSION: [good, *bad], SECOND: 7}})))
    assert {SESSION: [good]} == tracer.to_json()["uses"]
    tracer.load({"uses": [1]})


def test_files_in_any_order_tell_the_same() -> None:
    """Sessions before their makers, two keys, three places, doubled hours: the order of files makes no difference."""
    records = [assume(NOW - 9 * HOUR, SESSION), assume(NOW - 8 * HOUR, SECOND, SESSION)]
    for n in range(30):
        key = (KEY, OTHER, SESSION, SECOND)[n % 4]
        records.append(call(NOW - n % 7 * HOUR, key, (HERE, THERE, "2001:db8::1")[n % 3], userAgent=f"curl/{n}"))
    expected = sorted(uses(*records), key=repr)
    for seed in range(5):
        shuffled = random.Random(seed).sample(records, len(records))  # noqa: S311 - to shuffle
        tracer = Tracer()
        for start in range(0, len(shuffled), 5):
            read(tracer, *shuffled[start : start + 5])
        assert expected == sorted(tracer.take_uses(SOURCE), key=repr)


def test_a_key_that_is_everywhere_stays_small() -> None:
    """Thousands of networks and agents make some hundred rows, however few can be held at a time; no call is lost."""
    records = [call(NOW, address=f"203.{n // 250}.{n % 250}.1", userAgent=f"agent{n % 7}/1") for n in range(2000)]
    told: list[list[Usage]] = []
    for most in (1, 50, 50_000):
        tracer = Tracer(codes=most)
        read(tracer, *records)
        told.append(sorted(tracer.take_uses(SOURCE), key=repr))
    assert told[0] == told[1] == told[2]
    assert (201, 2000) == (len(told[0]), sum(use.spell.calls for use in told[0]))
