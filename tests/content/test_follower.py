"""Log files are followed so that every line is read once, whatever the rotation does."""

import bz2
import gzip
import hashlib
import json
import lzma
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from backports import zstd

from keywatch.collect.tail import Follower
from keywatch.collect.tail_batch import Piece, TailBatch
from keywatch.model.secret import Pepper
from keywatch.model.source import Cursor  # noqa: TC001

COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress, ".zst": zstd.compress,
}  # fmt: skip
PEPPER = Pepper(bytes(range(Pepper.SIZE)))


class Reader:
    """A follower with the cursor its caller keeps, written as JSON in between."""

    def __init__(self, pattern: Path, *, window: int = 1 << 20, overlap: int = 0) -> None:
        self.late = 0
        """Nanoseconds that the clock is ahead of the files' times."""
        self.follower = Follower(
            str(pattern), PEPPER, window=window, overlap=overlap, now=lambda: time.time_ns() + self.late
        )
        self.cursor = "{}"

    def batches(self) -> Iterator[TailBatch]:
        cursor: Cursor = json.loads(self.cursor)
        for batch in self.follower.read(cursor):
            self.cursor = json.dumps(batch.cursor)
            yield batch

    def pieces(self) -> Iterator[Piece]:
        return (piece for batch in self.batches() for piece in batch.pieces)

    def read(self) -> bytes:
        return b"".join(piece.data for piece in self.pieces())


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "app.log"


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def test_lines_are_read_once(log: Path) -> None:
    """What was read is not read again, and what is appended is."""
    reader = Reader(log)
    append(log, b"one\ntwo\n")
    assert reader.read() == b"one\ntwo\n"
    assert reader.read() == b""
    append(log, b"three\n")
    assert reader.read() == b"three\n"


def test_an_unchanged_log_costs_no_batch(log: Path) -> None:
    """A follower with nothing to say says nothing: the caller commits nothing."""
    reader = Reader(log)
    append(log, b"one\n")
    reader.read()
    assert list(reader.batches()) == []


def test_an_unfinished_line_waits(log: Path) -> None:
    """A line is read when its end is written, not before."""
    reader = Reader(log)
    append(log, b"one\ntw")
    assert reader.read() == b"one\n"
    append(log, b"o\n")
    assert reader.read() == b"two\n"


def test_an_unfinished_line_is_read_when_the_writer_moves_on(log: Path) -> None:
    """What a rotated file ends with is read without its line end once a new file is written to."""
    reader = Reader(log)
    append(log, b"one\ntwo")
    reader.read()
    log.rename(log.with_name("app.log.1"))
    append(log, b"three\n")
    assert reader.read() == b"twothree\n"


def test_a_place_has_line_and_column(log: Path) -> None:
    """Each batch says where in its file it begins."""
    reader = Reader(log)
    append(log, b"one\ntwo\n")
    reader.read()
    append(log, b"three\n")
    (piece,) = reader.pieces()
    assert (piece.path, piece.offset, piece.first_line, piece.first_column) == (str(log), 8, 3, 1)


def test_rename_rotation(log: Path) -> None:
    """The rest of a renamed file is read before the new file, and nothing twice."""
    reader = Reader(log)
    append(log, b"one\n")
    reader.read()
    append(log, b"two\n")
    log.rename(log.with_name("app.log.1"))
    append(log, b"three\n")
    assert reader.read() == b"two\nthree\n"


def test_two_rotations_between_two_reads(log: Path) -> None:
    """A file that was born and rotated away since the last read is read as well."""
    reader = Reader(log)
    append(log, b"one\n")
    reader.read()
    log.rename(log.with_name("app.log.2"))
    append(log, b"two\n")
    log.rename(log.with_name("app.log.1"))
    append(log, b"three\n")
    assert reader.read() == b"two\nthree\n"


@pytest.mark.parametrize("regrown", [b"new\n", b"a new line that is longer than what was there\n" * 20])
def test_copytruncate(log: Path, regrown: bytes) -> None:
    """The rest of a copied and truncated file is read from the copy, whether the file has outgrown it or not."""
    reader = Reader(log)
    append(log, b"one\n")
    reader.read()
    append(log, b"two\n")
    shutil.copy(log, log.with_name("app.log.1"))
    os.truncate(log, 0)
    append(log, regrown)
    assert reader.read() == b"two\n" + regrown


def test_a_copy_brings_nothing_twice(log: Path) -> None:
    """A copy of a file that was read to its end holds nothing new."""
    reader = Reader(log)
    append(log, b"one\n")
    reader.read()
    shutil.copy(log, log.with_name("app.log.1"))
    assert reader.read() == b""
    os.truncate(log, 0)
    assert reader.read() == b""


def test_a_compressed_rotation_is_read_on(log: Path) -> None:
    """A file rotated and compressed before it was read to its end is read on inside the compressed file."""
    reader = Reader(log)
    append(log, b"one\n")
    reader.read()
    append(log, b"two\n")
    log.with_name("app.log.1.gz").write_bytes(gzip.compress(log.read_bytes()))
    log.unlink()
    append(log, b"three\n")
    assert reader.read() == b"two\nthree\n"
    assert reader.read() == b""


def test_a_compressed_file_being_written_is_left_alone(log: Path) -> None:
    """A gzip stream without an end is waited for; if it stays so, what there is is read and the rest is named."""
    reader = Reader(log)
    append(log, b"one\n")
    reader.read()
    lines = os.urandom(3000).hex().encode() + b"\n"
    log.with_name("app.log.1.gz").write_bytes(gzip.compress(b"two\n" + lines)[:-40])
    assert reader.read() == b""
    batches = list(reader.batches())
    assert b"".join(piece.data for batch in batches for piece in batch.pieces).startswith(b"two\n")
    assert [s.why for b in batches for s in b.skipped] == [
        "its compressed stream is cut off; what comes before was read"
    ]
    assert list(reader.batches()) == []


def test_history_is_left_alone(log: Path) -> None:
    """Rotated files from before the first read are read only if the pattern names them."""
    append(log.with_name("app.log.1"), b"old\n")
    log.with_name("app.log.2.gz").write_bytes(gzip.compress(b"older\n"))
    append(log, b"one\n")
    reader = Reader(log)
    assert reader.read() == b"one\n"
    assert reader.read() == b""
    assert Reader(log.with_name("app.log*")).read().count(b"\n") == 3


def test_an_inode_used_again_is_another_file(log: Path) -> None:
    """Another file in the inode of the old one is read from its beginning."""
    reader = Reader(log)
    append(log, b"one\n")
    reader.read()
    with log.open("r+b") as file:  # what a reused inode looks like from outside
        file.truncate(0)
        file.write(b"other, longer\n")
    assert reader.read() == b"other, longer\n"


def test_a_removed_file_says_what_was_lost(log: Path) -> None:
    """An unfinished line that was removed with its file is named, since nobody can read it any more."""
    reader = Reader(log)
    append(log, b"one\ntwo")
    reader.read()
    log.unlink()
    reader.read()
    skipped = [skipped for batch in reader.batches() for skipped in batch.skipped]
    assert [
        (str(log), "names no file"),
        (str(log), "3 bytes of an unfinished last line went with it when it was removed"),
    ] == [(item.what, item.why) for item in skipped]
    assert json.loads(reader.cursor)["files"] == {}


def test_an_endless_line_comes_in_windows(log: Path) -> None:
    """A line of 50 MB is never held whole, and each of its bytes is shown once beside the overlap asked for."""
    size, window, overlap = 50_000_000, 1 << 20, 1 << 12
    log.write_bytes(b"before\n" + b"x" * (size - 7) + b"\nafter\n")
    total = 0
    places = []
    for piece in Reader(log, window=window, overlap=overlap).pieces():
        assert len(piece.data) <= window + overlap
        total += len(piece.data) - piece.overlap
        places.append((piece.first_line, piece.first_column, piece.partial))
    assert total == log.stat().st_size
    assert places[:2] == [(1, 1, False), (1, 1, True)]
    assert places[-2:] == [(2, size - 6 - (size - 7) % window - overlap, True), (3, 1, False)]


def test_overlap_begins_with_a_line(log: Path) -> None:
    """The overlap is made of whole lines, also after a restart, so that a block of lines is not torn apart."""
    reader = Reader(log, overlap=10)
    append(log, b"one\ntwo\nthree\n")
    reader.read()
    append(log, b"four\n")
    (piece,) = reader.pieces()
    assert (piece.data, piece.overlap, piece.first_line, piece.offset) == (b"three\nfour\n", 6, 3, 8)


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A link, a pipe and a broken archive are counted and named; the rest is read."""
    append(tmp_path / "good.log", b"one\n")
    (tmp_path / "link.log").symlink_to(tmp_path / "good.log")
    os.mkfifo(tmp_path / "pipe.log")
    (tmp_path / "bad.log.gz").write_bytes(b"not gzip")
    reader = Reader(tmp_path / "*.log*")
    batches = list(reader.batches())
    assert b"".join(piece.data for batch in batches for piece in batch.pieces) == b"one\n"
    assert {
        ("bad.log.gz", "not a readable compressed file"),
        ("link.log", "a symbolic link, which is not followed"),
        ("pipe.log", "a pipe"),
    } == {(Path(item.what).name, item.why) for batch in batches for item in batch.skipped}


@pytest.mark.parametrize("end", sorted(COMPRESS))
def test_every_usual_compression_is_read_on(log: Path, end: str) -> None:
    """What logrotate may be told to compress with is read on, members that were put behind each other included."""
    reader = Reader(log)
    append(log, b"one\n")
    reader.read()
    packed = COMPRESS[end](b"one\ntw") + COMPRESS[end](b"o\nthree\n")
    log.with_name(f"app.log.1{end}").write_bytes(packed)
    log.unlink()
    append(log, b"four\n")
    assert reader.read() == b"two\nthree\nfour\n"
    assert reader.read() == b""


def test_a_slow_compressor_is_waited_for(log: Path) -> None:
    """A compressed file without an end is not given up while the plain one is still beside it."""
    reader = Reader(log)
    append(log, b"one\n")
    reader.read()
    log.rename(log.with_name("app.log.1"))
    packed = gzip.compress(b"one\n" + os.urandom(3000).hex().encode())
    log.with_name("app.log.1.gz").write_bytes(packed[:-40])
    assert [reader.read() for _ in range(3)] == [b"", b"", b""]


def test_a_bomb_is_not_inflated(log: Path) -> None:
    """A compressed file of gigabytes of nothing is given up, told at each look, and not inflated again for that."""
    reader = Reader(log.with_name("app.log*"))
    zeros = zstd.compress(bytes(1 << 26)) * 17
    log.with_name("app.log.1.zst").write_bytes(zeros)
    first, second = list(reader.batches()), list(reader.batches())
    for batches in (first, second):
        assert [item.why for batch in batches for item in batch.skipped] == [
            "inflates to more than 250 times its size; the rest of it is left out"
        ]
    assert [piece for batch in second for piece in batch.pieces] == []


def test_a_hole_is_passed_over(log: Path) -> None:
    """A writer that goes on at its old place in a truncated file leaves a hole of terabytes, in which nothing is."""
    reader = Reader(log)
    with log.open("r+b" if log.exists() else "w+b") as file:
        file.seek(1 << 40)
        file.write(b"one\n")
    assert reader.read().lstrip(b"\0") == b"one\n"


@pytest.mark.parametrize("name", ["app.log.1", "app.log-20261123", "app-20261123.log", "app.1.log", "app.log.old"])
def test_the_names_that_rotations_give(log: Path, name: str) -> None:
    """What was not read of a file before it was copied under one of the usual names is read there."""
    reader = Reader(log)
    append(log, b"one\n")
    reader.read()
    append(log, b"two\n")
    shutil.copy(log, log.with_name(name))
    os.truncate(log, 0)
    append(log, b"three\n")
    assert reader.read() == b"two\nthree\n"


def test_an_unfinished_line_that_goes_on_is_shown_whole(log: Path) -> None:
    """A writer that was taken for gone, and was not, has its line shown again from the beginning."""
    reader = Reader(log)
    with log.open("ab", buffering=0) as writer:
        writer.write(b"one\ntw")
        reader.read()
        log.rename(log.with_name("app.log.1"))
        append(log, b"three\n")
        assert reader.read() == b"twthree\n"
        writer.write(b"o\n")
    assert reader.read() == b"two\n"


def test_what_was_truncated_while_it_was_read_is_read_again(log: Path) -> None:
    """Bytes that another content brought to the place that was reached prove nothing about the new content."""
    reader = Reader(log, window=16)
    append(log, b"".join(b"old %04d\n" % number for number in range(40)))
    pieces = reader.pieces()
    next(pieces)  # the file is open now
    new = b"".join(b"new %04d\n" % number for number in range(100))
    with log.open("r+b") as file:
        file.truncate(0)
        file.write(new)
    for _ in pieces:
        pass
    assert new in reader.read()


def test_a_cursor_tells_nothing_of_a_line(log: Path) -> None:
    """A short line cannot be guessed from the marks: without the pepper nobody can make them."""
    append(log, b"pin=1234\n")
    one, other = Reader(log), Reader(log)
    other.follower = Follower(str(log), Pepper(bytes(Pepper.SIZE)))
    one.read()
    other.read()
    marks = [file["mark"] for reader in (one, other) for file in json.loads(reader.cursor)["files"].values()]
    assert marks[0] != marks[1]
    assert hashlib.sha256(b"pin=1234\npin=1234\n").hexdigest()[:32] not in one.cursor


def test_an_old_cursor_is_taken_and_rewritten(log: Path) -> None:
    """A cursor whose marks were made without a key still says where to go on, and is replaced at the first look."""
    reader = Reader(log)
    append(log, b"one\n")
    reader.read()
    cursor = json.loads(reader.cursor)
    old = hashlib.sha256(b"one\none\n").hexdigest()[:32]
    (file,) = cursor["files"].values()
    file["mark"] = old
    del file["changed"], file["trouble"]
    reader.cursor = json.dumps({"version": 1, "files": cursor["files"]})
    assert reader.read() == b""
    assert old not in reader.cursor
    append(log, b"two\n")
    assert reader.read() == b"two\n"


def test_a_file_that_stands_still_is_not_opened(log: Path) -> None:
    """Once it is certain that a later write will show in its times, a look is one question to the file system."""
    reader = Reader(log)
    append(log, b"one\n")
    reader.read()
    reader.late = 10**10
    reader.read()
    # One that knows another pepper takes every file it opens for a stranger, and reads it again.
    other = Follower(str(log), Pepper(bytes(Pepper.SIZE)), now=lambda: time.time_ns() + reader.late)
    reader.follower = other
    assert list(reader.batches()) == []
    append(log, b"two\n")
    assert reader.read() == b"one\ntwo\n"


def test_a_thousand_files_are_few_batches(tmp_path: Path) -> None:
    """A line in each of a thousand files is committed at once, not a thousand times."""
    for number in range(1000):
        (tmp_path / f"{number}.log").write_bytes(b"one\n")
    batches = list(Reader(tmp_path / "*.log").batches())
    assert (len(batches), len(batches[0].pieces)) == (1, 1000)


def test_numbered_logs_are_logs_of_their_own(tmp_path: Path) -> None:
    """Workers that each have a log, and say the same in it, are no copies of each other."""
    reader = Reader(tmp_path / "worker-*.log")
    for number in range(300):
        (tmp_path / f"worker-{number}.log").write_bytes(b"started\n")
    assert reader.read() == b"started\n" * 300
    for number in range(300):
        append(tmp_path / f"worker-{number}.log", b"done\n")
    assert reader.read() == b"done\n" * 300
