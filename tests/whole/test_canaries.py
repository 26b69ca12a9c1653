"""
No plaintext anywhere: secrets are planted in every input, everything is run, and everything that came out is searched.

Inputs are the demo's world: IAM, Vault's values, a deleted file in a repository's history, two logs, credential files;
and an audit log of Vault that hashes nothing.
Outputs are the database and all else in the state directory, logs at debug level, Slack's messages with their blocks
and metadata, metrics, the inventory, every report format, temporary files, and the errors of sources that fail.
"""

import base64
import dataclasses
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.error import URLError
from urllib.parse import quote
from urllib.request import urlopen

import pytest

from keywatch.model.secret import Secret
from tests.calls.audit_entries import Who, lines, login, read
from tests.whole.conftest import Lived

PUBLIC = (b"amzn1.oa2-cs.v1.", b"Atzr|Iw", b"xoxb-example-", b"hvs.", b"demo-", b"s.")
"""What every secret of a kind begins with."""
TELLING = 12
"""Characters in a row that are told of a secret when they are found somewhere. A preview has four."""
FORMATS = ("text", "json", "jsonl", "sarif", "csv", "junit", "gitleaks")


def forms(secret: Secret) -> Iterator[bytes]:
    """Every way in which a piece of a secret could have got out."""
    value = secret.reveal()
    for prefix in PUBLIC:
        value = value.removeprefix(prefix)
    pieces = [value[at : at + TELLING] for at in range(0, len(value) - TELLING + 1, 4)] or [value]
    for piece in pieces:
        yield from (
            piece,
            piece[::-1],
            piece.hex().encode(),
            quote(piece, safe="").encode(),
            piece.decode().encode("utf-16-le"),
        )
    whole = secret.reveal()
    for shift in range(3):
        # base64 of the whole, as it would look inside a longer text; its ends depend on the neighbours.
        yield base64.b64encode(b"x" * shift + whole)[4:-4]
        yield base64.urlsafe_b64encode(b"x" * shift + whole)[4:-4]


def spilled(planted: tuple[Secret, ...], outputs: dict[str, bytes]) -> list[str]:
    """Which outputs hold a piece of which secret, by number: a failing test must not print it either."""
    wanted = {form: number for number, secret in enumerate(planted) for form in forms(secret)}
    return sorted(
        {
            f"secret {number} in {name}"
            for name, data in outputs.items()
            for form, number in wanted.items()
            if form in data
        }
    )


def files_below(directory: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file()}


@pytest.fixture
def outputs(make_world: Lived, tmp_path: Path) -> dict[str, bytes]:
    """Everything that came out of running everything, once well and once with sources that fail."""
    world, found = make_world.world, {}
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    write_audit_log(world.directory / "audit.log", world.planted)
    watched = f'[[vault_audit]]\nname = "raw"\nvault = "demo"\npath = "{world.directory}/audit.log"\nscan = true\n'
    config, text = world.config, world.config.read_text("utf-8") + watched
    config.write_text('log_level = "debug"\n' + text, "utf-8")

    def keep(name: str, *arguments: str) -> None:
        done = make_world.keywatch(*arguments, TMPDIR=str(scratch), KEYWATCH_DEBUG="1")
        found[name] = (done.stdout + done.stderr).encode()

    keep("first cycle", "run", "--once", "--config", str(config))
    found["metrics"] = metrics_of_a_daemon(make_world, scratch)
    keep("keys", "keys", "--config", str(config))
    keep("keys as JSON", "keys", "--json", "--config", str(config))
    keep("findings", "findings", "--config", str(config))
    keep("findings as JSON", "findings", "--json", "--config", str(config))
    keep("check", "check", "--config", str(config))
    for form in ("html", "json", "csv", "md"):
        keep(f"report as {form}", "report", "--format", form, "--config", str(config))
    for form in FORMATS:
        target = [
            str(world.directory / "orders-sync"),
            str(world.desk.path.parent),
            str(world.directory / "credentials"),
        ]
        keep(f"scan as {form}", "scan", *target, "--format", form, "--no-progress")
    for name, old, new in (
        ("without its bucket", "demo-cloudtrail", "gone"),
        ("without Vault", world.vault.url, "http://127.0.0.1:9"),
        ("with a wrong Slack token", "credentials/slack-token", "credentials/vault-token"),
    ):
        config.write_text(text.replace(old, new), "utf-8")
        keep(f"cycle {name}", "run", "--once", "--config", str(config))
        keep(f"check {name}", "check", "--config", str(config))
    plain = world.planted[0].reveal().decode()
    config.write_text(text.replace("file:" + str(world.directory) + "/credentials/slack-token", plain), "utf-8")
    keep("a secret in the configuration", "run", "--once", "--config", str(config))
    messages = [dataclasses.asdict(message) for message in make_world.told]
    found["Slack"] = json.dumps(messages, ensure_ascii=False).encode()
    return found | files_below(world.state) | files_below(scratch)


def write_audit_log(log: Path, planted: tuple[Secret, ...]) -> None:
    """What a device with `log_raw` writes of reads, logins and refusals; and a line that is torn."""
    values = [secret.reveal().decode() for secret in planted]
    raw = Who(raw=True)
    entries = [
        entry
        for number, value in enumerate(values)
        for entry in (
            read(raw, f"kv/data/secret-{number}", data={"data": {"value": value, "other": [value]}, "metadata": {}}),
            login(raw, sent={"role_id": value, "secret_id": value}),
            read(raw, error=f"refused: {value}", data={"error": value}),
        )
    ]
    log.write_bytes(lines(*entries) + lines(entries[0])[:-150] + b"\n")


def metrics_of_a_daemon(lived: Lived, scratch: Path) -> bytes:
    """Run the daemon until it is ready, and ask it."""
    with subprocess.Popen(
        [sys.executable, "-m", "keywatch", "run", "--config", str(lived.world.config)],
        env=lived.world.environment | {"TMPDIR": str(scratch)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as daemon:
        assert daemon.stderr is not None
        try:
            metrics = b""
            while b"keywatch_keys{" not in metrics:  # the first judgement follows the first reading
                assert daemon.poll() is None, "the daemon ended by itself"
                with suppress(URLError), urlopen(f"{lived.world.web}/metrics", timeout=30) as answer:  # noqa: S310 - our own
                    metrics = answer.read()
                time.sleep(0.2)
        finally:
            daemon.terminate()
        return metrics + daemon.stderr.read()


def test_no_plaintext_comes_out(make_world: Lived, outputs: dict[str, bytes]) -> None:
    """Every planted secret is searched for, in pieces and in five encodings, in everything that came out."""
    assert any(name.endswith("keywatch.db") for name in outputs)
    assert b"keywatch_keys{" in outputs["metrics"]
    assert b"seller" in outputs["Slack"]
    assert b"written to the audit log in the clear" in outputs["Slack"]
    assert len(make_world.world.planted) >= 8
    assert spilled(make_world.world.planted, outputs) == []


@pytest.mark.parametrize(
    "spill", [lambda value: value, lambda value: value.hex().encode(), lambda value: base64.b64encode(b"ab" + value)]
)
def test_the_search_would_find_one(spill: object) -> None:
    """A search that cannot find anything proves nothing."""
    secret = Secret(b"kTq9ZbXw2LmN8vRc4HsJ7pYd1FgA6eUo3iKxQzB5")  # keywatch:allow - invented for this test
    data = b"log line " + spill(secret.reveal()) + b" goes on"  # type: ignore[operator]
    assert spilled((secret,), {"a log": data}) == ["secret 0 in a log"]
