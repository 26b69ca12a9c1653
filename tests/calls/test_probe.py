"""Trying our own keys: whom it asks and how often, what an answer means, and that nothing of a value stays behind."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from keywatch.baseline import Policy, judge
from keywatch.collect.calls.probe import PACE, Probe, ProbeRules
from keywatch.collect.inventory.declared_applications import key_of
from keywatch.collect.inventory.declared_rows import Application, Developer, Row, Seller
from keywatch.collect.lwa import API_HOSTS, Amazon
from keywatch.collect.stored_values import Stores
from keywatch.model.answer import Answer
from keywatch.model.call import Call, Coverage, Origin, Outcome
from keywatch.model.errors import SourceDenied, SourceMalformed, SourceUnreachable
from keywatch.model.key import Handle, Key, SourceId
from keywatch.model.secret import Fingerprint, Pepper, Secret
from keywatch.model.source import CallBatch, Cursor, Skipped
from keywatch.model.standing import Basis
from tests.calls.amazon_server import AmazonServer, Grant, refusal

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
DAY = timedelta(days=1)
PEPPER = Pepper(b"p" * 32)
CLIENT = "amzn1.application-oa2-client." + "0123456789abcdef" * 2
SECRET = "amzn1.oa2-cs" + ".v1." + "".join(["fedcba9876543210"] * 4)
TOKEN_PATH, API_PATH = "/auth/o2/token", "/sellers/v1/marketplaceParticipations"


def token(seller: str) -> str:
    return "Atzr" + "|" + f"IwEBI{seller}" + "x" * 100


@dataclass
class Values:
    """Where values are kept: a store of one's own, that tells who asked for what."""

    places: dict[str, dict[str, str] | Exception] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def read(self, place: str) -> Mapping[str, Secret]:
        self.asked.append(place)
        found = self.places.get(place, SourceMalformed(f"{place} holds nothing"))
        if isinstance(found, Exception):
            raise found
        return {name: Secret(value.encode()) for name, value in found.items()}

    def close(self) -> None:
        """There is nothing to close."""


class World:
    """An application with some sellers, Amazon, and a clock."""

    def __init__(self, amazon: AmazonServer, *sellers: str) -> None:
        self.amazon = amazon
        self.now = NOW
        self.pauses: list[float] = []
        self.rows: list[Row] = [
            Developer(name="acme", place="x"),
            Application(name="orders", place="x", client_id=CLIENT, vault=("prod/kv/orders",)),
            *(
                Seller(seller=seller, application="orders", region="eu", place="x", vault=(f"prod/kv/{seller}",))
                for seller in sellers
            ),
        ]
        self.values = Values({"prod/kv/orders": {"client_id": CLIENT, "client_secret": SECRET, "note": "x"}})
        for seller in sellers:
            self.values.places[f"prod/kv/{seller}"] = {"refresh_token": token(seller)}
        amazon.grants[CLIENT] = Grant(SECRET, {token(seller) for seller in sellers})
        self.rules = ProbeRules()
        self.foreign: set[Fingerprint] = set()
        self.foreign_names: set[Handle] = set()
        self.cursor: Cursor = {}
        self.batches: list[CallBatch] = []
        self.blind: SourceUnreachable | None = None
        self.asks = Amazon(base_url=amazon.url)

    @property
    def probe(self) -> Probe:
        return Probe(
            lambda: self.rows,
            lambda: repr(self.rows) + repr(self.rules),
            Stores(self.values, self.values),
            self.asks,
            pepper=PEPPER,
            now=lambda: self.now,
            wait=self.wait,
            rules=self.rules,
            foreign=lambda value, names: value in self.foreign or not self.foreign_names.isdisjoint(names),
            chance=random.Random(1),  # noqa: S311 - the same pauses each time
        )

    def wait(self, seconds: float) -> bool:
        self.pauses.append(seconds)
        self.now += timedelta(seconds=seconds)
        return False

    def run(self, later: timedelta = timedelta(0)) -> list[Call]:
        """One run; what each batch brings is on record before the next is asked for, as the daemon does it."""
        self.now += later
        self.batches, self.blind = [], None
        try:
            for batch in self.probe.read(self.cursor):
                self.batches.append(batch)
                self.cursor = batch.cursor
        except SourceUnreachable as error:
            self.blind = error
        return self.calls

    @property
    def calls(self) -> list[Call]:
        return [item for batch in self.batches for item in batch.evidence if isinstance(item, Call)]

    @property
    def skipped(self) -> list[Skipped]:
        return [item for batch in self.batches for item in batch.skipped]

    def answers(self) -> dict[str, set[Answer]]:
        found: dict[str, set[Answer]] = {}
        for batch in self.batches:
            for one in batch.answers:
                found.setdefault(str(one.handle), set()).update(one.streaks)
        return found


@pytest.fixture
def amazon() -> Iterator[AmazonServer]:
    with AmazonServer() as server:
        yield server


@pytest.fixture
def world(amazon: AmazonServer) -> World:
    return World(amazon, "A2EXAMPLE")


def told(calls: list[Call]) -> list[tuple[str, str, str | None]]:
    return [(str(call.handle), call.outcome.value, call.action) for call in calls]


ASKED, EXCHANGED = f"GET {API_PATH}", f"POST {TOKEN_PATH}"
OF_THE_APPLICATION = ["application:orders", f"lwa-client-id:{CLIENT}"]
OF_THE_SELLER = ["authorisation:orders/A2EXAMPLE", "authorisation:orders/A2EXAMPLE/eu"]


def test_a_key_that_works_is_valid(world: World) -> None:
    """One exchange and one request prove the client secret and the seller's token; the origin of the calls is told."""
    calls = world.run()
    assert told(calls) == [(handle, "success", ASKED) for handle in (*OF_THE_APPLICATION, *OF_THE_SELLER)]
    assert {call.origin for call in calls} == {Origin.PROBE}
    assert world.amazon.requests == [EXCHANGED, ASKED]
    assert world.answers() == {
        "application:orders": {Answer.ACCEPTED, Answer.EXCHANGED},
        "authorisation:orders/A2EXAMPLE": {Answer.ACCEPTED, Answer.EXCHANGED},
    }
    assert world.amazon.headers[1]["user-agent"].startswith("keywatch/")


@pytest.mark.parametrize(
    ("change", "expected", "requests", "answer"),
    [
        pytest.param(
            lambda world: world.amazon.grants[CLIENT].refresh_tokens.clear(),
            [(handle, "failure", f"{EXCHANGED}: invalid_grant") for handle in OF_THE_SELLER],
            [EXCHANGED],
            {"authorisation:orders/A2EXAMPLE": {Answer.INVALID_GRANT}},
            id="the-seller-has-taken-it-back",
        ),
        pytest.param(
            lambda world: setattr(world.amazon.grants[CLIENT], "client_secret", "another"),
            [(handle, "failure", f"{EXCHANGED}: invalid_client") for handle in OF_THE_APPLICATION],
            [EXCHANGED],
            {"application:orders": {Answer.INVALID_CLIENT}},
            id="the-client-secret-has-expired",
        ),
        pytest.param(
            lambda world: world.amazon.instead.update({API_PATH: lambda: refusal(403, "Unauthorized")}),
            [(handle, "failure", f"{ASKED}: 403 Unauthorized") for handle in OF_THE_SELLER],
            [EXCHANGED, ASKED],
            {
                "application:orders": {Answer.EXCHANGED, Answer.DENIED},
                "authorisation:orders/A2EXAMPLE": {Answer.EXCHANGED, Answer.DENIED},
            },
            id="sp-api-refuses",
        ),
    ],
)
def test_a_refusal_is_an_answer_and_not_tried_again(
    world: World,
    change: object,
    expected: list[tuple[str, str, str]],
    requests: list[str],
    answer: dict[str, set[Answer]],
) -> None:
    """What Amazon called it is kept, and counted as the same refusal in a log is; the next try is a day later."""
    change(world)  # type: ignore[operator]
    assert told(world.run()) == expected
    assert world.amazon.requests == requests
    assert {handle: kinds for handle, kinds in world.answers().items() if kinds} == answer
    assert world.run(timedelta(hours=10)) == []
    assert world.amazon.requests == requests
    assert told(world.run(timedelta(hours=15))) == expected


@pytest.mark.parametrize("path", [TOKEN_PATH, API_PATH])
def test_a_quota_is_respected_and_says_nothing_of_the_key(world: World, path: str) -> None:
    """429 comes of others' calls too; the seller is left alone for as long as Amazon asks, and a day at least."""
    world.amazon.instead[path] = lambda: refusal(429, "QuotaExceeded", Retry_After="86000")
    assert world.run() == []
    assert world.skipped == []
    asked = len(world.amazon.requests)
    assert world.run(timedelta(seconds=85_900)) == []
    assert len(world.amazon.requests) == asked
    del world.amazon.instead[path]
    assert len(world.run(timedelta(seconds=101))) == 4


def test_one_that_has_no_answer_does_not_make_the_others_unknown(amazon: AmazonServer) -> None:
    """The probe is blind only where nobody could be tried."""
    world = World(amazon, "A2EXAMPLE", "A3EXAMPLE")
    answers = [page(), None]
    amazon.instead[API_PATH] = lambda: answers.pop(0) or (200, {"payload": []}, {})
    assert len(world.run()) == 4
    assert (len(world.skipped), world.blind) == (1, None)
    assert (world.run(timedelta(minutes=1)), len(world.skipped), world.blind) == ([], 1, None)


def test_a_quota_where_everybody_logs_in_is_meant_for_all(amazon: AmazonServer) -> None:
    """Nobody else is tried until it is over."""
    world = World(amazon, *(f"A{number}EXAMPLE" for number in range(5)))
    amazon.instead[TOKEN_PATH] = lambda: (429, {"error": "slow_down"}, {"Retry-After": "3600"})
    assert world.run() == []
    amazon.instead.clear()
    assert world.run(timedelta(minutes=50)) == []
    assert len(amazon.requests) == 1
    assert len(world.run(timedelta(minutes=11))) == 4 * 4


def page() -> tuple[int, bytes, dict[str, str]]:
    return 200, b"<html>please log in</html>", {}


NO_ANSWERS = {
    "a captive portal": page,
    "an answer without a token": lambda: (200, {"token": 1}, {}),
    "an empty object": lambda: (200, {}, {}),
    "a list": lambda: (200, [], {}),
    "nested without end": lambda: (200, b"[" * 100_000, {}),
    "a redirect": lambda: (307, b"", {"Location": "http://127.0.0.1:9/"}),
    "a failure of its own": lambda: (503, {"error": "temporarily_unavailable"}, {}),
    "an error nobody knows": lambda: (400, {"error": "out_of_cheese"}, {}),
    "a refusal that is not Amazon's": lambda: (403, b"blocked by proxy", {}),
    "no text": lambda: (200, b"\xff\xfe\x00", {}),
    "too much": lambda: (200, b'"' + b"x" * 300_000 + b'"', {}),
}


@pytest.mark.parametrize("kind", NO_ANSWERS)
@pytest.mark.parametrize("path", [TOKEN_PATH, API_PATH])
def test_what_is_no_answer_of_amazons_says_nothing_of_the_key(world: World, path: str, kind: str) -> None:
    """It could not be tried: that is told, and tried again after minutes, then later and later."""
    world.amazon.instead[path] = NO_ANSWERS[kind]  # type: ignore[assignment]
    assert world.run() == []
    assert [item.what for item in world.skipped] == ["orders/A2EXAMPLE (eu) could not be tried"]
    assert str(world.blind).startswith("probe:selling-partner: ")
    asked = len(world.amazon.requests)
    assert world.run(timedelta(minutes=4)) == []
    assert len(world.amazon.requests) == asked
    assert [item.what for item in world.skipped] == ["orders/A2EXAMPLE (eu) could not be tried"]
    assert world.blind is not None, "it is so until somebody was tried"
    world.amazon.instead.clear()
    assert len(world.run(timedelta(minutes=2))) == 4
    assert world.blind is None


def test_a_network_that_is_down_makes_the_probe_blind_and_no_key_invalid(world: World) -> None:
    """Nobody else is tried, as nobody could be."""
    world = World(world.amazon, *(f"A{number}EXAMPLE" for number in range(5)))
    world.amazon.stop()
    assert (world.run(), world.pauses) == ([], [])
    assert world.blind is not None
    assert "cannot be reached" in world.blind.message
    assert world.blind.hint is not None


def test_what_is_kept_elsewhere_than_said_could_not_be_tried(world: World) -> None:
    """Each with what to do; no value is in what is said, and nothing was shown to Amazon."""
    values = world.values.places
    cases: list[tuple[str, dict[str, str] | Exception, str]] = [
        ("A2EXAMPLE", {"a": token("1"), "b": token("2")}, "has several fields: add #field"),
        ("A2EXAMPLE", {"password": "hunter" + "2hunter2"}, "does not hold a refresh token"),
        ("A2EXAMPLE", {"refresh_token": ""}, "does not hold a refresh token"),
        ("A2EXAMPLE", SourceDenied("GET kv/data/A2EXAMPLE was refused", hint="give `read`"), "was refused"),
        ("orders", {"client_secret": token("A2EXAMPLE")}, "does not hold an LWA client secret"),
    ]
    for place, kept, why in cases:
        before, values[f"prod/kv/{place}"] = values[f"prod/kv/{place}"], kept
        assert world.run(DAY) == []
        (item,) = world.skipped
        assert why in item.why
        assert item.hint
        assert not any(value and value in repr(item) for value in (kept if isinstance(kept, dict) else {}).values())
        values[f"prod/kv/{place}"] = before
    assert world.amazon.requests == []


def test_a_field_is_named_where_a_secret_has_several(world: World) -> None:
    """And a client id that stands beside the secret need not be declared."""
    world.values.places["prod/kv/all"] = {"a": token("9"), "b": token("A2EXAMPLE"), "client_id": CLIENT}
    application, seller = world.rows[1:]
    assert isinstance(application, Application)
    assert isinstance(seller, Seller)
    world.rows[1:] = [replace(application, client_id=None), replace(seller, vault=("prod/kv/all#b",))]
    assert len(world.run()) == 4
    world.rows[2] = replace(seller, vault=("prod/kv/all#c",))
    world.run(DAY)
    assert world.skipped[0].why == "prod/kv/all has no field c"


def test_only_what_is_declared_with_its_store_is_tried(world: World) -> None:
    """Not without a region, a store, an application's secret or permission; not what is left out."""
    application, seller = world.rows[1:]
    assert isinstance(application, Application)
    assert isinstance(seller, Seller)
    cases: list[list[Row]] = [
        [application, replace(seller, vault=())],
        [application, replace(seller, probe=False)],
        [application, replace(seller, application="prices")],
        [replace(application, probe=False), seller],
        [replace(application, vault=()), seller],
    ]
    for rows in cases:
        world.rows = rows
        assert (world.run(DAY), world.values.asked) == ([], [])
    world.rows = [application, seller]
    world.rules = ProbeRules(applications=frozenset({"prices"}))
    assert (world.run(DAY), world.values.asked) == ([], [])
    world.rules = ProbeRules()
    world.rows = [application, replace(seller, region=None)]
    assert (world.run(DAY), world.values.asked) == ([], [])
    assert world.skipped[0].why.endswith("in which region is not known")
    assert "region is not known" in str(world.blind), "there is nobody who could be tried"
    world.rows = [application]
    assert world.run(DAY) == []
    assert str(world.blind) == "None"


def test_somebody_elses_key_is_never_tried(world: World) -> None:
    """A value that a seller sent us, or the secret of a seller's own application, whoever put it where ours are."""
    for value in (SECRET, token("A2EXAMPLE")):
        world.foreign = {PEPPER.fingerprint(Secret(value.encode()))}
        assert world.run(DAY) == []
        assert "is somebody else's" in world.skipped[0].why
    world.foreign = set()
    assert [str(call.handle) for call in world.run(DAY)][1] == f"lwa-client-id:{CLIENT}"
    world.foreign_names = {call.handle for call in world.calls}
    asked = len(world.amazon.requests)
    assert world.run(DAY) == []
    assert len(world.amazon.requests) == asked


def test_sellers_are_tried_at_a_pace_and_each_about_once_a_day(amazon: AmazonServer) -> None:
    """Forty in a run, with pauses that differ; over ten days none more often than its quota allows by far."""
    sellers = [f"A{number:03}EXAMPLE" for number in range(60)]
    world = World(amazon, *sellers)
    tried: dict[str, list[datetime]] = {}
    for _ in range(10 * 24):
        for call in world.run(timedelta(hours=1)):
            if "/" in call.handle.value and not call.handle.value.endswith("/eu"):
                tried.setdefault(call.handle.value, []).append(call.at)
        assert len(world.batches) <= 42
    assert len(tried) == 60
    assert all(PACE <= pause <= 2 * PACE for pause in world.pauses)
    assert len(set(world.pauses)) > 20
    gaps = [later - earlier for times in tried.values() for earlier, later in pairwise(times)]
    assert min(gaps) >= timedelta(hours=19)
    assert max(gaps) <= timedelta(hours=30)
    assert len(set(gaps)) > 40


def test_a_client_secret_that_is_refused_is_not_shown_for_each_seller(amazon: AmazonServer) -> None:
    """All of the application's sellers would fail alike; the next is tried an hour later."""
    world = World(amazon, *(f"A{number}EXAMPLE" for number in range(5)))
    amazon.grants[CLIENT].client_secret = "another"
    assert len(world.run()) == 2
    assert amazon.requests == [EXCHANGED]
    assert world.run(timedelta(minutes=50)) == []
    amazon.grants[CLIENT].client_secret = SECRET
    assert len(world.run(timedelta(minutes=30))) == 4 * 4


def test_a_store_that_is_down_is_asked_once_a_run(amazon: AmazonServer) -> None:
    """And makes the probe blind, as long as nothing else can be tried."""
    world = World(amazon, *(f"A{number}EXAMPLE" for number in range(5)))
    world.values.places["prod/kv/orders"] = SourceUnreachable("vault prod: Vault is sealed", hint="unseal it")
    world.run()
    assert "Vault is sealed" in str(world.blind)
    assert world.values.asked == ["prod/kv/orders"]


def test_a_daemon_that_is_killed_in_a_circle_asks_no_more_often(world: World) -> None:
    """Who is to be tried is on record before the first request leaves."""
    for _ in range(5):
        batches = world.probe.read(world.cursor)
        if (first := next(batches, None)) is not None:
            world.cursor = first.cursor
            next(batches)  # and is killed before that is on record
    assert world.amazon.requests == [EXCHANGED, ASKED]


def test_a_file_of_sellers_that_is_gone_for_a_while_starts_nobody_anew(world: World) -> None:
    """Whose turn it was not, is not tried because it is back."""
    world.run()
    rows, world.rows = world.rows, world.rows[:1]
    world.run(timedelta(minutes=10))
    world.rows = rows
    assert world.run(timedelta(minutes=10)) == []


@pytest.mark.parametrize(
    "cursor", [{"due": 3, "failed": [], "blocked": "x", "since": "2026-11-27T12:00:00Z"}, {"due": {"x": 1 << 60}}]
)
def test_a_record_that_makes_no_sense_is_none(world: World, cursor: Cursor) -> None:
    """It is read as far as it can be."""
    world.cursor = cursor
    assert len(world.run()) == 4


def test_check_fetches_values_and_shows_them_to_nobody(world: World) -> None:
    """It says what is missing, and Amazon is not asked."""
    assert list(world.probe.check()) == ["values of orders/A2EXAMPLE (eu); Amazon is not asked now"]
    world.values.places.clear()
    (missing,) = world.probe.check()
    assert isinstance(missing, Skipped)
    assert missing.why == "prod/kv/orders holds nothing"
    world.rows = []
    (missing,) = world.probe.check()
    assert isinstance(missing, Skipped)
    assert world.amazon.requests == []


def key_and_evidence(world: World) -> tuple[Key, list[Call], list[Coverage]]:
    row = world.rows[2]
    assert isinstance(row, Seller)
    key = replace(key_of(row, SourceId("declared:applications"), "x"), created_at=NOW - 80 * DAY)
    return key, world.run(), [world.batches[-1].coverage]


def test_a_probe_proves_no_use_unless_the_policy_says_so(world: World) -> None:
    """By default the 90 days go on as if nothing had happened, and the probe's silence covers nothing."""
    key, calls, coverages = key_and_evidence(world)
    standing = judge(key, calls, coverages, now=world.now)
    assert (standing.last_success, standing.last_attempt) == (None, None)
    assert world.probe.kinds == frozenset()
    world.rules = ProbeRules(counts_as_use=True)
    key, calls, coverages = key_and_evidence(World(world.amazon, "A2EXAMPLE"))
    counted = judge(key, calls, coverages, now=world.now, policy=Policy(probes_count=True))
    assert (counted.basis, counted.days_left) == (Basis.PROVEN, 90)


def test_production_hosts_are_fixed() -> None:
    """By region, and never the sandbox."""
    assert set(API_HOSTS.values()) == {
        f"https://sellingpartnerapi-{region}.amazon.com" for region in ("na", "eu", "fe")
    }


def test_no_value_is_in_what_a_probe_says_or_keeps(world: World) -> None:
    """Neither while it works nor when all goes wrong."""
    seen = []
    for answer in (None, *NO_ANSWERS.values(), lambda: refusal(403, token("A2EXAMPLE"))):
        world.amazon.instead = {} if answer is None else {TOKEN_PATH: answer}  # type: ignore[dict-item]
        world.run(DAY)
        seen.append(f"{world.blind!r} {world.blind and (world.blind.hint, world.blind.__cause__)}")
        seen.append(repr((world.batches, world.cursor, world.probe, world.asks)))
    values = (SECRET, token("A2EXAMPLE"), "Atza|")
    assert not [part for text in seen for value in values for part in (value[:24], value[-24:]) if part in text]
    assert Outcome.SUCCESS.value in "".join(seen)
