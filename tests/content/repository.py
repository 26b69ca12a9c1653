"""Real repositories, made with the git program, and the reading of a source to its end."""

import hashlib
import json
import os
import struct
import subprocess
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from keywatch.model.content import Chunk
from keywatch.model.source import ContentBatch, ContentSource, Cursor, Skipped


class Repository:
    """A real repository, made with the git program; each commit a day after the one before."""

    def __init__(self, path: Path, *options: str) -> None:
        self.path = path
        self.day = 1
        path.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", "main", *options)

    def git(self, *arguments: str) -> str:
        date = f"2026-01-{self.day:02d}T12:00:00+00:00"
        person = {"NAME": "Ann Example", "EMAIL": "ann@example.org", "DATE": date}
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": os.devnull,
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            **{f"GIT_{role}_{name}": value for role in ("AUTHOR", "COMMITTER") for name, value in person.items()},
        }
        done = subprocess.run(["git", *arguments], cwd=self.path, env=environment, check=True, capture_output=True)
        return done.stdout.decode()

    def write(self, name: str | bytes, text: str) -> None:
        path = self.path / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def commit(self, files: dict[str, str] | None = None) -> str:
        for name, text in (files or {}).items():
            self.write(name, text)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "a change")
        self.day += 1
        return self.git("rev-parse", "HEAD").strip()

    def blob(self, revision: str) -> str:
        return self.git("rev-parse", revision).strip()

    def object_file(self, name: str) -> Path:
        return self.path / ".git" / "objects" / name[:2] / name[2:]


def put(repository: Repository, kind: str, data: bytes, *, name: str = "", claimed: int = -1) -> str:
    """Write a loose object as it is, whatever git would say to it; return its name."""
    whole = f"{kind} {len(data) if claimed < 0 else claimed}".encode() + b"\0" + data
    name = name or hashlib.sha1(whole).hexdigest()  # noqa: S324 - git's own
    path = repository.object_file(name)
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_bytes(zlib.compress(whole))
    return name


def index(*entries: tuple[int, str, bytes]) -> bytes:
    """Return an index of (mode, object, path), whatever paths these are. https://git-scm.com/docs/index-format."""
    made = struct.pack(">4sII", b"DIRC", 2, len(entries))
    for mode, name, path in entries:
        entry = bytes(24) + struct.pack(">IIII", mode, 0, 0, 0) + bytes.fromhex(name) + struct.pack(">H", len(path))
        entry += path
        made += entry + bytes(8 - len(entry) % 8)
    return made + hashlib.sha1(made).digest()  # noqa: S324 - git's own


def read(source: ContentSource, cursor: Cursor | None = None) -> tuple[list[Chunk], list[Skipped], Cursor]:
    """Read a source to its end, its cursor through JSON."""
    chunks: list[Chunk] = []
    skipped: list[Skipped] = []
    after: Cursor | None = None
    for batch in source.read(cursor or {}):
        items = list(contents(batch))
        chunks += [item for item in items if isinstance(item, Chunk)]
        skipped += [item for item in items if isinstance(item, Skipped)]
        after = batch.cursor
    assert after is not None
    return chunks, skipped, json.loads(json.dumps(after))


def contents(batch: ContentBatch) -> Iterator[Chunk | Skipped]:
    """Yield all that a batch holds, its lots included."""
    yield from batch.skipped
    yield from batch.chunks
    for lot in batch.lots:
        # Nothing is known to be harmless: nothing is glanced at.
        yield from (item for item in lot.read() if isinstance(item, Chunk | Skipped))


def texts(chunks: Iterable[Chunk]) -> list[str]:
    return sorted(chunk.data.decode() for chunk in chunks)


def told(log: bytes) -> list[tuple[bytes, bytes, bytes]]:
    """Return of each change in a raw log the header of its commit, what it says, and the path."""
    found, commit, fields = [], b"", iter(log.split(b"\0"))
    for field in fields:
        if field.lstrip(b"\n").startswith(b":"):
            found.append((commit, field.lstrip(b"\n"), next(fields)))
        elif field:
            commit = field.strip(b"\n")
    return found
