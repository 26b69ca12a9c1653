"""What the daemon leaves of the inventory for `keywatch scan`: names and fingerprints, whole, for its owner alone."""

import base64
import hashlib
import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from keywatch.detect.anchors import Anchors
from keywatch.detect.sealing import sealed
from keywatch.model.finding import Ownership
from keywatch.model.key import Handle, HandleSpace, Key, KeyKind, Location, SourceId
from keywatch.model.known_secret import KnownSecret
from keywatch.model.secret import Fingerprint, Pepper, Secret
from keywatch.scan.known_file import KNOWN, read_known, write_known

PEPPER = Pepper(bytes(32))
VALUE = Secret(hashlib.sha256(b"an EXAMPLE value").hexdigest().encode())
OTHER = Fingerprint("b" * 64)
ONE_KEY = (
    b'{"version": 2, "pepper": "PEPPER", "accounts": [], "keys": [{"kind": "other", "name": "n",'
    b' "handles": [["declared", "n"]], "fingerprints": [], "known": %s}]}'
)


def known_secret(value: Secret) -> KnownSecret:
    """Return what is kept of a value that is not refused."""
    kept = sealed(value, PEPPER)
    assert isinstance(kept, KnownSecret)
    return kept


KEY = Key(
    kind=KeyKind.LWA_REFRESH_TOKEN,
    handles=(Handle(HandleSpace.DECLARED, "orders"),),
    name="örders \x1b[31m",
    locations=(Location(SourceId("declared"), "keywatch.toml"),),
    fingerprints=frozenset({PEPPER.fingerprint(VALUE)}),
    seller="A1SELLER",
    known=frozenset({known_secret(VALUE)}),
)
# The pair of id and account is published: see tests/detect/test_known.py.
OUR_ID, ACCOUNTS = "ASIA" + "Y34FZKBOKMUTVV7A", frozenset({"609629065308"})


def write(directory: Path, *keys: Key, pepper: Pepper = PEPPER) -> bool:
    """Leave `keys`, as the daemon does."""
    return write_known(directory, keys, ACCOUNTS, pepper_id=pepper.id)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """A scan knows every key and account the daemon knew."""
    write(tmp_path, KEY)
    known = read_known(tmp_path, PEPPER.id)
    assert [replace(KEY, locations=())] == list(known.keys)
    assert known.identify(OTHER, (Handle(HandleSpace.AWS_ACCESS_KEY_ID, OUR_ID),)) == (None, Ownership.OURS)
    assert known.identify(PEPPER.fingerprint(VALUE), ()) == (KEY.id, Ownership.OURS)


def test_the_file_is_its_owners(tmp_path: Path) -> None:
    """Nobody else may read it, nothing is left beside it, and it holds no value."""
    write(tmp_path, KEY)
    (file,) = tmp_path.iterdir()
    assert (file.name, stat.S_IMODE(file.stat().st_mode)) == (KNOWN, 0o600)
    written = file.read_bytes()
    value = VALUE.reveal()
    forms = (written, base64.b64encode(written), bytes.fromhex("".join(sealed_in(written))))
    for at in range(len(value) - 4):
        assert not any(value[at : at + 5] in form for form in forms)
        assert value[at : at + 5].hex().encode() not in written


def sealed_in(written: bytes) -> list[str]:
    """Return the sealed anchors of the file."""
    return [sealed for key in json.loads(written)["keys"] for _, sealed in key["known"]]


def test_an_unchanged_inventory_is_not_written_again(tmp_path: Path) -> None:
    """The order in which keys are read changes nothing; a key that comes or goes does."""
    other = Key(kind=KeyKind.OTHER, handles=(Handle(HandleSpace.DECLARED, "a"),), name="a", locations=())
    assert write(tmp_path, KEY, other)
    assert not write(tmp_path, other, KEY)
    assert write(tmp_path, KEY)


def test_without_a_file_nothing_is_known(tmp_path: Path) -> None:
    """An installation without a daemon scans all the same, silently."""
    told: list[str] = []
    assert read_known(tmp_path, PEPPER.id, told.append).keys == ()
    assert read_known(tmp_path / KNOWN / "x", PEPPER.id, told.append).keys == ()
    assert told == []


def test_another_peppers_fingerprints_mean_nothing(tmp_path: Path) -> None:
    """A file made under another pepper is passed over."""
    write(tmp_path, KEY, pepper=Pepper(b"\1" * 32))
    assert read_known(tmp_path, PEPPER.id).keys == ()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b"{}",
        b"[" * 100_000,
        b'{"version": 1, "pepper": "PEPPER", "accounts": [1], "keys": []}',
        b'{"version": 1, "pepper": "PEPPER", "accounts": [], "keys": [{}]}',
        b'{"version": 1, "pepper": "PEPPER", "accounts": [], "keys": [3]}',
        b'{"version": 1, "pepper": "PEPPER", "accounts": [], "keys": {"a": 3}}',
        ONE_KEY % b"[[1, 2]]",
        ONE_KEY % b"7",
        b'{"version": 1, "pepper": "PEPPER", "accounts": [], "keys": [{"kind": "other", "name": "n", "handles": []}]}',
    ],
)
def test_a_damaged_file_is_told_and_passed_over(tmp_path: Path, body: bytes) -> None:
    """A file that is no such file stops no scan; whoever scans is told that no key is named."""
    (tmp_path / KNOWN).write_bytes(body.replace(b"PEPPER", PEPPER.id.encode()))
    told: list[str] = []
    assert read_known(tmp_path, PEPPER.id, told.append).keys == ()
    assert [KNOWN in text for text in told] == [True]


def test_a_later_version_is_passed_over(tmp_path: Path) -> None:
    """A file of a form this release does not know is not guessed at."""
    write(tmp_path, KEY)
    document = json.loads((tmp_path / KNOWN).read_text())
    (tmp_path / KNOWN).write_text(json.dumps(document | {"version": 4}))
    assert read_known(tmp_path, PEPPER.id).keys == ()


def test_a_file_of_the_version_before_is_read(tmp_path: Path) -> None:
    """Without anchors, keys are named where a rule finds them, until the daemon has written the file anew."""
    write(tmp_path, KEY)
    document = json.loads((tmp_path / KNOWN).read_text())
    for key in document["keys"]:
        del key["known"], key["seller"]
    (tmp_path / KNOWN).write_text(json.dumps(document | {"version": 1}))
    known = read_known(tmp_path, PEPPER.id)
    assert known.identify(PEPPER.fingerprint(VALUE), ()) == (KEY.id, Ownership.OURS)
    assert len(Anchors(known.keys, PEPPER)) == 0


def test_an_anchor_that_was_tampered_with_is_not_looked_for(tmp_path: Path) -> None:
    """Whatever stands in the place of a sealed anchor, it is counted, and everything else of the file holds."""
    write(tmp_path, KEY)
    (good,) = sealed_in((tmp_path / KNOWN).read_bytes())
    for bad in ("", "zz", good[:-2], good + "00", good[:-1] + ("0" if good[-1] != "0" else "1"), "0" * len(good)):
        write(tmp_path, replace(KEY, known=frozenset({KnownSecret(PEPPER.fingerprint(VALUE), bad)})))
        known = read_known(tmp_path, PEPPER.id)
        anchors = Anchors(known.keys, PEPPER)
        assert (len(anchors), anchors.unopened) == (0, 1)
        assert known.identify(PEPPER.fingerprint(VALUE), ()) == (KEY.id, Ownership.OURS)


def test_a_file_that_is_none_is_told(tmp_path: Path) -> None:
    """A directory or a link in its place is neither read nor followed."""
    (tmp_path / KNOWN).mkdir()
    told: list[str] = []
    read_known(tmp_path, PEPPER.id, told.append)
    assert ["a directory" in text for text in told] == [True]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    """What cannot be put in its place is removed again."""
    (tmp_path / KNOWN).mkdir()
    (tmp_path / KNOWN / "in the way").write_text("")
    with pytest.raises(OSError, match="irectory"):
        write(tmp_path, KEY)
    assert [KNOWN] == [path.name for path in tmp_path.iterdir()]
