"""Of a version of a file only what is new in it is looked at, and nothing is lost by that."""

import base64
import gzip
import io
import random
import subprocess
import tarfile
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from keywatch.collect.content.blob_lot import BlobLot
from keywatch.collect.content.git_objects import Blob, list_blobs, read_blobs
from keywatch.collect.content.git_plumbing import Git
from keywatch.collect.content.listing import Listed, listing
from keywatch.collect.content.lot_plan import planned
from keywatch.collect.content.pack import Damaged
from keywatch.collect.content.pack.delta import applied, changes, packed, unpacked
from keywatch.collect.content.pack.index import Index
from keywatch.collect.content.pack.pack import Pack
from keywatch.collect.content.text import chunks
from keywatch.collect.content.versions import Versions
from keywatch.detect.engine import Detector
from keywatch.detect.examples import expand
from keywatch.detect.known import KnownKeys
from keywatch.detect.rules import packaged
from keywatch.model.content import Chunk, Glance, Origin, Repeated
from keywatch.model.secret import Pepper
from keywatch.model.source import Sighted, Skipped
from keywatch.native.sieve import Harmless, sieve
from keywatch.scan.examination import Examination

LARGEST = 8 << 20
PLAIN = (
    "def total(orders):",
    "    return sum(order.price for order in orders)",
    "# the price of an order is never below nothing, whatever its items say",
    "class Order:",
    "    name = 'order'",
    '{"name": "shipping", "enabled": true, "retries": 3}',
    "aws:",
    "  region: eu-west-1",
    "[credentials]",
    "for item in items: print(item.title, item.quantity)",
)
"""Lines of which a file is made."""
TELLING = (
    "aws_access_key_id = AKIA{base32:16}",
    "aws_secret_access_key = {base64:40}",
    "client_secret: amzn1.oa2-cs.v1.{hex:64}",
    'REFRESH = "Atzr|Iw{base64url:100}"',
    "password = '{alnum:6}-{alnum:7}!{alnum:4}'",
    "api_token: {alnum:40}",
    "postgres://app:{alnum:18}@db.example.net/orders",
    "-----BEGIN RSA PRIVATE KEY-----",
    "{base64:64}",
    "-----END RSA PRIVATE KEY-----",
    "my seller sent his secret key, for Seller Central:",
)
"""Lines that are a secret, or a part of one."""


def edited(lines: list[str], chance: random.Random) -> list[str]:
    """Return a later version: a few lines are new, gone, changed, or elsewhere."""
    lines = list(lines)
    for _ in range(chance.randrange(1, 5)):
        place = chance.randrange(len(lines) + 1)
        kind = chance.randrange(6)
        if kind == 0 and place < len(lines):
            del lines[place]
        elif kind == 1:
            lines.insert(place, chance.choice(PLAIN))
        elif kind == 2:
            lines[place:place] = [chance.choice(PLAIN) for _ in range(chance.randrange(1, 60))]
        elif kind == 3 and place < len(lines):
            lines[place] = lines[place].upper() if chance.random() < 0.5 else lines[place][: len(lines[place]) // 2]
        elif kind == 4:
            block = lines[place : place + 9]
            del lines[place : place + 9]
            at = chance.randrange(len(lines) + 1)
            lines[at:at] = block
        else:
            lines.insert(place, expand(chance.choice(TELLING)))
    return lines


def git(path: Path, *arguments: str, text: bytes = b"") -> bytes:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", *arguments]
    return subprocess.run(command, cwd=path, check=True, capture_output=True, input=text).stdout


def history(path: Path, seed: int, versions: int, *options: str) -> None:
    """Make a repository in which three files change again and again, stored as deltas of one another."""
    chance = random.Random(seed)  # noqa: S311 - the same each time
    path.mkdir()
    git(path, "init", "-q", "-b", "main", *options)
    files = {
        name: [chance.choice(PLAIN) for _ in range(chance.randrange(400, 1300))]
        for name in ("a.py", "b.yaml", "c/d.txt")
    }
    stream = []
    for number in range(versions):
        name = chance.choice(list(files))
        files[name] = edited(files[name], chance)
        data = ("\n".join(files[name]) + "\n").encode()
        stream.append(
            b"commit refs/heads/main\ncommitter a <a@example.org> %d +0000\ndata 1\nx\n" % (1_700_000_000 + number)
        )
        stream.append(b"M 100644 inline %b\ndata %d\n%b\n" % (name.encode(), len(data), data))
    git(path, "fast-import", "--quiet", text=b"".join(stream))
    git(path, "repack", "-adfq", "--depth=50", "--window=20")


def commit(path: Path, versions: Iterable[bytes]) -> None:
    """Make a repository of one file, stored as deltas of one version after the other."""
    path.mkdir()
    git(path, "init", "-q", "-b", "main")
    stream = []
    for number, data in enumerate(versions):
        stream.append(b"commit refs/heads/main\ncommitter a <a@example.org> %d +0000\ndata 1\nx\n" % number)
        stream.append(b"M 100644 inline a.yaml\ndata %d\n%b\n" % (len(data), data))
    git(path, "fast-import", "--quiet", text=b"".join(stream))
    git(path, "repack", "-adfq", "--depth=50")


def lots(path: Path, largest: int = LARGEST) -> tuple[list[BlobLot], list[bytes]]:
    repository = Git(path)
    found = listing(32 if repository.object_format == "sha256" else 20, 0)
    found.lines(git(path, "rev-list", "--objects", "--all", "--filter=object:type=blob", "--filter-provided-objects"))
    plan = planned(repository, "t", Listed(*found.listed()), largest)
    return plan.lots, plan.others


def blobs(path: Path) -> Iterator[Blob]:
    repository = Git(path)
    found = list_blobs(repository, largest=LARGEST)
    try:
        for blob in read_blobs(repository, found):
            assert isinstance(blob, Blob)
            yield blob
    finally:
        found.close()


pytestmark = pytest.mark.usefixtures("kernel")
DETECTOR = Detector(packaged())
Found = set[tuple[str, str, int, str, tuple[int, int, int, int]]]
"""Rule, blob, offset, confidence; lines and columns."""


def by_versions(path: Path) -> Found:
    """Return what is found where only what is new is looked at."""
    found: Found = set()
    examine = Examination(DETECTOR, Pepper(bytes(32)), KnownKeys(()))
    for lot in lots(path)[0]:
        for one in examine.lot(lot).findings:
            found |= {
                (
                    one.rule.id,
                    place.blob or "",
                    place.offset,
                    one.confidence.value,
                    (place.line, place.column, place.end_line, place.end_column),
                )
                for place in one.places
            }
    return found


def one_by_one(path: Path) -> Found:
    """Return what is found where every version is looked at whole, as if there had been none before."""
    found: Found = set()
    for blob in blobs(path):
        DETECTOR.forget()
        for chunk in chunks(blob.data, Origin("t", blob.path, blob.id)):
            assert isinstance(chunk, Chunk)
            for match in DETECTOR.scan(chunk):
                where = (match.line, match.column, match.end_line, match.end_column)
                found.add((match.rule.id, blob.id, match.offset, match.confidence.value, where))
    return found


@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_lost(seed: int, tmp_path: Path) -> None:
    """What is found in each version is what looking at all of it finds: the same rules, at the same places."""
    history(tmp_path / "repo", seed, 150)
    whole = one_by_one(tmp_path / "repo")
    assert len({blob for _, blob, *_ in whole}) > 20
    assert by_versions(tmp_path / "repo") == whole
    # Now that all that is harmless is known to be so:
    assert by_versions(tmp_path / "repo") == whole


def test_nothing_is_lost_where_memory_is_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not fit in beside what it is made of is read in another way, with all that is made of it."""
    for name, size in {"_ROOM": 150_000, "_ENOUGH": 60_000, "_LONELY": 10_000, "_FRAMES": 8, "FULL": 3_000}.items():
        monkeypatch.setattr(f"keywatch.native.lots.{name}", size)
    history(tmp_path / "repo", 11, 120)
    assert by_versions(tmp_path / "repo") == one_by_one(tmp_path / "repo")
    expected = {blob.id: blob.data for blob in blobs(tmp_path / "repo")}
    assert handed_out(tmp_path / "repo") == expected


def test_what_is_still_there_is_told_without_another_look(tmp_path: Path, kernel: bool) -> None:
    """A secret in a long file, which changes at its end: its line is the same, or moves with what is above it."""
    top, rest = [expand(TELLING[2])], [f"{PLAIN[0]} {number}" for number in range(2500)]
    versions: list[bytes] = []
    for number in range(10):
        rest.append(f"# {number}")
        if number == 5:
            rest[900] = "another\nline"
            top *= 2
        data = "\n".join([*rest[:1000], *top, *rest[1000:]]).encode()
        versions.append(data)
    commit(tmp_path / "repo", versions)
    DETECTOR.forget()
    kinds: Counter[type] = Counter()
    (lot,) = lots(tmp_path / "repo")[0]
    reading = lot.read(DETECTOR.harmless())
    with suppress(StopIteration):
        item = next(reading)
        while True:
            kinds[type(item)] += 1
            answer = Sighted()
            if isinstance(item, Glance):
                answer = Sighted(marks=DETECTOR.glance(item.data) or ())
            elif isinstance(item, Chunk):
                answer = Sighted([(match.offset, match.offset + match.length) for match in DETECTOR.scan(item)])
            item = reading.send(answer)
    assert kinds[Repeated] == (8 if kernel else 0)
    whole = one_by_one(tmp_path / "repo")
    assert len(whole) == 15
    assert by_versions(tmp_path / "repo") == whole


def test_several_secrets_in_one_place_are_told_once_each(tmp_path: Path) -> None:
    """All that an encoded text holds stands where the text does, in version after version."""
    inner = "\n".join(line for text in TELLING[:3] for line in expand(text).splitlines() * 2)
    top, rest = base64.b64encode(inner.encode()).decode(), [f"{PLAIN[0]} {number}" for number in range(2500)]
    versions: list[bytes] = []
    for number in range(8):
        rest.append(f"# {number}")
        data = "\n".join([*rest[:1000], top, *rest[1000:]]).encode()
        versions.append(data)
    commit(tmp_path / "repo", versions)
    examine = Examination(DETECTOR, Pepper(bytes(32)), KnownKeys(()))
    findings = [one for lot in lots(tmp_path / "repo")[0] for one in examine.lot(lot).findings]
    each = [DETECTOR.scan(Chunk(blob.data, Origin("t", blob.path, blob.id))) for blob in blobs(tmp_path / "repo")]
    assert len(each[0]) > 1
    assert len({match.offset for match in each[0]}) == 1
    assert len(findings) == sum(map(len, each))


def test_what_must_be_unpacked_first_is_looked_into_in_each_version(tmp_path: Path) -> None:
    """Other encodings, archives, mail, what stands behind a NUL: beside text, and as versions of text."""
    chance = random.Random(3)  # noqa: S311 - the same each time
    lines = [chance.choice(PLAIN) for _ in range(300)]
    stream = []
    for number in range(12):
        lines = edited(lines, chance)
        lines.insert(number, expand(TELLING[2]))
        text = "\n".join(lines)
        for name, data in {
            "a.txt": text.encode("utf-16" if number % 3 == 1 else "utf-8"),
            "b.txt": text.encode("utf-16-be"),
            "c.bin": b"\x7fELF\0\0\1" + text.encode(),
            "d.gz": gzip.compress(text.encode(), mtime=0),
            "e.exe": b"MZ" + text.encode() + zipped(text),
            "f.eml": b"Content-Type: text/plain; charset=utf-8\n\n" + text.encode(),
            "g.tar": tar(text),
        }.items():
            stream.append(b"commit refs/heads/main\ncommitter a <a@example.org> %d +0000\ndata 1\nx\n" % number)
            stream.append(b"M 100644 inline %b\ndata %d\n%b\n" % (name.encode(), len(data), data))
    (tmp_path / "repo").mkdir()
    git(tmp_path / "repo", "init", "-q", "-b", "main")
    git(tmp_path / "repo", "fast-import", "--quiet", text=b"".join(stream))
    git(tmp_path / "repo", "repack", "-adfq", "--depth=50", "--window=30")
    whole = one_by_one(tmp_path / "repo")
    assert {blob for _, blob, *_ in whole} == {blob.id for blob in blobs(tmp_path / "repo")}
    assert by_versions(tmp_path / "repo") == whole


def zipped(text: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("inner", text)
    return file.getvalue()


def tar(text: str) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        member = tarfile.TarInfo("inner")
        member.size = len(text.encode())
        archive.addfile(member, io.BytesIO(text.encode()))
    return file.getvalue()


def test_names_of_sha256_are_known(tmp_path: Path) -> None:
    history(tmp_path / "repo", 7, 60, "--object-format=sha256")
    assert by_versions(tmp_path / "repo") == one_by_one(tmp_path / "repo")


def test_little_is_looked_at_again(tmp_path: Path) -> None:
    """Most versions come with what changed in them, and that is a small part of them."""
    history(tmp_path / "repo", 1, 150)
    told = whole = changed = 0
    for lot in lots(tmp_path / "repo")[0]:
        reading = lot.read()
        item = next(reading, None)
        while item is not None:
            assert isinstance(item, Chunk)
            if item.changed is None:
                whole += len(item.data)
            else:
                told += len(item.data)
                changed += sum(end - start for start, end in item.changed.stretches)
            try:
                item = reading.send(Sighted())
            except StopIteration:
                break
    assert told > 4 * whole
    assert changed < told / 10


def handed_out(path: Path) -> dict[str, bytes]:
    """Return each blob that lots hand out, where every glance is answered with: look at all of it."""
    read: dict[str, bytes] = {}
    for lot in lots(path)[0]:
        reading = lot.read(Harmless())
        with suppress(StopIteration):
            item = next(reading)
            while True:
                if isinstance(item, Chunk):
                    assert item.origin.blob not in read
                    read[item.origin.blob or ""] = item.data
                item = reading.send(None)
    return read


def test_every_blob_is_handed_out_whole(tmp_path: Path) -> None:
    """What the pack's reader makes of deltas is what git makes of them, however it packed them."""
    history(tmp_path / "repo", 3, 80)
    expected = {blob.id: blob.data for blob in blobs(tmp_path / "repo")}
    for options in ([], ["-c", "repack.useDeltaBaseOffset=false"], ["-c", "pack.indexVersion=1"]):
        git(tmp_path / "repo", *options, "repack", "-adfq", "--depth=50")
        read = handed_out(tmp_path / "repo")
        others = lots(tmp_path / "repo")[1]
        assert read or len(others) == len(expected)  # an index of the first version is left to git
        assert {name: expected[name or ""] for name in read} == read
        assert len(read) + len(others) == len(expected)


def test_loose_objects_are_left_to_git(tmp_path: Path) -> None:
    history(tmp_path / "repo", 3, 20)
    (tmp_path / "repo" / "new").write_text("new\n")
    git(tmp_path / "repo", "add", "new")
    git(tmp_path / "repo", "commit", "-qm", "new")
    (name,) = lots(tmp_path / "repo")[1]
    assert name.endswith(b" new")


@pytest.mark.parametrize("where", [0.0, 0.3, 0.6, 0.9])
def test_what_is_broken_is_asked_of_git(where: float, tmp_path: Path) -> None:
    """A damaged pack makes nothing else unreadable, and what it makes unreadable is told."""
    history(tmp_path / "repo", 5, 60)
    expected = {blob.id: blob.data for blob in blobs(tmp_path / "repo")}
    plan = lots(tmp_path / "repo")[0]
    (pack,) = (tmp_path / "repo/.git/objects/pack").glob("*.pack")
    pack.chmod(0o600)
    data = bytearray(pack.read_bytes())
    at = plan[0].offsets[int(len(plan[0].offsets) * where)] + 8
    data[at : at + 40] = bytes(byte ^ 0x5A for byte in data[at : at + 40])
    pack.write_bytes(data)
    items = [item for lot in plan for item in lot.read()]
    read = {item.origin.blob: item.data for item in items if isinstance(item, Chunk)}
    lost = [item for item in items if isinstance(item, Skipped)]
    assert lost
    assert len(read) + len(lost) == len(expected)
    assert all(expected[name or ""] == content for name, content in read.items())


@pytest.mark.parametrize(
    "delta",
    [
        b"",
        b"\x84",
        b"\x04\x08\x91\x00\x09",
        b"\x04\x04\x00",
        b"\x04\x04\x05ab",
        b"\x05\x04\x90\x04",
        b"\x04\x02\x90\x04",
        b"\x04\xff\xff\xff\xff\x0f\x90\x04",
        b"\xff" * 12,
    ],
)
def test_a_delta_that_lies_is_refused(delta: bytes) -> None:
    with pytest.raises(Damaged):
        applied(delta, b"base", 1 << 20)


def test_changes_are_where_they_are() -> None:
    """Each byte outside of the stretches was copied along with its neighbours, and what was sighted there with it."""
    #        copies 0..4, says "new", copies 6..10 (so 4..6 is gone)
    delta = b"\x0a\x0b\x90\x04\x03new\x91\x06\x04"
    assert applied(delta, b"0123456789", 100) == b"0123new6789"
    assert changes(delta).stretches == [(4, 7)]
    marks = [(0, 4, 1, 0), (2, 5, 2, 9), (6, 9, 3, 0), (7, 8, 4, 1)]
    moved, concerned = changes(delta).moved(packed(marks), 100)
    assert unpacked(moved) == [(0, 4, 1, 0), (7, 10, 3, 0), (8, 9, 4, 1)]
    assert concerned
    assert not changes(delta).moved(packed([(0, 3, 1, 0), (8, 9, 1, 1)]), 100)[1]
    #       copies 0..4 and 6..10: nothing new, and yet a new neighbourhood
    assert changes(b"\x0a\x08\x90\x04\x91\x06\x04").stretches == [(4, 4)]
    #       the end is gone
    assert changes(b"\x0a\x04\x90\x04").stretches == [(4, 4)]


def test_an_index_or_pack_that_is_none_is_refused(tmp_path: Path) -> None:
    for content in (b"", b"\xfftOc\x00\x00\x00\x02", b"\xfftOc\x00\x00\x00\x02" + b"\xff" * 2000, b"x" * 5000):
        (tmp_path / "pack-1.idx").write_bytes(content)
        (tmp_path / "pack-1.pack").write_bytes(content)
        with pytest.raises(Damaged):
            Index(tmp_path / "pack-1.idx", 20)
        with pytest.raises(Damaged):
            Pack(tmp_path / "pack-1.pack", 20, LARGEST)


def test_a_damaged_pack_gives_what_is_right_or_nothing(tmp_path: Path) -> None:
    """Wherever a byte of it is another one: each blob is handed out as it is, or told as one to ask git for, once."""
    history(tmp_path / "repo", 13, 40)
    expected = {blob.id: blob.data for blob in blobs(tmp_path / "repo")}
    (lot,) = lots(tmp_path / "repo")[0]
    pack = Path(lot.pack)
    index, whole = pack.with_suffix(".idx").read_bytes(), pack.read_bytes()
    chance = random.Random(17)  # noqa: S311 - the same each time
    (tmp_path / "pack-1.idx").write_bytes(index)
    lost = 0
    for _ in range(400):
        data = bytearray(whole)
        at = chance.randrange(12, len(data))
        if chance.random() < 0.7:
            at = min(chance.choice(lot.offsets) + chance.randrange(24), len(data) - 1)
        data[at] ^= 1 << chance.randrange(8)
        missing = chance.choice((0, 0, 0, chance.randrange(len(data) // 2)))
        (tmp_path / "pack-1.pack").write_bytes(data[: len(data) - missing])
        damaged = Pack(tmp_path / "pack-1.pack", 20, LARGEST)
        sifting = sieve(Harmless())
        reading = Versions(damaged, lot.offsets, lot.parents, lot.origin, LARGEST, sifting).read()
        read: Counter[str | None] = Counter()
        left: list[str | None] = []
        try:
            item = next(reading)
            while True:
                if isinstance(item, Chunk):
                    assert item.data == expected[item.origin.blob or ""]
                    read[item.origin.blob] += 1
                item = reading.send(None)
        except StopIteration as end:
            left = [lot.origin(place).blob for place in end.value]
        damaged.close()
        lost += len(left)
        assert read + Counter(left) == Counter(expected.keys())
    assert lost > 400
