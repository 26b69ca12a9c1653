"""The journal is read on from where it was left, by systemd's own program where there is one, else by a stand-in."""

import gzip
import json
import shutil
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pytest

from keywatch.collect.journal import Journal
from keywatch.collect.journal_export import LONGEST, BrokenExport, entries
from keywatch.collect.tail_batch import TailBatch
from keywatch.model.errors import SourceDenied, SourceUnreachable
from keywatch.model.source import Cursor, Skipped

REAL = Path(__file__).parent / "journal"
"""What journald wrote of the entries below, and of its own start and rotation, in two files."""
OLDER, NEWER = range(20), range(20, 30)
BINARY = b"two\nlines \x01\xff\x00 \xc3\xa9"
PROGRAMS = ["stand-in", *(["journalctl"] if shutil.which("journalctl") else [])]
STAND_IN = """#!{python}
import pathlib, sys
options = dict(word.lstrip("-").partition("=")[::2] for word in sys.argv[1:] if word.startswith("-"))
matches = [word.encode() for word in sys.argv[1:] if not word.startswith("-")]
place = pathlib.Path(options["directory"])
if (place / "complaint").exists():
    sys.stderr.write((place / "complaint").read_text())
    sys.exit(int((place / "status").read_text()))
found = [e for file in sorted(place.glob("*.export")) for e in file.read_bytes().split(b"\\n==\\n") if e]
found = [e for e in found if all(b"\\n" + match + b"\\n" in e for match in matches)]
wanted = options.get("cursor", "i=0")
if not wanted.startswith("i="):
    sys.exit("Failed to seek to cursor: Invalid argument")
found = [e for e in found if int(e.partition(b"\\n")[0].rpartition(b"=")[2]) >= int(wanted[2:])]
if options["output"] == "short":
    sys.exit(print("an entry" if found else "-- No entries --"))
sys.stdout.buffer.write(b"".join(found))
"""


def entry(number: int, **fields: bytes) -> bytes:
    """Return an entry as the stand-in keeps it, and as the export format has it."""
    data = b"__CURSOR=i=%d\n__REALTIME_TIMESTAMP=1795774260000000\n_HOSTNAME=host\n" % number
    for name, value in fields.items():
        if b"\n" in value or b"\x00" in value:
            data += name.encode() + b"\n" + struct.pack("<Q", len(value)) + value + b"\n"
        else:
            data += name.encode() + b"=" + value + b"\n"
    return data + b"\n"


def numbered(number: int) -> bytes:
    """Return one of the entries that were sent to journald."""
    who = b"orders" if number % 2 else b"billing"
    return entry(2 * number + 1, MESSAGE=b"line %d" % number, SYSLOG_IDENTIFIER=who, PRIORITY=b"6")


@dataclass
class Shelf:
    """A directory of journal files."""

    directory: Path
    older: Path

    def write(self, name: str, *stored: bytes) -> None:
        """Write a file for the stand-in."""
        (self.directory / f"{name}.export").write_bytes(b"\n==\n".join(stored))

    def journal(self, *wanted: str, overlap: int = 0, whole: bool = False) -> Journal:
        return Journal(wanted, directory=str(self.directory), overlap=overlap, whole=whole)


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """A stand-in for journalctl on PATH, and nothing in its journal yet."""
    program = tmp_path / "bin" / "journalctl"
    program.parent.mkdir()
    program.write_text(STAND_IN.format(python=sys.executable))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    directory = tmp_path / "journal"
    directory.mkdir()
    return Shelf(directory, directory / "a.export")


@pytest.fixture(params=PROGRAMS)
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Shelf:
    """The same thirty-two entries in two files, for the stand-in and for the real program."""
    if request.param == "stand-in":
        made: Shelf = request.getfixturevalue("stand_in")
        for name, numbers in (("a", OLDER), ("b", NEWER)):
            last = entry(
                2 * numbers[-1] + 2, MESSAGE=BINARY, SYSLOG_IDENTIFIER=b"orders", CUSTOMER=b"a\nb", _CMDLINE=b"serve"
            )
            made.write(name, *map(numbered, numbers), last)
        return made
    for name in ("older", "newer"):
        (tmp_path / f"{name}.journal").write_bytes(gzip.decompress((REAL / f"{name}.journal.gz").read_bytes()))
    return Shelf(tmp_path, tmp_path / "older.journal")


def read(journal: Journal, cursor: Cursor | None = None) -> tuple[bytes, list[TailBatch], Cursor]:
    """Return what is new, the batches, and the cursor as the store would give it back."""
    batches = list(journal.read(cursor or {}))
    new = b"".join(piece.data[piece.overlap :] for batch in batches for piece in batch.pieces)
    return new, batches, json.loads(json.dumps(batches[-1].cursor)) if batches else cursor or {}


def lines(*numbers: int) -> bytes:
    return b"".join(b"line %d\n" % number for number in numbers)


def told(batches: list[TailBatch]) -> list[str]:
    return [item.why for batch in batches for item in batch.skipped]


def test_entries_are_read_once(shelf: Shelf) -> None:
    """All there is at first, and nothing again; where it was is told as writer and minute."""
    journal = shelf.journal("SYSLOG_IDENTIFIER=billing")
    new, batches, cursor = read(journal)
    assert new == lines(*range(0, 30, 2))
    assert [piece.path for batch in batches for piece in batch.pieces] == ["host billing 2026-11-27 10:11Z"]
    assert read(journal, cursor)[:2] == (b"", [])


def test_a_message_may_be_any_bytes(shelf: Shelf) -> None:
    """Line ends, zeros and what is no text come through, and other fields where they are wanted."""
    assert BINARY + b"\n" in read(shelf.journal("SYSLOG_IDENTIFIER=orders"))[0]
    assert BINARY + b"\nCUSTOMER=a\nb\n" in read(shelf.journal("SYSLOG_IDENTIFIER=orders", whole=True))[0]


def test_an_entry_that_was_vacuumed_costs_no_other(shelf: Shelf) -> None:
    """Where the place that was reached has gone, everything that is left is read, and it is said that some is not."""
    journal = shelf.journal("SYSLOG_IDENTIFIER=billing")
    shelf_later = shelf.older.read_bytes()
    hidden = shelf.older.with_name("hidden")
    newer = next(path for path in shelf.directory.iterdir() if path.is_file() and path != shelf.older)
    newer.rename(hidden)
    cursor = read(journal)[2]
    hidden.rename(newer)
    shelf.older.unlink()
    new, batches, cursor = read(journal, cursor)
    assert (new, len(told(batches))) == (lines(*range(20, 30, 2)), 1)
    assert "not there any more" in told(batches)[0]
    shelf.older.write_bytes(shelf_later)
    assert read(journal, cursor)[0] == b""


def test_a_place_of_another_journal_is_no_place(shelf: Shelf) -> None:
    """A cursor that the program refuses is told, and all is read."""
    new, batches, _ = read(shelf.journal("SYSLOG_IDENTIFIER=billing"), {"cursor": "nonsense", "back": "nonsense"})
    assert (new, len(told(batches))) == (lines(*range(0, 30, 2)), 1)


def test_pieces_overlap_across_runs(shelf: Shelf) -> None:
    """What a program wrote a line at a time is seen whole, even when it was read in two parts."""
    journal = shelf.journal("SYSLOG_IDENTIFIER=billing", overlap=16)
    hidden = shelf.directory / "hidden"
    newer = next(path for path in shelf.directory.iterdir() if path.is_file() and path != shelf.older)
    newer.rename(hidden)
    cursor = read(journal)[2]
    hidden.rename(newer)
    (piece,) = (piece for batch in journal.read(cursor) for piece in batch.pieces)
    assert (piece.data[: piece.overlap], piece.data[piece.overlap :]) == (lines(18)[:], lines(*range(20, 30, 2)))


def test_what_is_not_there_is_told(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """No entry, no program: silence is not health."""
    nothing = shelf.journal("SYSLOG_IDENTIFIER=nobody")
    assert told(read(nothing)[1]) == ["has no entry yet"]
    assert [item.why for item in nothing.check() if isinstance(item, Skipped)] == ["has no entry yet"]
    assert [item for item in shelf.journal().check() if isinstance(item, Skipped)] == []
    monkeypatch.setenv("PATH", str(shelf.directory))
    with pytest.raises(SourceUnreachable, match="no journalctl on PATH"):
        read(shelf.journal())


@pytest.mark.parametrize(
    ("complaint", "status", "error", "hint"),
    [
        ("No journal files were opened due to insufficient permissions.", 1, SourceDenied, "systemd-journal"),
        ("No journal files were found.", 0, SourceUnreachable, "/var/log/journal"),
        ("Failed to open files: \x1b[31mBad message", 1, SourceUnreachable, "by hand"),
    ],
)
def test_why_it_failed_is_told(stand_in: Shelf, complaint: str, status: int, error: type[Exception], hint: str) -> None:
    """What the program complains of is told with what to do, and nothing of it reaches a terminal."""
    (stand_in.directory / "complaint").write_text(complaint)
    (stand_in.directory / "status").write_text(str(status))
    with pytest.raises(error) as caught:
        read(stand_in.journal())
    assert hint in getattr(caught.value, "hint", "")
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    "complaint",
    ["Hint: You are currently not seeing messages from other users.", "File x is truncated, ignoring file."],
)
def test_what_is_hidden_is_told(stand_in: Shelf, complaint: str) -> None:
    """Entries that keywatch's user may not see, or a broken file, make the journal one that is not read whole."""
    (stand_in.directory / "complaint").write_text(complaint)
    (stand_in.directory / "status").write_text("0")
    (batch,) = stand_in.journal().read({})
    assert batch.blocked in batch.skipped
    assert batch.blocked is not None


def test_output_that_is_cut_off_moves_no_cursor(stand_in: Shelf) -> None:
    """A program that was killed half-way: the entry it was writing is read again, whole."""
    stand_in.write("a", numbered(0), numbered(1)[:-3])
    with pytest.raises(SourceUnreachable, match="cut off"):
        read(stand_in.journal())
    stand_in.write("a", numbered(0), numbered(1))
    assert read(stand_in.journal())[0] == lines(0, 1)


def test_a_reader_that_stops_leaves_no_program_behind(stand_in: Shelf) -> None:
    """A run that ends after a batch ends the program with it, and goes on there."""
    stand_in.write("a", *(entry(number, MESSAGE=b"x" * 100_000) for number in range(200)))
    batches = stand_in.journal().read({})
    first = next(batches)
    assert isinstance(batches, Iterator)
    batches.close()  # type: ignore[attr-defined]
    size = sum(len(piece.data) for piece in first.pieces)
    assert size + len(read(stand_in.journal(), first.cursor)[0]) == 200 * 100_001


def test_a_command_line_is_told_once(stand_in: Shelf) -> None:
    """It stands in every entry of its program, and may hold a secret."""
    stand_in.write(
        "a", *(entry(n, MESSAGE=b"hi", _SYSTEMD_UNIT=b"orders.service", _CMDLINE=b"serve") for n in range(9))
    )
    (batch,) = stand_in.journal(whole=True).read({})
    assert {piece.path: piece.data for piece in batch.pieces} == {
        "host orders.service 2026-11-27 10:11Z": b"hi\n" * 9,
        "host orders.service command line": b"serve\n",
    }


@pytest.mark.parametrize(
    "data",
    [
        entry(1, MESSAGE=b"hi")[:-1],
        entry(1, MESSAGE=b"hi")[:-3],
        entry(1, MESSAGE=b"a\nb")[:-4],
        b"MESSAGE\n\xff\xff\xff\xff\xff\xff\xff\xffx",
        b"MESSAGE\n\x01\x00",
        b"message=hi\n\n",
        b"A" * 65 + b"=\n\n",
        b"\x00\x01\x02",
    ],
)
def test_what_is_no_export_is_refused(data: bytes) -> None:
    """A stream that is cut off, lies about a size or is something else ends, after what was whole."""
    found = entries(BytesIO(entry(0, MESSAGE=b"whole") + data))
    assert next(found).get(b"MESSAGE") == b"whole"
    with pytest.raises(BrokenExport):
        list(found)


@pytest.mark.parametrize("binary", [False, True])
def test_a_field_beyond_reason_is_cut(*, binary: bool) -> None:
    """It is not held whole, and what comes after it is read."""
    data = b"x" * (LONGEST + 10) + (b"\n" if binary else b"")
    first, second = entries(BytesIO(entry(1, MESSAGE=data, A=b"b") + entry(2, MESSAGE=b"next")))
    assert (first.cut, len(first.get(b"MESSAGE")) <= LONGEST, first.get(b"A")) == (True, True, b"b")
    assert (second.cut, second.get(b"MESSAGE")) == (False, b"next")
