"""Lots are planned in C as in Python, and no pack or index, however damaged, leads C out of its memory."""

import mmap
import random
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from keywatch.collect.content.git_plumbing import Git
from keywatch.collect.content.listing import Listed, listing
from keywatch.collect.content.lot_plan import Planned, planned
from keywatch.native import library
from keywatch.native.plan import Plan, plan
from tests.native.packs import PACKED, git, numbers, packed_as_usual, packed_by_names, packed_far

if TYPE_CHECKING:
    from collections.abc import Sequence

LARGEST = 200_000


def history(path: Path, object_format: str) -> None:
    """Make files that change a little in each of many commits, one that does not, and one that is too large."""
    chance = random.Random(3)  # noqa: S311 - no secret
    git(path.parent, "init", "-q", "--bare", f"--object-format={object_format}", path.name)
    lines = {name: [b"line %d of %s" % (number, name) for number in range(300)] for name in (b"a", b"b/c", b"d")}
    lines[b"large"] = [chance.randbytes(40).hex().encode() for _ in range(4000)]
    stream = []
    for number in range(120):
        name = b"large" if number % 40 == 39 else chance.choice((b"a", b"b/c", b"d"))
        lines[name][chance.randrange(300)] = b"changed by %d" % number
        data = b"\n".join(lines[name])
        stream.append(b"commit refs/heads/main\ncommitter a <a@example.org> %d +0000\ndata 1\nx\n" % (number + 1))
        stream.append(b"M 100644 inline %b\ndata %d\n%b\n" % (name, len(data), data))
    git(path, "fast-import", "--quiet", text=b"".join(stream))


def listed(path: Path) -> Listed:
    """Return the blobs of a repository, and one that it has not."""
    size = 32 if Git(path).object_format == "sha256" else 20
    found = listing(size, 0)
    found.lines(git(path, "rev-list", "--objects", "--all", "--filter=object:type=blob", "--filter-provided-objects"))
    found.lines(b"ab" * size + b" not there\n")
    return Listed(*found.listed())


@pytest.fixture(params=["sha1", "sha256"])
def object_format(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(params=PACKED, ids=lambda packed: packed.__name__)
def repository(tmp_path: Path, object_format: str, request: pytest.FixtureRequest) -> Path:
    """A bare repository, packed in one way or another."""
    path = tmp_path / "repository"
    history(path, object_format)
    request.param(path)
    return path


def planned_by(path: Path, monkeypatch: pytest.MonkeyPatch, *, native: bool) -> Planned:
    monkeypatch.setattr("keywatch.collect.content.lot_plan._MANY", 0 if native else 1 << 60)
    return planned(Git(path), "t", listed(path), LARGEST)


def test_lots_are_planned_alike(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However a pack tells where things are, and however large lots are."""
    for share in (1, 20_000, 1 << 40):
        monkeypatch.setattr("keywatch.collect.content.lot_plan._LOT", share)
        expected = planned_by(repository, monkeypatch, native=False)
        found = planned_by(repository, monkeypatch, native=True)
        assert expected == found
        assert any(parent >= 0 for lot in found.lots for parent in lot.parents)
        assert {line.partition(b" ")[2] for line in found.others} == {b"large", b"not there"}
        assert share > 1 or len(found.lots) > 1


class Files:
    """A pack and its index, in memory that can be written to."""

    def __init__(self, repository: Path) -> None:
        (pack,) = (repository / "objects" / "pack").glob("*.pack")
        self.pack = mmap.mmap(-1, pack.stat().st_size)
        self.pack[:] = pack.read_bytes()
        self.index = mmap.mmap(-1, pack.with_suffix(".idx").stat().st_size)
        self.index[:] = pack.with_suffix(".idx").read_bytes()
        self.names = listed(repository).names
        self.count = len(listed(repository).path_of)

    def plan(self) -> Plan | None:
        kernel = library()
        assert kernel is not None, "make native"
        return plan(kernel, self.index, self.pack, self.names, bytearray(self.count), LARGEST, 20_000)


def sound(made: Plan, count: int) -> bool:
    """Tell whether a plan is one: each blob once, and made of one before it in its lot."""
    begins = [0, *made.ends]
    lots = [range(begin, end) for begin, end in zip(begins, made.ends, strict=False)]
    parents = [made.parents[place] < place - lot.start for lot in lots for place in lot]
    return len({*made.members}) == len(made.members) and all(0 <= one < count for one in made.members) and all(parents)


@pytest.mark.parametrize("packed", [packed_by_names, packed_far], ids=lambda packed: packed.__name__)
def test_damage_leads_nowhere(tmp_path: Path, packed: object) -> None:
    """Each number of an index and each header of a pack may be wrong; what is planned is a plan still, or nothing."""
    path = tmp_path / "repository"
    history(path, "sha1")
    assert callable(packed)
    packed(path)
    files = Files(path)
    whole = files.plan()
    assert whole is not None
    chance = random.Random(5)  # noqa: S311 - no secret
    planned = 0
    for wrong, _ in zip(numbers(chance), range(3000), strict=False):
        target: mmap.mmap = chance.choice((files.index, files.pack))
        places: Sequence[int] = list(whole.offsets) if target is files.pack else [8 + 4 * 255]
        at = min(chance.choice((*places, chance.randrange(len(target)))), len(target) - len(wrong))
        before = target[at : at + len(wrong)]
        target[at : at + len(wrong)] = wrong
        made = files.plan()
        target[at : at + len(wrong)] = before
        if made is not None:
            assert sound(made, files.count)
            planned += 1
    assert 0 < planned < 3000
    assert whole == files.plan()


def test_what_is_cut_off_is_damaged(tmp_path: Path) -> None:
    """Nothing is taken of a pack whose index is cut off, nor taken for a version where the pack is."""
    path = tmp_path / "repository"
    history(path, "sha1")
    packed_as_usual(path)
    files = Files(path)
    index = files.index
    for size in (0, 7, 8, 1031, 1032, 1052, 3000, len(index) - 41):
        files.index = mmap.mmap(-1, max(1, size))
        files.index[:size] = index[:size]
        assert files.plan() is None
    files.index, files.pack = index, mmap.mmap(-1, 30)
    made = files.plan()
    assert made is not None
    assert {*made.parents} == {-1}
