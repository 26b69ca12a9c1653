"""Lines that are alike are counted together, and tell what each of them tells by itself."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from keywatch.collect.calls.answers import Tally
from keywatch.collect.calls.latest import Latest
from keywatch.collect.calls.request_line import RequestFields, RequestLayout, read_line
from keywatch.collect.calls.request_log import RequestLog
from keywatch.collect.tail_batch import Piece, TailBatch
from keywatch.model.key import SourceId
from keywatch.model.source import CallBatch, Cursor, Skipped

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOST = "sellingpartnerapi-eu.amazon.com"
ODD: tuple[dict[str, Any], ...] = (
    {"status": "200"},
    {"status": 200.0},
    {"status": True},
    {"status": None},
    {"status": 400, "error": {"errors": [{"code": "Unauthorized", "details": "data-restricted"}]}},
    {"status": 403, "error": "Access token you provided is revoked"},
    {"status": 403},
    {"status": 404},
    {"status": 429},
    {"status": 503},
    {"host": None},
    {"host": None, "path": f"https://{HOST}/orders"},
    {"host": f"sandbox.{HOST}"},
    {"host": "api.amazon.com", "path": "/auth/o2/token"},
    {"host": "api.amazon.com", "path": "/auth/o2/token", "status": 400, "error": "invalid_grant"},
    {"host": "api.amazon.com", "path": "/auth/o2/token", "status": 401, "error": {"error": "invalid_client"}},
    {"path": "//other.example.com/x"},
    {"path": " /orders?x=1#y "},
    {"path": 7},
    {"application": None},
    {"application": "Atzr|not-a-name"},
    {"application": 12},
    {"application": ["orders"]},
    {"seller": None, "client_id": "amzn1.application-oa2-client.x"},
    {"seller": "A2EXAMPLE"},
    {"time": "yesterday"},
    {"time": "2031-01-01T00:00:00Z"},
    {"time": "1999-12-31T23:59:59Z"},
    {"time": "2026-11-22T23:59:59.5+01:00"},
    {"time": "2026-11-22 10:00:00"},
    {"time": "22/Nov/2026:12:00:00 +0100"},
    {"time": 1_795_000_000},
    {"time": "1795000000123"},
    {"method": None},
    {"method": 5},
    {"request": {"host": HOST}},
)
NESTED = RequestFields(host="request.host", status="answer.status", application="app")


class Given:
    """A log that is at hand, in pieces of some lines."""

    what = "given"

    def __init__(self, lines: list[bytes], most: int) -> None:
        self._pieces = [b"".join(lines[at : at + most]) for at in range(0, len(lines), most)]

    def read(self, _cursor: Cursor) -> Iterator[TailBatch]:
        yield TailBatch(pieces=tuple(Piece(path="x", data=piece, first_line=1) for piece in self._pieces), cursor={})

    def check(self) -> Iterator[str | Skipped]:
        yield "given"


def told(lines: list[bytes], most: int, layout: RequestLayout) -> CallBatch:
    return next(iter(RequestLog("x", Given(lines, most), now=lambda: NOW, layout=layout).read({})))


def each_by_itself(lines: list[bytes], layout: RequestLayout) -> tuple[Any, ...]:
    """What the lines tell, read one after the other: evidence, answers, the first time, and what could not be read."""
    latest, tally, times, errors = Latest(), Tally(), [], []
    source = SourceId("request-log:x")
    for line in lines:
        if text := line.strip(b"\0 \t\r\n"):
            try:
                request = read_line(text, layout, NOW)
            except ValueError as error:
                errors.append(str(error))
                continue
            assert request is not None
            times.append(request.at)
            request.count(tally)
            for call in request.calls(source):
                latest.add(call)
    return latest.calls(), tally.answered(source), times[0], errors


def broken(batch: CallBatch) -> tuple[int, set[str]]:
    texts = [skipped.why for skipped in batch.skipped]
    return sum(int(text.partition(" ")[0]) for text in texts), {text.partition(": ")[2] for text in texts}


def lines_of(dice: Random, *, strange: float, names: RequestFields | None = None) -> list[bytes]:
    moment = datetime(2026, 11, 20, 22, tzinfo=UTC)
    lines = []
    for _ in range(400):
        moment += timedelta(seconds=dice.choice((-30, 0, 1, 60, 400)))
        record: dict[str, Any] = {
            "time": moment.isoformat().replace("+00:00", "Z"),
            "status": dice.choice((200, 200, 200, 204, 429, 500)),
            "application": dice.choice(("orders", "feeds")),
            "seller": f"A{dice.randrange(4)}EXAMPLE",
            "host": HOST,
            "method": "GET",
            "path": f"/orders/v0/orders?NextToken={dice.getrandbits(64)}",
            "other": {"time": 5},
        }
        if dice.random() < strange:
            record |= dice.choice(ODD)
        if names is not None:
            record |= {"request": {"host": record.pop("host")}, "answer": {"status": record.pop("status")}}
            record["app"] = record.pop("application")
        lines.append(json.dumps(record).encode() + b"\n")
        if dice.random() < strange / 8:
            lines.append(dice.choice((b"\n", b" \t\r\n", b"no json\n", b"[1]\n", b"\0\0\0{}\n", b'{"time": "\xff"}\n')))
    return lines


@pytest.mark.parametrize("names", [None, NESTED], ids=["flat", "nested"])
@pytest.mark.parametrize("strange", [0.0, 0.05, 0.5])
@pytest.mark.parametrize("seed", range(6))
def test_lines_that_are_alike_tell_what_each_tells(seed: int, strange: float, names: RequestFields | None) -> None:
    """Read together or one by one: evidence, answers, coverage and what could not be read are the same."""
    lines = lines_of(Random(seed), strange=strange, names=names)  # noqa: S311
    layout = RequestLayout(assume_sp_api=seed % 2 == 0, fields=names or RequestFields())
    evidence, answers, first, errors = each_by_itself(lines, layout)
    for most in (1, 7, 50, 1000):
        together = told(lines, most, layout)
        assert together.evidence == evidence
        assert together.answers == answers
        assert together.coverage is not None
        assert together.coverage.since == first
        assert broken(together)[0] == len(errors)
        assert broken(together)[1] <= set(errors)


def test_a_refusal_keeps_its_place_among_successes() -> None:
    """Refused, taken, refused again: it is refused since the second time, though successes are counted together."""
    statuses = (200, 403, 200, 200, 403, 403)
    lines = [
        json.dumps(
            {
                "time": f"2026-11-20T10:00:0{second}Z",
                "status": status,
                "application": "orders",
                "seller": "A1EXAMPLE",
                "host": HOST,
            }
        ).encode()
        + b"\n"
        for second, status in enumerate(statuses)
    ]
    streaks = [streak for answered in told(lines, 100, RequestLayout()).answers for streak in answered.streaks.items()]
    refused = {(streak.since.second, streak.calls) for answer, streak in streaks if answer == "denied"}
    assert refused == {(4, 2)}


def test_the_first_broken_line_is_named_by_its_number() -> None:
    """Empty lines count as lines."""
    good = json.dumps({"time": "2026-11-20T10:00:00Z", "status": 200, "application": "orders", "host": HOST}).encode()
    lines = [good + b"\n", b"\n", good + b"\n", good.replace(b"200", b"9") + b"\n"]
    (skipped,) = told(lines, 100, RequestLayout()).skipped
    assert skipped.what == "x, line 4"
