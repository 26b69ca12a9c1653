"""
Archives made to exhaust whoever opens them: bounded in memory and in work, and always told.

Each is opened in a process of its own, of which the memory it ever had is measured, and whose address space is bounded
too: what would take more fails there, on every machine in the same way.
"""

import bz2
import gzip
import json
import lzma
import sqlite3
import struct
import subprocess
import sys
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywatch.collect.content.text import chunks, stream
from keywatch.collect.content.windows import OVERLAP, WINDOW
from keywatch.model.source import Skipped
from tests.content.packing import (
    ARCHIVES,
    COMPRESSIONS,
    ORIGIN,
    found,
    into_database,
    into_docx,
    into_pdf,
    into_seven_zip,
    into_tar,
    into_xlsx,
    into_zip,
    number,
    pdf_of,
    pieces_of,
)

MB = 1 << 20
_SCRIPT = """
import json, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
from keywatch.collect.content.file_content import read_file
from keywatch.model.source import Skipped
size = chunks = 0
skipped = []
for item in read_file(sys.argv[1], "target", "outer"):
    if isinstance(item, Skipped):
        skipped.append(item.why)
    else:
        size += len(item.data) - item.overlap
        chunks += 1
# getrusage would count what the parent had when it forked.
(peak,) = [int(line.split()[1]) << 10 for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(json.dumps({"size": size, "chunks": chunks, "skipped": skipped, "peak": peak}))
"""


@pytest.fixture
def opened(tmp_path: Path) -> Callable[[bytes], dict[str, Any]]:
    """What comes of opening a file, and the most memory it took."""

    def run(data: bytes) -> dict[str, Any]:
        path = tmp_path / "bomb"
        path.write_bytes(data)
        done = subprocess.run([sys.executable, "-c", _SCRIPT, str(path)], capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()[-2000:]
        answer: dict[str, Any] = json.loads(done.stdout)
        assert sorted(tmp_path.iterdir()) == [path]
        return answer

    return run


Opened = Callable[[bytes], dict[str, Any]]
ZEROS = bytes(10 * MB)
BOUNDED = "unpacks to more than 200 times its size; the rest was not read"


@pytest.mark.parametrize(
    "compress", [gzip.compress, bz2.compress, lzma.compress, COMPRESSIONS["zst"]], ids=COMPRESSIONS
)
def test_ten_gigabytes_of_zeros(opened: Opened, compress: Callable[[bytes], bytes]) -> None:
    """A stream that unpacks to too much is given up early, and takes no memory meanwhile."""
    answer = opened(compress(ZEROS) * 1000)
    assert answer["skipped"] == [BOUNDED]
    assert answer["size"] < 2500 * MB
    assert answer["peak"] < 150 * MB


def test_a_bomb_of_archives_in_archives(opened: Opened) -> None:
    """Sixteen archives in each of sixteen, five levels deep, with 100 MB in each of the deepest: all count together."""
    data = into_zip({"zeros": ZEROS * 10})
    for _ in range(3):
        data = into_zip({f"{count}.zip": data for count in range(16)})
    answer = opened(data)
    assert answer["skipped"] == [BOUNDED]
    assert answer["size"] < 200 * max(len(data), MB)
    assert answer["peak"] < 200 * MB


def test_a_file_compressed_without_end(opened: Opened) -> None:
    """A compressed file may be made to hold itself, so that layers are counted though no archive is among them."""
    data = b"A=1\n"
    for _ in range(40):
        data = gzip.compress(data)
    assert opened(data)["skipped"] == ["an archive inside 0 others is not opened"]


def entry(name: bytes, at: int, size: int = 0) -> bytes:
    return (
        b"PK\x01\x02" + struct.pack("<6H3I5H2I", 20, 20, 0, 0, 0, 0, 0, size, size, len(name), 0, 0, 0, 0, 0, at) + name
    )


def local(name: bytes, data: bytes = b"") -> bytes:
    return b"PK\x03\x04" + struct.pack("<5H3I2H", 20, 0, 0, 0, 0, 0, len(data), len(data), len(name), 0) + name + data


def end(count: int, size: int, at: int) -> bytes:
    return b"PK\x05\x06" + struct.pack("<4H2IH", 0, 0, min(count, 0xFFFF), min(count, 0xFFFF), size, at, 0)


def test_a_zip_archive_of_very_many_files(opened: Opened) -> None:
    """Its directory is never held: 200,000 entries that all name one file take no memory."""
    first = local(b"a")
    directory = entry(b"a", 0) * 200_000
    answer = opened(first + directory + end(200_000, len(directory), len(first)))
    assert answer["skipped"] == []
    assert answer["peak"] < 100 * MB


def test_files_that_lie_on_top_of_each_other(opened: Opened) -> None:
    """A few kilobytes that a thousand entries claim as theirs are read once or twice, not a thousand times."""
    data = local(b"a", bytes(100_000))
    directory = entry(b"a", 0, 100_000) * 1000
    answer = opened(data + directory + end(1000, len(directory), len(data)))
    assert answer["skipped"] == ["damaged: its files lie on top of each other, as in a bomb"]
    assert answer["size"] < 300_000


def header(kind: bytes, size: int, name: str = "x") -> bytes:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.size = size
    return info.tobuf(tarfile.GNU_FORMAT)


@pytest.mark.parametrize("kind", [b"x", b"L", b"K", b"g"])
def test_a_tar_header_of_gigabytes(opened: Opened, kind: bytes) -> None:
    """A name or an extended header of three gigabytes is passed over, not read into memory."""
    size = 300 * len(ZEROS)
    noise = gzip.compress(bytes(range(256)) * 64, 0) * 1600  # keeps the ratio honest
    data = gzip.compress(header(kind, size)) + gzip.compress(ZEROS) * 300
    data += gzip.compress(header(b"0", 1600 * 16384, "noise")) + noise + gzip.compress(into_tar({"a": b"one"}))
    answer = opened(data)
    assert answer["skipped"] == []
    assert answer["size"] == 1600 * 16384 + 3
    assert answer["peak"] < 150 * MB


def test_a_tar_file_of_holes(opened: Opened) -> None:
    """A list of holes without end is passed over; a file said to have exabytes has what is there."""
    block = bytearray(header(tarfile.GNUTYPE_SPARSE, 1 << 60))
    block[482] = 1
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    goes_on = bytes(504) + b"\1" + bytes(7)
    answer = opened(gzip.compress(bytes(block)) + gzip.compress(goes_on * 20_000) * 100)
    assert answer["skipped"] in (["damaged: cut off"], [BOUNDED])
    assert answer["peak"] < 100 * MB


def xz_with_a_giant_dictionary() -> bytes:
    data = bytearray(lzma.compress(b"one"))
    size = (data[12] + 1) * 4
    at = data.index(b"\x21\x01", 12, 12 + size)
    data[at + 2] = 40  # 4 GB
    data[12 + size - 4 : 12 + size] = struct.pack("<I", zlib.crc32(data[12 : 12 + size - 4]))
    return bytes(data)


def zip_with_a_giant_dictionary() -> bytes:
    import zipfile

    data = bytearray(into_zip({"a": b"one"}, zipfile.ZIP_LZMA))
    at = data.index(b"\x05\x00\x5d")
    data[at + 3 : at + 7] = b"\xff" * 4
    return bytes(data)


def seven_zip_with_a_giant_dictionary() -> bytes:
    return into_seven_zip({"a": b"one"}).replace(b"\x21\x21\x01\x10", b"\x21\x21\x01\x28")


def zst_with_a_giant_window() -> bytes:
    return b"\x28\xb5\x2f\xfd\0" + bytes([21 << 3]) + struct.pack("<I", 1 | 3 << 3)[:3] + b"one"


@pytest.mark.parametrize(
    "make",
    [
        xz_with_a_giant_dictionary,
        zip_with_a_giant_dictionary,
        seven_zip_with_a_giant_dictionary,
        zst_with_a_giant_window,
    ],
)
def test_a_giant_dictionary_is_refused(opened: Opened, make: Callable[[], bytes]) -> None:
    """A few bytes that ask for gigabytes of memory do not get them, and that is told."""
    answer = opened(make())
    assert len(answer["skipped"]) == 1
    assert "memory" in answer["skipped"][0]
    assert answer["peak"] < 60 * MB


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(b"\x01\x04\x06\0" + number(1 << 60), id="streams"),
        pytest.param(b"\x01\x05" + number(1 << 60), id="files"),
        pytest.param(b"\x01\x04\x07\x0b" + number(1 << 60), id="folders"),
        pytest.param(b"\x01\x04\x07\x0b\x01\0" + number(1 << 60), id="coders"),
        pytest.param(b"\x01\x05" + number(1_000_000) + b"\x11" + number(1 << 60), id="names"),
        pytest.param(
            b"\x01\x04\x06\0\x01\x09\x05\0\x07\x0b\x01\0\x01\x01\0\x0c\x05\0\x08\x0d" + number(1 << 60), id="parts"
        ),
        pytest.param(b"\x17\x06\0\x01\x09\x05\0\x07\x0b\x01\0\x01\x01\0\x0c" + number(1 << 60) + b"\0\0", id="itself"),
    ],
)
def test_a_seven_zip_header_with_huge_claims(opened: Opened, header: bytes) -> None:
    """Nothing a header counts is believed."""
    start = struct.pack("<QQI", 5, len(header), 0)
    answer = opened(b"7z\xbc\xaf\x27\x1c\0\x04" + bytes(4) + start + b"12345" + header)
    assert len(answer["skipped"]) == 1
    assert answer["skipped"][0].startswith("damaged: its header")
    assert answer["peak"] < 60 * MB


def test_a_header_that_is_somewhere_else(opened: Opened) -> None:
    """An archive whose header is said to be exabytes away, or farther than any file goes, is cut off."""
    for far in (1 << 60, (1 << 64) - 1):
        answer = opened(b"7z\xbc\xaf\x27\x1c\0\x04" + bytes(4) + struct.pack("<QQI", far, 1000, 0) + bytes(100))
        assert answer["skipped"] == ["damaged: cut off, and its header is at its end"]


def test_a_word_shown_in_very_many_cells(opened: Opened) -> None:
    """A megabyte that every cell of a sheet shows counts each time."""
    data = into_xlsx([["x" * MB]])
    sheet = b'<c t="s"><v>0</v></c>'
    import io
    import zipfile

    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    files["xl/worksheets/sheet1.xml"] = files["xl/worksheets/sheet1.xml"].replace(sheet, sheet * 100_000)
    answer = opened(into_zip(files))
    assert answer["skipped"] == [BOUNDED]
    assert answer["peak"] < 150 * MB


@pytest.mark.parametrize(
    ("body", "why"),
    [
        pytest.param(b"<x " + b"a" * 200 * MB, "an element without an end", id="an-element-without-end"),
        pytest.param(
            b"".join(b"<n%d/>" % count for count in range(2_000_000)),
            "none of an office program",
            id="names-without-end",
        ),
        pytest.param(
            b"".join(b'<n xmlns:p%d="u"/>' % count for count in range(500_000)),
            "none of an office program",
            id="prefixes-without-end",
        ),
        pytest.param(b"<w:p>" * 500_000, "broken", id="elements-in-elements"),
    ],
)
def test_xml_made_to_fill_memory(opened: Opened, body: bytes, why: str) -> None:
    """A document's XML may be anything; what the parser would keep is bounded."""
    import io
    import zipfile

    with zipfile.ZipFile(io.BytesIO(into_docx([["here"]]))) as archive:
        document = archive.read("word/document.xml")
    answer = opened(into_zip({"word/document.xml": document.replace(b"here", b"one</w:t></w:r></w:p>" + body)}))
    assert len(answer["skipped"]) == 1
    assert why in answer["skipped"][0] or answer["skipped"][0] == BOUNDED
    assert answer["peak"] < 400 * MB


def test_entities_in_xml_are_refused() -> None:
    """A billion laughs are none: no office program declares an entity."""
    document = b'<!DOCTYPE d [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><d xmlns="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><t>&b;</t></d>'
    _, (skipped,) = found(into_zip({"word/document.xml": document}))
    assert skipped.why == "damaged: its XML declares entities"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(
            pdf_of([b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[2 0 R 2 0 R]/Count 2/Parent 2 0 R>>"]),
            id="cyclic-pages",
        ),
        pytest.param(pdf_of([b"<</Type/Catalog/Pages 1 0 R>>"]), id="its-own-page"),
        pytest.param(into_pdf(["one"], extra=b"/Contents 3 0 R"), id="its-own-text"),
        pytest.param(pdf_of([b"[" * 100_000]), id="deep"),
        pytest.param(b"%PDF-1.7\n" + bytes(100), id="empty"),
        pytest.param(into_pdf(["one"]).replace(b"startxref", b"startxxxx"), id="no-table"),
    ],
)
def test_a_hostile_pdf_is_bounded(data: bytes) -> None:
    """Whatever a document does to its reader, the file as it stands is scanned and the next one is read."""
    texts, _ = found(data)
    assert texts["outer"] == data
    assert "outer!page 1" in found(into_pdf(["one"]))[0]


def test_the_reader_of_pdf_is_started_again() -> None:
    """Where it broke down, the next document has a new one."""
    from keywatch.collect.content.archive import pdf

    assert "outer!page 1" in found(into_pdf(["one"]))[0]
    assert pdf._child._process is not None
    pdf._child._process.kill()
    assert "outer!page 1" in found(into_pdf(["one"]))[0] | found(into_pdf(["one"]))[0]


def test_a_pdf_that_unpacks_without_end() -> None:
    """Text that was compressed ten times over takes no more memory than its reader has, and is told."""
    text = ZEROS * 10
    for _ in range(4):
        text = zlib.compress(text)
    filters = b"/FlateDecode" * 4
    data = pdf_of(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            b"<</Type/Page/Parent 2 0 R/Contents 4 0 R/Resources<</Font<<>>>>>>",
            b"<</Filter[%s]/Length %d>>stream\n%s\nendstream" % (filters, len(text), text),
        ]
    )
    texts, skipped = found(data)
    assert texts["outer"] == data
    assert len(skipped) == 1
    assert skipped[0].why.startswith("not all of its text could be read")


def database(*statements: str) -> bytes:
    with sqlite3.connect(":memory:") as made:
        for statement in statements:
            made.execute(statement)
        made.commit()
        return made.serialize()


def test_nothing_of_a_hostile_schema_is_run() -> None:
    """Views, triggers, virtual tables and computed columns of a stranger's database stay what they are: text."""
    data = database(
        "CREATE TABLE plain (a TEXT)",
        "INSERT INTO plain VALUES ('one')",
        "CREATE VIEW endless AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c",
        "CREATE VIRTUAL TABLE searched USING fts5(body)",
        "CREATE TABLE computed (a TEXT, b TEXT AS (hex(zeroblob(100000000))))",
        "INSERT INTO computed VALUES ('two')",
        "CREATE TRIGGER t AFTER INSERT ON plain BEGIN SELECT load_extension('x'); END",
    )
    texts, skipped = found(data)
    assert texts["outer!plain"] == b'{"a": "one"}\n'
    assert "outer!endless" not in texts
    assert "outer!searched" not in texts
    assert [item.what for item in skipped] == ["target: outer!computed"]


def test_rows_that_share_their_pages(opened: Opened) -> None:
    """Rows that all point to the same long value count each time."""
    answer = opened(database("CREATE TABLE t (a)", "INSERT INTO t VALUES (zeroblob(1000000))"))
    assert answer["skipped"] == []
    assert answer["peak"] < 100 * MB


@pytest.mark.parametrize(
    "level",
    [
        b"Content-Type: message/rfc822\n\n",
        b"Content-Type: multipart/mixed; boundary=%d\n\n--%d\n",
    ],
    ids=["messages", "parts"],
)
def test_mail_in_mail_without_end(opened: Opened, level: bytes) -> None:
    """Twenty thousand messages in each other are read as they stand, and what is attached to the innermost too."""
    levels = b"".join(level.replace(b"%d", b"%d" % depth) for depth in range(20_000))
    data = b"MIME-Version: 1.0\n" + levels + b"Content-Transfer-Encoding: base64\n\nb25l\n"
    answer = opened(data)
    assert answer["skipped"] == []
    assert len(data) - 5 <= answer["size"] <= len(data)
    assert answer["peak"] < 100 * MB


def test_a_part_without_end(opened: Opened) -> None:
    """An attachment of a hundred megabytes, or headers without end, take no memory."""
    body = (b"QUFB" * 19 + b"\n") * 1_000_000
    answer = opened(b"MIME-Version: 1.0\nContent-Transfer-Encoding: base64\n\n" + body)
    assert (answer["skipped"], answer["peak"] < 100 * MB) == ([], True)
    answer = opened(b"MIME-Version: 1.0\n" + b"Content-Type: text/plain;\n a=b;\n" * 1_000_000)
    assert (answer["skipped"], answer["peak"] < 100 * MB) == ([], True)


SAMPLES = {
    **{name: pack({"a": b"one" * 100, "b": b"two\n" * 500}) for name, pack in ARCHIVES.items()},
    **{name: compress(b"one" * 1000) for name, compress in COMPRESSIONS.items()},
    "docx": into_docx([["one", "two"], ["three"]]),
    "xlsx": into_xlsx([["one", "two"], ["three", "four"]]),
    "database": into_database({"x": b"one" * 3000}),
}


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Draw an archive in which some bytes are others, or missing."""
    data = bytearray(SAMPLES[draw(st.sampled_from(sorted(SAMPLES)))])
    for _ in range(draw(st.integers(1, 6))):
        data[draw(st.integers(0, len(data) - 1))] = draw(
            st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]) | st.integers(0, 255)
        )
    return bytes(data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data)


@given(damaged(), st.integers(1, 5000))
def test_whatever_is_damaged_nothing_breaks(data: bytes, size: int) -> None:
    """No input raises, no chunk is larger than chunks are, and each is a place inside the file."""
    for items in (chunks(data, ORIGIN), stream(pieces_of(data, size), ORIGIN)):
        for item in items:
            if isinstance(item, Skipped):
                assert item.why
                assert "not foreseen" not in item.why
                continue
            assert len(item.data) <= WINDOW + OVERLAP
            assert item.origin.path.startswith("outer")
            assert item.origin.blob == ORIGIN.blob
            assert item.origin.path.encode()


@given(st.binary(max_size=2000), st.sampled_from(sorted(SAMPLES)))
def test_anything_behind_a_sign_is_bounded(data: bytes, kind: str) -> None:
    """Bytes that only begin like an archive never raise."""
    for head in (SAMPLES[kind][:6], SAMPLES[kind][:64]):
        items = list(chunks(head + data, ORIGIN))
        assert not any("not foreseen" in item.why for item in items if isinstance(item, Skipped))
