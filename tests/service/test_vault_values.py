"""Values that Vault shows are found wherever they leak, and named; rotated ones are told apart; no value is kept."""

import base64
import json
import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from keywatch.cli.main import run
from keywatch.demo.text import invented, invented_client_secret, invented_refresh_token
from keywatch.demo.vault import VaultServer
from keywatch.demo.vault_admin import VaultAdmin
from keywatch.detect.known_rules import KNOWN_SECRET
from keywatch.model.finding import Severity
from keywatch.model.held_value import Validity
from keywatch.service.log import configure
from keywatch.store import StoredFinding
from tests.service.installation import Installation

if TYPE_CHECKING:
    from keywatch.model.source import Json

POLICY = Path(__file__).parents[2] / "config" / "vault" / "known-secrets.hcl"
NAMES = 'path "kv/metadata/*" { capabilities = ["read", "list"] }'
CONFIG = """
[[vault]]
name = "prod"
address = "{url}"
token = "file:HERE/names-token"
mounts = ["kv"]

[[vault_values]]
name = "prod"
vault = "prod"
token = "file:HERE/values-token"
paths = ["kv/orders/*"]
exclude = ["kv/orders/*#note"]

[[scan]]
name = "files"
directory = "HERE/files"
"""


@pytest.fixture
def vault(here: Installation) -> Iterator[VaultServer]:
    """A Vault with a KV v2 mount, and an installation that may read the values below orders/."""
    with VaultServer(now=lambda: here.now) as server:
        admin = VaultAdmin(server.url, server.token)
        admin.mount("kv")
        admin.policy("names", NAMES)
        admin.policy("values", POLICY.read_text("utf-8"))
        here.write("names-token", admin.new_token("names"))
        here.write("values-token", admin.new_token("values"))
        here.write("files/readme.txt", "nothing here\n")
        here.configure(CONFIG.replace("{url}", server.url))
        yield server


@pytest.fixture
def admin(vault: VaultServer) -> VaultAdmin:
    return VaultAdmin(vault.url, vault.token)


def values_read(vault: VaultServer) -> list[str]:
    return [path for verb, path in vault.requests if verb == "GET" and path.startswith("kv/data/")]


def known(here: Installation) -> list[StoredFinding]:
    """What was found because we hold it, as a person is told of it."""
    with here.open() as keywatch:
        keywatch.judge.run()
        from keywatch.service.judging import named, open_findings
        from keywatch.service.standings import known_keys

        store = keywatch._store
        seen = named(open_findings(store), store, known_keys(store), frozenset(), here.now)
        return [one for one in seen if KNOWN_SECRET in one.finding.rules]


def test_a_value_of_vault_that_leaks_is_named(here: Installation, admin: VaultAdmin) -> None:
    """Whatever it looks like and wherever it stands: owner and path of the key, and the field, in alert and finding."""
    value = invented(30)
    admin.write("kv", "orders/db", {"password": value, "user": "orders"}, {"owner": "orders-team"})
    assert here.news() == []
    here.write("files/notes.txt", f"it is {value}, do not tell\n")
    (told,) = here.news()
    assert told.startswith("fired: Leaked: key kv/orders/db")
    (seen,) = known(here)
    assert seen.finding.key == "vault:prod/kv/orders/db"
    assert seen.finding.held is not None
    assert (seen.finding.held.place, seen.finding.held.validity) == ("prod/kv/orders/db#password", Validity.CURRENT)
    assert seen.finding.severity is Severity.CRITICAL


def test_values_are_read_once(here: Installation, vault: VaultServer, admin: VaultAdmin) -> None:
    """A second cycle asks for no value; after a change only the new version is asked for."""
    for number in range(30):
        admin.write("kv", f"orders/s{number}", {"token": invented(24)})
    here.cycle()
    assert len(values_read(vault)) == 30
    vault.requests.clear()
    here.cycle()
    assert values_read(vault) == []
    admin.write("kv", "orders/s7", {"token": invented(24)})
    vault.requests.clear()
    here.cycle()
    assert values_read(vault) == ["kv/data/orders/s7"]


def test_what_was_rotated_before_it_leaked_is_told_apart(
    here: Installation, admin: VaultAdmin, capsys: pytest.CaptureFixture[str]
) -> None:
    """In severity and words, in alert and terminal; and a leak that is rotated later is no longer critical."""
    old, new = invented(30), invented(30)
    admin.write("kv", "orders/db", {"password": old})
    admin.write("kv", "orders/db", {"password": new})
    here.cycle()
    here.write("files/old.txt", f"it was {old}\n")
    (told,) = here.news()
    assert told.startswith("fired: Leaked, already rotated: key kv/orders/db")
    here.write("files/new.txt", f"it is {new}\n")
    (told,) = here.news()
    assert told.startswith("fired: Leaked: key kv/orders/db")
    grades = {seen.finding.severity: seen.finding.held for seen in known(here)}
    assert {Severity.MEDIUM, Severity.CRITICAL} == set(grades)
    spent = grades[Severity.MEDIUM]
    assert spent is not None
    assert (spent.validity, spent.spent) == (Validity.REPLACED, True)
    here.told.clear()
    admin.write("kv", "orders/db", {"password": invented(30)})
    here.cycle()
    assert [told for told in here.told if "already rotated" in told and told.startswith("changed")]
    assert {Severity.MEDIUM} == {seen.finding.severity for seen in known(here)}
    capsys.readouterr()
    assert run(["findings", "--config", str(here.directory / "keywatch.toml")]) == 0
    out = capsys.readouterr().out
    assert (
        out.count("kv/orders/db#password, already rotated on 2026-11-23; most likely nobody accepts it any more") == 2
    )
    assert "It was rotated already: see to it that its issuer accepts it no longer" in out


def test_an_old_selling_partner_secret_may_be_live(here: Installation, admin: VaultAdmin) -> None:
    """A client secret lives on for seven days after its rotation, a refresh token until it is revoked."""
    secret, token = invented_client_secret().reveal().decode(), invented_refresh_token().reveal().decode()
    notes = {"kind": "lwa-client-secret", "application": "orders"}
    admin.write("kv", "orders/lwa", {"client_secret": secret, "refresh_token": token}, notes)
    admin.write("kv", "orders/lwa", {"client_secret": invented(64), "refresh_token": "Atzr|Iw" + invented(200)}, notes)
    here.write("files/notes.txt", f"{secret}\n\n{token}\n")
    here.cycle()

    def grades(at: datetime) -> dict[str, Severity]:
        here.now = at
        return {seen.finding.held.place.partition("#")[2]: seen.finding.severity for seen in known(here)}  # type: ignore[union-attr]

    critical = {"client_secret": Severity.CRITICAL, "refresh_token": Severity.CRITICAL}
    assert grades(here.now + timedelta(days=6)) == critical
    assert grades(here.now + timedelta(days=2)) == critical | {"client_secret": Severity.MEDIUM}


def test_a_secret_that_is_gone_from_vault_stays_ours(here: Installation, admin: VaultAdmin) -> None:
    """Deleted with all its versions: its value may have leaked long before, and is not called rotated."""
    value = invented(30)
    admin.write("kv", "orders/db", {"password": value})
    here.cycle()
    admin.ask("DELETE", "kv/metadata/orders/db")
    here.cycle()
    here.write("files/notes.txt", f"it is {value}\n")
    (told,) = here.news()
    assert told.startswith("fired: Leaked: prod/kv/orders/db#password, in")
    (seen,) = known(here)
    assert seen.finding.held is not None
    assert (seen.finding.held.validity, seen.finding.severity) == (Validity.REMOVED, Severity.CRITICAL)


def test_content_is_read_again_for_new_values_once_a_day(here: Installation, admin: VaultAdmin) -> None:
    """At once for what Vault shows first; then a rotation every hour does not make everything be read every hour."""
    first, second = invented(30), invented(31)
    here.write("files/notes.txt", f"{first} and {second}\n")
    here.cycle()
    admin.write("kv", "orders/a", {"password": first})
    assert len(here.news()) == 1
    admin.write("kv", "orders/b", {"password": second})
    assert here.news() == []
    here.write("files/more.txt", f"{second}\n")
    assert len(here.news()) == 1  # what is new is looked through for it at once
    here.now += timedelta(days=1)
    here.cycle()
    assert {seen.places_total for seen in known(here)} == {1, 2}


def test_a_scan_by_hand_knows_them_too(
    here: Installation,
    admin: VaultAdmin,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By the file that the daemon leaves: with place, field and whether it was rotated, in text and JSON."""
    old, new = invented(30), invented(30)
    for value in (old, new):
        admin.write("kv", "orders/db", {"password": value})
    here.cycle()
    target = here.write("elsewhere/x.py", f"a = '{old}'\nb = '{base64.b64encode(new.encode()).decode()}'\n").parent
    monkeypatch.setenv("STATE_DIRECTORY", str(here.directory / "state"))
    capsys.readouterr()
    assert run(["scan", str(target), "--format", "json", "--no-progress"]) == 1
    report = json.loads(capsys.readouterr().out)
    run(["scan", str(target), "--no-progress"])
    text = capsys.readouterr().out
    told = {
        item["held"]["validity"]: (item["severity"], item["key"], item["held"]["place"]) for item in report["findings"]
    }
    assert told == {
        "replaced": ("medium", "vault:prod/kv/orders/db", "prod/kv/orders/db#password"),
        "current": ("critical", "vault:prod/kv/orders/db", "prod/kv/orders/db#password"),
    }
    assert "ours: prod/kv/orders/db#password, already rotated on" in text


def test_values_are_read_by_a_login_of_their_own(here: Installation, vault: VaultServer, admin: VaultAdmin) -> None:
    """An AppRole for values beside the token for names; the next cycle needs no second login."""
    admin.enable("approle", "approle")
    admin.role("approle", "values", "values", token_ttl="10m")
    here.write("role-id", admin.role_id("approle", "values"))
    here.write("secret-id", admin.secret_id("approle", "values"))
    login = (
        '[vault_values.login]\nmethod = "approle"\nrole_id = "file:HERE/role-id"\nsecret_id = "file:HERE/secret-id"\n'
    )
    text = CONFIG.replace("{url}", vault.url).replace('token = "file:HERE/values-token"\n', "")
    here.configure(text.replace("[[scan]]", f"{login}\n[[scan]]"))
    value = invented(30)
    admin.write("kv", "orders/db", {"password": value})
    here.write("files/notes.txt", f"it is {value}\n")
    assert [told for told in here.news() if told.startswith("fired: Leaked: key kv/orders/db")]
    assert values_read(vault) == ["kv/data/orders/db"]


def test_another_pepper_means_that_all_is_read_anew(here: Installation, vault: VaultServer, admin: VaultAdmin) -> None:
    """With a new pepper, which takes a new database, each value is read and known again."""
    value = invented(30)
    admin.write("kv", "orders/db", {"password": value})
    here.cycle()
    (here.directory / "state" / "pepper").unlink()
    (here.directory / "state" / "keywatch.db").unlink()
    vault.requests.clear()
    here.write("files/notes.txt", f"it is {value}\n")
    here.cycle()
    assert values_read(vault) == ["kv/data/orders/db"]
    assert len(known(here)) == 1


@pytest.mark.usefixtures("clean_logging")
def test_no_value_is_kept_anywhere(
    here: Installation,
    vault: VaultServer,
    admin: VaultAdmin,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Values of every shape are planted; every file, log line and output is searched for pieces of them."""
    plain, name, short, left = (invented(size) for size in (30, 26, 9, 28))
    planted = [plain, name, left, base64.b64encode(b'{"token": "%s"}' % invented(25).encode()).decode()]
    key = "-----BEGIN PRIVATE KEY-----\n" + "\n".join(invented(64) for _ in range(5)) + "\n-----END PRIVATE KEY-----"
    data: dict[str, Json] = {
        "password": plain,
        "short_secret": short,
        "note": left,
        "tokens": {name: "by its name"},
        "encoded": planted[3],
        "config": json.dumps({"private_key": key}),
    }
    admin.write("kv", "orders/all", data)
    vault.faults = []
    configure("debug")
    logging.getLogger("urllib3").setLevel(logging.DEBUG)
    here.write("files/notes.txt", "\n".join([plain, planted[3], key]))
    here.cycle()
    vault.seal()
    here.cycle()
    vault.unseal()
    config = str(here.directory / "keywatch.toml")
    for command in (["check"], ["keys"], ["findings"], ["report", "--format", "json"], ["findings", "--json"]):
        run([*command, "--config", config])
    streams = capsys.readouterr()
    files = {path: path.read_bytes() for path in (here.directory / "state").rglob("*") if path.is_file()}
    assert any(path.name == "keywatch.db" for path in files)
    outputs = {str(path): content for path, content in files.items()}
    outputs |= {"out": streams.out.encode(), "err": streams.err.encode()}
    assert "values_read" in streams.err
    secrets = [*planted, *key.split("\n")[1:-1]]
    pieces = {value[at : at + 9] for value in secrets for at in range(4, len(value) - 8)} | {short}
    spilled = [name for name, output in outputs.items() for piece in pieces if piece.encode() in output]
    assert spilled == []


def test_a_private_key_is_found_however_its_lines_are_broken(here: Installation, admin: VaultAdmin) -> None:
    """In a service account's file in Vault, and indented in a manifest: one finding, named by its field."""
    body = "\n".join(invented(64) for _ in range(8))
    pem = f"-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n"
    admin.write("kv", "orders/google", {"file": json.dumps({"type": "service_account", "private_key": pem})})
    here.cycle()
    indented = pem.replace("\n", "\n    ")
    here.write("files/manifest.yaml", f"spec:\n  key: |\n    {indented}\n")
    (told,) = here.news()
    assert told.startswith("fired: Leaked: key kv/orders/google")
    (seen,) = known(here)
    assert seen.finding.held is not None
    assert seen.finding.held.place == "prod/kv/orders/google#file.private_key"
