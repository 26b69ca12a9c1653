"""Directories, files and standard input: read whole, in bounded pieces, with exact places."""

import io
import json
import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from keywatch.collect.content import open_target
from keywatch.collect.content.files import Directory
from keywatch.collect.content.stdin import StandardInput
from keywatch.collect.content.tail import FollowedLog
from keywatch.collect.content.windows import OVERLAP, PIECE, WINDOW, windows
from keywatch.collect.tail import Follower
from keywatch.detect.lines import Lines
from keywatch.model.content import Chunk, Origin
from keywatch.model.errors import ScanError
from keywatch.model.finding import Place
from keywatch.model.key import SourceId
from keywatch.model.secret import Pepper
from keywatch.model.source import ContentSource, Cursor, Skipped

PEPPER = Pepper(bytes(range(Pepper.SIZE)))


def read(source: ContentSource, cursor: Cursor | None = None) -> tuple[list[Chunk], list[Skipped], Cursor]:
    """Read a source to its end, its cursor through JSON."""
    batches = list(source.read(cursor or {}))
    after = batches[-1].cursor if batches else cursor
    chunks = [chunk for batch in batches for chunk in batch.chunks]
    return chunks, [item for batch in batches for item in batch.skipped], json.loads(json.dumps(after))


def texts(chunks: Iterable[Chunk]) -> dict[str, str]:
    return {chunk.origin.path: chunk.data.decode() for chunk in chunks}


def test_a_directory_is_read_whole(tmp_path: Path) -> None:
    """Every regular file is read, hidden ones included; a version control system's own files are not."""
    for name in ("a", ".env", "sub/b", "node_modules/c", ".git/config", "sub/.svn/entries"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    chunks, skipped, _ = read(Directory(tmp_path))
    assert texts(chunks) == {name: name for name in ("a", ".env", "sub/b", "node_modules/c")}
    assert skipped == []


def test_links_pipes_and_loops_are_left_alone(tmp_path: Path) -> None:
    """A link is not followed, a pipe not waited for: what they hold is elsewhere or nowhere."""
    (tmp_path / "a").write_text("one")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "out").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "pipe")
    assert texts(read(Directory(tmp_path))[0]) == {"a": "one"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_named(tmp_path: Path) -> None:
    """A file and a directory without permission are named, with what would help, and the rest is read."""
    (tmp_path / "a").write_text("one")
    (tmp_path / "b").write_text("two")
    (tmp_path / "b").chmod(0)
    (tmp_path / "c").mkdir(mode=0)
    chunks, skipped, _ = read(Directory(tmp_path))
    assert texts(chunks) == {"a": "one"}
    assert sorted(item.what for item in skipped) == [str(tmp_path / "b"), str(tmp_path / "c")]
    assert {item.why for item in skipped} == {"Permission denied"}


def test_an_unchanged_directory_is_not_read_again(tmp_path: Path) -> None:
    """A cursor leaves out a directory in which nothing changed; any change, or other rules, read it whole."""
    (tmp_path / "a").write_text("one")
    _, _, cursor = read(Directory(tmp_path, ruleset="r"))
    assert read(Directory(tmp_path, ruleset="r"), cursor)[0] == []
    assert texts(read(Directory(tmp_path, ruleset="s"), cursor)[0]) == {"a": "one"}
    (tmp_path / "b").write_text("two")
    assert texts(read(Directory(tmp_path, ruleset="r"), cursor)[0]) == {"a": "one", "b": "two"}


def test_a_single_file(tmp_path: Path) -> None:
    """A file is a target by itself."""
    (tmp_path / "a").write_text("one")
    assert texts(read(open_target(str(tmp_path / "a")))[0]) == {"a": "one"}


def test_a_directory_that_vanished_is_an_error(tmp_path: Path) -> None:
    """A target that is not there any more is never a clean one."""
    with pytest.raises(ScanError, match="no such file"):
        read(Directory(tmp_path / "gone"))


def test_what_is_gone(tmp_path: Path) -> None:
    """A place is gone when its file was removed or has other content."""
    for name in "abc":
        (tmp_path / name).write_text(name)
    source = Directory(tmp_path)
    chunks, _, _ = read(source)
    places = {
        chunk.origin.path: Place(target="x", path=chunk.origin.path, line=1, column=1, blob=chunk.origin.blob)
        for chunk in chunks
    }
    (tmp_path / "a").unlink()
    (tmp_path / "b").write_text("other")
    assert source.gone(places.values()) == {places["a"], places["b"]}


def check_windows(chunks: list[Chunk], content: bytes) -> None:
    """Every chunk's place is that of its first byte, and the chunks together are the content."""
    assert b"".join(chunk.data[chunk.overlap :] for chunk in chunks) == content
    for chunk in chunks:
        assert len(chunk.data) <= WINDOW + OVERLAP
        before = content[: chunk.offset]
        assert content[chunk.offset : chunk.offset + len(chunk.data)] == chunk.data
        assert chunk.first_line == before.count(b"\n") + 1
        assert chunk.first_column == len(before) - before.rfind(b"\n")
        shown = Lines(chunk)
        for position in {0, len(chunk.data) // 3, len(chunk.data)}:
            assert shown.index(position) == chunk.data[:position].count(b"\n")


def test_windows_say_which_is_the_last() -> None:
    """Of bytes held in memory it is known whether more follow."""
    origin = Origin("t", "f")
    assert [chunk.more for chunk in windows(b"x" * (2 * WINDOW + 1), origin)] == [True, True, False]
    assert [chunk.more for chunk in windows(b"x" * 2 * WINDOW, origin)] == [True, False]
    assert [chunk.more for chunk in windows(b"x", origin)] == [False]


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize("line", [b"x" * 79 + b"\n", b"y"], ids=["lines", "one-endless-line"])
def test_a_huge_file_comes_in_windows(tmp_path: Path, line: bytes) -> None:
    """A huge file is never held whole; its chunks overlap, and each knows its line and column."""
    content = line * (2 * WINDOW // len(line) + 1000)
    (tmp_path / "huge").write_bytes(content)
    chunks, _, _ = read(Directory(tmp_path))
    assert len(chunks) == len(content) // PIECE + 1
    check_windows(chunks, content)
    chunks, _, _ = read(StandardInput(io.BytesIO(content)))
    check_windows(chunks, content)


@pytest.mark.parametrize("size", [WINDOW + 100, 2 * WINDOW, 2 * WINDOW + 100])
def test_what_a_window_cuts_off_is_left_to_the_next(tmp_path: Path, size: int) -> None:
    """A file and a stream say of each window that more may come, and show at the end what was left to come."""
    (tmp_path / "huge").write_bytes(b"x" * size)
    for source in (Directory(tmp_path), StandardInput(io.BytesIO(b"x" * size))):
        chunks, _, _ = read(source)
        assert [chunk.more for chunk in chunks] == [True] * (len(chunks) - 1) + [False]
        assert chunks[-1].offset + len(chunks[-1].data) == size


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param("käse\nbrot".encode("utf-16"), "käse\nbrot", id="with-a-mark"),
        pytest.param("käse\nbrot".encode("utf-32"), "käse\nbrot", id="utf-32"),
        pytest.param("key = value\n".encode("utf-16-le"), "key = value\n", id="little-endian"),
        pytest.param("key = value\n".encode("utf-16-be"), "key = value\n", id="big-endian"),
        pytest.param(b"text\0with a NUL", "text\0with a NUL", id="text-with-a-nul"),
        pytest.param(b"\x7fELF\0strings", "\x7fELF\0strings", id="a-program"),
    ],
)
def test_text_in_any_form_is_read(tmp_path: Path, content: bytes, expected: str) -> None:
    """UTF-16 is brought into UTF-8; a NUL makes no file a binary one."""
    (tmp_path / "a").write_bytes(content)
    assert texts(read(Directory(tmp_path))[0]) == {"a": expected}


def test_a_huge_utf16_file_is_read(tmp_path: Path) -> None:
    """UTF-16 is brought into UTF-8 window by window, characters on the border included."""
    content = "ab\U0001f511\n" * (WINDOW // 4)
    (tmp_path / "a").write_bytes(content.encode("utf-16"))
    chunks, _, _ = read(Directory(tmp_path))
    assert b"".join(chunk.data[chunk.overlap :] for chunk in chunks).decode() == content


def test_pictures_sounds_and_fonts_are_left_out(tmp_path: Path) -> None:
    """Nothing in them is legible."""
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    (tmp_path / "b.ogg").write_bytes(b"OggS" + bytes(50))
    (tmp_path / "c.woff").write_bytes(b"wOFF" + bytes(50))
    assert read(Directory(tmp_path)) == ([], [], read(Directory(tmp_path))[2])


def test_a_name_that_is_no_text_is_made_visible(tmp_path: Path) -> None:
    """A path whose bytes are no UTF-8 is told so that any file or database can hold it."""
    (tmp_path / os.fsdecode(b"bad\xff")).write_text("one")
    assert texts(read(Directory(tmp_path))[0]) == {"bad\\xff": "one"}


def test_a_followed_log(tmp_path: Path) -> None:
    """A log's chunks know file, line and column; its cursor is for each batch, and nothing comes twice."""
    log = tmp_path / "app.log"
    log.write_text("one\ntwo\n")
    source = FollowedLog(Follower(str(tmp_path / "*.log"), PEPPER, overlap=OVERLAP), SourceId("log:app"))
    chunks, _, cursor = read(source)
    assert [(c.origin.path, c.data, c.first_line) for c in chunks] == [(str(log), b"one\ntwo\n", 1)]
    with log.open("a") as file:
        file.write("three\n")
    (chunk,) = read(source, cursor)[0]
    assert (chunk.data[chunk.overlap :], chunk.data, chunk.first_line) == (b"three\n", b"one\ntwo\nthree\n", 1)


def test_a_pattern_that_names_nothing_is_told(tmp_path: Path) -> None:
    """Both `check` and reading say so when there is no log to follow: silence is not health."""
    source = FollowedLog(Follower(str(tmp_path / "*.log"), PEPPER, overlap=OVERLAP), SourceId("log:app"))
    assert [item.why for item in source.check() if isinstance(item, Skipped)] == ["names no file"]
    assert [item.why for item in read(source)[1]] == ["names no file"]
    (tmp_path / "a.log").touch()
    assert list(source.check()) == [f"read {tmp_path / 'a.log'}"]


def test_gitignore_is_followed_if_asked(tmp_path: Path) -> None:
    """By default nothing is left out; with the option what `.gitignore` files name, in a repository or not."""
    for name in ("a", "build/b", "sub/c.log", "sub/kept.log", "x.log"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / ".gitignore").write_text("build/\n*.log\n")
    (tmp_path / "sub" / ".gitignore").write_text("!kept.log\n")
    ignore_files = {".gitignore", "sub/.gitignore"}
    everything = ignore_files | {"a", "build/b", "sub/c.log", "sub/kept.log", "x.log"}
    assert texts(read(open_target(str(tmp_path)))[0]).keys() == everything
    chosen = ignore_files | {"a", "sub/kept.log"}
    assert texts(read(open_target(str(tmp_path), gitignore=True))[0]).keys() == chosen
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    subprocess.run(["git", "-C", str(tmp_path), "add", "-f", "x.log"], check=True)
    found = texts(read(open_target(str(tmp_path), git=False, gitignore=True))[0])
    assert found.keys() == chosen | {"x.log"}  # it is tracked: it leaves this machine by git
