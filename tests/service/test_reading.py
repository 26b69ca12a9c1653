"""A source that fails, is refused in part, or is cut short: what is recorded of it, and what it does to the others."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from keywatch.alerts.problems import SourceRole
from keywatch.demo.text import invented_refresh_token
from keywatch.demo.vault import VaultServer
from keywatch.model.call import Call, Coverage, Outcome
from keywatch.model.content import Chunk, Origin
from keywatch.model.errors import ConfigError, SourceDenied, SourceUnreachable, StoreError
from keywatch.model.finding import FindingState
from keywatch.model.key import Handle, HandleSpace, Key, KeyKind, Location, SourceId
from keywatch.model.source import CallBatch, ContentBatch, Cursor, Skipped
from keywatch.model.standing import Basis
from keywatch.service.assembly import Keywatch
from keywatch.service.log import configure
from keywatch.service.planned import Planned, Source
from tests.service.installation import DAY, Installation

SECRET = "what the third party said, secret and all"  # never to be seen again
VAULT, TRAIL, SHELF = SourceId("vault-kv2:test"), SourceId("cloudtrail:test"), SourceId("files:test")
LOG = '[[scan]]\nname = "log"\nlog = "HERE/app.log"\n'


def aws_key(name: str, age: timedelta, here: Installation) -> Key:
    """An access key whose id is made of its name."""
    return Key(
        kind=KeyKind.AWS_ACCESS_KEY,
        handles=(Handle(HandleSpace.AWS_ACCESS_KEY_ID, name.upper()),),
        name=name,
        locations=(Location(VAULT, f"kv/{name}"),),
        created_at=here.now - age,
    )


@dataclass
class Inventory:
    """A key source that shows what it is told to, then raises what it is told to."""

    items: list[Key | Skipped]
    error: Exception | None = None
    id: SourceId = VAULT

    def keys(self) -> Iterator[Key | Skipped]:
        yield from self.items
        if self.error is not None:
            raise self.error

    def check(self) -> Iterator[str | Skipped]:
        yield "all is well"


@dataclass
class Trail:
    """A call source that covers the last hundred days and knows of one call; or raises."""

    here: Installation
    calls: tuple[Call, ...] = ()
    error: Exception | None = None
    id: SourceId = TRAIL
    kinds: frozenset[KeyKind] = frozenset({KeyKind.AWS_ACCESS_KEY})

    def read(self, cursor: Cursor) -> Iterator[CallBatch]:
        if self.error is not None:
            raise self.error
        until = self.here.now
        coverage = Coverage(source=self.id, kinds=self.kinds, since=until - 100 * DAY, until=until)
        yield CallBatch(evidence=self.calls, cursor={"read": int(cursor.get("read") or 0) + 1}, coverage=coverage)  # type: ignore[arg-type]

    def check(self) -> Iterator[str | Skipped]:
        yield "all is well"


@dataclass
class Shelf:
    """A content source of several texts, with a place to resume from after each."""

    texts: list[str]
    stopping: threading.Event = field(default_factory=threading.Event)
    stop_after: int = 100
    id: SourceId = SHELF
    target: str = "shelf"
    read_from: list[int] = field(default_factory=list)

    def read(self, cursor: Cursor) -> Iterator[ContentBatch]:
        start = int(str(cursor.get("next", 0)))
        self.read_from.append(start)
        for number in range(start, len(self.texts)):
            if number == self.stop_after:
                self.stopping.set()
            chunk = Chunk(self.texts[number].encode(), Origin(self.target, f"{number}.txt"))
            yield ContentBatch(chunks=(chunk,), cursor={"next": number + 1})

    def check(self) -> Iterator[str | Skipped]:
        yield "all is well"


def planned(source: Source, role: SourceRole) -> Planned:
    kinds = frozenset({KeyKind.AWS_ACCESS_KEY}) if role is SourceRole.CALLS else frozenset[KeyKind]()
    return Planned(id=source.id, role=role, every=timedelta(hours=1), build=lambda: source, kinds=kinds)


def inventory(*items: Key | Skipped, error: Exception | None = None) -> Planned:
    return planned(Inventory(list(items), error), SourceRole.INVENTORY)


def used(name: str, ago: timedelta, here: Installation) -> Call:
    handle = Handle(HandleSpace.AWS_ACCESS_KEY_ID, name.upper())
    return Call(handle=handle, at=here.now - ago, outcome=Outcome.SUCCESS, source=TRAIL)


@pytest.mark.usefixtures("clean_logging")
def test_a_defect_in_one_source_ends_no_other(here: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    """It is told as blind, by the type of the error alone; the others are read, and the cycle is not complete."""
    here.configure(LOG)
    here.write("app.log", invented_refresh_token().reveal().decode() + "\n")
    broken = inventory(error=RuntimeError(SECRET))
    configure("debug")
    assert not here.cycle(broken)
    assert [line for line in here.told if "cannot read vault-kv2:test" in line]
    assert [line for line in here.told if "Leaked" in line]
    state = here.source(VAULT)
    assert (state.error, state.failing_since is not None) == ("vault-kv2:test: unexpected RuntimeError", True)
    shown = capsys.readouterr()
    assert SECRET not in shown.out + shown.err
    assert SECRET.encode() not in (here.directory / "state" / "keywatch.db").read_bytes()


def test_a_setting_that_leads_nowhere_makes_its_source_blind(here: Installation) -> None:
    """A token file that is missing is told with what to do, and mended without a restart."""
    here.write("app.log", "nothing\n")
    with VaultServer() as vault:
        here.configure(f'[[vault]]\nname = "prod"\naddress = "{vault.url}"\ntoken = "file:HERE/token"\n' + LOG)
        assert not here.cycle()
    state = here.source("vault-kv2:prod")
    assert "No such file" in (state.error or "")
    assert "create" in (state.hint or "")
    assert [line for line in here.told if "cannot read vault-kv2:prod" in line]


def test_a_declared_value_that_cannot_be_read_costs_no_key(here: Installation) -> None:
    """The key is listed and watched, and what is missing is named."""
    here.configure('[[key]]\nname = "orders"\nkind = "lwa-client-secret"\nsecret = "file:HERE/nowhere"\n')
    assert here.cycle()
    assert set(here.standings()) == {"orders"}
    assert here.source("declared:config").skipped[0].what == "value of orders"


def test_an_inventory_refused_in_part_keeps_what_it_did_not_show(here: Installation) -> None:
    """A key not shown is not gone: its standing is unknown until it is shown again, or all is."""
    shown, hidden = aws_key("shown", 10 * DAY, here), aws_key("hidden", 10 * DAY, here)
    calls = planned(Trail(here, (used("shown", DAY, here), used("hidden", DAY, here))), SourceRole.CALLS)
    here.cycle(inventory(shown, hidden), calls)
    refused = Skipped("kv/team", "it was refused", "grant it")
    here.cycle(inventory(shown, refused), calls)
    judged = here.standings()
    assert (judged["shown"].basis, judged["hidden"].basis) == (Basis.PROVEN, Basis.UNKNOWN)
    assert "refused in part" in judged["hidden"].reasons[0]
    here.cycle(inventory(shown), calls)
    assert set(here.standings()) == {"shown"}


def test_a_reading_under_way_makes_nothing_unknown(here: Installation) -> None:
    """While an inventory that is always refused in part is being read, what it showed last time still holds."""
    shown = aws_key("shown", 10 * DAY, here)
    calls = planned(Trail(here, (used("shown", DAY, here),)), SourceRole.CALLS)
    refused = Skipped("kv/team", "it was refused", "grant it")
    here.cycle(inventory(shown, refused), calls)
    with here.open() as keywatch:
        keywatch._store.source_started(VAULT, "inventory", here.now + timedelta(minutes=1))
    assert here.standings()["shown"].basis is Basis.PROVEN


def test_an_inventory_that_breaks_off_keeps_what_it_did_not_reach(here: Installation) -> None:
    """Its keys are unknown, none is gone, and none is called dying."""
    old = aws_key("old", 89 * DAY, here)
    calls = planned(Trail(here), SourceRole.CALLS)
    here.cycle(inventory(old), calls)
    assert [line for line in here.told if "never used" in line]
    news = here.news(inventory(error=SourceUnreachable("vault-kv2:test: sealed", hint="unseal it")), calls)
    assert len(news) == 1
    assert "cannot read vault-kv2:test" in news[0]
    assert here.standings()["old"].basis is Basis.UNKNOWN


def test_a_blind_call_source_makes_its_keys_unknown_until_it_sees_again(here: Installation) -> None:
    """Of a key that may have been used meanwhile nothing is claimed; what was covered before stays covered."""
    key, calls = inventory(aws_key("orders", 200 * DAY, here)), (used("orders", 86 * DAY, here),)
    here.cycle(key, planned(Trail(here, calls), SourceRole.CALLS))
    assert here.standings()["orders"].basis is Basis.PROVEN
    denied = SourceDenied("cloudtrail:test: s3:ListBucket was refused", hint="allow it")
    (news,) = here.news(key, planned(Trail(here, calls, error=denied), SourceRole.CALLS))
    assert "cannot read cloudtrail:test" in news
    blind = here.standings()["orders"]
    assert blind.basis is Basis.UNKNOWN
    assert "s3:ListBucket was refused" in blind.reasons[0]
    (news,) = here.news(key, planned(Trail(here, calls), SourceRole.CALLS))
    assert news.startswith("resolved")
    assert here.standings()["orders"].basis is Basis.PROVEN


def test_a_call_source_never_read_makes_its_keys_unknown(here: Installation) -> None:
    """It cannot even be built: nobody was looking, so no key that it could prove is called unused."""

    def build() -> Source:
        raise ConfigError("file:/nowhere: No such file", hint="create it")

    trail = Planned(
        id=TRAIL,
        role=SourceRole.CALLS,
        every=timedelta(hours=1),
        build=build,
        kinds=frozenset({KeyKind.AWS_ACCESS_KEY}),
    )
    here.cycle(inventory(aws_key("orders", 89 * DAY, here)), trail)
    assert here.standings()["orders"].basis is Basis.UNKNOWN
    assert not [line for line in here.told if "orders" in line]


def test_a_run_cut_short_goes_on_where_it_was(here: Installation) -> None:
    """What was found is kept, with the place it was found up to; neither a success nor a failure is recorded."""
    tokens = [invented_refresh_token().reveal().decode() for _ in range(12)]
    shelf = Shelf(tokens, stop_after=6)

    def stop(keywatch: Keywatch) -> None:
        shelf.stopping = keywatch.stopping

    source = planned(shelf, SourceRole.CONTENT)
    assert not here.cycle(source, stop=stop)
    with here.open(source) as keywatch:
        kept = int(str(keywatch._store.cursor(SHELF)["next"]))
        (state,) = keywatch._store.sources()
        assert len(keywatch._store.findings(FindingState.OPEN)) == kept
    assert 0 < kept <= 6
    assert (state.last_success, state.failing_since, state.error) == (None, None, None)
    assert here.told == []
    shelf.stop_after = 100
    assert here.cycle(source)
    assert shelf.read_from == [0, kept]
    assert len(here.findings()) == 12


def test_what_fails_because_of_the_end_is_no_failure_of_the_source(here: Installation) -> None:
    """Ctrl-C reaches the programs we run as well: that git died of it says nothing of the repository."""

    def stop(keywatch: Keywatch) -> None:
        broken.stopping = keywatch.stopping

    @dataclass
    class Killed(Inventory):
        stopping: threading.Event = field(default_factory=threading.Event)

        def keys(self) -> Iterator[Key | Skipped]:
            self.stopping.set()
            yield from super().keys()

    broken = Killed([], SourceUnreachable("git died", hint=None))
    assert not here.cycle(planned(broken, SourceRole.INVENTORY), stop=stop)
    with here.open(planned(broken, SourceRole.INVENTORY)) as keywatch:
        (state,) = keywatch._store.sources()
    assert state.failing_since is None


def test_what_is_gone_is_looked_for_again_if_the_run_was_cut_short_before(here: Installation) -> None:
    """The place to resume from is saved after that, not before: else nobody would look until something else changes."""
    here.configure('[[scan]]\nname = "files"\ndirectory = "HERE/files"\n')
    leak = here.write("files/notes.txt", invented_refresh_token().reveal().decode())
    here.write("files/other.txt", "nothing")
    here.cycle()
    leak.unlink()
    with here.open() as keywatch:
        before = keywatch._store.cursor(SourceId("files:files"))
        (source,) = keywatch.sources
        keywatch.stopping.set()
        assert not keywatch.reader.run(source)
        assert keywatch._store.cursor(source.id) == before
    assert here.news()[0].startswith("resolved")


def test_when_nothing_can_be_recorded_the_cycle_ends_with_a_sentence(here: Installation) -> None:
    """A database that takes nothing any more is no failure of a source: it ends the cycle, and says what to do."""
    here.configure(LOG)
    here.write("app.log", "nothing\n")
    with here.open() as keywatch:
        with keywatch._store._engine.begin() as connection:
            connection.exec_driver_sql(
                "CREATE TRIGGER full BEFORE INSERT ON source BEGIN SELECT RAISE(ABORT, 'full'); END"
            )
        with pytest.raises(StoreError, match=r"keywatch\.db"):
            keywatch.once()
