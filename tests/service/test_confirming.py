"""A Vault that shows no value still tells, by its audit log's hashes, that what was found is one of its values."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from keywatch.demo.text import invented
from keywatch.demo.vault import VaultServer
from keywatch.demo.vault_admin import VaultAdmin
from keywatch.model.held_value import HeldAs, Validity
from keywatch.model.time import to_rfc3339
from keywatch.service.judging import named, open_findings
from keywatch.service.standings import known_keys
from tests.service.installation import Installation

POLICIES = Path(__file__).parents[2] / "config" / "vault"
CONFIG = """
[[vault]]
name = "prod"
address = "{url}"
token = "file:HERE/token"
mounts = ["kv"]

[[vault_audit]]
name = "prod"
vault = "prod"
path = "HERE/audit.log"
device = "file"
confirm = true

[[scan]]
name = "files"
directory = "HERE/files"
"""


@pytest.fixture
def vault(here: Installation) -> Iterator[VaultServer]:
    """A Vault with an audit device, and a token for names and hashes that reads no value."""
    with VaultServer(now=lambda: here.now) as server:
        admin = VaultAdmin(server.url, server.token)
        admin.mount("kv")
        admin.ask("POST", "sys/audit/file", {"type": "file"})
        for name in ("metadata-only", "audit-hash"):
            admin.policy(name, (POLICIES / f"{name}.hcl").read_text("utf-8"))
        here.write("token", admin.new_token("metadata-only", "audit-hash"))
        here.write("files/readme.txt", "nothing here\n")
        here.write("audit.log", "")
        here.configure(CONFIG.replace("{url}", server.url))
        yield server


def hand_out(here: Installation, vault: VaultServer, path: str, password: str, version: int = 1) -> None:
    """What the device writes when somebody reads a secret."""
    told = VaultAdmin(vault.url, vault.token).ask("POST", "sys/audit-hash/file", {"input": password})["data"]
    assert isinstance(told, dict)
    data = {"data": {"password": told["hash"], "port": 5432}, "metadata": {"version": version}}
    entry = {
        "time": to_rfc3339(here.now),
        "type": "response",
        "auth": {"display_name": "approle", "entity_id": "e"},
        "request": {
            "operation": "read",
            "mount_point": "kv/",
            "mount_type": "kv",
            "path": f"kv/data/{path}",
            "client_token": "hmac-sha256:" + "0" * 64,
        },
        "response": {"mount_type": "kv", "data": data},
    }
    with (here.directory / "audit.log").open("a") as log:
        log.write(json.dumps(entry, separators=(",", ":")) + "\n")


def held(here: Installation) -> list[HeldAs | None]:
    """What is known of each finding."""
    with here.open() as keywatch:
        store = keywatch._store
        seen = named(open_findings(store), store, known_keys(store), frozenset(), here.now)
    return [one.finding.held for one in seen]


def test_what_was_found_is_confirmed_by_its_hash(here: Installation, vault: VaultServer) -> None:
    """Whichever comes first, the finding or the log; and no value is asked of Vault."""
    early, late = invented(32), invented(32)
    here.write("files/settings.py", f'db_password = "{early}"\napi_key = "{late}"\n')
    hand_out(here, vault, "orders/db", early)
    here.cycle()
    assert held(here).count(None) == 1
    hand_out(here, vault, "orders/api", late)
    told = here.news()
    assert [one for one in told if "prod/kv/orders/api#password" in one]
    places = {one.place: one.validity for one in held(here) if one is not None}
    current = Validity.CURRENT
    assert places == {"prod/kv/orders/db#password": current, "prod/kv/orders/api#password": current}
    assert not [path for _, path in vault.requests if path.startswith("kv/data")]


def test_a_value_that_was_handed_out_before_another_is_rotated(here: Installation, vault: VaultServer) -> None:
    """The log shows what stands in its place now; each value was asked about once."""
    value, new = invented(32), invented(32)
    here.write("files/settings.py", f'db_password = "{value}"\n')
    hand_out(here, vault, "orders/db", value)
    here.cycle()
    hand_out(here, vault, "orders/db", new, version=2)
    hand_out(here, vault, "orders/db", value, version=1)  # somebody looks at the old one again
    vault.requests.clear()
    here.cycle()
    (now,) = held(here)
    assert now is not None
    assert (now.place, now.validity, now.spent) == ("prod/kv/orders/db#password", Validity.REPLACED, True)
    assert not [path for _, path in vault.requests if path.startswith("sys/audit-hash")]


def test_what_vault_did_not_hand_out_is_not_its_value(here: Installation, vault: VaultServer) -> None:
    """A candidate whose hash is in no entry stays what the rule says; a Vault that is down costs no finding."""
    here.write("files/settings.py", f'db_password = "{invented(32)}"\n')
    hand_out(here, vault, "orders/db", invented(32))
    vault.seal()
    here.cycle()
    assert held(here) == [None]
