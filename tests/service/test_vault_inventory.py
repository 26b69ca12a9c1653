"""Whole cycles over a Vault: what it holds, who may read it, and nothing taken for gone while it is in trouble."""

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from keywatch.alerts.problems import SourceRole
from keywatch.cli.main import run
from keywatch.collect.inventory.vault_kv2 import VaultKv2Keys
from keywatch.collect.vault import VaultAccess
from keywatch.demo.vault_admin import VaultAdmin
from keywatch.model.key import KeyKind
from keywatch.model.secret import Secret
from keywatch.model.standing import Basis
from keywatch.policy import State
from keywatch.service.obligations import book, stands
from keywatch.service.planned import Planned
from keywatch.service.standings import known_keys, vanished
from keywatch.store import Sighting
from tests.alerts.test_strays import ACCOUNT, id_in
from tests.aws.server import AwsFault, FakeAws
from tests.inventory.stores import NOW
from tests.inventory.stores import Account as Stores
from tests.inventory.troubled import Troubled
from tests.service.installation import Installation

DAY = timedelta(days=1)


@pytest.fixture
def vault(here: Installation) -> Iterator[Troubled]:
    """Two keys in KV v2, one in KV v1; a secret-id, a token, an AWS engine; policies, roles and a user."""
    here.now = NOW
    with Troubled(now=lambda: here.now) as server:
        admin = VaultAdmin(server.url, server.token)
        admin.mount("kv")
        admin.mount("old", version=1)
        notes = {"kind": "lwa-client-secret", "application": "orders", "owner": "orders-team"}
        admin.write("kv", "orders/lwa", {"value": "x"}, notes)
        admin.write("kv", "orders/aws", {"value": "x"}, {"access_key_id": id_in(ACCOUNT)})
        admin.ask("POST", "old/mws", {"value": "x"})
        admin.ask("POST", "auth/token/create", {"policies": ["default"], "ttl": "2160h", "display_name": "ci"})
        for path, kind in (
            ("sys/auth/approle", "approle"),
            ("sys/auth/userpass", "userpass"),
            ("sys/mounts/aws", "aws"),
        ):
            admin.ask("POST", path, {"type": kind})
        admin.policy("orders", 'path "kv/data/orders/*" { capabilities = ["read"] }')
        for role in ("orders", "billing"):
            admin.ask("POST", f"auth/approle/role/{role}", {"token_policies": ["orders"]})
        admin.ask("POST", "auth/approle/role/orders/secret-id", {})
        admin.ask("POST", "auth/userpass/users/jane", {"password": "invented", "token_policies": ["orders"]})
        admin.ask("POST", "aws/static-roles/orders", {"username": "spapi", "rotation_period": 86400})
        here.write("token", server.token)
        here.configure(CONFIG.replace("URL", server.url))
        yield server


CONFIG = """
[[vault]]
name = "prod"
address = "URL"
token = "file:HERE/token"
[vault.inventory]
also = ["kv1", "tokens", "secret-ids", "aws", "access"]
[need_to_know]
most_readers = 2
"""


def sightings(here: Installation) -> list[Sighting]:
    with here.open() as keywatch:
        return keywatch._store.sightings()


def held(here: Installation) -> dict[str, KeyKind]:
    with here.open() as keywatch:
        return {key.name.rpartition(" ")[0] or key.name: key.kind for key in known_keys(keywatch._store)}


EVERYTHING = {
    "kv/orders/lwa": KeyKind.LWA_CLIENT_SECRET,
    "kv/orders/aws": KeyKind.AWS_ACCESS_KEY,
    "old/mws": KeyKind.OTHER,
    "token-ci": KeyKind.VAULT_TOKEN,
    "approle orders secret-id": KeyKind.VAULT_TOKEN,
    "aws/static-roles/orders": KeyKind.OTHER,
}


def test_names_of_metadata_are_the_companys_own(here: Installation, vault: Troubled) -> None:
    """All that custom metadata may say can be called otherwise, dates and the developer account too."""
    names = '{ authorised_at = "since", expires_at = "until", developer_account = "amazon_account" }'
    here.config = here.config.replace("[vault.inventory]", f"[vault.inventory]\nmetadata = {names}")
    notes = {"kind": "lwa-client-secret", "since": "2026-09-01", "until": "2027-02-28", "amazon_account": "acme"}
    VaultAdmin(vault.url, vault.token).describe("kv", "orders/lwa", notes)
    here.cycle()
    (key,) = [seen.key for seen in sightings(here) if seen.key.name == "kv/orders/lwa"]
    assert (key.account, key.created_at, key.expires_at) == (
        "acme",
        datetime(2026, 9, 1, tzinfo=UTC),
        datetime(2027, 2, 28, tzinfo=UTC),
    )


def test_everything_in_a_vault_is_in_the_inventory(here: Installation, vault: Troubled) -> None:
    """Each kind of thing has a source of its own; keys that are really gone are told to be."""
    assert here.cycle()
    assert EVERYTHING == held(here)
    VaultAdmin(vault.url, vault.token).ask("DELETE", "kv/metadata/orders/aws")
    assert here.cycle()
    with here.open() as keywatch:
        assert ["kv/orders/aws"] == [last.key.name for last in vanished(keywatch._store, here.now)]


def seal(vault: Troubled) -> None:
    vault.seal()


def stand_by(vault: Troubled) -> None:
    vault.health = 429


def revoke(vault: Troubled) -> None:
    del vault.tokens[vault.token]


def redirect(vault: Troubled) -> None:
    vault.redirect = "http://127.0.0.1:9"


@pytest.mark.parametrize(
    ("trouble", "after"), [(seal, 3), (seal, 25), (revoke, 0), (revoke, 9), (revoke, 40), (redirect, 9), (stand_by, 3)]
)
def test_in_trouble_nothing_has_vanished(
    here: Installation, vault: Troubled, trouble: Callable[[Troubled], None], after: int
) -> None:
    """Whenever it comes, what was known stays, and of what was not shown nothing is claimed."""
    here.cycle()
    vault.left, vault.happens = after, lambda: trouble(vault)
    assert not here.cycle()
    assert EVERYTHING == held(here)
    assert [] == [sighting for sighting in sightings(here) if sighting.gone_at is not None]
    assert [line for line in here.told if "cannot read vault-" in line]
    assert not [line for line in here.told if line.startswith("resolved:")]
    with here.open() as keywatch:
        failing = {state.source for state in keywatch._store.sources() if state.failing_since}
    for sighting in sightings(here):
        standing = here.standings()[sighting.key.name]
        if {location.source for location in standing.key.locations} <= failing:
            assert standing.basis is Basis.UNKNOWN


@pytest.mark.parametrize("busy", [True, False], ids=["quota", "slow"])
def test_a_vault_that_does_not_keep_up(here: Installation, vault: Troubled, *, busy: bool) -> None:
    """A quota that does not end, or answers that do not come, fail the run after some tries; what was known stays."""
    over = threading.Event()

    def begin() -> None:
        if busy:
            vault.faults = [429] * 50
        else:
            vault.waits = lambda: over.wait(20)

    access = VaultAccess(url=vault.url, timeout=0.2)

    def build() -> VaultKv2Keys:
        return VaultKv2Keys("slow", access, Secret(vault.token.encode()), now=lambda: here.now, mounts=("kv",))

    planned = Planned(id=build().id, role=SourceRole.INVENTORY, every=DAY, build=build)
    here.configure('[[request_log]]\nname = "none"\npath = "HERE/none.log"\n')
    here.cycle(planned)
    vault.left, vault.happens = 3, begin
    try:
        assert not here.cycle(planned)
    finally:
        over.set()
    assert [] == [sighting for sighting in sightings(here) if sighting.gone_at is not None]
    with here.open(planned) as keywatch:
        [state] = [state for state in keywatch._store.sources() if state.source == planned.id]
    assert state.failing_since is not None
    assert ("too busy" if busy else "did not answer") in (state.error or "")


def need_to_know(here: Installation) -> State:
    with here.open() as keywatch:
        obligations = book(keywatch._settings.policy).obligations
        stood = stands(obligations, keywatch._store, sources=keywatch.sources, now=here.now)
        [one] = [one for one in stood if one.obligation.id == "need-to-know"]
        return one.state


def test_who_may_read_is_told_until_it_is_mended(here: Installation, vault: Troubled) -> None:
    """Three readers where two may be: told, kept while Vault cannot be read, over when one has lost the policy."""
    line = "3 readers of 2 keys in Vault prod, kv/orders/"
    here.cycle()
    assert [f"fired: {line} -> console"] == [told for told in here.told if "readers" in told]
    assert need_to_know(here) is State.BROKEN
    vault.seal()
    here.cycle()
    assert not [told for told in here.told if told.startswith("resolved") and "readers" in told]
    vault.unseal()
    VaultAdmin(vault.url, vault.token).ask("DELETE", "auth/userpass/users/jane")
    here.cycle()
    assert [f"resolved: {line} -> console"] == [told for told in here.told if "resolved" in told and "readers" in told]
    assert need_to_know(here) is State.DUE  # nothing is seen, and nobody has confirmed it yet


def test_the_inventory_says_who_may_read(
    here: Installation, vault: Troubled, capsys: pytest.CaptureFixture[str]
) -> None:
    """`keywatch keys --json` has the readers of each key that a Vault holds, and that they are all."""
    here.cycle()
    capsys.readouterr()
    assert 0 == run(["keys", "--json", "--config", str(here.directory / "keywatch.toml")])
    keys = {key["name"]: key["readers"] for key in json.loads(capsys.readouterr().out)["keys"]}
    readers = ["approle billing", "approle orders", "userpass jane"]
    assert {"count": 3, "whole": True, "names": readers} == keys["kv/orders/lwa"]
    assert {"count": 0, "whole": True, "names": []} == keys["old/mws"]
    assert vault.rooms.minted == []


def test_where_nobody_may_ask_who_reads_it_is_unknown(here: Installation, vault: Troubled) -> None:
    """Without the right on policies the source is blind, and the obligation unknown; in part refused, the same."""
    admin = VaultAdmin(vault.url, vault.token)
    most = 'path "sys/mounts" { capabilities = ["read"] }\npath "sys/auth" { capabilities = ["read"] }\n'
    admin.policy("blind", most)
    here.write("token", admin.new_token("blind"))
    here.configure(here.config.replace('"kv1", "tokens", "secret-ids", "aws", "access"', '"access"'))
    here.cycle()
    assert [line for line in here.told if "cannot read vault-access:prod" in line]
    assert need_to_know(here) is State.UNKNOWN
    admin.policy(
        "blind",
        most
        + 'path "sys/policies/acl/*" { capabilities = ["list", "read"] }\n'
        + 'path "sys/policies/acl" { capabilities = ["list"] }\n',
    )
    here.cycle()
    with here.open() as keywatch:
        [state] = [state for state in keywatch._store.sources() if state.source == "vault-access:prod"]
    assert {"auth/approle/", "auth/userpass/", "identity/entity/id", "identity/group/id", "auth/token/roles"} == {
        skip.what for skip in state.skipped
    }
    assert need_to_know(here) is State.UNKNOWN


@pytest.fixture
def aws() -> Iterator[FakeAws]:
    with Stores().serve() as server:
        denied = AwsFault("AccessDenied", status=403)
        server.on("iam", "GenerateCredentialReport", lambda _params, _caller: denied)
        server.on("iam", "GetCredentialReport", lambda _params, _caller: denied)
        yield server


@pytest.mark.usefixtures("vault")
def test_a_key_in_vault_that_aws_has_not(here: Installation, aws: FakeAws) -> None:
    """Told once the account was read whole after it was seen in Vault; while IAM is refused it stays as it is."""
    account = f'[[aws]]\nname = "prod"\naccount = "{ACCOUNT}"\nendpoint_url = "{aws.url}"\nsecrets = false\n'
    must = '[must_be_in_vault]\nkinds = ["aws-access-key"]\n'
    here.configure(here.config + account + "parameters = false\n" + must)
    here.cycle()
    words = ("AWS has no such key", "Vault should hold it")
    assert not [line for line in here.told if words[0] in line]
    news = [line for line in here.news() if any(word in line for word in words)]
    assert ["fired: AWS access key kv/orders/aws"] == [line.partition(" (")[0] for line in news if words[0] in line]
    denied = AwsFault("AccessDenied", status=403)
    aws.on("iam", "ListUsers", lambda _params, _caller: denied)
    assert not [line for line in here.news() if "resolved" in line]


@pytest.mark.usefixtures("vault")
def test_a_key_elsewhere_that_vault_should_hold(here: Installation, aws: FakeAws) -> None:
    """The user's key is in Vault by its static role, and so not missing there; a declared one is."""
    account = f'[[aws]]\nname = "prod"\naccount = "{ACCOUNT}"\nendpoint_url = "{aws.url}"\nsecrets = false\n'
    key = '[[key]]\nname = "ads"\nkind = "lwa-client-secret"\napplication = "ads"\n'
    must = '[must_be_in_vault]\nkinds = ["aws-access-key", "lwa-client-secret"]\n'
    here.configure(here.config + account + "parameters = false\n" + key + must)
    here.cycle()
    news = [line.partition(" ->")[0] for line in here.news()]
    assert ["fired: LWA client secret ads: Vault should hold it and does not"] == [
        line for line in news if "should hold" in line
    ]
