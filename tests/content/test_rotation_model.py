"""Whatever a logger and a rotation do, and wherever the follower is stopped, each line is read, and read once."""

import bz2
import gzip
import json
import lzma
import os
import re
import shutil
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from backports import zstd
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from keywatch.collect.inflating import PACKED
from keywatch.collect.tail import Follower
from keywatch.model.secret import Pepper
from keywatch.model.source import Cursor  # noqa: TC001

PEPPER = Pepper(bytes(range(Pepper.SIZE)))
COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress, ".zst": zstd.compress,
}  # fmt: skip
KINDS = st.sampled_from(sorted(PACKED))
TOKEN = re.compile(rb"<\d+>")


class Rotations(RuleBasedStateMachine):
    """
    A logger, a rotation, and a follower that is restarted after every step.

    What a batch brought and its cursor are committed together; a follower that is killed has committed some of them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.log = Path(self.folder.name) / "app.log"
        self.written = 0
        self.lost: set[bytes] = set()
        """Tokens that went with a file before anybody read them."""
        self.doubtful: set[bytes] = set()
        """Tokens of lines that a rotation tore."""
        self.output = Counter[bytes]()
        self.cursor = "{}"
        self.copying: Path | None = None

    @initialize(window=st.sampled_from([16, 64, 1 << 20]), style=st.sampled_from(["number", "date", "extension"]))
    def begin(self, window: int, style: str) -> None:
        self.style = style
        self.window = window
        self.rotations = 0
        self.log.touch()
        self.writer = self.log.open("a+b", buffering=0)
        self.read()

    # The logger

    def emit(self, data: bytes) -> None:
        if not os.fstat(self.writer.fileno()).st_nlink:
            self.lost.update(TOKEN.findall(data))  # its file was removed under its feet
        elif not self.log.exists() or not os.path.samestat(os.fstat(self.writer.fileno()), self.log.stat()):
            # It still writes to a file that was renamed: what it adds to an unfinished line there may be told twice.
            old = os.pread(self.writer.fileno(), 1 << 20, 0)
            self.doubtful.update(TOKEN.findall(old[old.rfind(b"\n") + 1 :]))
        self.writer.write(data)

    def tokens(self, count: int) -> bytes:
        first = self.written + 1
        self.written += count
        return b"\n".join(b"<%d>" % number for number in range(first, self.written + 1))

    @rule(lines=st.integers(1, 8))
    def write(self, lines: int) -> None:
        self.emit(self.tokens(lines) + b"\n")

    @rule(lines=st.integers(1, 8))
    def write_without_an_end(self, lines: int) -> None:
        self.emit(self.tokens(lines))

    @rule()
    def reopen(self) -> None:
        self.writer.close()
        self.writer = self.log.open("a+b", buffering=0)

    @rule(lines=st.integers(0, 8))
    def replace(self, lines: int) -> None:
        """Remove the log and begin another: often in the same inode, and of the same size."""
        size = self.log.stat().st_size if self.log.exists() else 0
        self.remove(self.log)
        self.writer.close()
        self.writer = self.log.open("a+b", buffering=0)
        if lines:
            self.emit(self.tokens(lines).ljust(size - 1, b" ") + b"\n")

    # The rotation

    def rotated(self, number: int) -> Path:
        names = {
            "number": f"app.log.{number}",
            "date": f"app.log-{20261200 - number}",
            "extension": f"app-{20261200 - number}.log",
        }
        return self.log.with_name(names[self.style])

    def shift(self) -> None:
        for number in range(self.rotations, 0, -1):
            for end in ("", *PACKED):
                old = self.rotated(number)
                old = old.with_name(old.name + end)
                if old.exists():
                    new = self.rotated(number + 1)
                    old.rename(new.with_name(new.name + end))
        self.rotations += 1

    @rule()
    def rename(self) -> None:
        if self.log.exists() and self.copying is None:
            self.shift()
            self.log.rename(self.rotated(1))

    @rule()
    def rename_and_reopen(self) -> None:
        self.rename()
        self.reopen()

    @rule()
    def copytruncate(self) -> None:
        if self.log.exists() and self.copying is None:
            self.shift()
            shutil.copy(self.log, self.rotated(1))
            self.truncate()

    def truncate(self) -> None:
        os.truncate(self.log, 0)

    @rule(part=st.floats(0, 1))
    def begin_to_copy(self, part: float) -> None:
        if self.log.exists() and self.copying is None:
            self.shift()
            data = self.log.read_bytes()
            self.rotated(1).write_bytes(data[: int(len(data) * part)])
            self.copying = self.rotated(1)

    @rule()
    def end_to_copy(self) -> None:
        if self.copying is not None and self.log.exists() and self.copying.exists():
            data = self.log.read_bytes()
            with self.copying.open("ab") as copy:
                copy.write(data[self.copying.stat().st_size :])
            self.truncate()
        self.copying = None

    @rule(number=st.integers(1, 3), end=KINDS, stopped=st.booleans())
    def compress(self, number: int, end: str, *, stopped: bool) -> None:
        old = self.rotated(number)
        if not old.exists() or self.copying is not None:
            return
        packed, new = COMPRESS[end](old.read_bytes()), old.with_name(old.name + end)
        if stopped:
            new.write_bytes(packed[: len(packed) // 2])
            self.read()
        new.write_bytes(packed)
        if not os.path.samestat(old.stat(), os.fstat(self.writer.fileno())):
            old.unlink()
        else:
            self.reopen()
            old.unlink()

    @rule(number=st.integers(1, 6))
    def remove_old(self, number: int) -> None:
        for end in ("", *PACKED):
            old = self.rotated(number)
            if self.copying is None:
                self.remove(old.with_name(old.name + end))

    def remove(self, path: Path) -> None:
        if path.exists():
            self.lost |= {token for token in tokens_of(path) if not self.output[token]}
            path.unlink()
        if self.copying is not None:
            self.doubtful.update(tokens_of(self.copying))  # nobody can tell any more what it was a copy of
            self.copying = None

    # The follower

    @rule()
    def read(self) -> None:
        self.follow(1 << 30)

    @rule(batches=st.integers(0, 2))
    def read_and_be_killed(self, batches: int) -> None:
        self.follow(batches)

    @rule()
    def read_much_later(self) -> None:
        if self.copying is None:  # a copy that rests for seconds is taken for complete
            self.follow(1 << 30, late=10**10)
        time.sleep(0.01)  # what is written from now on has another time, on every kernel

    def follow(self, most: int, late: int = 0) -> None:
        follower = Follower(str(self.log), PEPPER, window=self.window, now=lambda: time.time_ns() + late)
        cursor: Cursor = json.loads(self.cursor)
        for number, batch in enumerate(follower.read(cursor)):
            if number == most:
                break
            self.output.update(token for piece in batch.pieces for token in TOKEN.findall(piece.data))
            self.rest = batch
            self.cursor = json.dumps(batch.cursor)

    def teardown(self) -> None:
        try:
            self.end_to_copy()
            self.reopen()
            self.emit(b"\n")
            for _ in range(4):
                self.read()
            self.writer.close()
            expected = [b"<%d>" % number for number in range(1, self.written + 1)]
            assert [token for token in expected if not self.output[token] and token not in self.lost] == []
            certain = [token for token in expected if token not in self.doubtful]
            assert [token for token in certain if self.output[token] > 1] == []
        finally:
            self.folder.cleanup()


def tokens_of(path: Path) -> list[bytes]:
    """Return the tokens in a file, inflated if need be."""
    data = path.read_bytes()
    if decoder := PACKED.get(path.suffix):
        data = decoder().decompress(data)
    return TOKEN.findall(data)


TestRotations = Rotations.TestCase
TestRotations.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
