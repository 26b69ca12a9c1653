"""The event history, asked key by key: what it proves, how little is asked, and that nothing is lost on the way."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from keywatch.collect.calls.cloudtrail_file import decode
from keywatch.collect.calls.cloudtrail_sessions import Tracer
from keywatch.collect.calls.lookup_pages import Pace
from keywatch.model.call import Call, Outcome
from keywatch.model.errors import SourceDenied, SourceError, SourceMalformed, SourceUnreachable
from keywatch.model.key import HandleSpace, KeyKind, SourceId
from keywatch.model.source import CallBatch, Cursor, Skipped
from tests.aws.server import Asked, AwsFault, FakeAws
from tests.calls.history_server import HistoryServer
from tests.calls.trail_records import ACCOUNT, KEYS, NOW, OTHER, REGIONS, Record, made, record, session, some

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LAG, LATE, HORIZON = timedelta(minutes=15), 38 * HOUR, 90 * DAY
HERE, THERE = REGIONS
DENIED = {"errorCode": "AccessDenied"}


@pytest.fixture
def history() -> Iterator[HistoryServer]:
    with FakeAws() as aws:
        yield HistoryServer(aws)


class Run:
    """What a run brought, to its end or to its error."""

    def __init__(self, history: HistoryServer, cursor: Cursor | None = None, **changes: Any) -> None:  # noqa: ANN401 - any option
        self.batches: list[CallBatch] = []
        self.error: SourceError | None = None
        history.asked, history.pages = [], 0
        try:
            for batch in history.source(**changes).read(cursor or {}):
                self.batches.append(replace(batch, cursor=json.loads(json.dumps(batch.cursor))))
        except SourceError as error:
            self.error = error

    @property
    def cursor(self) -> Cursor:
        return self.batches[-1].cursor

    @property
    def covered(self) -> tuple[datetime | None, datetime | None]:
        coverage = self.batches[-1].coverage
        return coverage.since, coverage.until

    @property
    def skipped(self) -> list[Skipped]:
        return [item for batch in self.batches for item in batch.skipped]

    @property
    def facts(self) -> set[tuple[str, Outcome, datetime]]:
        return {(call.handle.value, call.outcome, call.at) for call in self.calls}

    @property
    def calls(self) -> list[Call]:
        return [item for batch in self.batches for item in batch.evidence if isinstance(item, Call)]


def test_from_where_a_key_is_used_is_told(history: HistoryServer) -> None:
    """What is read of a key, by its sessions too, says from where and by what it is used."""
    history.add(
        record(NOW - DAY, **DENIED),
        made(NOW - 3 * DAY, session(1), KEYS[0], userAgent="Boto3/1.44 os/linux"),
        record(NOW - 2 * DAY, session(1), sourceIPAddress="198.51.100.7"),
    )
    run = Run(history)
    assert {
        (KEYS[0], "192.0.2.0/24", "aws-cli"),
        (KEYS[0], "192.0.2.0/24", "boto3 on linux"),
        (KEYS[0], "198.51.100.0/24", "aws-cli"),
    } == {(use.handle.value, use.origin.network, use.origin.agent) for batch in run.batches for use in batch.uses}


def denied(count: int, since: datetime) -> list[Record]:
    """So many refused calls, a minute apart."""
    return [record(since + timedelta(minutes=number), **DENIED) for number in range(count)]


def test_a_success_is_found_with_what_who_and_where_from(history: HistoryServer) -> None:
    """The full record is in the event: a call from it is what a call from a file is."""
    history.add(record(NOW - DAY))
    run = Run(history)
    [call] = run.calls
    assert (Outcome.SUCCESS, NOW - DAY, "ec2:DescribeInstances", "192.0.2.1") == (
        call.outcome,
        call.at,
        call.action,
        call.address,
    )
    assert "lookup-events:shop" == call.source
    assert [] == run.skipped
    assert run.error is None


def test_a_busy_key_costs_one_page_a_region(history: HistoryServer) -> None:
    """The newest come first: after a success nothing older is asked for."""
    for region in REGIONS:
        history.add(*(record(NOW - timedelta(minutes=number)) for number in range(1, 500)), region=region)
    run = Run(history)
    assert 2 == history.pages
    assert {(KEYS[0], Outcome.SUCCESS, NOW - timedelta(minutes=1))} == run.facts


def test_a_success_behind_many_failures_is_found(history: HistoryServer) -> None:
    """There is no filter for errors: it is read back, page by page, to the last call that succeeded."""
    history.add(record(NOW - 2 * DAY), *denied(230, NOW - DAY), region=THERE)
    run = Run(history)
    latest = NOW - DAY + timedelta(minutes=229)
    assert {(KEYS[0], Outcome.SUCCESS, NOW - 2 * DAY), (KEYS[0], Outcome.FAILURE, latest)} == run.facts
    assert 6 == history.pages


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param({"who": {"invokedBy": "x.amazonaws.com"}}, {Outcome.ATTEMPT}, id="a-service-acted"),
        pytest.param({"errorCode": "DryRunOperation"}, {Outcome.ATTEMPT}, id="a-dry-run"),
        pytest.param({"responseElements": {"errorCode": "no"}}, {Outcome.FAILURE}, id="an-error-in-the-answer"),
        pytest.param({"eventType": "AwsServiceEvent"}, set(), id="nobodys-call"),
        pytest.param({"userAgent": "keywatch"}, set(), id="our-own"),
    ],
)
def test_events_are_judged_as_in_files(history: HistoryServer, change: Record, expected: set[Outcome]) -> None:
    """The same code judges, so an exception here is an exception there, and none ends the search for a success."""
    history.add(record(NOW - HOUR, **dict(change)), *denied(60, NOW - 3 * DAY), record(NOW - 5 * DAY))
    outcomes = {call.outcome for call in Run(history).calls}
    assert expected | {Outcome.FAILURE, Outcome.SUCCESS} == outcomes
    assert 3 == history.pages


def test_sessions_of_an_idle_key_are_looked_into(history: HistoryServer) -> None:
    """What a key's sessions did after it made them is its doing, in other Regions and through other sessions too."""
    history.add(made(NOW - 9 * DAY, session(1), KEYS[0]))
    history.add(made(NOW - 9 * DAY + HOUR, session(2), session(1)), region=THERE)
    history.add(record(NOW - 9 * DAY + 5 * HOUR, session(2)))
    assert {(KEYS[0], Outcome.SUCCESS, NOW - 9 * DAY + 5 * HOUR)} == Run(history).facts


def test_sessions_of_a_busy_key_are_left_alone(history: HistoryServer) -> None:
    """A key that was used today is alive; its sessions would cost requests and say nothing new."""
    history.add(made(NOW - HOUR, session(1), KEYS[0]), record(NOW - timedelta(minutes=1), session(1)))
    assert {(KEYS[0], Outcome.SUCCESS, NOW - HOUR)} == Run(history).facts
    assert 2 == history.pages


def test_a_session_that_is_used_after_the_round_is_found_by_the_next(history: HistoryServer) -> None:
    """A session lives for 36 hours, and its maker may do nothing more: rounds overlap by as much."""
    history.add(made(NOW - HOUR, session(1), KEYS[0]), record(NOW + 30 * HOUR, session(1)))
    run = Run(history)
    history.now = NOW + 36 * HOUR
    assert {(KEYS[0], Outcome.SUCCESS, NOW + 30 * HOUR)} == Run(history, run.cursor).facts


def test_only_the_newest_sessions_are_looked_into(history: HistoryServer) -> None:
    """A key that makes a session an hour costs five of them."""
    history.add(*(made(NOW - 9 * DAY - number * HOUR, session(number), KEYS[0]) for number in range(20)))
    Run(history)
    sessions = {value for _, value, _, _ in history.asked if value.startswith("ASIA")}
    assert {session(number) for number in range(5)} == sessions


def test_the_root_user_is_asked_for_by_name(history: HistoryServer) -> None:
    """IAM does not tell the root user's key ids; the history knows its calls, and the account is its handle."""
    history.root_keys = 1
    history.add(record(NOW - DAY, KEYS[1], who={"type": "Root"}))
    handles = {(call.handle.space, call.handle.value) for call in Run(history).calls}
    assert {(HandleSpace.AWS_ACCESS_KEY_ID, KEYS[1]), (HandleSpace.AWS_ROOT, ACCOUNT)} == handles


def test_nothing_is_covered_before_a_round_is_whole(history: HistoryServer) -> None:
    """Silence counts once every key was asked about; what fell out of the history meanwhile is not counted."""
    history.users = {"orders": [KEYS[0], KEYS[1]]}
    history.aws.fault = lambda asked: AwsFault("ServiceUnavailable", status=503) if asks(asked, KEYS[1]) else None
    run = Run(history)
    assert (None, None) == run.covered
    assert isinstance(run.error, SourceUnreachable)
    history.aws.fault = lambda _: None
    history.now = NOW + HOUR
    run = Run(history, run.cursor)
    assert {KEYS[1]} == {value for _, value, _, _ in history.asked}
    assert (NOW + HOUR - HORIZON, NOW - LAG) == run.covered
    assert (frozenset({ACCOUNT}), frozenset({KeyKind.AWS_ACCESS_KEY})) == (
        run.batches[-1].coverage.accounts,
        run.batches[-1].coverage.kinds,
    )


def asks(asked: Asked, value: str) -> bool:
    return asked.operation == "LookupEvents" and value in str(asked.params)


def test_the_next_round_asks_for_what_is_new(history: HistoryServer) -> None:
    """From shortly before the last round's beginning, for late events; for a new key from the horizon."""
    run = Run(history)
    history.now = NOW + 6 * HOUR
    history.users["shop"] = [KEYS[1]]
    second = Run(history, run.cursor)
    assert {
        (region, key, start, history.now)
        for region in REGIONS
        for key, start in ((KEYS[0], NOW - LATE), (KEYS[1], history.now - HORIZON))
    } == set(history.asked)
    assert (NOW - HORIZON, NOW + 6 * HOUR - LAG) == second.covered


def test_a_long_listing_is_taken_up_where_it_stopped(history: HistoryServer) -> None:
    """A key of which nothing succeeds is read a bounded number of pages in a run, the others in between."""
    history.users = {"orders": [KEYS[0], KEYS[1]]}
    history.add(record(NOW - 5 * DAY), *denied(250, NOW - DAY), record(NOW - DAY, KEYS[1]))
    run = Run(history, pages=2)
    assert (None, None) == run.covered
    assert (KEYS[1], Outcome.SUCCESS, NOW - DAY) in run.facts
    assert [f"calls of {KEYS[0]} in {HERE}"] == [item.what for item in run.skipped]
    second = Run(history, run.cursor, pages=2)
    assert [(HERE, KEYS[0], NOW - HORIZON, NOW - DAY + timedelta(minutes=150))] == history.asked
    third = Run(history, second.cursor, pages=2)
    assert {(KEYS[0], Outcome.SUCCESS, NOW - 5 * DAY)} <= third.facts
    assert (NOW - HORIZON, NOW - LAG) == third.covered
    assert [] == third.skipped


def test_more_calls_in_a_second_than_in_a_run_do_not_stop_it(history: HistoryServer) -> None:
    """Where time bounds cannot tell calls apart, the search goes on before them."""
    history.add(*(record(NOW - DAY, **DENIED) for _ in range(120)), record(NOW - 2 * DAY))
    run = Run(history, pages=2)
    second = Run(history, run.cursor, pages=2)
    third = Run(history, second.cursor, pages=2)
    assert (KEYS[0], Outcome.SUCCESS, NOW - 2 * DAY) in third.facts


def test_two_requests_a_second_are_made_in_each_region(history: HistoryServer) -> None:
    """A server that refuses what comes sooner refuses nothing, and Regions do not wait for each other."""
    history.users = {"orders": [*KEYS]}
    Run(history)
    assert 10 == history.pages == history.aws.calls("LookupEvents")
    assert 4 * 0.5 == pytest.approx(history.clock)


def test_throttling_slows_down(history: HistoryServer) -> None:
    """Others ask as well: what was refused is asked again, later each time, and nothing is lost."""
    history.add(record(NOW - DAY))
    history.busy = 4
    run = Run(history)
    assert run.error is None
    assert (KEYS[0], Outcome.SUCCESS, NOW - DAY) in run.facts
    assert 1 + 2 + 4 + 4 <= history.clock < 15


def test_throttling_without_end_is_told(history: HistoryServer) -> None:
    """After eight refusals running the source is blind, and says why."""
    history.busy = 100
    run = Run(history)
    assert isinstance(run.error, SourceUnreachable)
    assert "was throttled 8 times running" in run.error.message
    assert 8 == history.aws.calls("LookupEvents")


def test_the_pace_recovers() -> None:
    """After a complaint requests come slower, and step by step as before; waits have an upper bound."""
    waits: list[float] = []
    clock = [0.0]

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        clock[0] += seconds

    pace = Pace(sleep=sleep, monotonic=lambda: clock[0])
    pace.wait()
    for _ in range(9):
        pace.slower()
    pace.wait()
    for _ in range(40):
        pace.faster()
    pace.wait()
    pace.wait()
    assert [4.0, 4.0, 0.5] == pytest.approx(waits)


def test_a_refused_region_does_not_keep_the_others_from_being_read(history: HistoryServer) -> None:
    """What they prove is saved; the source is blind all the same, for the key may have been used there."""
    history.add(record(NOW - DAY), region=THERE)
    whole = Run(history)
    history.aws.fault = lambda asked: (
        AwsFault("AccessDeniedException") if asked.operation == "LookupEvents" and asked.caller.region == HERE else None
    )
    history.now = NOW + 6 * HOUR
    history.add(record(NOW + 5 * HOUR), region=THERE)
    run = Run(history, whole.cursor)
    assert isinstance(run.error, SourceDenied)
    assert f"cloudtrail:LookupEvents in {HERE} was refused" in run.error.message
    assert (KEYS[0], Outcome.SUCCESS, NOW + 5 * HOUR) in run.facts
    assert whole.covered == run.covered
    history.now = NOW + 12 * HOUR
    Run(history, run.cursor)
    assert {(THERE, NOW - LATE), (HERE, NOW - LATE)} >= {(region, start) for region, _, start, _ in history.asked}
    assert THERE in {region for region, *_ in history.asked}


def test_a_user_we_may_not_see_is_told_and_nothing_is_claimed(history: HistoryServer) -> None:
    """His keys were not asked about, so the silence of the account proves nothing."""
    history.users = {"hidden": [KEYS[1]], "orders": [KEYS[0]]}
    history.add(record(NOW - DAY))
    history.aws.fault = lambda asked: (
        AwsFault("AccessDenied", status=403)
        if asked.operation == "ListAccessKeys" and asked.params["UserName"] == "hidden"
        else None
    )
    run = Run(history)
    assert {(KEYS[0], Outcome.SUCCESS, NOW - DAY)} == run.facts
    assert [f"access keys of arn:aws:iam::{ACCOUNT}:user/hidden"] == [item.what for item in run.skipped]
    assert (None, None) == run.covered


@pytest.mark.parametrize("text", ["", "{", '{"eventVersion": "1.11"}', "\ud800", '{"eventVersion": "7.0"}'])
def test_an_event_without_a_record_ends_what_is_covered(history: HistoryServer, text: str) -> None:
    """It may be the success that keeps the key alive: it is told, the others are read, and coverage begins after it."""
    history.add(text, at=NOW - 3 * DAY)
    history.add(record(NOW - 9 * DAY))
    run = Run(history)
    assert (KEYS[0], Outcome.SUCCESS, NOW - 9 * DAY) in run.facts
    assert [f"events of {KEYS[0]}"] == [item.what for item in run.skipped]
    assert (NOW - 3 * DAY, NOW - LAG) == run.covered


@pytest.mark.parametrize(
    ("later", "regions"),
    [(100 * DAY, REGIONS), (HOUR, (*REGIONS, "eu-central-1"))],
    ids=["a-long-pause", "a-new-region"],
)
def test_what_was_never_asked_about_is_asked_from_the_horizon(
    history: HistoryServer, later: timedelta, regions: tuple[str, ...]
) -> None:
    """After a pause longer than the history, and with one more Region, everything begins anew."""
    run = Run(history)
    history.now = NOW + later
    second = Run(history, run.cursor, regions=regions)
    assert {history.now - HORIZON} == {start for _, _, start, _ in history.asked}
    assert (history.now - HORIZON, history.now - LAG) == second.covered


def test_a_stopping_daemon_asks_no_further(history: HistoryServer) -> None:
    """What was asked is kept."""
    history.users = {"orders": [*KEYS]}
    history.add(record(NOW - DAY))
    run = Run(history, stopping=lambda: history.pages >= 3)
    assert isinstance(run.error, SourceUnreachable)
    assert (KEYS[0], Outcome.SUCCESS, NOW - DAY) in run.facts
    rest = Run(history, run.cursor)
    assert {*KEYS[1:]} == {value for _, value, _, _ in history.asked}
    assert rest.error is None
    assert 7 == history.pages


def test_another_account_is_refused(history: HistoryServer) -> None:
    """Its keys would be taken for ours."""
    with pytest.raises(SourceDenied, match=f"account {ACCOUNT}, not {OTHER}"):
        list(history.source(account=OTHER).read({}))


def test_a_page_that_is_asked_for_too_late_is_found_by_its_time(history: HistoryServer) -> None:
    """Tokens expire while a crowded Region makes us wait; the listing goes on below what was seen."""
    history.add(record(NOW - 5 * DAY), *denied(120, NOW - DAY))
    history.expiring = True
    run = Run(history, regions=(HERE,))
    assert (KEYS[0], Outcome.SUCCESS, NOW - 5 * DAY) in run.facts
    assert [NOW, NOW - DAY + timedelta(minutes=70)] == [end for *_, end in history.asked]


def test_a_page_that_is_never_known_is_malformed(history: HistoryServer) -> None:
    """If even the second page of a listing that has not come further is refused, it is given up."""
    history.add(*(record(NOW - DAY, **DENIED) for _ in range(120)))
    history.aws.fault = lambda asked: AwsFault("InvalidNextTokenException") if "NextToken" in asked.params else None
    run = Run(history, regions=(HERE,))
    assert isinstance(run.error, SourceMalformed)
    assert "does not know its own page" in run.error.message


@pytest.mark.parametrize("seed", range(3))
def test_an_idle_key_has_the_last_success_that_files_would_show(history: HistoryServer, seed: int) -> None:
    """Key by key and session by session, the history proves what reading all of it would."""
    history.users = {"orders": [*KEYS]}
    records = [entry for entry in some(seed, 60) if broken_nowhere(entry)]
    for number, entry in enumerate(records):
        history.add(entry, region=REGIONS[number % 2])
    history.now = NOW + 9 * DAY
    tracer = Tracer()
    tracer.collect(decode(json.dumps({"Records": records}).encode())[0], NOW)
    expected = {(call.handle.value, call.at) for call in tracer.take(SourceId("x")) if call.outcome is Outcome.SUCCESS}
    found = {(key, at) for key, outcome, at in Run(history).facts if outcome is Outcome.SUCCESS}
    assert expected == found


def broken_nowhere(entry: Record) -> bool:
    """Whether the history could list it at all: with a time, under a key."""
    who = entry.get("userIdentity") or {}
    named = who.get("accessKeyId") and who.get("type") != "Root"
    return bool(named) and str(entry.get("eventTime")).endswith("Z") and str(entry["eventTime"])[:7] == "2026-11"


def test_pages_without_end_are_malformed(history: HistoryServer) -> None:
    """A server that says "more" and means the same page is left."""
    history.strict = False
    history.aws.on("cloudtrail", "LookupEvents", lambda _, __: {"Events": [], "NextToken": "again"})
    run = Run(history)
    assert isinstance(run.error, SourceMalformed)


def test_check_tries_each_region(history: HistoryServer) -> None:
    """Every action, one after the other; a Region we may not ask is named, and those after it are tried."""
    history.aws.fault = lambda asked: (
        AwsFault("AccessDeniedException") if asked.operation == "LookupEvents" and asked.caller.region == HERE else None
    )
    results = list(history.source().check())
    assert [
        "sts:GetCallerIdentity",
        "iam:ListUsers",
        "iam:ListAccessKeys",
        "iam:GetAccountSummary",
        f"cloudtrail:LookupEvents in {THERE}",
    ] == [item for item in results if isinstance(item, str)]
    [missing] = [item for item in results if isinstance(item, Skipped)]
    assert (f"cloudtrail:LookupEvents in {HERE}", True) == (missing.what, "allow" in (missing.hint or ""))


def test_check_ends_where_nobody_answers(history: HistoryServer) -> None:
    """A person would else wait for one timeout after the other."""
    history.aws.fault = lambda asked: AwsFault("ServiceUnavailable", status=503) if asked.service == "sts" else None
    [missing] = history.source().check()
    assert isinstance(missing, Skipped)
