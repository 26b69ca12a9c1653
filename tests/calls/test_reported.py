"""Calls that programs report: what is taken, what is refused and why, and what silence means."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywatch.baseline import judge
from keywatch.collect.calls.reported import MOST, NotAReport, Received, ReportedCalls
from keywatch.collect.calls.request_line import RequestLayout
from keywatch.model.call import Call, Outcome
from keywatch.model.errors import SourceUnreachable
from keywatch.model.key import Handle, HandleSpace, Key, KeyKind, Location, SourceId
from keywatch.model.secret import Secret
from keywatch.model.source import Cursor
from keywatch.model.standing import Basis, Level

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
ORDER = {
    "id": "1",
    "time": "2026-11-27T11:59:00Z",
    "status": 200,
    "application": "orders",
    "seller": "A2EXAMPLE",
    "host": "sellingpartnerapi-eu.amazon.com",
    "method": "GET",
    "path": "/orders/v0/orders?CreatedAfter=x",
}


class Clock:
    """Stands still until it is moved."""

    now = NOW

    def __call__(self) -> datetime:
        return self.now


def source_of(name: str, **more: Any) -> ReportedCalls:  # noqa: ANN401 - what the class takes
    """Return a reporter with a token."""
    return ReportedCalls(name, token=lambda: Secret(b"t" * 16), **more)


def report(
    *calls: object, source: ReportedCalls | None = None, cursor: Cursor | None = None, **more: object
) -> Received:
    body = json.dumps({"calls": calls, **more}).encode()
    return (source or source_of("orders", now=lambda: NOW)).receive(body, cursor or {})


def told(received: Received) -> list[tuple[str, Outcome]]:
    return [(str(item.handle), item.outcome) for item in received.batch.evidence if isinstance(item, Call)]


def why(received: Received) -> list[str]:
    return [item.why for item in received.rejected]


def test_a_successful_call_is_one_of_the_application_and_of_the_seller() -> None:
    """A 2xx of a production host proves both credentials; the query is never kept."""
    received = report(ORDER)
    assert told(received) == [
        ("authorisation:orders/A2EXAMPLE", Outcome.SUCCESS),
        ("authorisation:orders/A2EXAMPLE/eu", Outcome.SUCCESS),
        ("application:orders", Outcome.SUCCESS),
    ]
    assert {item.action for item in received.batch.evidence if isinstance(item, Call)} == {"GET /orders/v0/orders"}
    assert (received.accepted, received.ignored, received.rejected) == (1, 0, ())


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        ({"status": 429}, Outcome.FAILURE),
        ({"status": 403}, Outcome.FAILURE),
        ({"status": 302}, Outcome.ATTEMPT),
        ({"host": "api.amazon.com", "path": "/auth/o2/token"}, Outcome.ATTEMPT),
        ({"host": "api.amazon.com", "path": "/auth/o2/token", "status": 400}, Outcome.FAILURE),
        ({"host": "sandbox.sellingpartnerapi-eu.amazon.com"}, None),
        ({"host": "example.com"}, None),
        ({"host": None}, None),
    ],
)
def test_what_is_no_success_is_none(change: dict[str, object], outcome: Outcome | None) -> None:
    """Refusals, token exchanges, the sandbox, anybody else's host."""
    received = report(ORDER | change)
    assert {kind for _, kind in told(received)} == ({outcome} if outcome else set())
    assert received.ignored == (outcome is None)


def test_good_calls_are_taken_beside_bad_ones_which_are_told_by_place_and_id() -> None:
    """Nothing that was sent is repeated but the id, and that only if it is one."""
    received = report(
        ORDER,
        "nonsense",
        ORDER | {"id": "late", "time": "2027-11-27T11:59:00Z"},
        ORDER | {"id": "two\nlines", "status": "fine"},
        ORDER | {"time": None},
        ORDER | {"count": 0},
        ORDER | {"application": None, "seller": None},
        {"key": "x", "outcome": "success", "time": "2026-11-27T11:59:00Z"},
        ORDER | {"seller": "Atzr|" + "x" * 60},
    )
    assert received.accepted == 1
    assert [(item.index, item.id) for item in received.rejected] == [
        (1, None), (2, "late"), (3, None), (4, "1"), (5, "1"), (6, "1"), (7, None), (8, "1"),
    ]  # fmt: skip
    assert why(received) == [
        "not a JSON object",
        "a time in the future",
        "no HTTP status",
        "no time",
        "count is not a count",
        "names no application and no client_id",
        "not a key that this reporter speaks for",
        "what should be its seller looks like a secret or is too long",
    ]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "not of the form"),
        (b'{"calls": {}}', "not of the form"),
        (b'{"calls": [], "dropped": -1}', "dropped is not a count"),
        (b'{"calls": [], "dropped": true}', "dropped is not a count"),
        (json.dumps({"calls": [1] * (MOST + 1)}).encode(), f"more than {MOST} calls"),
    ],
)
def test_what_is_no_report_is_said_to_be_none(body: bytes, said: str) -> None:
    """The text says what is wrong, and quotes nothing."""
    with pytest.raises(NotAReport, match=said):
        source_of("orders", now=lambda: NOW).receive(body, {})


def test_a_call_a_line_is_taken_too() -> None:
    """As `curl --data-binary @requests.jsonl` sends it; a broken line costs itself."""
    body = b"\n".join([json.dumps(ORDER).encode(), b"", b"{", json.dumps(ORDER | {"id": "2", "seller": "A3"}).encode()])
    received = source_of("orders", now=lambda: NOW).receive(body, {}, lines=True)
    assert (received.accepted, why(received)) == (2, ["not a JSON object"])
    with pytest.raises(NotAReport, match="more than"):
        source_of("orders", now=lambda: NOW).receive(b"{}\n" * (MOST + 1), {}, lines=True)


def test_a_reporter_speaks_for_its_own_only() -> None:
    """A token that gets lost cannot keep the keys of others alive."""
    orders = source_of("orders", now=lambda: NOW, applications=frozenset({"orders"}))
    received = report(ORDER, ORDER | {"application": "prices"}, source=orders)
    assert (received.accepted, why(received)) == (1, ["not of an application that this reporter speaks for"])
    billing = source_of("billing", now=lambda: NOW, keys=frozenset({"stripe", "AKIA" + "Q" * 16}))
    use = {"outcome": "success", "time": 1795780740}
    received = report({"key": "stripe"} | use, {"key": "AKIA" + "Q" * 16} | use, {"key": "other"} | use, ORDER,
                      source=billing)  # fmt: skip
    assert told(received) == [
        ("aws-access-key-id:AKIA" + "Q" * 16, Outcome.SUCCESS),
        ("declared:stripe", Outcome.SUCCESS),
    ]
    assert why(received) == [
        "not a key that this reporter speaks for",
        "names no key, and this reporter speaks for some keys only",
    ]
    assert why(report({"key": "stripe", "outcome": "fine", "time": 1}, source=billing)) == [
        "no outcome: success, failure or attempt"
    ]


def test_an_application_is_known_by_its_client_id() -> None:
    """Or is the reporter's own."""
    layout = RequestLayout(application="orders", applications={"amzn1.application-oa2-client.1": "prices"})
    source = source_of("all", now=lambda: NOW, layout=layout)
    nameless = {name: ORDER[name] for name in ("time", "status", "host")}
    assert told(report(nameless, source=source)) == [("application:orders", Outcome.SUCCESS)]
    by_id = nameless | {"client_id": "amzn1.application-oa2-client.1"}
    assert told(report(by_id, source=source)) == [
        ("lwa-client-id:amzn1.application-oa2-client.1", Outcome.SUCCESS),
        ("application:prices", Outcome.SUCCESS),
    ]


def test_a_key_that_aws_does_not_accept_is_refused_and_one_without_rights_is_not() -> None:
    """By AWS's code; of any other declared key a failure says nothing."""
    name = "AKIA" + "Q" * 16
    source = source_of("billing", now=lambda: NOW, keys=frozenset({"stripe", name}))
    use = {"key": name, "outcome": "failure", "time": "2026-11-27T11:59:00Z", "error": "InvalidClientTokenId"}
    received = report(
        use, use | {"error": "AccessDenied"}, use | {"key": "stripe"}, use | {"error": None}, source=source
    )
    (answered,) = received.batch.answers
    assert str(answered.handle) == f"aws-access-key-id:{name}"
    assert [(answer.value, streak.calls) for answer, streak in answered.streaks.items()] == [("invalid-key", 1)]
    assert dict(answered.days) == {}


@given(st.permutations(range(6)), st.integers(0, 5), st.integers(0, 5))
def test_order_and_repetition_change_nothing(order: list[int], first: int, second: int) -> None:
    """Of each key and outcome the latest call is kept, however often and in which report it is told."""
    calls = [
        ORDER | {"time": f"2026-11-27T11:{minute:02}:00Z", "status": 200 + minute % 2 * 229} for minute in range(6)
    ]
    once = report(*calls).batch.evidence
    assert report(*(calls[index] for index in order), calls[first], calls[second]).batch.evidence == once


def key(**more: object) -> Key:
    record: dict[str, object] = {
        "kind": KeyKind.LWA_CLIENT_SECRET,
        "handles": (Handle(HandleSpace.APPLICATION, "orders"),),
        "name": "orders",
        "application": "orders",
        "locations": (Location(SourceId("declared:config"), "keywatch.toml"),),
        "created_at": NOW - timedelta(days=300),
    }
    return Key(**(record | more))  # type: ignore[arg-type]


def test_reports_cover_from_the_first_to_the_last_one_and_what_was_dropped_is_a_hole() -> None:
    """After a hole nothing is claimed of keys that were silent: what was dropped may have been theirs."""
    clock = Clock()
    source = source_of("orders", now=clock, applications=frozenset({"orders"}))
    first = report(ORDER, source=source)
    clock.now += timedelta(days=89)
    quiet = report(source=source, cursor=first.batch.cursor)
    standing = judge(key(), first.batch.evidence, [quiet.batch.coverage], now=clock.now)
    assert (standing.basis, standing.level) == (Basis.PROVEN, Level.CRITICAL)
    lossy = report(source=source, cursor=quiet.batch.cursor, dropped=3)
    standing = judge(key(), first.batch.evidence, [lossy.batch.coverage], now=clock.now)
    assert standing.basis is Basis.UNKNOWN
    other = judge(key(application="prices"), (), [quiet.batch.coverage], now=clock.now)
    assert other.reasons == ("no configured source can prove a call made with a key of kind lwa-client-secret",)


def test_a_reporter_of_keys_covers_these_and_no_others() -> None:
    """Its silence about any other key means nothing."""
    source = source_of("billing", now=lambda: NOW, keys=frozenset({"stripe"}))
    received = report({"key": "stripe", "outcome": "success", "time": "2026-11-27T11:00:00Z"}, source=source)
    for name, basis in (("stripe", Basis.PROVEN), ("other", Basis.UNKNOWN)):
        declared = key(kind=KeyKind.OTHER, handles=(Handle(HandleSpace.DECLARED, name),), application=None)
        coverages = [received.batch.coverage]
        assert judge(declared, received.batch.evidence, coverages, now=NOW).basis is basis


def test_silence_is_not_taken_for_health() -> None:
    """Neither before the first report, nor when none comes any more."""
    clock = Clock()
    source = source_of("orders", now=clock)
    with pytest.raises(SourceUnreachable, match="nothing has been reported yet"):
        list(source.read({}))
    cursor = report(source=source).batch.cursor
    clock.now += timedelta(hours=26)
    assert list(source.read(cursor)) == []
    clock.now += timedelta(seconds=1)
    with pytest.raises(SourceUnreachable, match="nothing was reported since 2026-11-27T12:00:00Z"):
        list(source.read(cursor))
