"""Vault inventory: keys from metadata alone, and nothing taken for vanished that was merely not shown."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from keywatch.collect.inventory.described import Describer
from keywatch.collect.inventory.named import NamePattern
from keywatch.collect.inventory.vault_kv2 import VaultKv2Keys
from keywatch.collect.inventory.vault_walk import Bounds
from keywatch.collect.vault import VaultAccess
from keywatch.demo.vault import VaultServer
from keywatch.demo.vault_admin import VaultAdmin
from keywatch.model.errors import SourceDenied, SourceError, SourceMalformed, SourceUnreachable
from keywatch.model.key import Gone, Handle, HandleSpace, Key, KeyKind, KeyStatus, Location, SourceId, Versions
from keywatch.model.secret import Secret
from keywatch.model.source import Skipped

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
CLIENT = "amzn1.application-oa2-client." + "0123456789abcdef" * 2
METADATA_ONLY = 'path "kv/metadata/*" { capabilities = ["read", "list"] }'
DETAILED = METADATA_ONLY + ' path "kv/detailed-metadata/*" { capabilities = ["list"] }'


@pytest.fixture
def vault() -> Iterator[VaultServer]:
    with VaultServer(now=lambda: NOW) as server:
        VaultAdmin(server.url, server.token).mount("kv")
        server.requests.clear()
        yield server


@pytest.fixture
def admin(vault: VaultServer) -> VaultAdmin:
    return VaultAdmin(vault.url, vault.token)


def source(
    vault: VaultServer,
    *,
    policy: str = METADATA_ONLY,
    mounts: tuple[str, ...] = ("kv",),
    namespace: str | None = None,
    most_depth: int = 20,
    most_secrets: int = 100,
    describer: Describer | None = None,
    subkeys: bool = False,
) -> VaultKv2Keys:
    """The source with a token that has `policy`; the record of requests starts with it."""
    admin = VaultAdmin(vault.url, vault.token)
    admin.policy("keywatch", policy)
    token = Secret(admin.new_token("keywatch").encode())
    vault.requests.clear()
    access = VaultAccess(url=vault.url, namespace=namespace, timeout=5)
    bounds = Bounds(depth=most_depth, secrets=most_secrets)
    return VaultKv2Keys(
        "prod",
        access,
        token,
        now=lambda: NOW,
        mounts=mounts,
        bounds=bounds,
        describer=describer,
        subkeys=subkeys,
    )


def read(source: VaultKv2Keys) -> tuple[dict[str, Key], list[Skipped]]:
    items = list(source.keys())
    return (
        {item.name: item for item in items if isinstance(item, Key)},
        [item for item in items if isinstance(item, Skipped)],
    )


def test_a_secret_is_a_key_described_by_its_custom_metadata(vault: VaultServer, admin: VaultAdmin) -> None:
    """Kind, owner, application, region and handles come from custom metadata, the age from the current version."""
    vault.now = lambda: NOW - timedelta(days=70)
    notes = {"kind": "lwa-client-secret", "owner": "ops", "application": "orders", "client_id": CLIENT, "region": "eu"}
    admin.write("kv", "orders/lwa", {"value": "x"}, notes)
    expected = Key(
        kind=KeyKind.LWA_CLIENT_SECRET,
        handles=(
            Handle(HandleSpace.LWA_CLIENT_ID, CLIENT),
            Handle(HandleSpace.APPLICATION, "orders"),
            Handle(HandleSpace.VAULT, "prod/kv/orders/lwa"),
        ),
        name="kv/orders/lwa",
        locations=(Location(SourceId("vault-kv2:prod"), "kv/orders/lwa"),),
        created_at=NOW - timedelta(days=70),
        owner="ops",
        application="orders",
        region="eu",
    )
    keys, skipped = read(source(vault))
    assert (expected, []) == (replace(keys["kv/orders/lwa"], keeping=()), skipped)


@pytest.mark.parametrize(
    ("notes", "kind", "handle"),
    [
        pytest.param(
            {"kind": "lwa_refresh_token", "application": "orders", "seller": "A1EXAMPLE", "client_id": CLIENT},
            KeyKind.LWA_REFRESH_TOKEN,
            Handle(HandleSpace.AUTHORISATION, "orders/A1EXAMPLE"),
            id="a-refresh-token-is-the-sellers-authorisation",
        ),
        pytest.param(
            {"key_id": "AKIA" + "KEYWATCHTESTAAAA"},
            KeyKind.AWS_ACCESS_KEY,
            Handle(HandleSpace.AWS_ACCESS_KEY_ID, "AKIA" + "KEYWATCHTESTAAAA"),
            id="a-key-id-makes-an-aws-key",
        ),
        pytest.param({"kind": "database"}, KeyKind.OTHER, Handle(HandleSpace.VAULT, "prod/kv/it"), id="any-other-kind"),
        pytest.param({}, KeyKind.OTHER, Handle(HandleSpace.VAULT, "prod/kv/it"), id="no-metadata"),
    ],
)
def test_kinds_and_handles(
    vault: VaultServer, admin: VaultAdmin, notes: dict[str, str], kind: KeyKind, handle: Handle
) -> None:
    """A kind takes the handles that are its own: a refresh token is not its application's client secret."""
    admin.write("kv", "it", {"value": "x"}, notes)
    [key] = read(source(vault))[0].values()
    assert (kind, handle) == (key.kind, key.handles[0])
    assert {handle, Handle(HandleSpace.VAULT, "prod/kv/it")} == set(key.handles)


def test_no_request_touches_a_value(vault: VaultServer, admin: VaultAdmin) -> None:
    """A whole walk and a check ask for nothing below data/, whatever the names in the tree are."""
    for path in ("a", "a/b", "data/x", "metadata/y", "deep/er/still"):
        admin.write("kv", path, {"value": "x"})
    reader = source(vault)
    assert len(read(reader)[0]) == 5
    list(reader.check())
    assert vault.requests
    assert not [path for _, path in vault.requests if path.startswith("kv/") and not path.startswith("kv/metadata")]


def test_a_name_that_climbs_is_not_followed(vault: VaultServer, admin: VaultAdmin) -> None:
    """A listing that contains `..` cannot turn a metadata request into one for a value."""
    admin.write("kv", "a", {"value": "x"})
    vault.mounts["kv/"].entries["../data/a"] = vault.mounts["kv/"].entries["a"]
    keys, skipped = read(source(vault))
    assert list(keys) == ["kv/a"]
    assert [skip.what for skip in skipped] == ["kv/../"]
    assert not [path for _, path in vault.requests if path.startswith("kv/data")]


def test_strange_names_are_asked_for_as_they_are(vault: VaultServer, admin: VaultAdmin) -> None:
    """Names with spaces, `?`, `#`, `%` and other scripts reach Vault unchanged."""
    entries = vault.mounts["kv/"].entries
    admin.write("kv", "a", {"value": "x"})
    for name in ("a b", "why?", "no#1", "100%", "ключ"):
        entries[name] = entries["a"]
    assert {f"kv/{name}" for name in entries} == set(read(source(vault))[0])


def test_deleted_and_destroyed_secrets_are_inactive(vault: VaultServer, admin: VaultAdmin) -> None:
    """A key whose current version is deleted or destroyed stays, inactive; a new version revives it."""
    for path in ("deleted", "destroyed", "revived", "live", "later"):
        admin.write("kv", path, {"value": "x"})
    for path in ("deleted", "revived"):
        admin.delete("kv", path)
    admin.destroy("kv", "destroyed", 1)
    admin.write("kv", "revived", {"value": "y"})
    vault.now = lambda: NOW + timedelta(days=1)
    admin.delete("kv", "later")
    admin.describe("kv", "empty", {"owner": "ops"})
    found = {name.removeprefix("kv/"): key.status for name, key in read(source(vault))[0].items()}
    active, inactive = KeyStatus.ACTIVE, KeyStatus.INACTIVE
    gone = {"deleted": inactive, "destroyed": inactive, "empty": inactive}
    assert gone | {"revived": active, "live": active, "later": active} == found


def test_what_becomes_of_versions_is_told_apart(vault: VaultServer, admin: VaultAdmin) -> None:
    """Versions that were deleted can come back, destroyed ones cannot; the oldest that can be read has its age."""
    for days in (30, 20, 10, 5):
        vault.now = lambda days=days: NOW - timedelta(days=days)  # type: ignore[misc]
        admin.write("kv", "a", {"value": "x"})
    admin.destroy("kv", "a", 1)
    admin.ask("POST", "kv/delete/a", {"versions": [2]})
    [keeping] = read(source(vault))[0]["kv/a"].keeping
    assert Versions(current=4, kept=2, deleted=1, destroyed=1, oldest_kept_at=NOW - timedelta(days=10)) == (
        keeping.versions
    )
    vault.now = lambda: NOW - timedelta(days=1)
    admin.delete("kv", "a")
    [keeping] = read(source(vault))[0]["kv/a"].keeping
    assert keeping.versions is not None
    assert (Gone.DELETED, 1, 2) == (keeping.versions.gone, keeping.versions.kept, keeping.versions.deleted)
    admin.destroy("kv", "a", 4)
    [keeping] = read(source(vault))[0]["kv/a"].keeping
    assert keeping.versions is not None
    assert keeping.versions.gone is Gone.DESTROYED


def test_paths_say_what_a_secret_is(vault: VaultServer, admin: VaultAdmin) -> None:
    """A pattern with named parts makes keys of paths; what is not described can be left out; metadata speaks first."""
    for path in ("sellers/orders/A1EXAMPLE", "infra/database", "sellers/orders/A2EXAMPLE"):
        admin.write("kv", path, {"value": "x"})
    admin.describe("kv", "sellers/orders/A2EXAMPLE", {"application": "billing"})
    pattern = NamePattern("kv/sellers/{application}/{seller}", KeyKind.LWA_REFRESH_TOKEN)
    keys, _ = read(source(vault, describer=Describer(patterns=[pattern])))
    assert {
        "kv/sellers/orders/A1EXAMPLE": "authorisation:orders/A1EXAMPLE",
        "kv/sellers/orders/A2EXAMPLE": "authorisation:billing/A2EXAMPLE",
    } == {name: key.id for name, key in keys.items()}


SUBKEYS = METADATA_ONLY + '\npath "kv/subkeys/*" { capabilities = ["read"] }'


def test_names_of_fields_say_what_a_secret_is(vault: VaultServer, admin: VaultAdmin) -> None:
    """Where it is wanted, Vault is asked for the names of fields; they name a kind where a handle is known."""
    admin.write("kv", "orders/amazon", {"lwa_client_id": "x", "lwa_client_secret": "canary"}, {"application": "orders"})
    admin.write("kv", "gone", {"value": "canary"})
    admin.delete("kv", "gone")
    assert read(source(vault))[0]["kv/orders/amazon"].kind is KeyKind.OTHER
    keys, skipped = read(source(vault, policy=SUBKEYS, subkeys=True))
    key = keys["kv/orders/amazon"]
    assert (KeyKind.LWA_CLIENT_SECRET, "application:orders", []) == (key.kind, key.id, skipped)
    assert ("lwa_client_id", "lwa_client_secret") == key.keeping[0].fields
    assert "canary" not in repr(keys)
    assert not [path for _, path in vault.requests if "/data/" in path]


def test_fields_that_are_refused_cost_no_key(vault: VaultServer, admin: VaultAdmin) -> None:
    """Without the right on subkeys/ the keys are there all the same, and what to grant is said."""
    admin.write("kv", "a", {"value": "x"})
    reader = source(vault, subkeys=True)
    keys, [skipped] = read(reader)
    assert (["kv/a"], "give the token `read` on kv/subkeys/a in its policy") == (list(keys), skipped.hint)
    assert [f"kv/subkeys/{'keywatch-check'}"] == [
        item.hint.split()[5] for item in reader.check() if isinstance(item, Skipped) and item.hint
    ]


def test_mounts_that_may_be_hidden_let_nothing_seem_gone(vault: VaultServer, admin: VaultAdmin) -> None:
    """Who may not read sys/mounts knows only what the token is shown, which is said; with the right all is known."""
    admin.write("kv", "a", {"value": "x"})
    keys, [skipped] = read(source(vault, mounts=()))
    assert (["kv/a"], "GET sys/mounts") == (list(keys), skipped.what)
    whole = METADATA_ONLY + '\npath "sys/mounts" { capabilities = ["read"] }'
    assert read(source(vault, mounts=(), policy=whole))[1] == []
    admin.mount("other")
    keys, [skipped] = read(source(vault, mounts=(), policy=whole))
    assert (["kv/a"], "other/") == (list(keys), skipped.what)


def test_a_refused_folder_is_skipped_and_the_rest_goes_on(vault: VaultServer, admin: VaultAdmin) -> None:
    """A 403 on a folder or secret is named with what to grant; its neighbours are inventoried."""
    for path in ("open/a", "closed/b", "c"):
        admin.write("kv", path, {"value": "x"})
    deny = '\npath "kv/metadata/closed" { capabilities = ["deny"] }\npath "kv/metadata/c" { capabilities = ["deny"] }'
    keys, skipped = read(source(vault, policy=METADATA_ONLY + deny))
    assert list(keys) == ["kv/open/a"]
    assert {"kv/closed/", "kv/c"} == {skip.what for skip in skipped}
    assert {
        "give the token `list` on kv/metadata/closed/ in its policy",
        "give the token `read` on kv/metadata/c in its policy",
    } == {skip.hint for skip in skipped}


@pytest.mark.parametrize("mounts", [("kv",), ("kv", "other")])
def test_no_readable_mount_is_denied(vault: VaultServer, mounts: tuple[str, ...]) -> None:
    """A token that may list no mount at all fails the source: an empty inventory would be a lie."""
    with pytest.raises(SourceDenied, match="vault-kv2:prod: LIST kv/metadata was refused"):
        read(source(vault, policy="", mounts=mounts))


def test_a_token_revoked_on_the_way_fails_the_walk(vault: VaultServer, admin: VaultAdmin) -> None:
    """What a dead token can no longer see has not vanished: the walk ends in an error."""
    for path in ("a", "b", "c"):
        admin.write("kv", path, {"value": "x"})
    reader = source(vault)
    walk = reader.keys()
    assert isinstance(next(walk), Key)
    for token in [token for token in vault.tokens if token != vault.token]:
        del vault.tokens[token]
    with pytest.raises(SourceDenied, match="revoked"):
        list(walk)


def test_sealed_on_the_way_fails_the_walk(vault: VaultServer, admin: VaultAdmin) -> None:
    """A Vault sealed in the middle is unreachable, not empty."""
    for path in ("a", "b"):
        admin.write("kv", path, {"value": "x"})
    walk = source(vault).keys()
    next(walk)
    vault.seal()
    with pytest.raises(SourceUnreachable, match="sealed"):
        list(walk)


@pytest.mark.parametrize(
    ("health", "words"),
    [(429, "standby"), (472, "disaster-recovery"), (473, "performance standby"), (501, "initialised"), (503, "sealed")],
)
def test_states_are_told_apart(vault: VaultServer, health: int, words: str) -> None:
    """Sealed, standby and uninitialised are different sentences, each with a hint."""
    reader = source(vault)
    vault.health = health
    with pytest.raises(SourceUnreachable, match=words) as caught:
        read(reader)
    assert caught.value.hint


def test_a_quota_is_waited_out(vault: VaultServer, admin: VaultAdmin) -> None:
    """A 429 from a rate-limit quota is tried again within the run."""
    admin.write("kv", "a", {"value": "x"})
    reader = source(vault)
    vault.faults = [429, 502]
    assert len(read(reader)[0]) == 1


@pytest.mark.parametrize(
    ("status", "error"), [(400, SourceMalformed), (405, SourceMalformed), (505, SourceUnreachable)]
)
def test_other_answers(vault: VaultServer, status: int, error: type[SourceError]) -> None:
    """An answer that makes no sense is malformed, a failing server unreachable; the body is in neither message."""
    reader = source(vault)
    vault.faults = [status]
    with pytest.raises(error, match=str(status)) as caught:
        read(reader)
    assert "invented" not in str(caught.value)


def test_a_redirect_is_not_followed(vault: VaultServer) -> None:
    """The token never goes to another host than the configured one."""
    with VaultServer() as stranger:
        reader = source(vault)
        vault.redirect = stranger.url
        with pytest.raises(SourceUnreachable, match="redirects"):
            read(reader)
        assert stranger.requests == []


def test_nobody_there(vault: VaultServer) -> None:
    """A closed port is unreachable."""
    reader = source(vault)
    vault.stop()
    with pytest.raises(SourceUnreachable, match="cannot be reached"):
        read(reader)


def test_a_mount_that_is_not_there_is_said(vault: VaultServer) -> None:
    """A misspelt mount is an error, an empty one is not."""
    with pytest.raises(SourceMalformed, match="nothing is mounted at kvv/"):
        read(source(vault, mounts=("kvv",), policy='path "kvv/*" { capabilities = ["list"] }'))
    assert read(source(vault)) == ({}, [])


def test_mounts_are_discovered(vault: VaultServer, admin: VaultAdmin) -> None:
    """Without configured mounts every KV v2 mount is walked, and KV v1, which cannot be read without values, is not."""
    admin.mount("old", version=1)
    admin.mount("team/kv")
    admin.ask("POST", "old/x", {"value": "x"})
    admin.write("kv", "a", {"value": "x"})
    admin.write("team/kv", "b", {"value": "x"})
    policy = METADATA_ONLY + '\npath "team/kv/metadata/*" { capabilities = ["read", "list"] }'
    assert {"kv/a", "team/kv/b"} == set(read(source(vault, mounts=(), policy=policy))[0])


def test_a_namespace_is_its_own_tree(vault: VaultServer) -> None:
    """With a namespace only its secrets are seen."""
    inside = VaultAdmin(vault.url, vault.token, "team")
    inside.mount("kv")
    inside.write("kv", "b", {"value": "x"})
    policy = 'path "team/kv/metadata/*" { capabilities = ["read", "list"] }'
    assert list(read(source(vault, namespace="team", policy=policy))[0]) == ["kv/b"]


def test_bounds_are_told(vault: VaultServer, admin: VaultAdmin) -> None:
    """A tree deeper or larger than the bounds is inventoried up to them, and what is left out is named."""
    for path in ("a", "b", "c", "d/e/f"):
        admin.write("kv", path, {"value": "x"})
    keys, [skipped] = read(source(vault, most_depth=1))
    assert (list(keys), skipped.what) == (["kv/a", "kv/b", "kv/c"], "kv/d/e/")
    keys, [skipped] = read(source(vault, most_secrets=2))
    assert (list(keys), skipped.what) == (["kv/a", "kv/b"], "kv/c and what follows")


def test_nonsense_in_metadata_skips_the_secret(vault: VaultServer, admin: VaultAdmin) -> None:
    """Metadata that is not Vault's costs its own secret only; types nobody promised do not count as text."""
    admin.write("kv", "a", {"value": "x"})
    admin.write("kv", "b", {"value": "x"})
    vault.mounts["kv/"].entries["a"].custom = {"owner": 7, "kind": ["x"]}
    reader = source(vault)
    entry = vault.mounts["kv/"].entries["b"]
    broken = entry.metadata() | {"versions": {"1": {"created_time": "yesterday"}}}
    entry.__class__ = type("Broken", (type(entry),), {"__slots__": (), "metadata": lambda _: broken})
    keys, [skipped] = read(reader)
    assert keys["kv/a"].owner is None
    assert skipped.what == "kv/b"


def test_the_token_is_nowhere_in_the_error(vault: VaultServer) -> None:
    """A token that no HTTP header can carry is refused without quoting it."""
    for token in (b"hvs.\xff\xfe" + b"canary" * 4, b"hvs.\n" + b"canary" * 4):
        reader = VaultKv2Keys("prod", VaultAccess(url=vault.url), Secret(token), now=lambda: NOW, mounts=("kv",))
        with pytest.raises(SourceError) as caught:
            read(reader)
        assert "canary" not in f"{caught.value} {caught.value.hint}"


def test_ambient_settings_are_ignored(vault: VaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token or proxy in the environment is not used."""
    reader = source(vault)
    monkeypatch.setenv("VAULT_TOKEN", vault.token)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert read(reader) == ({}, [])
    nobody = VaultKv2Keys("prod", VaultAccess(url=vault.url), Secret(b""), now=lambda: NOW, mounts=("kv",))
    with pytest.raises(SourceDenied):
        read(nobody)


def test_check_names_what_is_missing(vault: VaultServer) -> None:
    """`check` tries health, list and read on each mount, and never raises."""
    assert list(source(vault).check()) == ["sys/health", "list kv/metadata/", "read kv/metadata/"]
    reader = source(vault, policy='path "kv/metadata/*" { capabilities = ["list"] }')
    *_, missing = reader.check()
    assert isinstance(missing, Skipped)
    assert missing.hint == "give the token `read` on kv/metadata/keywatch-check in its policy"
    vault.seal()
    [sealed] = reader.check()
    assert isinstance(sealed, Skipped)
    assert sealed.hint == "unseal it"


def test_dates_in_custom_metadata_count_more_than_when_the_value_was_stored(
    vault: VaultServer, admin: VaultAdmin
) -> None:
    """A seller authorised when it says so; what is no date is said, and the key is there without it."""
    notes = {"kind": "lwa-refresh-token", "application": "orders", "seller": "A2EXAMPLE"}
    admin.write("kv", "a", {"value": "x"}, notes | {"authorised_at": "2026-03-01", "expires_at": "2027-02-01"})
    admin.write("kv", "b", {"value": "x"}, notes | {"authorized_at": "spring", "expires_at": "2027-02-01"})
    keys, skipped = read(source(vault))
    ends = datetime(2027, 2, 1, tzinfo=UTC)
    assert (keys["kv/a"].created_at, keys["kv/a"].expires_at) == (datetime(2026, 3, 1, tzinfo=UTC), ends)
    assert (keys["kv/b"].created_at, keys["kv/b"].expires_at) == (NOW, ends)
    assert skipped == [Skipped("custom metadata of kv/b", "authorised_at: should be a date, as 2026-09-01")]


def test_openbao_tells_the_metadata_of_a_folder_at_once(vault: VaultServer, admin: VaultAdmin) -> None:
    """The same keys in a request a folder; a token that may not have that, and Vault, are asked secret by secret."""
    for number in range(30):
        admin.write("kv", f"folder-{number % 3}/deep/{number}", {"x": "1"}, {"owner": f"team-{number}"})
    vault.openbao = False
    plain, _ = read(source(vault))
    asked = len(vault.requests)
    vault.openbao = True
    refused, _ = read(source(vault))
    whole, skipped = read(source(vault, policy=DETAILED))
    assert len(plain) == 30
    assert plain == refused == whole
    assert not skipped
    assert not [path for verb, path in vault.requests if verb == "GET" and path.startswith("kv/metadata/")]
    assert len(vault.requests) < asked / 3
