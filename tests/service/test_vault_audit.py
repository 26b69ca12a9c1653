"""Vault's audit log from the settings to what somebody reads: standings, readers, and a log that shows secrets."""

from datetime import timedelta
from pathlib import Path

import pytest

from keywatch.cli.main import run
from keywatch.demo.text import invented_refresh_token
from keywatch.model.errors import ConfigError
from keywatch.model.finding import FindingState
from keywatch.model.standing import Basis, Level
from tests.calls.audit_entries import ALICE, CI, CLEAR, NOW, ORDERS, ROOT, Who, lines, read
from tests.service.installation import DAY, Installation

CONFIG = """
[[vault_audit]]
name = "prod"
vault = "prod"
path = "HERE/audit.log"
every_node = true
tokens = { "token-ci" = "ci-token" }
[[vault]]
name = "prod"
address = "https://vault.invalid:8200"
token = "file:HERE/none"
[[key]]
name = "orders-lwa"
kind = "lwa-client-secret"
application = "orders"
owner = "orders-team"
created = 2026-10-01
vault = ["prod/kv/orders/lwa"]
[[key]]
name = "ci-token"
kind = "vault-token"
owner = "platform-team"
created = 2026-01-01
"""
NAME = "vault-audit:prod"
EACH_DAY = [read(CI, path="sys/mounts", mount="sys/", kind="system", ago=n * DAY) for n in range(95, 85, -1)]


def write(here: Installation, *entries: dict[str, object]) -> Path:
    path = here.directory / "audit.log"
    with path.open("ab") as file:
        file.write(lines(*entries))
    return path


def test_a_token_that_died_is_told_and_a_secret_that_is_read_is_not_used(here: Installation) -> None:
    """The token's last success was 86 days ago and the log covers the rest; the client secret was only fetched."""
    here.configure(CONFIG)
    write(here, *EACH_DAY, read(ORDERS, ago=DAY))
    here.cycle()
    standing = here.standings()
    assert (Basis.PROVEN, Level.URGENT) == (standing["ci-token"].basis, standing["ci-token"].level)
    assert NOW - DAY == (standing["orders-lwa"].last_read or NOW).replace(microsecond=0)
    assert standing["orders-lwa"].last_success is None
    assert ["fired: Vault token ci-token: 4 days left -> console"] == [line for line in here.told if "ci-token" in line]
    write(here, read(CI, ago=timedelta()))
    assert ["resolved: Vault token ci-token: 4 days left -> console"] == here.news()


def test_a_secret_with_many_readers_is_told_with_them(here: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    """Five readers in a week are too many; each is named with its network, and is told once."""
    here.configure(CONFIG)
    people = [ORDERS, ALICE, CI, ROOT, Who(display="userpass-bob", notes={"username": "bob"}, token="bob's")]
    write(here, *[read(who, ago=n * DAY) for n, who in enumerate(people, 1)])
    here.cycle()
    [told] = [line for line in here.told if "read in its store" in line]
    assert "LWA client secret orders-lwa: read in its store by 5 users" in told
    shown = capsys.readouterr().out
    assert "userpass-alice" in shown
    assert "198.51.100.0/24" in shown
    assert [] == [line for line in here.news() if "read in its store" in line]


def test_a_log_that_shows_secrets_is_told_once_and_never_what(
    here: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    """The alert says where and what to do; nothing of what the log shows is kept or printed."""
    here.configure(CONFIG)
    log = write(here, *[read(Who(raw=True), data={"data": {"a": CLEAR}, "metadata": {}}, ago=n * DAY) for n in (2, 1)])
    here.cycle()
    title = f"{NAME}: tokens and secrets are written to the audit log in the clear"
    assert [f"fired: {title} -> console"] == [line for line in here.told if "in the clear" in line]
    write(here, read(Who(raw=True)))
    assert [] == here.news()
    shown = capsys.readouterr()
    assert f"{log}, line 1" in shown.out
    assert CLEAR not in shown.out + shown.err
    state = here.directory / "state"
    assert not [path for path in state.rglob("*") if path.is_file() and CLEAR.encode() in path.read_bytes()]
    log.unlink()
    log.write_bytes(b"")
    here.now += 9 * DAY
    write(here, read(ago=-9 * DAY))
    here.cycle()
    assert f"resolved: {title} -> console" in here.told


def test_one_reading_serves_both_rivers(here: Installation) -> None:
    """With `scan` the same bytes are looked through: what leaked into a path or an error is a finding, of the owner."""
    here.configure(CONFIG.replace("every_node", 'scan = true\nowner = "platform-team"\nevery_node'))
    token = invented_refresh_token().reveal().decode()
    log = write(here, read(CI), read(CI, error=f"invalid request: refresh_token={token}"))
    here.cycle()
    (finding,) = here.findings(FindingState.OPEN)
    assert ((NAME,), (str(log),)) == (finding.sources, finding.targets)
    assert here.standings()["ci-token"].last_success is not None


def test_check_says_what_can_be_read(here: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    """`keywatch check` tries the file, and asks Vault for what accessors need."""
    here.configure(CONFIG.replace("every_node", 'device = "file"\nevery_node'))
    log = write(here, read())
    with here.open():
        pass
    run(["check", "--config", str(here.directory / "keywatch.toml")])
    shown = capsys.readouterr().out
    assert f"{NAME} (calls, every 1m)" in shown
    assert f"ok       read {log}" in shown
    assert "missing" in shown.partition(NAME)[2]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ('path = "HERE/audit.log"', "needs exactly one of path, journal and s3"),
        ('journal = ["vault.service"]\npath = "HERE/audit.log"', "needs exactly one of path, journal and s3"),
        ('s3 = "s3://bucket/vault/"\nscan = true', "make a [[bucket]] of it as well"),
        ('path = "x"\nrole = "arn:aws:iam::111122223333:role/x"', "need s3"),
        ('path = "x"\nowner = "x"', "owner needs scan"),
        ('path = "x"\njournal_directory = "x"', "journal_directory needs journal"),
        ('path = "x"\ntokens = { "a" = "no such key" }', 'has tokens of "no such key", which is no [[key]]'),
        ('path = "x"\ndevice = "file"\nvault = "other"', 'no [[vault]] is named "other"'),
    ],
)
def test_settings_that_make_no_sense_are_refused(here: Installation, change: str, complaint: str) -> None:
    """With the table and what to do, before anything is read."""
    entry = f'[[vault_audit]]\nname = "prod"\nvault = "prod"\n{change}\n'
    if 'vault = "other"' in change:
        entry = entry.replace('vault = "prod"\n', "", 1)
    if change == 'path = "HERE/audit.log"':
        entry = entry.replace(change, "")
    here.configure(entry)
    with pytest.raises(ConfigError) as raised, here.open():
        pass
    assert complaint in f"{raised.value.message} {raised.value.hint}"


def test_each_medium_is_planned(here: Installation) -> None:
    """A file, the journal and a bucket, each at its pace; a namespace of the same Vault goes by its own name."""
    more = """
        [[vault_audit]]
        name = "journal"
        vault = "prod"
        journal = ["vault.service"]
        [[vault_audit]]
        name = "bucket"
        vault = "team"
        s3 = "s3://bucket/vault/"
        [[vault]]
        name = "team"
        namespace = "team/"
        address = "https://vault.invalid:8200"
        token = "file:HERE/none"
        """
    here.configure(CONFIG + more)
    with here.open() as keywatch:
        sources = {source.id: source for source in keywatch.sources if source.id.startswith("vault-audit:")}
        assert {"vault-audit:prod": 60, "vault-audit:journal": 60, "vault-audit:bucket": 600} == {
            name: source.every.total_seconds() for name, source in sources.items()
        }
        names = [source.build()._names.namespaces for source in sources.values()]  # type: ignore[union-attr]
        assert [{"": "prod", "team": "team"}] * 3 == names
