"""Values of a Vault: each version read once, only where it is wanted, whatever becomes of secrets meanwhile."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from keywatch.collect.inventory.vault_values import VaultValues, Wanted
from keywatch.collect.vault import VaultAccess
from keywatch.demo.text import invented
from keywatch.demo.vault import VaultServer
from keywatch.demo.vault_admin import VaultAdmin
from keywatch.model.errors import SourceDenied, SourceUnreachable
from keywatch.model.held_value import HeldValue, Validity
from keywatch.model.key import SourceId
from keywatch.model.secret import Pepper, Secret
from keywatch.model.source import Excess, Skipped
from keywatch.store import Store

PEPPER = Pepper(b"p" * 32)
SOURCE = SourceId("vault-values:prod")
ALL = 'path "kv/*" { capabilities = ["read", "list"] }\npath "old/*" { capabilities = ["read", "list"] }'


@dataclass
class Reading:
    """A Vault, a store, and a clock between them."""

    vault: VaultServer
    store: Store
    now: datetime = datetime(2026, 11, 23, 12, tzinfo=UTC)
    wanted: Wanted = field(default_factory=lambda: Wanted(paths=("kv/*",)))
    policy: str = ALL
    pepper: Pepper = PEPPER

    @property
    def admin(self) -> VaultAdmin:
        return VaultAdmin(self.vault.url, self.vault.token)

    def source(self) -> VaultValues:
        self.admin.policy("values", self.policy)
        token = Secret(self.admin.new_token("values").encode())
        access = VaultAccess(url=self.vault.url, timeout=5)
        return VaultValues("prod", "prod", access, token, wanted=self.wanted, pepper=self.pepper, now=lambda: self.now)

    def run(self) -> list[Skipped]:
        """One run, an hour later, as the daemon does it; what was skipped."""
        self.now += timedelta(hours=1)
        source, seen, skipped = self.source(), set[str](), list[Skipped]()
        self.vault.requests.clear()
        for batch in source.values(self.store.value_marks(SOURCE, source.manner)):
            self.store.save_values(SOURCE, batch, self.now)
            seen.update(batch.seen)
            skipped += batch.skipped
        self.store.end_values(SOURCE, seen, source.covers, complete=not skipped, now=self.now)
        return skipped

    @property
    def asked(self) -> list[str]:
        """Whose values the last run asked for."""
        paths = [path for verb, path in self.vault.requests if verb == "GET"]
        return [path for path in paths if path.startswith(("kv/data/", "old/"))]

    def validity(self, value: str) -> Validity | None:
        """What has become of a value; None: it is not known."""
        held = self.store.held_values([PEPPER.fingerprint(Secret(value.encode()))])
        assert len({one.validity for one in held}) < 2
        return held[0].validity if held else None

    def places(self) -> set[str]:
        return {f"{one.place}#{one.field}" for one in self.store.held_values()}


@pytest.fixture
def reading(tmp_path: Path) -> Iterator[Reading]:
    with VaultServer() as vault, Store.open(tmp_path) as store:
        here = Reading(vault, store)
        vault.now = lambda: here.now
        here.admin.mount("kv")
        here.admin.mount("old", version=1)
        yield here


def test_every_version_that_is_there_is_read(reading: Reading) -> None:
    """The current one and those before it; not what was deleted or destroyed."""
    values = [invented(30) for _ in range(5)]
    for value in values:
        reading.admin.write("kv", "a", {"password": value})
    reading.admin.destroy("kv", "a", 2)
    reading.admin.ask("POST", "kv/delete/a", {"versions": [3]})
    assert reading.run() == []
    replaced, current = Validity.REPLACED, Validity.CURRENT
    assert [reading.validity(value) for value in values] == [replaced, None, None, replaced, current]


def test_of_what_has_not_changed_nothing_but_metadata_is_asked(reading: Reading) -> None:
    """One request a secret, and one for each folder."""
    for number in range(20):
        reading.admin.write("kv", f"a/{number}", {"password": invented(30)})
    reading.run()
    assert len(reading.asked) == 20
    reading.run()
    assert reading.asked == []
    assert len([path for _, path in reading.vault.requests if path.startswith("kv/metadata/a")]) == 20 + 1


def test_the_life_of_a_value(reading: Reading) -> None:
    """Current, replaced, current again under another field's change, removed, deleted, undeleted, gone."""
    first, second, other = invented(30), invented(30), invented(30)
    write = reading.admin.write
    write("kv", "a", {"password": first, "token": other})
    reading.run()
    assert reading.validity(first) is Validity.CURRENT
    write("kv", "a", {"password": second, "token": other})
    reading.run()
    assert (reading.validity(first), reading.validity(other)) == (Validity.REPLACED, Validity.CURRENT)
    write("kv", "a", {"password": first})
    reading.run()
    states = [reading.validity(value) for value in (first, second, other)]
    assert states == [Validity.CURRENT, Validity.REPLACED, Validity.REMOVED]
    reading.admin.delete("kv", "a")
    reading.run()
    assert (reading.validity(first), reading.asked) == (Validity.REMOVED, [])
    reading.admin.ask("POST", "kv/undelete/a", {"versions": [3]})
    reading.run()
    assert reading.validity(first) is Validity.CURRENT
    reading.admin.ask("DELETE", "kv/metadata/a")
    reading.run()
    assert reading.validity(first) is Validity.REMOVED
    reading.now += timedelta(minutes=1)
    write("kv", "a", {"password": first})
    reading.run()
    assert reading.validity(first) is Validity.CURRENT


def test_a_secret_that_was_made_anew_is_another(reading: Reading) -> None:
    """Its versions count from one again, and are read; the old value is no longer the one in use."""
    old, new = invented(30), invented(30)
    reading.admin.write("kv", "a", {"password": old})
    reading.run()
    reading.admin.ask("DELETE", "kv/metadata/a")
    reading.now += timedelta(minutes=1)
    reading.admin.write("kv", "a", {"password": new})
    reading.run()
    assert (reading.validity(old), reading.validity(new)) == (Validity.REPLACED, Validity.CURRENT)


def test_kv_version_1_is_read_once_a_day(reading: Reading) -> None:
    """It tells no changes, so they are looked for; what was there before is known still."""
    reading.wanted = Wanted(paths=("old/*",))
    first, second = invented(30), invented(30)
    reading.admin.ask("POST", "old/team/a", {"password": first})
    reading.run()
    assert (reading.asked, reading.validity(first)) == (["old/team/a"], Validity.CURRENT)
    reading.admin.ask("POST", "old/team/a", {"password": second})
    reading.run()
    assert reading.asked == []
    reading.now += timedelta(days=1)
    reading.run()
    assert (reading.validity(first), reading.validity(second)) == (Validity.REPLACED, Validity.CURRENT)


def test_only_what_is_wanted_is_asked_for(reading: Reading) -> None:
    """Patterns and single paths, less what is excluded, fields of it too; what is not asked for is not even listed."""
    for path in ("orders/a", "orders/b", "orders/scratch/c", "other/d", "single"):
        reading.admin.write("kv", path, {"password": invented(30), "note": invented(30)})
    reading.wanted = Wanted(paths=("kv/orders/*", "kv/single"), exclude=("kv/orders/scratch/*", "kv/orders/*#note"))
    reading.run()
    wanted = {
        "prod/kv/orders/a#password",
        "prod/kv/orders/b#password",
        "prod/kv/single#password",
        "prod/kv/single#note",
    }
    assert reading.places() == wanted
    assert set(reading.asked) == {"kv/data/orders/a", "kv/data/orders/b", "kv/data/single"}
    assert not [path for _, path in reading.vault.requests if "other" in path]


def test_what_the_settings_name_no_longer_is_forgotten(reading: Reading) -> None:
    """Not called removed: Vault holds it still."""
    for path in ("a/x", "b/x"):
        reading.admin.write("kv", path, {"password": invented(30), "note": invented(30)})
    reading.run()
    assert len(reading.places()) == 4
    reading.wanted = Wanted(paths=("kv/b/*",), exclude=("kv/*#note",))
    reading.run()
    assert reading.places() == {"prod/kv/b/x#password"}


def test_a_refused_secret_costs_no_other(reading: Reading) -> None:
    """It is named with what to grant, what was read is kept, and nothing is called removed."""
    values = {path: invented(30) for path in ("a", "b", "c")}
    for path, value in values.items():
        reading.admin.write("kv", path, {"password": value})
    reading.run()
    reading.admin.write("kv", "b", {"password": invented(30)})
    reading.admin.ask("DELETE", "kv/metadata/a")
    reading.policy = ALL + '\npath "kv/data/b" { capabilities = ["deny"] }'
    (skipped,) = reading.run()
    assert (skipped.what, skipped.hint) == ("prod/kv/b", "give the token `read` on kv/data/b in its policy")
    assert {reading.validity(value) for value in values.values()} == {Validity.CURRENT}
    reading.policy = ALL
    assert reading.run() == []
    states = {path: reading.validity(value) for path, value in values.items()}
    assert states == {"a": Validity.REMOVED, "b": Validity.REPLACED, "c": Validity.CURRENT}


def test_where_all_is_refused_the_reading_fails(reading: Reading) -> None:
    """An empty list of values would be a lie."""
    reading.admin.write("kv", "a", {"password": invented(30)})
    reading.policy = 'path "kv/metadata/*" { capabilities = ["list"] }'
    with pytest.raises(SourceDenied):
        reading.run()


def test_a_vault_that_is_sealed_on_the_way_keeps_what_was_read(reading: Reading) -> None:
    """What came before holds, nothing is called gone, and the next run reads the rest and no more."""
    for number in range(250):
        reading.admin.write("kv", f"s{number:03}", {"password": invented(30)})
    source = reading.source()
    reading.vault.requests.clear()
    batches = source.values(reading.store.value_marks(SOURCE, source.manner))
    reading.store.save_values(SOURCE, next(batches), reading.now)
    reading.vault.seal()
    reading.store.save_values(SOURCE, next(batches), reading.now)
    with pytest.raises(SourceUnreachable, match="sealed"):
        next(batches)
    reading.vault.unseal()
    reading.run()
    assert len(reading.asked) == 150
    assert len(reading.places()) == 250


def test_values_read_under_another_pepper_are_read_anew(reading: Reading) -> None:
    """Their fingerprints would mean nothing."""
    reading.admin.write("kv", "a", {"password": invented(30)})
    reading.run()
    reading.pepper = Pepper(b"q" * 32)
    reading.run()
    assert reading.asked == ["kv/data/a"]


def test_what_is_refused_can_be_asked_for(reading: Reading) -> None:
    """A value that is too short is named by its field, with why; when it is replaced by a good one, no longer."""
    reading.admin.write("kv", "a", {"password": "hunter2"})
    reading.run()
    (refused,) = reading.store.refused_values(SOURCE)
    assert (refused.place, refused.field) == ("prod/kv/a", "password")
    assert "too short" in refused.why
    assert reading.store.count_values(SOURCE) == (0, 1)
    reading.admin.write("kv", "a", {"password": invented(30)})
    reading.run()
    assert (reading.store.refused_values(SOURCE), reading.store.count_values(SOURCE)) == ([], (1, 0))


def test_old_fingerprints_are_kept_for_a_year_and_more(reading: Reading) -> None:
    """And then no longer: so that rotation does not fill the database."""
    old = invented(30)
    reading.admin.write("kv", "a", {"password": old})
    reading.admin.write("kv", "a", {"password": invented(30)})
    reading.run()
    reading.now += timedelta(days=399)
    reading.run()
    assert reading.validity(old) is Validity.REPLACED
    reading.now += timedelta(days=2)
    reading.run()
    assert reading.validity(old) is None


def test_many_values_make_many_rows_and_no_repeats(reading: Reading) -> None:
    """The same value in two secrets is two places; the same field read twice is one."""
    value = invented(30)
    for path in ("a", "b"):
        reading.admin.write("kv", path, {"password": value})
    reading.run()
    reading.run()
    held: list[HeldValue] = reading.store.held_values()
    assert sorted((one.place, one.field) for one in held) == [("prod/kv/a", "password"), ("prod/kv/b", "password")]


CHECKED = Wanted(paths=("kv/orders/*", "kv/single"))


def check(reading: Reading, policy: str) -> tuple[list[str], list[str], list[str]]:
    """What holds, what is missing, and what is too much."""
    reading.wanted, reading.policy = CHECKED, policy
    told = list(reading.source().check())
    missing = [item.what for item in told if isinstance(item, Skipped) and not isinstance(item, Excess)]
    return [item for item in told if isinstance(item, str)], missing, [i.what for i in told if isinstance(i, Excess)]


def test_check_names_what_is_missing_and_what_is_too_much(reading: Reading) -> None:
    """Asked of Vault itself, without reading a value."""
    names = 'path "kv/metadata/*" { capabilities = ["read", "list"] }\n'
    data = 'path "kv/data/orders/*" { capabilities = [%s] }\npath "kv/data/single" { capabilities = ["read"] }'
    good = check(reading, names + data % '"read"')
    assert good[1:] == ([], [])
    assert "read kv/data/orders/keywatch-check" in good[0]
    assert check(reading, data % '"read"')[1] == [
        "kv/metadata/orders/",
        "kv/metadata/orders/keywatch-check",
        "kv/metadata/single",
    ]
    assert check(reading, names + data % '"list"')[1] == ["kv/data/orders/keywatch-check"]
    assert check(reading, names + data % '"read", "update"')[2] == ["kv/data/orders/keywatch-check"]
    assert check(reading, ALL)[2] == ["kv/data/keywatch-check"]
    reading.vault.requests.clear()
    assert not reading.asked


def test_check_tells_of_a_token_of_root(reading: Reading) -> None:
    """Which may do everything."""
    access = VaultAccess(url=reading.vault.url, timeout=5)
    root = Secret(reading.vault.token.encode())
    source = VaultValues("prod", "prod", access, root, wanted=CHECKED, pepper=PEPPER, now=lambda: reading.now)
    assert [item for item in source.check() if isinstance(item, Excess)] == [
        Excess("the token", "is one of root, which may do everything", "make one with a policy of config/vault/")
    ]
