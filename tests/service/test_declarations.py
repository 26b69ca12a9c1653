"""Declared applications, sellers and developer accounts in the daemon, and the probe of what is declared."""

import json
from pathlib import Path
from typing import Any

import pytest

from keywatch.cli.main import run
from keywatch.demo.text import invented, invented_client_secret, invented_refresh_token
from keywatch.demo.vault import VaultServer
from keywatch.demo.vault_admin import VaultAdmin
from keywatch.model.finding import Ownership
from keywatch.model.standing import Basis
from keywatch.service.judging import named, open_findings
from keywatch.service.standings import known_keys
from tests.calls.amazon_server import AmazonServer, Grant
from tests.service.installation import DAY, Installation

CLIENT = "amzn1.application-oa2-client." + "0123456789abcdef" * 2
TABLES = f"""
[[developer]]
name = "acme"
regions = ["eu"]
owner = "compliance"
[[application]]
name = "orders"
client_id = "{CLIENT}"
developer = "acme"
regions = ["eu", "na"]
issued = 2026-07-01
owner = "orders-team"
[[seller]]
seller = "A2EXAMPLE"
application = "orders"
marketplaces = ["A1PA6795UKMFR9"]
authorised = 2025-12-20
owner = "orders-team"
[[seller]]
seller = "A2EXAMPLE"
application = "orders"
region = "na"
authorised = 2026-11-01
expires = 2026-12-01
[[request_log]]
name = "orders"
path = "HERE/requests.jsonl"
"""


def keys(here: Installation, capsys: pytest.CaptureFixture[str], *chosen: str) -> dict[str, dict[str, Any]]:
    """What `keywatch keys` lists, by name."""
    capsys.readouterr()
    assert run(["keys", "--json", *chosen, "--config", str(here.directory / "keywatch.toml")]) == 0
    return {key["name"]: key for key in json.loads(capsys.readouterr().out)["keys"]}


def call(at: str, **more: object) -> str:
    said = {"time": at, "status": 200, "client_id": CLIENT, "host": "sellingpartnerapi-eu.amazon.com"}
    return json.dumps(said | {"path": "/orders/v0/orders"} | more) + "\n"


def test_what_is_declared_is_watched_like_any_key(here: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    """Calls are found by the client id, deadlines follow from the dates, and two regions are two tokens."""
    here.configure(TABLES)
    here.write("requests.jsonl", call("2026-11-20T12:00:00Z", application="orders"))
    told = here.news()
    assert {line.split(" ->")[0] for line in told if "authorisation ends" in line or "expires" in line} == {
        "fired: seller refresh token orders/A2EXAMPLE/na: its authorisation ends in 8 days",
        "fired: seller refresh token orders/A2EXAMPLE/eu: its authorisation ends in 27 days",
        "fired: LWA client secret orders: expires in 35 days",
    }
    assert here.standings()["orders"].basis is Basis.PROVEN
    found = keys(here, capsys)
    assert {name: (key["application"], key["seller"], key["region"]) for name, key in found.items()} == {
        "orders": ("orders", None, "eu, na"),
        "orders/A2EXAMPLE/eu": ("orders", "A2EXAMPLE", "eu"),
        "orders/A2EXAMPLE/na": ("orders", "A2EXAMPLE", "na"),
    }
    assert run(["keys", "--config", str(here.directory / "keywatch.toml")]) == 0
    assert "orders (eu, na)" in capsys.readouterr().out


def test_keys_are_listed_by_what_they_are_for(here: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    """Of one thing any that is named, of several things all; a standing that there is not is an error."""
    here.configure(TABLES + '[[key]]\nname = "old"\nkind = "mws-key"\n')
    here.cycle()
    for chosen, expected in (
        (("--application", "orders"), 3),
        (("--application", "prices"), 0),
        (("--application", "orders", "--seller", "A2EXAMPLE"), 2),
        (("--region", "na"), 2),
        (("--region", "na", "--seller", "A2EXAMPLE"), 1),
        (("--owner", "orders-team"), 2),
        (("--owner", "orders-team", "--owner", "-"), 4),
        (("--standing", "leftover"), 1),
        (("--standing", "unknown", "--standing", "leftover"), 4),
        (("--standing", "lapsed"), 0),
    ):
        assert len(keys(here, capsys, *chosen)) == expected, chosen
    assert run(["keys", "--standing", "dead", "--config", str(here.directory / "keywatch.toml")]) == 2


SHEET = "kind,developer,application,client_id,seller,region,authorised,vault,notes\n"


def test_a_file_of_sellers_is_followed(here: Installation) -> None:
    """What is new is there with the next reading; a bad row keeps its key and costs no other; nor does a lost file."""
    here.configure('[[declared_file]]\nname = "sellers"\nfile = "HERE/sellers.csv"\n')
    rows = [f",,orders,,A{number}EXAMPLE,eu,2026-01-01,,\n" for number in range(3)]
    here.write("sellers.csv", SHEET + "".join(rows))
    here.cycle()
    assert len(here.standings()) == 3
    here.write("sellers.csv", SHEET + "".join(rows[:2]).replace("A1EXAMPLE,eu", "A1EXAMPLE,mars") + rows[2])
    here.cycle()
    assert sorted(here.standings()) == [f"orders/A{number}EXAMPLE/eu" for number in range(3)]
    assert [item.why for item in here.source("declared-file:sellers").skipped] == ["region: should be na, eu or fe"]
    (here.directory / "sellers.csv").unlink()
    assert any("declared-file:sellers" in line for line in here.news())
    assert len(here.standings()) == 3
    here.write("sellers.csv", SHEET + rows[0])
    here.cycle()
    assert list(here.standings()) == ["orders/A0EXAMPLE/eu"]


def test_a_token_in_the_file_is_refused_and_has_leaked(here: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    """It is told like any leak; it is in no table of the database, and in nothing that is said."""
    here.configure('[[declared_file]]\nname = "sellers"\nfile = "HERE/sellers.csv"\n')
    token = invented_refresh_token().reveal().decode()
    here.write("sellers.csv", f"{SHEET},,orders,,A2EXAMPLE,eu,,,{token}\n,,orders,,A3EXAMPLE,eu,,,\n")
    told = here.news()
    assert any("sellers.csv" in line and "fired" in line for line in told)
    assert list(here.standings()) == ["orders/A3EXAMPLE/eu"]
    said = capsys.readouterr()
    kept = b"".join(path.read_bytes() for path in (here.directory / "state").rglob("*.db*") if path.is_file())
    assert kept
    assert token not in said.out + said.err + str(here.source("declared-file:sellers"))
    assert token[10:30].encode() not in kept


def accounts(lines: list[str]) -> list[str]:
    return [line for line in lines if "developer account" in line]


def test_several_developer_accounts_in_one_region_are_told(here: Installation) -> None:
    """With which and where, to their owner; another one is news, and an excuse ends it."""
    here.configure(TABLES)
    assert accounts(here.news()) == []
    second = '[[developer]]\nname = "acme-test"\nregions = ["eu", "fe"]\nowner = "compliance"\n'
    here.configure(TABLES + second)
    assert accounts(here.news()) == [
        "fired: 2 developer accounts in Europe (eu): acme, acme-test -> console",
    ]
    assert accounts(here.news()) == []
    here.write("more.csv", "developer,application,region\nbought,prices,na\n")
    file = '[[declared_file]]\nname = "more"\nfile = "HERE/more.csv"\n'
    here.configure(TABLES + second + file)
    assert accounts(here.news()) == [
        "fired: 2 developer accounts in North America (na): acme, bought -> console",
    ]
    here.write("more.csv", "developer,application,region\nbought,prices,eu na\n")
    assert accounts(here.news()) == [
        "changed: 3 developer accounts in Europe (eu): acme, acme-test, bought -> console",
    ]
    # A file that cannot be read ends nothing: after a restart, its keys still name the account.
    (here.directory / "more.csv").unlink()
    assert accounts(here.news()) == []
    here.configure(TABLES + second + 'excused = "for tests, see ticket 17"\n')
    assert sorted(line.partition(":")[0] for line in accounts(here.news())) == ["resolved", "resolved"]


def test_the_probe_says_whether_keys_would_work(
    here: Installation, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Values come from Vault when they are used; a refusal raises what a refused call raises; no value stays behind."""
    secret, token = (value.reveal().decode() for value in (invented_client_secret(), invented_refresh_token()))
    with VaultServer() as vault, AmazonServer() as amazon:
        admin = VaultAdmin(vault.url, vault.token)
        admin.mount("kv")
        admin.write("kv", "orders/lwa", {"client_secret": secret})
        admin.write("kv", "sellers/A2EXAMPLE", {"refresh_token": token})
        admin.policy("metadata", 'path "kv/metadata/*" { capabilities = ["read", "list"] }')
        admin.policy("values", 'path "kv/data/*" { capabilities = ["read"] }')
        here.write("vault-token", admin.new_token("metadata"))
        here.write("probe-token", admin.new_token("values"))
        amazon.grants[CLIENT] = Grant(secret, {token})
        tables = TABLES.replace("issued", 'vault = ["prod/kv/orders/lwa"]\nissued').replace(
            "marketplaces", 'vault = ["prod/kv/sellers/A2EXAMPLE"]\nmarketplaces'
        )
        here.configure(f"""{tables}
            [[vault]]
            name = "prod"
            address = "{vault.url}"
            token = "file:HERE/vault-token"
            mounts = ["kv"]
            [probe]
            enabled = true
            vault_tokens = {{ prod = "file:HERE/probe-token" }}
            base_url = "{amazon.url}"
        """)
        here.write("requests.jsonl", "")
        here.cycle()
        assert {name: key["probed"] and key["probed"]["accepted"] for name, key in keys(here, capsys).items()} == {
            "orders": True,
            "orders/A2EXAMPLE/eu": True,
            "orders/A2EXAMPLE/na": None,
        }
        standing = here.standings()["orders"]
        assert (standing.last_success, len(standing.key.locations)) == (None, 2)
        amazon.grants[CLIENT].refresh_tokens.clear()
        here.now += DAY
        told = [line.partition(" ->")[0] for line in here.news() if "efused" in line or "refuses" in line]
        assert len(told) == 1
        assert "A2EXAMPLE" in told[0]
        assert keys(here, capsys)["orders/A2EXAMPLE/eu"]["probed"] == {
            "at": "2026-11-24T12:02:00Z",
            "accepted": False,
            "why": "invalid_grant",
        }
        capsys.readouterr()
        assert run(["check", "--config", str(here.directory / "keywatch.toml")]) == 0
        assert "ok       values of orders/A2EXAMPLE (eu); Amazon is not asked now" in capsys.readouterr().out
        amazon.grants[CLIENT].refresh_tokens.add(token)
        here.now += DAY
        assert [line for line in here.news() if line.startswith("resolved") and "A2EXAMPLE" in line]
    kept = b"".join(path.read_bytes() for path in (tmp_path / "state").rglob("*") if path.is_file())
    assert not [value for value in (secret[20:44], token[20:44], "Atza|" + "0" * 20) if value.encode() in kept]


def test_the_probe_is_off_unless_it_is_switched_on(here: Installation) -> None:
    """There is no such source then."""
    here.configure(TABLES)
    with here.open() as keywatch:
        assert not [source.id for source in keywatch.sources if source.id.startswith("probe:")]


def test_a_developer_account_says_nothing_of_aws_keys(here: Installation) -> None:
    """Who knows no AWS account of his own cannot tell that a key is of somebody else's."""
    here.configure(TABLES + '[[scan]]\nname = "d"\ndirectory = "HERE/d"\n')
    here.write(
        "d/x.env", f"AWS_ACCESS_KEY_ID={'AKIA' + 'QYLPMN5HHHFP' + 'ZAM2'}\nAWS_SECRET_ACCESS_KEY={invented(40)}\n"
    )
    here.cycle()
    with here.open() as keywatch:
        store = keywatch._store
        found = named(open_findings(store), store, known_keys(store), frozenset(), keywatch._now())
    assert [seen.finding.ownership for seen in found] == [Ownership.UNKNOWN]
