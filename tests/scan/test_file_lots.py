"""Files that come in lots are read where they are looked through, and the same is found as without."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from keywatch.collect.content.file_lot import FileLot, Plan
from keywatch.collect.content.files import Directory
from keywatch.collect.content.measure import Ahead
from keywatch.collect.content.tree import walk
from keywatch.collect.content.windows import WINDOW
from keywatch.detect.engine import Detector
from keywatch.detect.examples import expand
from keywatch.detect.known import KnownKeys
from keywatch.detect.rules import packaged
from keywatch.model.content import Chunk, Passed
from keywatch.model.errors import ScanError
from keywatch.model.finding import Finding, Place
from keywatch.model.key import SourceId
from keywatch.model.secret import Pepper
from keywatch.model.source import ContentBatch, Cursor, Lot, Sighted, Skipped
from keywatch.native.sieve import LARGEST, Harmless
from keywatch.scan.engine import Local
from keywatch.scan.recipe import Recipe
from keywatch.scan.scanner import Scanner

PEPPER = Pepper(bytes(32))
MUCH = 32 << 20
"""Bytes that a lot says it has, so that a process is worth its while."""


class Lots:
    """A content source that is nothing but lots, one a batch."""

    id = SourceId("lots")
    target = "lots"

    def __init__(self, lots: Iterable[Lot]) -> None:
        self._lots = lots

    def read(self, cursor: Cursor) -> Iterator[ContentBatch]:
        assert cursor == {}
        yield from (ContentBatch(cursor=None, lots=(lot,)) for lot in self._lots)

    def check(self) -> Iterator[str | Skipped]:
        yield "nothing to check"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Files of many kinds, some with a secret."""
    top = tmp_path / "tree"
    for number in range(40):
        path = top / f"d{number % 7}" / f"f{number}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(expand(f"line\nclient_secret: amzn1.oa2-cs.v1.{{hex:64}} {number}\n") if number % 2 else "none")
    (top / "wide.txt").write_bytes(expand("client_secret: amzn1.oa2-cs.v1.{hex:64}\n").encode("utf-16"))
    (top / os.fsdecode(b"bad\xff")).write_text(expand("client_secret: amzn1.oa2-cs.v1.{hex:64}\n"))
    (top / "link").symlink_to("d1/f1")
    return top


def planned(top: str, count: int = 1000) -> list[FileLot]:
    """Return the files below `top` in lots of so many each."""
    entries = [entry for entry in walk(top) if not isinstance(entry, Skipped)]
    plan = Plan(top, "tree")
    return [lot for first in range(0, len(entries), count) for lot in plan.lots(entries[first : first + count])]


def lots(top: Path, size: int = 0) -> list[Lot]:
    return [replace(lot, size=size or lot.size) for lot in planned(str(top), 5)]


def told(findings: Iterable[Finding]) -> Counter[tuple[str, Place]]:
    return Counter((finding.id, replace(place, target="tree")) for finding in findings for place in finding.places)


@pytest.mark.parametrize("size", [0, MUCH], ids=["here", "shared-with-a-process"])
def test_lots_show_what_a_directory_shows(tree: Path, rules_cache: Path, size: int) -> None:
    """Wherever a lot is read: the same secrets, in the same places, of files that are called the same as blobs."""
    rules = packaged(rules_cache)
    detector, known = Detector(rules, cache_dir=rules_cache), KnownKeys(())
    recipe = Recipe(rules, rules_cache, PEPPER.for_worker(), known)
    scanner = Scanner(detector, PEPPER, known, engine=Local(2), recipe=recipe)
    try:
        expected = told(finding for step in scanner.scan(Directory(tree), {}) for finding in step.findings)
        steps = list(scanner.scan(Lots(lots(tree, size)), {}))
    finally:
        scanner.close()
    assert told(finding for step in steps for finding in step.findings) == expected
    assert len(expected) == 22
    assert all(place.blob for _, place in expected)
    assert sum(step.chunks for step in steps) == 42


def test_large_directories_come_in_lots(tmp_path: Path) -> None:
    """What is much is not read here; a file that is large alone is, as its windows are shared between the cores."""
    for number in range(32):
        with (tmp_path / f"f{number:02}").open("wb") as file:
            file.truncate(3 << 20)  # holes take no room
    with (tmp_path / "large.log").open("wb") as file:
        file.truncate(40 << 20)
    source = Directory(tmp_path)
    given: list[FileLot] = []
    for batch in source.read({}):
        if batch.chunks:
            assert {chunk.origin.path for chunk in batch.chunks} == {"large.log"}
            break
        given += [lot for lot in batch.lots if isinstance(lot, FileLot)]
    assert [name for lot in given for name in lot.relative] == [f"f{number:02}" for number in range(32)]
    assert [lot.size for lot in given] == [6 << 20] * 12 + [3 << 20] * 8
    assert source.ahead == Ahead(33, 136 << 20)


def test_many_small_files_are_many_lots(tmp_path: Path) -> None:
    """Files take time however small they are."""
    for number in range(1100):
        (tmp_path / f"f{number:04}").write_bytes(b"")
    assert [len(lot.paths) for lot in planned(str(tmp_path), 2000)] == [512, 512, 76]


def test_pictures_are_not_held_in_memory_for_their_texts(tmp_path: Path) -> None:
    """Their names as blobs are worked out for findings alone, from what they hold: so few of them wait together."""
    text = b"tEXtComment\0hello"
    for number in range(4):
        with (tmp_path / f"{number}.png").open("wb") as file:
            file.write(b"\x89PNG\r\n\x1a\n" + (len(text) - 4).to_bytes(4) + text + bytes(4))
            file.truncate(3 << 20)
    first, second = planned(str(tmp_path))
    both = replace(first, paths=[*first.paths, *second.paths], relative=[*first.relative, *second.relative])
    passed, reading = [], both.read(Harmless())
    item = next(reading)
    with suppress(StopIteration):
        while True:
            passed += [item.count] if isinstance(item, Passed) else []
            item = reading.send(Sighted())
    assert passed == [3, 1]


def test_a_file_that_is_one_chunk_fits_into_the_sieve() -> None:
    """Or what is sighted in the next one would be told of it."""
    assert WINDOW <= LARGEST


def test_what_is_foreseen_is_read_as_without_that(tmp_path: Path) -> None:
    """To look whether a directory is large takes nothing out of it, and is as short as it may be."""
    for number in range(40):
        (tmp_path / f"f{number:02}").write_bytes(b"0123456789")
    source = Directory(tmp_path)
    assert source.foreseen(100) == 100
    assert source.foreseen(100_000) == 400
    batches = list(source.read({}))
    assert sum(len(batch.chunks) for batch in batches) == 40
    cursor = batches[-1].cursor
    assert cursor == list(Directory(tmp_path).read({}))[-1].cursor
    assert cursor is not None
    assert source.foreseen(100) == 100
    assert list(source.read(cursor)) == [ContentBatch(cursor=cursor)]


def test_what_goes_wrong_with_a_file_is_named_as_it_was_typed(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are read; one that is gone since is left out, as in any other scan."""
    monkeypatch.chdir(tree.parent)
    (lot,) = planned("tree")
    (tree / "d1" / "f1").unlink()
    (tree / "d1" / "f8").unlink()
    (tree / "d1" / "f8").symlink_to("/etc/passwd")
    monkeypatch.chdir("/")
    read = list(lot.read())
    assert [item for item in read if isinstance(item, Skipped)] == [
        Skipped("tree/d1/f8", "a symbolic link, which is not followed")
    ]
    assert len([item for item in read if isinstance(item, Chunk)]) == 40


def test_another_directory_is_not_taken_for_it(tree: Path) -> None:
    """A worker elsewhere may have a directory of the same name: what is not scanned is never called clean."""
    (first, *_) = lots(tree)
    tree.rename(tree.parent / "moved")
    with pytest.raises(ScanError, match="another directory"):
        list(first.read())
    tree.mkdir()
    with pytest.raises(ScanError, match="another directory"):
        list(first.read())
