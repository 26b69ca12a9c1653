"""Log files are followed so that every line is read once, whatever the rotation does."""

import gzip
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from keywatch.collect.tail import Follower, TailBatch
from keywatch.model.source import Cursor  # noqa: TC001


class Reader:
    """A follower with the cursor its caller keeps, written as JSON in between."""

    def __init__(self, pattern: Path, *, window: int = 1 << 20, overlap: int = 0) -> None:
        self.follower = Follower(str(pattern), window=window, overlap=overlap)
        self.cursor = "{}"

    def batches(self) -> Iterator[TailBatch]:
        cursor: Cursor = json.loads(self.cursor)
        for batch in self.follower.read(cursor):
            self.cursor = json.dumps(batch.cursor)
            yield batch

    def read(self) -> bytes:
        return b"".join(batch.data for batch in self.batches())


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
    (batch,) = (batch for batch in reader.batches() if batch.data)
    assert (batch.path, batch.offset, batch.first_line, batch.first_column) == (str(log), 8, 3, 1)


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
    assert b"".join(batch.data for batch in batches).startswith(b"two\n")
    assert [s.why for b in batches for s in b.skipped] == ["its gzip stream is cut off; what comes before was read"]
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
    assert [(str(log), "3 bytes of an unfinished last line went with it when it was removed")] == [
        (item.what, item.why) for item in skipped
    ]
    assert json.loads(reader.cursor)["files"] == {}


def test_an_endless_line_comes_in_windows(log: Path) -> None:
    """A line of 50 MB is never held whole, and each of its bytes is shown once beside the overlap asked for."""
    size, window, overlap = 50_000_000, 1 << 20, 1 << 12
    with log.open("wb") as file:
        file.write(b"before\n")
        file.truncate(size)
        file.seek(size)
        file.write(b"\nafter\n")
    total = 0
    batches = []
    for batch in Reader(log, window=window, overlap=overlap).batches():
        assert len(batch.data) <= window + overlap
        total += len(batch.data) - batch.overlap
        batches.append((batch.first_line, batch.first_column, batch.partial))
    assert total == log.stat().st_size
    assert batches[:2] == [(1, 1, False), (1, 1, True)]
    assert batches[-2:] == [(2, size - 6 - (size - 7) % window - overlap, True), (3, 1, False)]


def test_overlap_begins_with_a_line(log: Path) -> None:
    """The overlap is made of whole lines, also after a restart, so that a block of lines is not torn apart."""
    reader = Reader(log, overlap=10)
    append(log, b"one\ntwo\nthree\n")
    reader.read()
    append(log, b"four\n")
    (batch,) = (batch for batch in reader.batches() if batch.data)
    assert (batch.data, batch.overlap, batch.first_line, batch.offset) == (b"three\nfour\n", 6, 3, 8)


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A link, a pipe and a broken archive are counted and named; the rest is read."""
    append(tmp_path / "good.log", b"one\n")
    (tmp_path / "link.log").symlink_to(tmp_path / "good.log")
    os.mkfifo(tmp_path / "pipe.log")
    (tmp_path / "bad.log.gz").write_bytes(b"not gzip")
    reader = Reader(tmp_path / "*.log*")
    batches = list(reader.batches())
    assert b"".join(batch.data for batch in batches) == b"one\n"
    assert {
        ("bad.log.gz", "not a readable gzip file"),
        ("link.log", "a symbolic link, which is not followed"),
        ("pipe.log", "a pipe"),
    } == {(Path(item.what).name, item.why) for batch in batches for item in batch.skipped}


class Rotations(RuleBasedStateMachine):
    """A logger, a rotation and a follower that is restarted after every step."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.log = Path(self.folder.name) / "app.log"
        self.written = 0
        self.rotations = 0
        self.output = b""

    @initialize(window=st.sampled_from([16, 64, 1 << 20]))
    def begin(self, window: int) -> None:
        self.log.touch()
        self.reader = Reader(self.log, window=window)
        self.read()

    @rule(lines=st.integers(1, 8), finish=st.booleans())
    def write(self, lines: int, *, finish: bool) -> None:
        for _ in range(lines):
            self.written += 1
            append(self.log, b"<%d>\n" % self.written)
        if not finish:
            os.truncate(self.log, self.log.stat().st_size - 1)

    @rule()
    def read(self) -> None:
        self.output += self.reader.read()

    def shift(self) -> None:
        for number in range(self.rotations, 0, -1):
            for end in ("", ".gz"):
                old = self.log.with_name(f"app.log.{number}{end}")
                if old.exists():
                    old.rename(self.log.with_name(f"app.log.{number + 1}{end}"))
        self.rotations += 1

    @rule()
    def rename(self) -> None:
        self.shift()
        self.log.rename(self.log.with_name("app.log.1"))
        self.log.touch()

    @rule()
    def copytruncate(self) -> None:
        self.shift()
        shutil.copy(self.log, self.log.with_name("app.log.1"))
        os.truncate(self.log, 0)

    @precondition(lambda self: self.log.with_name("app.log.1").exists())
    @rule()
    def compress(self) -> None:
        old = self.log.with_name("app.log.1")
        old.with_name("app.log.1.gz").write_bytes(gzip.compress(old.read_bytes()))
        old.unlink()

    def teardown(self) -> None:
        try:
            append(self.log, b"\n")
            for _ in range(3):
                self.read()
            seen = [self.output.count(b"<%d>" % number) for number in range(1, self.written + 1)]
            assert seen == [1] * self.written
        finally:
            self.folder.cleanup()


TestRotations = Rotations.TestCase
TestRotations.settings = settings(
    max_examples=60, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
