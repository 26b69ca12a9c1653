"""When a key has several users, or a new one: what is told, how bad it is, and when it is told again."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from ipaddress import ip_network

import pytest

from keywatch.alerts.sharing import LIMITS, Allowance, Dimension, SharingRules, used_from
from keywatch.alerts.sharing_problems import sharing_problems
from keywatch.model.alert import Problem, ProblemKind
from keywatch.model.call import Coverage
from keywatch.model.finding import Severity
from keywatch.model.key import Handle, HandleSpace, Key, KeyKind, SourceId
from keywatch.model.usage import REST, Origin, Spell, Usage, UsedFrom, Whereabouts, hour_of
from tests.alerts.builders import DAY, NOW, key, standing

HOUR = timedelta(hours=1)
TRAIL = SourceId("cloudtrail:org")
ORDERS = key("orders", owner="orders@example.com", application="orders-sync")
PLACES = {
    "192.0.2.0/24": Whereabouts(system=64500, organisation="Example Cloud", country="IE"),
    "192.0.3.0/24": Whereabouts(system=64500, organisation="Example Cloud", country="US"),
    "198.51.100.0/24": Whereabouts(system=64501, organisation="Example Office", country="NL"),
    "203.0.113.0/24": Whereabouts(system=64502, organisation="Example Phone", country="BR"),
    "203.0.114.0/24": Whereabouts(system=64503, organisation="Example Host", country="BR"),
}
CLOUD, CLOUD_US, OFFICE, PHONE, HOST = PLACES
BOTO = "boto3 on linux"


def nowhere(network: str) -> Whereabouts:
    del network
    return Whereabouts()


def somewhere(network: str) -> Whereabouts:
    return PLACES.get(network, Whereabouts())


def used(network: str, *at: datetime, agent: str = BOTO, of: Key = ORDERS, principal: str = "") -> Usage:
    spell = Spell.of(hour_of(at[0]))
    for moment in at[1:]:
        spell = spell.joined(Spell.of(hour_of(moment)))
    return Usage(handle=of.handles[0], source=TRAIL, origin=Origin(network, agent, principal), spell=spell)


def daily(network: str, first: int, last: int = 0, **more: str) -> Usage:
    """Used once a day, from `first` days ago to `last`, each place at an hour of its own."""
    hour = NOW - (1 + [*PLACES].index(network) if network in PLACES else 0) * HOUR
    return used(network, *(hour - n * DAY for n in range(first, last - 1, -1)), **more)  # type: ignore[arg-type]


def wrong(
    *uses: Usage,
    now: datetime = NOW,
    since: datetime | None = NOW - 95 * DAY,
    until: datetime | None = None,
    blind: str | None = None,
    known: bool = True,
    allowed: Iterable[Allowance] = (),
    **limits: int,
) -> list[Problem]:
    """What is told of these uses."""
    coverage = Coverage(source=TRAIL, kinds=frozenset(), since=since, until=until or now, blind=blind)
    changed = {Dimension[name.upper()]: most for name, most in limits.items()}
    rules = SharingRules(limits={**LIMITS, **changed}, allowed=tuple(allowed))
    locate = somewhere if known else nowhere
    return list(sharing_problems([ORDERS], uses, [coverage], rules=rules, locate=locate, now=now))


def only(*uses: Usage, **more: object) -> Problem:
    [problem] = wrong(*uses, **more)  # type: ignore[arg-type]
    return problem


def fact(problem: Problem, label: str) -> str:
    return dict(problem.facts)[label]


def test_one_program_at_its_places_is_as_it_should_be() -> None:
    """A service in two regions of one cloud, and a deploy tool at the office: nothing to tell."""
    service = daily(CLOUD, 30), used(CLOUD_US, *(NOW - n * DAY - HOUR for n in range(30)))
    assert [] == wrong(*service, daily(OFFICE, 30, agent="terraform on linux"), country=3)
    assert [] == wrong(daily(CLOUD, 90))
    assert [] == wrong()


def test_more_places_than_one_program_has() -> None:
    """Three providers in one week: told with each place and program, when, how often, and what to do."""
    problem = only(daily(CLOUD, 40), used(OFFICE, NOW - 2 * DAY), used(HOST, NOW - DAY), since=NOW)
    assert (ProblemKind.KEY_SHARED, f"key-shared:{ORDERS.id}") == (problem.kind, problem.id)
    assert (Severity.MEDIUM, ORDERS.owner) == (problem.severity, problem.owner)
    assert "AWS access key orders (…DERS): used from 3 providers and 3 countries" == problem.title
    assert "198.51.100.0/24 (AS64501 Example Office, NL)" in fact(problem, "Used from")
    assert BOTO == fact(problem, "Used by")
    assert "never to be shared" in fact(problem, "So what")
    assert "192.0.2.0/24 (AS64500 Example Cloud, IE) by boto3 on linux: 41 calls, 2026-10-14 13h to" in fact(
        problem, "Evidence"
    )
    assert "delete-access-key" in problem.next_step


def test_where_systems_are_not_known_networks_count() -> None:
    """Gateways and phones change networks, so more of them are taken for one user."""
    many = [used(f"10.{n}.0.0/16", NOW - n * HOUR) for n in range(9)]
    assert [] == wrong(*many[:8], known=False, since=NOW)
    assert "used from 9 networks" in only(*many, known=False, since=NOW).title


def test_more_programs_than_one_user_has() -> None:
    """A service, a deploy tool and somebody's laptop."""
    agents = [daily(CLOUD, 30, agent=agent) for agent in (BOTO, "terraform on linux", "aws-cli on macos")]
    problem = only(*agents)
    assert "used by 3 programs" in problem.title
    assert all(agent in fact(problem, "Used by") for agent in (BOTO, "terraform on linux", "aws-cli on macos"))


def test_more_users_than_one() -> None:
    """Where a source names who reads a secret (Vault does), people count, and are named."""
    problem = only(*(used("", NOW - HOUR, agent="", principal=f"entity-{name}") for name in "abc"))
    assert "used by 3 users" in problem.title
    assert "entity-a; entity-b; entity-c" == fact(problem, "Used by")


def test_what_does_not_happen_in_one_window_is_a_move() -> None:
    """A service that moves from one provider to the next every month is at one place at a time."""
    places = (CLOUD, OFFICE, PHONE, HOST)
    assert [] == wrong(*(daily(place, 120 - 30 * n, 91 - 30 * n) for n, place in enumerate(places)), since=NOW)


def test_it_stays_told_until_a_window_later() -> None:
    """A job that comes once a week from a third place does not make the alert come and go."""
    uses = daily(CLOUD, 40), daily(OFFICE, 40), used(HOST, NOW)
    stages = []
    for days in range(16):
        after = NOW + days * DAY
        still = [
            replace(use, spell=use.spell.joined(Spell.of(hour_of(after) - n))) for n, use in enumerate(uses[:2], 1)
        ]
        stages.append([problem.stage for problem in wrong(*still, uses[2], now=after, since=after)])
    assert [["provider x4, country x4"]] * 14 + [[]] * 2 == stages


def test_somewhere_new() -> None:
    """A key that is known for two weeks turns up at another provider: told at once, that place first."""
    problem = only(daily(CLOUD, 30), used(PHONE, NOW), country=9)
    assert (Severity.MEDIUM, ProblemKind.KEY_ELSEWHERE) == (problem.severity, problem.kind)
    assert f"key-shared:{ORDERS.id}" == problem.id
    assert "used from somewhere new, 203.0.113.0/24 (AS64502 Example Phone, BR)" in problem.title
    assert "203.0.113.0/24 (AS64502 Example Phone, BR) by boto3 on linux: 1 call, 2026-11-23 14h UTC, new;" in fact(
        problem, "Evidence"
    )
    assert "Somebody uses it who never did before" in fact(problem, "So what")
    assert "Never seen before: AS64502, BR." in fact(problem, "So what")
    assert "known since 2026-10-24 13h" in fact(problem, "Evidence")


@pytest.mark.parametrize("known", [True, False], ids=["systems", "networks"])
def test_a_stranger_is_worse_than_a_move(known: bool) -> None:
    """Another place and another program at once is how a stolen key looks; another program alone is a new library."""
    assert Severity.HIGH is only(daily(CLOUD, 30), used(PHONE, NOW, agent="aws-cli on windows"), known=known).severity
    library = only(daily(CLOUD, 30), used(CLOUD, NOW, agent="aws-sdk-go on linux"), known=known)
    assert (Severity.LOW, True) == (library.severity, "something new, aws-sdk-go on linux" in library.title)


def test_new_is_told_once() -> None:
    """After a window the place is known, and to come back there is no news."""
    old, new = daily(CLOUD, 30), used(PHONE, NOW)
    assert wrong(old, new, now=NOW + 6 * DAY, country=9)
    again = replace(new, spell=new.spell.joined(Spell.of(hour_of(NOW + 20 * DAY))))
    for days in (8, 20):
        assert [] == wrong(old, again, now=NOW + days * DAY, country=9)


@pytest.mark.parametrize(
    ("first", "since", "expected"),
    [
        pytest.param(13, NOW - 95 * DAY, 0, id="the-key-is-too-young"),
        pytest.param(14, NOW - 95 * DAY, 1, id="the-key-has-a-history"),
        pytest.param(30, NOW - 13 * DAY, 0, id="nobody-looked-for-long-enough"),
        pytest.param(30, None, 0, id="nobody-says-since-when-he-looks"),
    ],
)
def test_new_needs_a_history_that_was_watched(first: int, since: datetime | None, expected: int) -> None:
    """Where nothing is known of the time before, nothing can be said to be new."""
    assert expected == len(wrong(daily(CLOUD, first), used(PHONE, NOW), since=since, country=9))


def test_to_a_key_that_is_everywhere_no_place_is_new() -> None:
    """A function without a network of its own is at another network every day: that is said once, as sharing."""
    roaming = [daily(f"10.{n}.0.0/16", 40 - n, 40 - n) for n in range(41)]
    problem = only(*roaming, known=False, network=6)
    assert ("network x8", True) == (problem.stage, problem.title.endswith("used from 7 networks"))
    assert [] == wrong(*roaming, known=False)


def test_two_countries_in_one_hour() -> None:
    """Nobody is in two countries at once; one provider is. The hour and both places are told."""
    here = used(OFFICE, NOW - 30 * DAY, NOW - 5 * HOUR)
    assert [] == wrong(here, used(PHONE, NOW - 4 * HOUR), since=NOW)
    problem = only(here, used(PHONE, NOW - 5 * HOUR), since=NOW)
    assert (Severity.HIGH, True) == (problem.severity, "from NL and BR in the same hour" in problem.title)
    assert "In the hour of 2026-11-23 09h UTC" in fact(problem, "So what")
    fresh = only(here, used(HOST, NOW - 30 * DAY, NOW - 5 * HOUR), used(PHONE, NOW - 5 * HOUR))
    assert Severity.CRITICAL is fresh.severity  # somebody who was never there before
    assert "AS64502" in fact(fresh, "So what").partition(". Never")[0]
    regions = used(CLOUD, NOW - 30 * DAY, NOW), used(CLOUD_US, NOW - 30 * DAY, NOW)
    assert [] == wrong(*regions)
    assert [] == wrong(here, used(PHONE, NOW - 5 * HOUR), since=NOW, known=False)


def test_two_countries_at_once_are_told_as_long_as_too_many() -> None:
    """What happens once a week does not come and go."""
    uses = used(OFFICE, NOW - 30 * DAY, NOW), used(PHONE, NOW)
    told = [bool(wrong(*uses, now=NOW + days * DAY, since=NOW)) for days in (0, 6, 13, 15)]
    assert [True, True, True, False] == told


def test_new_ones_go_together() -> None:
    """One new place after another is one story: it gets longer, and is over a week after its last."""
    uses = daily(CLOUD, 30), used(PHONE, NOW), used(OFFICE, NOW + 5 * DAY)
    told = [
        wrong(*uses[: 2 + (days >= 5)], now=NOW + days * DAY, country=9, provider=9) for days in (0, 4, 5, 8, 12, 13)
    ]
    assert [["new x2"], ["new x2"], ["new x4"], ["new x4"], ["new x4"], []] == [[p.stage for p in now] for now in told]


def test_places_and_programs_are_told_together() -> None:
    """From how many places, by how many programs."""
    agents = ("terraform on linux", "curl", "aws-cli on macos")
    uses = [used(place, NOW - n * HOUR, agent=agents[n]) for n, place in enumerate((CLOUD, OFFICE, HOST))]
    title = only(*uses, since=NOW, country=3).title
    assert title.endswith("used from 3 providers by 3 programs")


ALLOWED = [
    pytest.param(Allowance(networks=(ip_network("203.0.113.0/24"),)), id="network"),
    pytest.param(Allowance(networks=(ip_network("203.0.113.77/32"),)), id="address-stands-for-its-network"),
    pytest.param(Allowance(networks=(ip_network("2001:db8::/32"), ip_network("203.0.0.0/8", strict=False))), id="wide"),
    pytest.param(Allowance(systems=frozenset({64502})), id="system"),
    pytest.param(Allowance(countries=frozenset({"BR", "FR"})), id="country"),
    pytest.param(Allowance(agents=("aws-cli on *",)), id="agent"),
    pytest.param(Allowance(keys=("or*",), agents=("aws-cli on *",)), id="of-keys-named"),
    pytest.param(Allowance(owner="orders@example.com", countries=frozenset({"BR"})), id="of-an-owner"),
    pytest.param(Allowance(application="orders-sync", systems=frozenset({64502})), id="of-an-application"),
]


@pytest.mark.parametrize("allowance", ALLOWED)
def test_what_is_allowed_is_not_looked_at(allowance: Allowance) -> None:
    """By network, system, country or program; of all keys, or of some."""
    uses = daily(CLOUD, 30), used(PHONE, NOW, agent="aws-cli on macos")
    assert wrong(*uses)
    assert [] == wrong(*uses, allowed=[allowance])


@pytest.mark.parametrize(
    "allowance",
    [
        pytest.param(Allowance(networks=(ip_network("203.0.112.0/24"),)), id="another-network"),
        pytest.param(Allowance(systems=frozenset({64502}), agents=("curl*",)), id="all-must-fit"),
        pytest.param(Allowance(keys=("billing",), systems=frozenset({64502})), id="another-key"),
        pytest.param(Allowance(owner="billing@example.com", systems=frozenset({64502})), id="another-owner"),
        pytest.param(Allowance(principals=("x",)), id="a-principal-that-nobody-is"),
        pytest.param(Allowance(networks=(ip_network("::/0"),)), id="another-version"),
    ],
)
def test_what_is_not_quite_allowed_is_told(allowance: Allowance) -> None:
    """All that an allowance says must fit."""
    assert wrong(daily(CLOUD, 30), used(PHONE, NOW, agent="aws-cli on macos"), allowed=[allowance])


def test_where_all_is_allowed_nothing_is_told() -> None:
    """Every network of both versions may be allowed; what has no network (a secret that Vault read) is not in them."""
    everywhere = Allowance(networks=(ip_network("0.0.0.0/0"), ip_network("::/0")))
    assert [] == wrong(*(used(place, NOW) for place in PLACES), allowed=[everywhere])
    readers = [used("", NOW, principal=f"entity-{name}") for name in "abc"]
    assert "used by 3 users" in only(*readers, allowed=[everywhere]).title


def test_places_and_programs_are_counted() -> None:
    """What an inventory shows: what was used lately, by whichever of its names, allowed or not."""
    other = key("other")
    uses = daily(CLOUD, 9), used(OFFICE, NOW), used(OFFICE, NOW, agent="curl"), used(HOST, NOW - 8 * DAY)
    strangers = used(CLOUD, NOW, of=key("nobodys"))
    counted = used_from([standing(of=ORDERS), standing(of=other)], [*uses, strangers], since=NOW - 7 * DAY)
    assert {ORDERS.id: UsedFrom(networks=2, agents=2)} == counted


def test_what_is_allowed_is_known_all_the_same() -> None:
    """A program that is allowed at the office is not new when it is seen elsewhere; that place is."""
    office = Allowance(networks=(ip_network(OFFICE),))
    uses = daily(CLOUD, 30), daily(OFFICE, 30, agent="aws-cli on macos"), used(PHONE, NOW, agent="aws-cli on macos")
    assert Severity.MEDIUM is only(*uses, allowed=[office]).severity
    assert "aws-cli" not in fact(only(*uses, allowed=[office]), "So what")


def test_a_source_that_is_blind_makes_nobody_go_away() -> None:
    """The key is judged as of the last time anybody could look: a problem neither ends nor gets milder meanwhile."""
    uses = daily(CLOUD, 40), used(OFFICE, NOW - 2 * DAY), used(HOST, NOW - DAY)
    before = only(*uses, since=NOW)
    assert [before] == wrong(*uses, now=NOW + 60 * DAY, until=NOW, since=NOW, blind="AccessDenied")
    assert [] == wrong(*uses, now=NOW + 60 * DAY, since=NOW)


def test_what_was_told_early_counts() -> None:
    """A use that is known before all around it was read (a queue tells of files early) is judged at once."""
    uses = used(CLOUD, NOW), used(OFFICE, NOW), used(HOST, NOW)
    assert only(*uses, since=NOW) == only(*uses, since=NOW, until=NOW - 6 * HOUR)


def test_it_is_told_again_when_it_doubles() -> None:
    """One alert a key. A place more is no news each time: three, five, nine are."""

    def stage(places: int) -> str:
        return only(*(used(f"10.{n}.0.0/16", NOW) for n in range(places)), known=False, since=NOW, network=2).stage

    assert ["network x4", "network x4", "network x8", "network x8", "network x16"] == [
        stage(number) for number in (3, 4, 5, 8, 9)
    ]


def test_the_rest_is_one_place_more() -> None:
    """Of what is beyond the bound nothing is known but that it is there."""
    rest = replace(used("", NOW), origin=REST)
    problem = only(*(used(f"10.{n}.0.0/16", NOW) for n in range(8)), rest, known=False, since=NOW)
    assert "used from 9 networks" in problem.title
    assert "and 3 more" in fact(problem, "Used from")


def test_a_key_is_judged_by_all_its_names() -> None:
    """Two sources that know a key by different names tell of one key; keys of others are nobody's concern."""
    login = Handle(HandleSpace.VAULT_LOGIN, "prod/auth/approle/orders")
    both = replace(ORDERS, handles=(*ORDERS.handles, login), kind=KeyKind.OTHER)
    uses = [used(CLOUD, NOW), replace(used(PHONE, NOW), handle=login, source=SourceId("vault-audit:prod"))]
    [problem] = sharing_problems([both], uses, [], rules=SharingRules(), locate=somewhere, now=NOW)
    assert "IE and BR in the same hour" in problem.title
    assert [] == list(sharing_problems([key("other")], uses, [], rules=SharingRules(), locate=somewhere, now=NOW))


def test_who_reads_a_secret_in_its_store_is_judged_apart_from_who_uses_the_key() -> None:
    """A program that fetches a key and uses it is not two; four that fetch it are told as readers, each by name."""
    vault = Handle(HandleSpace.VAULT, "prod/kv/orders")
    both = replace(ORDERS, handles=(*ORDERS.handles, vault))

    def fetched(name: str, network: str = "10.0.0.0/16") -> Usage:
        return replace(used(network, NOW - HOUR, agent="", principal=name), handle=vault)

    def told(*uses: Usage) -> list[Problem]:
        return list(sharing_problems([both], uses, [], rules=SharingRules(), locate=somewhere, now=NOW))

    assert [] == told(fetched("approle orders"), fetched("userpass-alice"), used(CLOUD, NOW), used(CLOUD_US, NOW))
    names = ["approle orders", "userpass-alice", "token-ci", "kubernetes-shop-web"]
    [problem] = told(used(CLOUD, NOW), *map(fetched, names))
    assert (ProblemKind.SECRET_READ, f"secret-read:{both.id}") == (problem.kind, problem.id)
    assert "AWS access key orders (…DERS): read in its store by 4 users" == problem.title
    assert sorted(names) == sorted(fact(problem, "Read by").split("; "))
    assert "several have fetched this one" in fact(problem, "So what")
    assert "10.0.0.0/16 by token-ci: 1 call, 2026-11-23 13h UTC" in fact(problem, "Evidence")
    assert "Vault's policies" in problem.next_step
    [both_kinds] = [item.kind for item in told(used(CLOUD, NOW), used(PHONE, NOW), fetched("a"))]
    assert ProblemKind.KEY_SHARED is both_kinds
    counted = used_from([standing(of=both)], [used(CLOUD, NOW), fetched("a")], since=NOW - DAY)
    assert UsedFrom(networks=1, agents=1) == counted[both.id]


def test_names_from_outside_cannot_break_a_line() -> None:
    """A provider, a program and a user may call themselves anything."""
    odd = Whereabouts(system=1, organisation="A\nB\u202e" * 50, country="NL")
    uses = [used(f"10.{n}.0.0/16", NOW, agent=f"x\n{n}\u202e", principal="p\r\n" * 99) for n in range(3)]
    [problem] = sharing_problems([ORDERS], uses, [], rules=SharingRules(), locate=lambda _: odd, now=NOW)
    said = [problem.title, *(text for _, text in problem.facts)]
    assert not any(character in text for text in said for character in "\r\n\u202e")
    assert all(len(text) <= 1000 for text in said)
