"""What is packed in archives, compressed files, mail, documents and databases is found where a person would look."""

import base64
import gzip
import hashlib
import io
import json
import sqlite3
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from keywatch.collect.content.archive.content import STEP
from keywatch.collect.content.archive.limits import Limits
from keywatch.collect.content.files import Directory
from keywatch.collect.content.stdin import StandardInput
from keywatch.collect.content.text import chunks, stream
from keywatch.collect.content.windows import OVERLAP, WINDOW
from keywatch.model.content import Chunk
from keywatch.model.finding import Place
from keywatch.model.source import Skipped
from tests.content.packing import (
    ARCHIVES,
    COMPRESSIONS,
    ORIGIN,
    Files,
    found,
    gathered,
    into_database,
    into_docx,
    into_mail,
    into_odt,
    into_png,
    into_pptx,
    into_seven_zip,
    into_tar,
    into_xlsx,
    into_zip,
    pieces_of,
)

FILES: Files = {
    "conf/app.env": b"A=1\nB=2\n",
    "käse.txt": "grüße\n".encode(),
    "wide.txt": "key = value\n".encode("utf-16"),
    "long.log": b"line\n" * 250_000,
    "empty": b"",
}
EXPECTED = {
    "outer!conf/app.env": FILES["conf/app.env"],
    "outer!käse.txt": FILES["käse.txt"],
    "outer!wide.txt": b"key = value\n",
    "outer!long.log": FILES["long.log"],
}


@pytest.mark.parametrize("pack", ARCHIVES.values(), ids=ARCHIVES)
def test_every_file_of_an_archive_is_read(pack: Callable[[Files], bytes]) -> None:
    """Each has its own path, whatever its name, its encoding and its size."""
    texts, skipped = found(pack(FILES))
    assert {path: text for path, text in texts.items() if "!" in path} == EXPECTED
    assert skipped == []


@pytest.mark.parametrize("pack", ARCHIVES.values(), ids=ARCHIVES)
def test_an_archive_that_comes_through_a_pipe(pack: Callable[[Files], bytes]) -> None:
    """Read piece by piece, however small the pieces, an archive gives the same."""
    data = pack(FILES)
    if data.startswith(b"#!"):
        return  # what it is stands at its end
    texts, skipped = gathered(stream(pieces_of(data, 1000), ORIGIN))
    assert {path: text for path, text in texts.items() if "!" in path} == EXPECTED
    assert skipped == []


@pytest.mark.parametrize("compress", COMPRESSIONS.values(), ids=COMPRESSIONS)
def test_a_compressed_file(compress: Callable[[bytes], bytes]) -> None:
    """The one file in it has the name it had before; several streams behind each other are one file."""
    data = compress(b"one\n") + compress(b"two\n") + bytes(100)
    (chunk,) = [item for item in stream(pieces_of(data, 7), ORIGIN) if isinstance(item, Chunk)]
    assert (chunk.origin.path, chunk.data) == ("outer!outer.unpacked", b"one\ntwo\n")


@pytest.mark.parametrize(
    ("name", "inside"),
    [("app.log.gz", "app.log"), ("a.svgz", "a.svg"), ("dump", "dump.unpacked"), (".gz", ".gz.unpacked")],
)
def test_the_name_of_a_compressed_file(tmp_path: Path, name: str, inside: str) -> None:
    """It is the name without the ending that compressing added."""
    (tmp_path / name).write_bytes(gzip.compress(b"one"))
    assert list(texts_of(tmp_path)) == [f"{name}!{inside}"]


@pytest.mark.parametrize("compress", COMPRESSIONS.values(), ids=COMPRESSIONS)
def test_a_compressed_tar_archive_is_one(compress: Callable[[bytes], bytes]) -> None:
    """`backup.tar.gz!conf/app.env`: a person does not see two archives in it."""
    assert found(compress(into_tar(FILES)))[0] == EXPECTED


def test_archives_in_archives() -> None:
    """Paths go on with `!` at each; an archive deeper than the limit is named."""
    data = b"A=1\n"
    path = "outer"
    for depth in range(4):
        data = into_zip({f"{depth}": data}) if depth % 2 else gzip.compress(into_tar({f"{depth}": data}))
        path = path.replace("outer", f"outer!{depth}")
    assert found(data) == ({path: b"A=1\n"}, [])
    texts, (skipped,) = found(into_zip({"top": data}))
    assert texts == {}
    assert (skipped.what, skipped.why) == (
        "target: outer!top!3!2!1",
        "an archive inside 4 others is not opened",
    )


def test_lines_columns_and_offsets_are_those_of_the_inner_file() -> None:
    """The place of a chunk is counted in the file inside, windows and overlaps included."""
    content = b"x" * 79 + b"\n"
    content *= 3 * WINDOW // len(content)
    items = [item for item in chunks(gzip.compress(content), ORIGIN) if isinstance(item, Chunk)]
    assert len(items) > 3
    assert b"".join(item.data[item.overlap :] for item in items) == content
    for item in items:
        before = content[: item.offset]
        assert content[item.offset : item.offset + len(item.data)] == item.data
        assert item.first_line == before.count(b"\n") + 1
        assert item.first_column == len(before) - before.rfind(b"\n")
        assert len(item.data) <= STEP + OVERLAP


def texts_of(directory: Path) -> dict[str, bytes]:
    items = [item for batch in Directory(directory).read({}) for item in batch.chunks]
    return {item.origin.path: item.data for item in items}


def test_archives_in_a_directory(tmp_path: Path) -> None:
    """Large ones are read from the file itself, small ones from memory."""
    noise = bytes(range(256)) * (WINDOW // 256)
    (tmp_path / "large.zip").write_bytes(into_zip({"noise": noise, "a": b"one"}, zipfile.ZIP_STORED))
    (tmp_path / "large.7z").write_bytes(into_seven_zip({"noise": noise, "a": b"one"}, [{"id": 33, "preset": 0}]))
    (tmp_path / "small.zip").write_bytes(into_zip({"a": b"one"}))
    texts = texts_of(tmp_path)
    assert {path: text for path, text in texts.items() if path.endswith("!a")} == {
        "large.zip!a": b"one",
        "large.7z!a": b"one",
        "small.zip!a": b"one",
    }


def test_an_archive_on_standard_input() -> None:
    """What is piped in is looked into as a file is."""
    for pack in (into_zip, into_tar, into_seven_zip):
        batches = list(StandardInput(io.BytesIO(pack({"a": b"one"}))).read({}))
        assert [item.origin.path for batch in batches for item in batch.chunks] == ["stdin!a"]


def test_what_is_gone_from_a_directory(tmp_path: Path) -> None:
    """A place inside an archive is gone when the archive was removed or has other content."""
    for name in ("a.zip", "b.zip", "c!d.zip"):
        (tmp_path / name).write_bytes(into_zip({"x": name.encode()}))
    source = Directory(tmp_path)
    items = [item for batch in source.read({}) for item in batch.chunks]
    places = {
        item.origin.path: Place(target="x", path=item.origin.path, line=1, column=1, blob=item.origin.blob)
        for item in items
    }
    assert source.gone(places.values()) == frozenset()
    (tmp_path / "a.zip").unlink()
    (tmp_path / "b.zip").write_bytes(into_zip({"x": b"other"}))
    assert source.gone(places.values()) == {places["a.zip!x"], places["b.zip!x"]}


@pytest.mark.parametrize(
    ("pack", "part", "ending"),
    [(into_docx, "word/document.xml", b""), (into_pptx, "ppt/slides/slide1.xml", b""), (into_odt, "content.xml", b"")],
    ids=["docx", "pptx", "odt"],
)
def test_text_of_a_document_is_legible(pack: Callable[[list[list[str]]], bytes], part: str, ending: bytes) -> None:
    """A word that is cut into pieces by its looks comes out in one, a paragraph in a line."""
    texts, skipped = found(pack([["first"], ["pass", "wo", "rd", " = x &amp; y"]]))
    assert (texts[f"outer!{part}"], skipped) == (b"first\npassword = x & y\n" + ending, [])


def test_a_spreadsheet() -> None:
    """A row is a line; words that no cell shows any more are told as well."""
    texts, _ = found(into_xlsx([["name", "value"], ["a", "b"]], unused=("left behind",)))
    assert texts["outer!xl/worksheets/sheet1.xml"] == b"name\tvalue\t\na\tb\t\n"
    assert texts["outer!xl/sharedStrings.xml"] == b"left behind\n"


def test_mail() -> None:
    """Text stays in its place; what is encoded has a path of its own, and is not told twice."""
    letter = into_mail({"notes.txt": b"one\ntwo\n", "b.zip": into_zip({"c": b"three"})})
    texts, skipped = found(letter)
    assert skipped == []
    assert (texts["outer!notes.txt"], texts["outer!b.zip!c"]) == (b"one\ntwo\n", b"three")
    assert b"see the attachment" in texts["outer"]
    assert base64.b64encode(b"one\ntwo\n") not in texts["outer"]
    box = b"From a@example.test Thu Jan  1 00:00:00 2026\n" + letter + b"\n"
    texts, _ = found(box * 2)
    assert [path for path in texts if "notes" in path] == ["outer!1/notes.txt", "outer!2/notes.txt"]


def test_places_in_mail_skip_what_is_encoded() -> None:
    """The lines behind an attachment have the numbers they have in the file."""
    letter = into_mail({"a": b"one" * 1000}) + b"behind\n"
    last = [item for item in chunks(letter, ORIGIN) if isinstance(item, Chunk) and item.origin.path == "outer"][-1]
    assert letter[last.offset : last.offset + len(last.data)] == last.data
    assert last.first_line == letter[: last.offset].count(b"\n") + 1
    assert last.data.endswith(b"behind\n")


@pytest.mark.parametrize(
    ("head", "body", "name", "text"),
    [
        pytest.param(
            b"Content-Type: text/plain; charset=utf-16le\nContent-Transfer-Encoding: base64\n",
            base64.encodebytes("ä=1".encode("utf-16-le")),
            "part-1.txt",
            "ä=1".encode(),
            id="charset",
        ),
        pytest.param(
            b"Content-Transfer-Encoding: Quoted-Printable\n",
            b"pass=\nword=3D1\n",
            "part-1.txt",
            b"password=1\n",
            id="quoted-printable",
        ),
        pytest.param(
            b"Content-Type: text/html; name*=utf-8''k%C3%A4se.html\nContent-Transfer-Encoding: base64\n",
            b"PGI+MTwv\nYj4=\n",
            "käse.html",
            b"<b>1</b>",
            id="name-in-pieces",
        ),
        pytest.param(b"Subject: =?utf-8?b?w6Q9MQ==?=\n", b"x\n", "headers", "Subject: ä=1\n".encode(), id="headers"),
    ],
)
def test_encodings_in_mail(head: bytes, body: bytes, name: str, text: bytes) -> None:
    """Transfer encodings, charsets, encoded headers and names are undone."""
    assert found(b"MIME-Version: 1.0\n" + head + b"\n" + body)[0][f"outer!{name}"] == text


def test_a_database() -> None:
    """A row is a line of JSON; what was deleted is still seen in the file as it stands."""
    with sqlite3.connect(":memory:") as database:
        database.execute("CREATE TABLE settings (name TEXT, value TEXT)")
        database.execute("INSERT INTO settings VALUES ('deleted', 'gone')")
        database.execute("DELETE FROM settings")
        database.execute("INSERT INTO settings VALUES ('long', ?)", ("x" * 20_000 + "end",))
        database.execute('CREATE TABLE "odd ""name" (data BLOB)')
        database.execute('INSERT INTO "odd ""name" VALUES (?)', (gzip.compress(b"packed"),))
        database.commit()
        texts, skipped = found(database.serialize())
    assert skipped == []
    assert json.loads(texts["outer!settings"]) == {"name": "long", "value": "x" * 20_000 + "end"}
    assert b"SQLite format" in texts["outer"]
    assert texts['outer!odd "name/1.data!outer.unpacked'.replace("outer.unpacked", "1.data.unpacked")] == b"packed"


@pytest.mark.parametrize("size", [10, 100_000], ids=["in-memory", "from-the-file"])
def test_a_database_in_a_directory(tmp_path: Path, size: int) -> None:
    """One with a write-ahead log, too; nothing is written beside it."""
    path = tmp_path / "a.db"
    database = sqlite3.connect(path)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("CREATE TABLE t (name TEXT)")
    database.executemany("INSERT INTO t VALUES (?)", [("x" * 50,)] * size)
    database.commit()
    database.close()
    before = sorted(tmp_path.iterdir())
    lines = sum(
        item.data[item.overlap :].count(b"\n")
        for batch in Directory(tmp_path).read({})
        for item in batch.chunks
        if item.origin.path == "a.db!t"
    )
    assert lines == size
    assert sorted(tmp_path.iterdir()) == before


def test_pictures() -> None:
    """Of a picture only the text that it carries is read."""
    assert found(into_png(Comment="one", Author="two"))[0] == {"outer!text": b"Comment: one\nAuthor: two\n"}
    jpeg = b"\xff\xd8\xff\xe0\0\x10JFIF\0" + bytes(9) + b"\xff\xfe\0\x05one" + b"\xff\xda\0\x02" + bytes(99)
    assert found(jpeg)[0] == {"outer!text": b"one\n"}
    assert found(into_png()) == ({}, [])


@pytest.mark.parametrize(
    "text",
    [
        b"BZh is how bzip2 begins\n",
        b"From here on it is text\n",
        b"Date: today\nnothing encoded\n",
        b"X-Ray: 1\n",
        b"PKZIP\n",
    ],
)
def test_text_that_begins_like_an_archive_is_text(text: bytes) -> None:
    """What looks like something else in its first letters only is read as it stands."""
    assert found(text) == ({"outer": text}, [])


def encrypted_zip() -> bytes:
    """Two files flagged as encrypted, and one that is not."""
    data = bytearray(into_zip({"a": b"one", "b": b"two", "c": b"three"}))
    for sign, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = -1
        for _ in range(2):
            at = data.index(sign, at + 1)
            data[at + flags] |= 1
    return bytes(data)


def test_an_encrypted_archive_is_told_once() -> None:
    """However many files are encrypted, it is one line, with what to do; the others are read."""
    texts, (skipped,) = found(encrypted_zip())
    assert texts == {"outer!c": b"three"}
    assert (skipped.what, skipped.why) == ("target: outer!a and 1 more in it", "encrypted")
    assert skipped.hint is not None


def test_rar_is_told() -> None:
    """What cannot be opened at all is never taken for clean."""
    assert [item.why for item in found(b"Rar!\x1a\x07\x01\0" + bytes(50))[1]] == ["RAR archives cannot be opened"]


@pytest.mark.parametrize("pack", ARCHIVES.values(), ids=ARCHIVES)
def test_of_a_truncated_archive_what_was_legible_is_read(pack: Callable[[Files], bytes]) -> None:
    """What comes before the cut is found, and that something is missing is told."""
    files = {"a": b"one\n", "b": hashlib.shake_128(b"noise").digest(50_000)}
    data = pack(files)
    texts, skipped = found(data[: len(data) * 2 // 3])
    if data.startswith((b"7z", b"#!")):  # what is in it stands at its end
        assert "outer!a" not in texts
    else:
        assert texts["outer!a"] == b"one\n"
    if not data.startswith((b"From", b"#!")):
        assert skipped
        assert all(item.why.startswith("damaged") for item in skipped)


@pytest.mark.parametrize("compress", COMPRESSIONS.values(), ids=COMPRESSIONS)
def test_of_a_truncated_compressed_file_the_beginning_is_read(compress: Callable[[bytes], bytes]) -> None:
    """What can be unpacked is, and the rest is told."""
    packed = compress(b"".join(f"{number}\n".encode() for number in range(100_000)))
    texts, (skipped,) = found(packed[: len(packed) - len(packed) // 20])
    assert b"".join(texts.values()).startswith(b"0\n1\n2\n") or compress is COMPRESSIONS["bz2"]
    assert skipped.why == "damaged: cut off"


def test_what_only_claims_to_be_packed_is_read_as_it_stands() -> None:
    """Damage at the very beginning may mean that it is something else: its bytes are scanned, and it is told."""
    data = b"\x1f\x8b\x08 a text that begins like gzip\n"
    texts, (skipped,) = found(data)
    assert texts == {"outer": data}
    assert skipped.why == "damaged: broken inside"


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "a\n\x1b[31m", "n" * 5000, "bad\udcff", "a\\b"])
def test_names_inside_archives_are_only_told(tmp_path: Path, name: str) -> None:
    """A hostile name leads nowhere, is no longer than a name is, and holds nothing that cannot be written."""
    for form in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        texts, skipped = found(into_tar({name: b"one"}, form))
        (path,) = texts
        assert (texts[path], skipped) == (b"one", [])
        assert path.startswith("outer!")
        assert len(path) < 600
        assert path.encode()
    assert list(tmp_path.iterdir()) == []


def test_a_name_with_a_nul() -> None:
    """No database takes one."""
    data = into_zip({"a_b": b"one"}).replace(b"a_b", b"a\0b")
    assert list(found(data)[0]) == ["outer!a\\0b"]


def test_an_archive_that_was_committed(tmp_path: Path) -> None:
    """A finding in it has the name of the blob, so that it is known who committed it."""

    def git(*words: str) -> None:
        identity = ("-c", "user.name=A", "-c", "user.email=a@example.test")
        subprocess.run(["git", "-C", str(tmp_path), *identity, *words], check=True, capture_output=True)

    git("init", "-q")
    (tmp_path / "a.zip").write_bytes(into_zip({"conf/app.env": b"A=1\n"}))
    git("add", ".")
    git("commit", "-qm", "one")
    from keywatch.collect.content.git import GitRepository

    (item,) = [item for batch in GitRepository(tmp_path).read({}) for item in batch.chunks]
    name = subprocess.run(
        ["git", "-C", str(tmp_path), "rev-parse", "HEAD:a.zip"], check=True, capture_output=True, text=True
    )
    assert (item.origin.path, item.origin.blob) == ("a.zip!conf/app.env", name.stdout.strip())


def test_limits_can_be_told_apart() -> None:
    """Too many files, and too much of them, are each named with what to do."""
    data = into_zip({f"{number}": b"one" for number in range(10)})
    texts, (skipped,) = found(data, Limits(members=3))
    assert len(texts) == 3
    assert (skipped.what, skipped.why) == ("target: outer", "holds more than 3 files; the rest was not read")
    data = into_zip({"a": b"one", "b": bytes(10_000), "c": b"two"})
    texts, (skipped,) = found(data, Limits(grace=1000, ratio=2))
    assert texts["outer!a"] == b"one"
    assert "outer!c" not in texts
    assert skipped.why == "unpacks to more than 2 times its size; the rest was not read"
    assert isinstance(skipped, Skipped)


def test_a_database_through_a_compressed_file() -> None:
    """Formats nest in every order."""
    data = gzip.compress(into_tar({"a.db": into_database({"x": b"one"})}))
    assert json.loads(found(data)[0]["outer!a.db!files"]) == {"name": "x", "data": "one"}
