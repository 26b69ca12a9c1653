"""What commits changed is read in C as git tells it, and no repository, however odd or damaged, leads C astray."""

import mmap
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from keywatch.collect.content.git_log import EMPTY
from keywatch.collect.content.git_log_asked import FORMAT
from keywatch.collect.content.pack.loose import LooseObjects
from keywatch.native import library
from keywatch.native.history import History, Packed, Strange
from tests.content.repository import Repository, put, told
from tests.native.packs import PACKED, git, numbers, packed_as_usual, packed_by_names, packed_far

Told = list[tuple[bytes, bytes, bytes]]
"""Commits, what each changed, and the paths."""
MODES = (b"100644", b"100755", b"120000")
NAMES = (b"a", b"a.b", b"a-b", b"a0", b"b", b"b/c", b"b/c.d", b"b/c/d", b"a/x", b"a/y/z", "é/ü".encode(), b"z")
ALL = 1 << 40


def history(path: Path, seed: int, object_format: str = "sha1") -> None:
    """
    Make a history of everything: merges of two and more, files that become directories and back, links, modules, modes.

    Dates come in no order, and often twice.
    """
    chance = random.Random(seed)  # noqa: S311 - no secret
    git(path.parent, "init", "-q", "--bare", f"--object-format={object_format}", path.name)
    size = 32 if object_format == "sha256" else 20
    stream = []
    for mark in range(1, 100):
        stream.append(b"reset refs/heads/b%d\ncommit refs/heads/b%d\nmark :%d\n" % (2 * (mark % 25,) + (mark,)))
        stream.append(b"committer \x02 <a@example.org> %d +0100\ndata 1\nx\n" % chance.randrange(1, 40))
        parents = chance.sample(range(1, mark), min(mark - 1, chance.choice((0, 1, 1, 1, 1, 2, 2, 3, 5))))
        stream += [b"%s :%d\n" % (b"merge" if place else b"from", parent) for place, parent in enumerate(parents)]
        for _ in range(chance.randrange(4)):
            stream.append(b"D %b\n" % chance.choice(NAMES))
            name = chance.choice(NAMES)
            if chance.random() < 0.1:
                stream.append(b"M 160000 %b %b\n" % (chance.randbytes(size).hex().encode(), name))
            else:
                data = b"%d\n" % chance.randrange(9) * chance.randrange(1, 60)
                stream.append(b"M %b inline %b\ndata %d\n%b\n" % (chance.choice(MODES), name, len(data), data))
    stream.append(b"tag signed\nfrom :60\ntagger a <a@example.org> 1 +0000\ndata 1\nx\n")
    git(path, "fast-import", "--quiet", "--force", text=b"".join(stream))
    git(path, "-c", "user.name=a", "-c", "user.email=a@example.org", "tag", "-a", "-m", "x", "of-tag", "signed")


def all_loose(path: Path) -> None:
    """Leave nothing in a pack."""
    packed_as_usual(path)
    (pack,) = (path / "objects" / "pack").glob("*.pack")
    whole = pack.read_bytes()
    for file in (path / "objects" / "pack").iterdir():
        file.unlink()
    git(path, "unpack-objects", "-q", text=whole)


def some_loose(path: Path) -> None:
    """Leave what came last where git writes it at first."""
    packed_as_usual(path)
    tip = git(path, "rev-parse", "b1").strip()
    tree = git(path, "mktree", text=b"040000 tree %b\tnew\n" % git(path, "rev-parse", "b1^{tree}").strip()).strip()
    stream = b"commit refs/heads/b1\ncommitter a <a@example.org> 90 +0000\ndata 1\nx\nfrom %b\nM 040000 %b \n"
    git(path, "-c", "fastimport.unpackLimit=1000", "fast-import", "--quiet", text=stream % (tip, tree))


@contextmanager
def opened(path: Path, packs: list[Packed] | None = None) -> Iterator[History]:
    """Open the history of a bare repository, with these packs instead of its own."""
    kernel = library()
    assert kernel is not None, "make native"
    object_format = git(path, "rev-parse", "--show-object-format").decode().strip()
    own = [mapped(file) for file in sorted((path / "objects" / "pack").glob("*.pack"))]
    loose = LooseObjects(path / "objects", EMPTY[object_format])
    size = 32 if object_format == "sha256" else 20
    with closing(History(kernel, own if packs is None else packs, loose, size, 10_000)) as made:
        yield made


def mapped(pack: Path) -> Packed:
    def copied(file: Path) -> mmap.mmap:
        whole = mmap.mmap(-1, file.stat().st_size)
        whole[:] = file.read_bytes()
        return whole

    return Packed(copied(pack.with_suffix(".idx")), copied(pack))


def tips(path: Path) -> list[bytes]:
    return [bytes.fromhex(tip) for tip in git(path, "for-each-ref", "--format=%(objectname)").decode().split()]


def read(history: History, names: list[bytes], several: int = 7) -> Told:
    """Return all that a history tells."""
    for name in names:
        history.begins(name)
    with closing(history.reader()) as reader:
        pieces = [
            bytes(text) for piece in history.ordered(several) for text in reader.log(piece.start, len(piece), ALL)
        ]
    return told(b"".join(pieces))


def asked(path: Path) -> Told:
    """Return the same as git tells it."""
    commits = git(path, "rev-list", "--all")
    return told(git(path, "diff-tree", "--stdin", "-r", *FORMAT, text=commits))


@pytest.mark.parametrize("packed", [*PACKED, all_loose, some_loose], ids=lambda packed: packed.__name__)
@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_a_history_is_read_as_git_tells_it(tmp_path: Path, packed: Callable[[Path], None], object_format: str) -> None:
    """Commits in git's order, and of each what git says that it changed."""
    for seed in range(4):
        path = tmp_path / f"{seed}"
        history(path, seed, object_format)
        packed(path)
        expected = asked(path)
        assert len(expected) > 60
        assert any(change.startswith(b":::") for _, change, _ in expected)
        with opened(path) as found:
            assert expected == read(found, tips(path))


def test_little_memory_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where trees do not stay, they are unpacked again, and text is told in small pieces, or larger ones at need."""
    path = tmp_path / "repository"
    history(path, 5)
    packed_as_usual(path)
    for name, size in {"ARENA": 6000, "ENOUGH": 100, "KEPT": 4, "FOUND": 2, "TEXT": 200}.items():
        monkeypatch.setattr(f"keywatch.native.history._{name}", size)
    with opened(path) as found:
        assert asked(path) == read(found, tips(path), several=1)
    monkeypatch.setattr("keywatch.native.history._ARENA", 50)
    with opened(path) as found, pytest.raises(Strange):
        read(found, tips(path))


def test_a_ref_may_name_anything(tmp_path: Path) -> None:
    """It is said which of them lead to a commit: a tag of a tag does, a tree does not, nor a tag of a blob."""
    path = tmp_path / "repository"
    history(path, 6)
    tree, commit = (git(path, "rev-parse", name).decode().strip() for name in ("b1^{tree}", "b1"))
    blob = git(path, "hash-object", "-w", "--stdin", text=b"content").decode().strip()
    git(path, "-c", "user.name=a", "-c", "user.email=a@example.org", "tag", "-a", "-m", "x", "of-blob", blob)
    names = {name: git(path, "rev-parse", name).decode().strip() for name in ("of-tag", "signed", "of-blob")}
    for packed in (all_loose, packed_as_usual):
        packed(path)
        with opened(path) as found:
            leads = {name: found.begins(bytes.fromhex(name)) for name in (tree, commit, blob, *names.values())}
            with pytest.raises(Strange):
                found.begins(b"\xab" * 20)
        expected = {tree: False, commit: True, blob: False, names["of-blob"]: False}
        assert expected | {names["of-tag"]: True, names["signed"]: True} == leads


def committed(repository: Repository, tree: str) -> None:
    made = repository.git("commit-tree", tree, "-m", "x").strip()
    repository.git("update-ref", "refs/heads/main", made)


def entry(mode: bytes, name: bytes, target: str) -> bytes:
    return mode + b" " + name + b"\0" + bytes.fromhex(target)


def a_tree_bomb(repository: Repository) -> None:
    """Nine trees spell a thousand million paths."""
    tree = put(repository, "tree", b"")
    for _ in range(9):
        tree = put(repository, "tree", b"".join(entry(b"40000", b"%d" % number, tree) for number in range(10)))
    committed(repository, tree)


def a_deep_tree(repository: Repository) -> None:
    tree = put(repository, "tree", entry(b"100644", b"a", put(repository, "blob", b"")))
    for _ in range(600):
        tree = put(repository, "tree", entry(b"40000", b"d", tree))
    committed(repository, tree)


def a_long_path(repository: Repository) -> None:
    tree = put(repository, "tree", entry(b"100644", b"a", put(repository, "blob", b"")))
    for _ in range(30):
        tree = put(repository, "tree", entry(b"40000", b"d" * 4000, tree))
    committed(repository, tree)


def a_merge_of_many(repository: Repository) -> None:
    repository.commit({"a": "x"})
    tree = repository.git("rev-parse", "HEAD^{tree}").strip()
    parents = "".join(f"parent {number:040x}\n" for number in range(70))
    made = put(repository, "commit", f"tree {tree}\n{parents}author a <> 1 +0000\n\nx\n".encode())
    repository.git("update-ref", "refs/heads/main", made)


def a_commit_that_is_a_tree(repository: Repository) -> None:
    repository.commit({"a": "x"})
    committed(repository, repository.git("rev-parse", "HEAD^{tree}").strip())
    made = put(repository, "commit", f"tree {repository.blob('HEAD:a')}\nauthor a <> 1 +0000\n\nx\n".encode())
    repository.object_file(repository.git("rev-parse", "HEAD").strip()).write_bytes(
        repository.object_file(made).read_bytes()
    )


@pytest.mark.parametrize(
    "strange",
    [a_tree_bomb, a_deep_tree, a_long_path, a_merge_of_many, a_commit_that_is_a_tree],
    ids=lambda strange: strange.__name__,
)
def test_what_is_strange_is_left_to_git(
    tmp_path: Path, strange: Callable[[Repository], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Soon, too."""
    monkeypatch.setattr("keywatch.native.history._WORK", 1 << 20)
    monkeypatch.setattr("keywatch.native.history._WORK_EACH", 0)
    repository = Repository(tmp_path / "repository")
    strange(repository)
    path = repository.path / ".git"
    with opened(path) as found, pytest.raises(Strange):
        read(found, tips(path))


TREES = (
    b"",
    b"100644",
    b"100644 a",
    b"100644 a\0",
    b"100644 a\0" + b"1" * 19,
    b"100644 \0" + b"1" * 20,
    b" a\0" + b"1" * 20,
    b"1b0644 a\0" + b"1" * 20,
    b"100644 a\0" + b"1" * 20 + b"1",
    b"40000 a\0" + b"1" * 20,
)


@pytest.mark.parametrize("tree", TREES)
def test_a_tree_that_is_none_is_left_to_git(tmp_path: Path, tree: bytes) -> None:
    """But for the one with nothing in it."""
    repository = Repository(tmp_path / "repository")
    committed(repository, put(repository, "tree", tree))
    with opened(repository.path / ".git") as found:
        if not tree:
            assert read(found, tips(repository.path)) == []
            return
        with pytest.raises(Strange):
            read(found, tips(repository.path))


@pytest.mark.parametrize("packed", [packed_by_names, packed_far], ids=lambda packed: packed.__name__)
def test_damage_leads_nowhere(tmp_path: Path, packed: Callable[[Path], None]) -> None:
    """Any number in an index, and any header in a pack, may be wrong: something is told still, or git is asked."""
    path = tmp_path / "repository"
    history(path, 7)
    packed(path)
    (pack,) = (path / "objects" / "pack").glob("*.pack")
    files = mapped(pack)
    names, expected = tips(path), asked(path)
    places = [
        int(line.split()[-1])
        for line in git(path, "verify-pack", "-v", str(pack)).splitlines()
        if b" " in line[40:42] and line.split()[-1].isdigit()
    ]
    chance = random.Random(8)  # noqa: S311 - no secret
    right = strange = 0
    for wrong, _ in zip(numbers(chance), range(600), strict=False):
        target = chance.choice((files.index_file, files.pack_file))
        at = chance.randrange(len(target))
        if target is files.index_file and chance.random() < 0.5:
            at = chance.randrange(8, 8 + 4 * 256)
        elif target is files.pack_file and chance.random() < 0.5:
            at = chance.choice(places) % len(target)
        at = min(at, len(target) - len(wrong))
        before = target[at : at + len(wrong)]
        target[at : at + len(wrong)] = wrong
        try:
            with opened(path, [files]) as found:
                right += read(found, names) == expected
        except Strange:
            strange += 1
        target[at : at + len(wrong)] = before
    assert right > 20
    assert strange > 20
    with opened(path, [files]) as found:
        assert expected == read(found, names)


def test_what_is_cut_off_is_left_to_git(tmp_path: Path) -> None:
    """An index, and a pack."""
    path = tmp_path / "repository"
    history(path, 9)
    packed_as_usual(path)
    (pack,) = (path / "objects" / "pack").glob("*.pack")
    whole = mapped(pack)
    for number, size in ((0, 7), (0, 1031), (0, 3000), (1, 30), (1, 2000)):
        cut = mmap.mmap(-1, size)
        cut[:] = whole[number][:size]
        files = Packed(cut, whole.pack_file) if number == 0 else Packed(whole.index_file, cut)
        with ExitStack() as stack, pytest.raises(Strange):
            read(stack.enter_context(opened(path, [files])), tips(path))
