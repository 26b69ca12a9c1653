"""The policies in `config/vault` let keywatch do what it does, and nothing else: each is held against the code."""

import ast
import re
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from keywatch.cli.main import run
from keywatch.collect.inventory.vault_kv2 import VaultKv2Keys
from keywatch.collect.inventory.vault_oracle import VaultOracle
from keywatch.collect.inventory.vault_values import VaultValues, Wanted
from keywatch.collect.vault import Vault, VaultAccess
from keywatch.demo.text import invented
from keywatch.demo.vault import VaultServer
from keywatch.demo.vault_admin import VaultAdmin
from keywatch.model.errors import SourceDenied, SourceError
from keywatch.model.secret import Pepper, Secret
from keywatch.model.source import Skipped

ROOT = Path(__file__).parents[2]
POLICIES = ROOT / "config" / "vault"
STANZA = re.compile(r'^path "([^"]+)" \{\n(?:  .*\n)+\}\n', re.MULTILINE)
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def text(policy: str) -> str:
    return (POLICIES / policy).read_text("utf-8")


@pytest.fixture
def server() -> Iterator[VaultServer]:
    with VaultServer() as server:
        admin = VaultAdmin(server.url, server.token)
        admin.ask("POST", "sys/audit/file", {"type": "file"})
        admin.mount("kv")
        for path in ("orders/db", "orders/deep/lwa", "other"):
            admin.write("kv", path, {"password": invented(30)})
        yield server


def token(server: VaultServer, policy: str) -> Secret:
    admin = VaultAdmin(server.url, server.token)
    admin.policy("keywatch", policy)
    return Secret(admin.new_token("keywatch").encode())


def names(server: VaultServer, policy: str) -> list[object]:
    """Read all names, and check; what was refused."""
    access = VaultAccess(url=server.url, timeout=5)
    source = VaultKv2Keys("prod", access, token(server, policy), now=lambda: NOW, mounts=("kv",))
    return [item for item in (*source.keys(), *source.check()) if isinstance(item, Skipped)]


def values(server: VaultServer, policy: str) -> list[object]:
    """Read all values, and check; what was refused, or is too much."""
    wanted = Wanted(paths=("kv/orders/*",))
    access = VaultAccess(url=server.url, timeout=5)
    pepper = Pepper(b"p" * 32)
    source = VaultValues("v", "v", access, token(server, policy), wanted=wanted, pepper=pepper, now=lambda: NOW)
    batches = list(source.values({}))
    assert sum(len(secret.read) for batch in batches for secret in batch.secrets) in (0, 2)
    return [
        *(item for batch in batches for item in batch.skipped),
        *(i for i in source.check() if isinstance(i, Skipped)),
    ]


def hashes(server: VaultServer, policy: str) -> list[object]:
    """Ask for a hash."""
    vault = Vault("v", VaultAccess(url=server.url, timeout=5), token(server, policy))
    assert VaultOracle(vault, "file").hashed(Secret(b"a candidate"))
    return []


USES: dict[str, Callable[[VaultServer, str], list[object]]] = {
    "metadata-only.hcl": names,
    "known-secrets.hcl": values,
    "audit-hash.hcl": hashes,
}


@pytest.mark.parametrize("policy", USES)
def test_a_policy_is_enough(server: VaultServer, policy: str) -> None:
    """Nothing is refused, nothing is too much."""
    assert USES[policy](server, text(policy)) == []


@pytest.mark.parametrize(
    ("policy", "path"),
    [
        ("metadata-only.hcl", "kv/metadata/*"),  # others are for what may be left out, and one denies
        *(
            (policy, path)
            for policy in ("known-secrets.hcl", "audit-hash.hcl")
            for path in STANZA.findall(text(policy))
        ),
    ],
)
def test_no_rule_is_more_than_it_takes(server: VaultServer, policy: str, path: str) -> None:
    """Without any one of its rules something is refused."""
    rest = "".join(found[0] for found in STANZA.finditer(text(policy)) if found[1] != path)
    try:
        refused = USES[policy](server, rest)
    except SourceError:
        return
    assert refused


def test_names_are_read_without_any_right_to_values(server: VaultServer) -> None:
    """Whatever other policy the token has on all of the mount, the one for names denies its values."""
    admin = VaultAdmin(server.url, server.token)
    admin.policy("names", text("metadata-only.hcl"))
    admin.policy("wide", 'path "kv/data/*" { capabilities = ["read"] }')
    for policies, value in ((("wide",), True), (("wide", "names"), False)):
        vault = Vault("v", VaultAccess(url=server.url, timeout=5), Secret(admin.new_token(*policies).encode()))
        try:
            assert value == bool(vault.read("kv/data/orders/db"))
        except SourceDenied:
            assert not value


def test_few_modules_speak_of_values() -> None:
    """One reads all; two what a person named, the token of a scan and what the probe tries; two ask who may read."""
    asking = set()
    for path in sorted((ROOT / "keywatch").rglob("*.py")):
        source = path.read_text("utf-8")
        if "demo" in path.parts or "data/" not in source or "collect.vault import" not in source:
            continue
        tree = ast.parse(source)
        prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in prose]
        if any(isinstance(one, str) and re.match(r"/?data/", one) for one in texts):
            asking.add(path.relative_to(ROOT / "keywatch").as_posix())
    reading = {"collect/inventory/vault_values.py", "service/remotes.py", "collect/stored_values.py"}
    assert asking == reading | {"service/vault_excess.py", "collect/inventory/vault_readers.py"}


CONFIG = """
state_dir = "HERE/state"
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
"""


def checked(directory: Path, server: VaultServer, capsys: pytest.CaptureFixture[str], **policies: str) -> str:
    """What `keywatch check` says of tokens with these policies."""
    admin = VaultAdmin(server.url, server.token)
    for name, policy in policies.items():
        admin.policy(name, policy)
        (directory / f"{name}-token").write_text(admin.new_token(name))
    config = directory / "keywatch.toml"
    config.write_text(CONFIG.replace("HERE", str(directory)).replace("{url}", server.url))
    for command in (["run", "--once"], ["check"]):
        run([*command, "--config", str(config)])
    return capsys.readouterr().out


@pytest.mark.usefixtures("clean_logging")
def test_check_names_what_is_too_much_and_what_is_refused(
    tmp_path: Path, server: VaultServer, capsys: pytest.CaptureFixture[str], rules_cache: Path
) -> None:
    """A token for names that could read values or change anything; and a value that is too short to be looked for."""
    (tmp_path / "state").mkdir(mode=0o700)
    shutil.copytree(rules_cache, tmp_path / "state" / "cache")
    VaultAdmin(server.url, server.token).write("kv", "orders/short", {"password": "hunter2"})
    good = checked(tmp_path, server, capsys, names=text("metadata-only.hcl"), values=text("known-secrets.hcl"))
    assert "too much" not in good
    assert "missing" not in good
    assert "ok       the token can read no value and change nothing" in good
    assert "refused  prod/kv/orders/short#password: the value is too short or too plain" in good
    wide = 'path "kv/*" { capabilities = ["create", "read", "update", "list"] }'
    wide += 'path "auth/token/create" { capabilities = ["update"] }'
    bad = checked(tmp_path, server, capsys, names=wide, values=wide)
    for line in (
        "too much kv/data/keywatch-check: create, read, update is allowed, and not needed",
        "too much kv/metadata/keywatch-check: create, update is allowed, and not needed",
        "too much auth/token/create: update is allowed, and not needed",
        "too much kv/data/orders/keywatch-check: create, update is allowed, and not needed",
        "take `update` on auth/token/create out of its policies",
    ):
        assert line in bad
