"""`keywatch scan` says whose each secret is, from what the daemon left of the inventory and without asking anybody."""

import base64
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from keywatch.cli.main import run
from keywatch.collect.state_dir import load_pepper
from keywatch.detect.sealing import sealed
from keywatch.model.key import Handle, HandleSpace, Key, KeyKind
from keywatch.model.known_secret import KnownSecret
from keywatch.model.secret import Secret
from keywatch.scan.known_file import write_known

OURS, THEIRS = "111122223333", "444455556666"
CLIENT, OTHER_CLIENT = (f"amzn1.application-oa2-client.{digit * 32}" for digit in "12")


def invented(name: str, size: int = 40) -> str:
    """Return a value that looks random, the same for the same name."""
    stream = b"".join(hashlib.sha512(f"EXAMPLE {name} {n}".encode()).digest() for n in range(3))
    return base64.b64encode(stream).decode()[:size]


def access_key_id(account: str, prefix: str = "AKIA") -> str:
    """Return an id that an account could have: the account stands in its first six bytes."""
    packed = ((int(account) << 7) | 1 << 47).to_bytes(6, "big") + hashlib.sha256(account.encode()).digest()[:4]
    return prefix + base64.b32encode(packed).decode()


def lwa_secret(name: str) -> str:
    """Return a client secret of the right shape that Amazon never issued."""
    return "amzn1.oa2-cs.v1." + hashlib.sha256(f"EXAMPLE {name}".encode()).hexdigest()


@pytest.fixture
def scan(
    tmp_path: Path, rules_cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., list[tuple[str, str, str | None]]]:
    """Scan a text on a machine whose daemon holds some keys: rule, ownership and key of each finding."""
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    shutil.copytree(rules_cache, state / "cache")
    monkeypatch.setenv("STATE_DIRECTORY", str(state))

    def scan(text: str, *keys: Key) -> list[tuple[str, str, str | None]]:
        pepper = load_pepper(state, create=True)
        write_known(state, keys, frozenset({OURS}), pepper_id=pepper.id)
        (tmp_path / "file.txt").write_text(text)
        run(["scan", "--format", "json", str(tmp_path / "file.txt")])
        found = json.loads(capsys.readouterr().out)["findings"]
        return [(finding["rule"], finding["ownership"], finding["key"]) for finding in found]

    return scan


Scan = Callable[..., list[tuple[str, str, str | None]]]


def held(tmp_path: Path, name: str, value: str, **more: object) -> Key:
    """Return a key of which the daemon was told the value."""
    pepper = load_pepper(tmp_path / "state", create=True)
    known = sealed(Secret(value.encode()), pepper)
    assert isinstance(known, KnownSecret)
    key = {"kind": KeyKind.OTHER, "handles": (Handle(HandleSpace.DECLARED, name),), "name": name, "locations": ()}
    return Key(**{**key, "fingerprints": {known.fingerprint}, "known": {known}, **more})  # type: ignore[arg-type]


def application(client_id: str | None) -> Key:
    """Return an application's client secret, of which we know the names only."""
    handles: tuple[Handle, ...] = (Handle(HandleSpace.APPLICATION, "orders"),)
    handles += (Handle(HandleSpace.LWA_CLIENT_ID, client_id),) if client_id else ()
    return Key(kind=KeyKind.LWA_CLIENT_SECRET, handles=handles, name="orders", locations=())


@pytest.mark.parametrize("prefix", ["AKIA", "ASIA"])
@pytest.mark.parametrize(("account", "whose"), [(OURS, "ours"), (THEIRS, "foreign")])
def test_an_aws_pair_by_the_account_in_its_id(scan: Scan, prefix: str, account: str, whose: str) -> None:
    """Long-lived or of a session: the account is in the id."""
    text = f"aws_access_key_id = {access_key_id(account, prefix)}\naws_secret_access_key = {invented(account)}\n"
    assert scan(text) == [("aws-key-pair", whose, None)]


@pytest.mark.parametrize("fifth", ["I", "J"])
def test_an_old_id_says_nothing_of_its_account(scan: Scan, fifth: str) -> None:
    """Ids older than the scheme would decode to some account or other: nobody knows, unless the inventory does."""
    name = "AKIA" + fifth + access_key_id(THEIRS)[5:]
    text = f"aws_access_key_id = {name}\naws_secret_access_key = {invented(fifth)}\n"
    handle = Handle(HandleSpace.AWS_ACCESS_KEY_ID, name)
    key = Key(kind=KeyKind.AWS_ACCESS_KEY, handles=(handle,), name="old", locations=())
    assert scan(text) == [("aws-key-pair", "unknown", None)]
    assert scan(text, key) == [("aws-key-pair", "ours", f"aws-access-key-id:{name}")]


def test_a_client_secret_by_the_client_id_beside_it(scan: Scan) -> None:
    """Of our application; of another one, where we know all of ours; and nobody knows where we do not."""
    ours, other = (f"client_id: {name}\nclient_secret: {lwa_secret(name)}\n" for name in (CLIENT, OTHER_CLIENT))
    named = ("lwa-client-secret", "ours", f"lwa-client-id:{CLIENT}")
    assert scan(ours, application(CLIENT)) == [named]
    assert scan(other, application(CLIENT)) == [("lwa-client-secret", "foreign", None)]
    assert scan(other, application(None)) == [("lwa-client-secret", "unknown", None)]
    assert scan(other) == [("lwa-client-secret", "unknown", None)]


def test_a_client_secret_of_the_old_form_by_the_client_id_beside_it(scan: Scan) -> None:
    """The id may stand before or after, lines away."""
    old = hashlib.sha256(b"EXAMPLE old").hexdigest()
    for text in (f'"id": "{CLIENT}",\n\n"secret": "{old}"\n', f"secret = {old}\nregion = eu\nid = {CLIENT}\n"):
        assert scan(text, application(CLIENT)) == [("lwa-client-secret-old", "ours", f"lwa-client-id:{CLIENT}")]


def test_a_value_by_its_fingerprint_whatever_it_looks_like(scan: Scan, tmp_path: Path) -> None:
    """A value that no rule sees is found and named; one that a rule sees is named too."""
    value = invented("shapeless", 28)
    key = held(tmp_path, "orders", value)
    assert scan(f"It is {value}.\n") == []
    assert scan(f"It is {value}.\n", key) == [("known-secret", "ours", "declared:orders")]
    assert scan(f'password = "{value}"\n', key) == [("known-secret", "ours", "declared:orders")]


def test_a_sellers_own_secret_that_we_hold_is_the_sellers(scan: Scan, tmp_path: Path) -> None:
    """It is named, and it is not ours; a seller's refresh token was made for us."""
    value = invented("of a seller", 64)
    key = held(tmp_path, "shop", value, kind=KeyKind.LWA_CLIENT_SECRET, seller="A1SELLER")
    assert scan(f"x {value}\n", key) == [("known-secret", "foreign", "declared:shop")]
    token = held(tmp_path, "shop", value, kind=KeyKind.LWA_REFRESH_TOKEN, seller="A1SELLER")
    assert scan(f"x {value}\n", token) == [("known-secret", "ours", "declared:shop")]


def test_what_a_seller_wrote_is_foreign_unless_we_hold_it(scan: Scan, tmp_path: Path) -> None:
    """A secret key in a ticket is the seller's; our own, pasted into one, is ours."""
    value = invented("ticket")
    text = f"Hello, here is my Amazon secret key: {value} please connect me\n"
    ((_, whose, key),) = scan(text)
    assert (whose, key) == ("foreign", None)
    assert scan(text, held(tmp_path, "orders", value)) == [("known-secret", "ours", "declared:orders")]


def test_a_damaged_anchor_is_told(scan: Scan, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What cannot be looked for is counted on stderr; the rest of the scan is as it was."""
    value = invented("damaged")
    good = held(tmp_path, "orders", value)
    (known,) = good.known
    bad = held(tmp_path, "orders", value, known={KnownSecret(known.fingerprint, "00" + known.sealed[2:])})
    assert scan(f"It is {value}.\n", good) != []
    write_known(tmp_path / "state", [bad], frozenset(), pepper_id=load_pepper(tmp_path / "state", create=False).id)
    assert run(["scan", str(tmp_path / "file.txt")]) == 0
    assert "1 value of keys of ours cannot be looked for" in capsys.readouterr().err
