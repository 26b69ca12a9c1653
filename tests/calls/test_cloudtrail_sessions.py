"""Tracing sessions to the keys that made them, within bounds."""

import json
from datetime import UTC, datetime, timedelta

from keywatch.collect.calls.cloudtrail_sessions import Trace, Tracer
from keywatch.model.call import Outcome
from keywatch.model.key import SourceId
from keywatch.model.time import to_rfc3339

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
KEY = "AKIA" + "KEYWATCHTESTAAAA"
OK = Outcome.SUCCESS
SOURCE = SourceId("cloudtrail:org")


def session(number: int) -> str:
    return f"ASIA{number:016d}"


def trace(at: datetime) -> Trace:
    return Trace(f"{at:%Y-%m-%dT%H:%M:%SZ}", "ec2:DescribeInstances", None, "192.0.2.1", None)


def keys(tracer: Tracer) -> list[tuple[str, datetime]]:
    return [(call.handle.value, call.at) for call in tracer.take(SOURCE)]


def test_a_chain_is_followed_in_any_order() -> None:
    """A session made by a session leads to the key, whichever of the three was heard of first."""
    tracer = Tracer()
    tracer.add(session(2), OK, trace(NOW))
    tracer.made(session(2), session(1), to_rfc3339(NOW - HOUR))
    assert keys(tracer) == []
    tracer.made(session(1), KEY, to_rfc3339(NOW - 2 * HOUR))
    assert [(KEY, NOW)] == keys(tracer)


def test_only_news_is_kept() -> None:
    """An older call of the same outcome is no news; one of another outcome is."""
    tracer = Tracer()
    tracer.add(KEY, OK, trace(NOW))
    tracer.add(KEY, OK, trace(NOW - HOUR))
    assert not tracer.newer(KEY, OK, trace(NOW).time)
    assert tracer.newer(KEY, Outcome.FAILURE, trace(NOW - HOUR).time)
    assert [(KEY, NOW)] == keys(tracer)


def test_a_circle_ends() -> None:
    """Sessions that claim to have made each other, or themselves, are survived and prove nothing."""
    tracer = Tracer()
    tracer.made(session(1), session(2), to_rfc3339(NOW))
    tracer.made(session(2), session(1), to_rfc3339(NOW))
    tracer.made(session(3), session(3), to_rfc3339(NOW))
    for number in (1, 2, 3):
        tracer.add(session(number), OK, trace(NOW))
    assert keys(tracer) == []


def test_what_is_remembered_is_bounded() -> None:
    """Of more sessions than fit, the first heard of are forgotten."""
    tracer = Tracer(most=2)
    for number in range(3):
        tracer.add(session(number), OK, trace(NOW - number * HOUR))
        tracer.made(session(10 + number), KEY, to_rfc3339(NOW))
    for number in range(3):
        tracer.made(session(number), f"{KEY[:-1]}{'ABC'[number]}", to_rfc3339(NOW))
    assert [f"{KEY[:-1]}B", f"{KEY[:-1]}C"] == [key for key, _ in keys(tracer)]


def test_time_lets_go() -> None:
    """A session is known for its longest life, and a call waits three hours for its session to be known."""
    tracer = Tracer()
    tracer.made(session(1), KEY, to_rfc3339(NOW))
    tracer.add(session(2), OK, trace(NOW))
    tracer.forget(NOW + 2 * HOUR)
    assert tracer.to_json()["waiting"] != {}
    tracer.forget(NOW + 36 * HOUR)
    assert tracer.to_json() == {"makers": {session(1): [KEY, "2026-11-23T12:00:00Z"]}, "waiting": {}, "uses": {}}
    tracer.forget(NOW + 37 * HOUR)
    assert tracer.to_json() == {"makers": {}, "waiting": {}, "uses": {}}


def test_it_survives_a_restart() -> None:
    """What a cursor carries is taken up again; what is not understood in it is left out."""
    tracer = Tracer()
    tracer.made(session(1), KEY, to_rfc3339(NOW))
    tracer.add(session(2), OK, trace(NOW))
    restarted = Tracer()
    restarted.load(json.loads(json.dumps(tracer.to_json())))
    assert tracer.to_json() == restarted.to_json()
    odd = Tracer()
    odd.load({"makers": {"a": 7, "b": []}, "waiting": {"c": {"success": [1]}, "d": 7, "e": {"glory": [None] * 5}}})
    assert odd.to_json() == {"makers": {}, "waiting": {}, "uses": {}}
    odd.load(None)
