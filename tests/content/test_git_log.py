"""A large history is read by its log: that names every blob there is, as the walk over all objects does."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from keywatch.collect.content.git import GitRepository, _tips
from keywatch.collect.content.git_history import introductions
from keywatch.collect.content.git_listing import Found, everything
from keywatch.collect.content.git_log import Log, Tells
from keywatch.collect.content.git_log_asked import Asked
from keywatch.collect.content.git_log_read import ReadFromPacks
from keywatch.collect.content.git_objects import list_names
from keywatch.collect.content.git_plumbing import Git
from keywatch.collect.content.listing import Listed, listing
from keywatch.native import SWITCH, library
from tests.content.repository import Repository, put, read, texts, told

Names = dict[str, str]


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small history is taken for a large one, and its log comes in pieces of two commits."""
    monkeypatch.setattr("keywatch.collect.content.git_listing._LARGE", 0)
    for telling in ("asked", "read"):
        monkeypatch.setattr(f"keywatch.collect.content.git_log_{telling}.COMMITS", 2)


@pytest.fixture(autouse=True, params=["native", "python"])
def _kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """With the native kernel from the first blob on, and without."""
    most = 0 if request.param == "native" else 1 << 60
    monkeypatch.setattr("keywatch.collect.content.listing._MANY", most)
    monkeypatch.setattr("keywatch.collect.content.lot_plan._MANY", most)
    if most:
        monkeypatch.setenv(SWITCH, "0")
    library.cache_clear()
    yield
    library.cache_clear()


def by_log(repository: Repository) -> Found:
    git = Git(repository.path)
    return everything(git, 60, _tips(git), [], unreachable=False)


def named(found: Listed) -> Names:
    size = len(found.names) // max(1, len(found.path_of))
    each = [found.names[at : at + size].hex() for at in range(0, len(found.names), size or 1)]
    return {name: found.paths[path].decode() for name, path in zip(each, found.path_of, strict=True)}


def by_walk(repository: Repository, names: IO[bytes]) -> Names:
    """Return each blob and a path, as `rev-list --objects` tells them."""
    list_names(Git(repository.path), names)
    lines = [line.rstrip(b"\n").decode().partition(" ") for line in names]
    return {name: path for name, _, path in lines}


@pytest.fixture
def names(tmp_path: Path) -> Iterator[IO[bytes]]:
    with (tmp_path / "names").open("w+b") as file:
        yield file


def tree(repository: Repository, *entries: tuple[str, str, str]) -> str:
    """Write a tree of (mode, name of an object, file's name) in whatever order."""
    raw = b"".join(f"{mode} {name}\0".encode() + bytes.fromhex(blob) for mode, blob, name in entries)
    return put(repository, "tree", raw)


def a_merge_with_content_of_its_own(repository: Repository) -> None:
    repository.commit({"a": "base"})
    repository.git("checkout", "-q", "-b", "side")
    repository.commit({"a": "side", "only side": "s"})
    repository.git("checkout", "-q", "main")
    repository.commit({"a": "main", "only main": "m"})
    repository.git("merge", "-q", "-s", "ours", "--no-commit", "side")
    repository.commit({"a": "of neither", "evil": "merged only"})


def a_merge_of_four(repository: Repository) -> None:
    repository.commit({"a": "base"})
    for number in range(3):
        repository.git("checkout", "-q", "-b", f"side{number}", "main")
        repository.commit({f"b{number}": f"side {number}"})
    repository.git("checkout", "-q", "main")
    repository.commit({"c": "main"})
    repository.git("merge", "-q", "--no-ff", "-m", "octopus", "side0", "side1", "side2")
    repository.write("d", "added to the octopus")
    repository.git("add", "-A")
    repository.git("commit", "-q", "--amend", "-m", "octopus")


def tags_of_trees_blobs_and_tags(repository: Repository) -> None:
    repository.commit({"a": "kept", "sub/b": "in a tree"})
    first = repository.commit({"x/y": "tagged tree"})
    tagged = repository.git("rev-parse", f"{first}:x").strip()
    repository.write("loose", "tagged blob")
    blob = repository.git("hash-object", "-w", "loose").strip()
    (repository.path / "loose").unlink()
    repository.git("tag", "-a", "-m", "t", "of-tree", tagged)
    repository.git("tag", "-a", "-m", "t", "of-blob", blob)
    repository.git("tag", "-a", "-m", "t", "of-tag", "of-blob")
    repository.git("tag", "-a", "-m", "t", "of-commit", first)
    repository.git("tag", "-a", "-m", "t", "of-tag-of-commit", "of-commit")
    bare = tree(repository, ("100644", repository.blob("HEAD:a"), "z"), ("100755", blob, "run"))
    repository.git("update-ref", "refs/odd/tree", bare)
    repository.git("update-ref", "refs/odd/blob", blob)


def links_modules_and_modes(repository: Repository) -> None:
    repository.commit({"a": "file", "script": "run"})
    (repository.path / "link").symlink_to("somewhere")
    repository.git("update-index", "--add", "--cacheinfo", f"160000,{repository.git('rev-parse', 'HEAD').strip()},sub")
    repository.git("add", "link")
    repository.git("commit", "-q", "-m", "links")
    repository.git("update-index", "--chmod=+x", "script")
    repository.git("commit", "-q", "-m", "mode")
    (repository.path / "a").unlink()
    (repository.path / "a").mkdir()
    repository.git("update-index", "--force-remove", "sub")
    repository.write("a/inner", "a directory now")
    repository.write("sub", "a file now")
    repository.git("add", "a", "sub")
    repository.git("commit", "-q", "-m", "kinds")


def files_that_move_and_come_back(repository: Repository) -> None:
    repository.commit({"a": "one", "dir/b": "two"})
    (repository.path / "dir").rename(repository.path / "moved")
    repository.commit()
    repository.commit({"a": "changed"})
    repository.commit({"a": "one", "copy": "two"})
    (repository.path / "moved" / "b").unlink()
    repository.commit()


def odd_names(repository: Repository) -> None:
    repository.commit(
        {"new\nline": "1", ":100644 100644": "2", " ": "3", "tab\there": "4", "\x01x\x02": "5", "a\r": "6"}
    )
    repository.commit({"new\nline": "7"})


def trees_out_of_order(repository: Repository) -> None:
    """Entries that are not sorted, or there twice: whoever compares such trees in pairs may pass over some."""
    repository.commit({name: f"content {name}" for name in "abcdef"})
    blob = {name: repository.blob(f"HEAD:{name}") for name in "abcdef"}
    other = {name: put(repository, "blob", f"other {name}".encode()) for name in "abcdef"}
    parent = repository.git("rev-parse", "HEAD").strip()
    for order in ("fbadce", "aabbff", "ecacaf", "abc"):
        entries = [("100644", (blob if place % 2 else other)[name], name) for place, name in enumerate(order)]
        inner = tree(repository, *entries[::-1])
        made = tree(repository, *entries, ("40000", inner, "b"), ("40000", inner, "a"))
        parent = repository.git("commit-tree", made, "-p", parent, "-m", order).strip()
    side = repository.git("commit-tree", tree(repository, ("100644", other["f"], "z")), "-p", "HEAD", "-m", "s").strip()
    both = tree(repository, ("100644", other["e"], "z"), ("100644", other["d"], "a"), ("100644", blob["a"], "z"))
    merge = repository.git("commit-tree", both, "-p", parent, "-p", side, "-m", "merge").strip()
    repository.git("update-ref", "refs/heads/odd", merge)


def heads_that_no_branch_has(repository: Repository) -> None:
    repository.commit({"a": "main"})
    repository.git("worktree", "add", "-q", "--detach", str(repository.path.parent / "linked"))
    linked = Repository.__new__(Repository)
    linked.path, linked.day = repository.path.parent / "linked", 5
    linked.commit({"b": "in a linked worktree"})
    repository.git("checkout", "-q", "--detach")
    repository.commit({"c": "detached"})
    repository.git("notes", "add", "-m", "a note", "main")


def histories_without_a_common_root(repository: Repository) -> None:
    repository.commit({"a": "one"})
    repository.git("checkout", "-q", "--orphan", "fresh")
    repository.commit({"a": "other", "b": "two"})
    repository.git("merge", "-q", "--allow-unrelated-histories", "-s", "ours", "-m", "both", "main")
    repository.commit({"a": ""})


HISTORIES: tuple[Callable[[Repository], None], ...] = (
    a_merge_with_content_of_its_own,
    a_merge_of_four,
    tags_of_trees_blobs_and_tags,
    links_modules_and_modes,
    files_that_move_and_come_back,
    odd_names,
    trees_out_of_order,
    heads_that_no_branch_has,
    histories_without_a_common_root,
)


@pytest.mark.parametrize("history", HISTORIES, ids=lambda history: history.__name__)
def test_the_log_names_every_blob(
    repository: Repository, names: IO[bytes], history: Callable[[Repository], None]
) -> None:
    """Whatever the history is like, it names those that the walk over all objects finds, and no others."""
    history(repository)
    found = by_log(repository)
    assert found.named
    assert by_walk(repository, names).keys() == named(found.listed).keys()


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_a_blob_has_the_path_it_had_last(tmp_path: Path, object_format: str, names: IO[bytes]) -> None:
    """The one it has in the newest commit, or else where it is named last, coming or going. So the walk tells too."""
    repository = Repository(tmp_path / "repository", f"--object-format={object_format}")
    files_that_move_and_come_back(repository)
    odd = repository.commit({"x\ny": "odd"})
    expected = by_walk(repository, names)
    found = named(by_log(repository).listed)
    assert expected == found
    blobs = {f"{odd}:a": "a", f"{odd}~2:a": "a", f"{odd}~2:copy": "copy", f"{odd}:x\ny": "x"}
    assert {repository.blob(blob): path for blob, path in blobs.items()}.items() <= found.items()


@pytest.mark.parametrize("history", HISTORIES, ids=lambda history: history.__name__)
def test_who_brought_it_in_is_what_git_says_when_it_is_asked(
    repository: Repository, history: Callable[[Repository], None]
) -> None:
    """The log that was written down in pieces tells the same of every blob as that which is asked for at the end."""
    history(repository)
    git = Git(repository.path)
    log = by_log(repository).log
    assert log is not None
    pieces = log.read()
    assert pieces
    blobs = frozenset(named(by_log(repository).listed))
    expected = introductions(git, blobs)
    assert expected
    assert expected == introductions(git, blobs, pieces)
    log.close()


def test_a_large_history_is_read_as_a_small_one(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """Packed or not, borrowed from another repository or its own: nothing is read less, twice or elsewhere."""
    for history in (a_merge_with_content_of_its_own, tags_of_trees_blobs_and_tags):
        history(repository)
        repository.git("checkout", "-q", "--orphan", history.__name__)
    repository.git("gc", "-q")
    borrower = repository.path.parent / "borrower"
    repository.git("clone", "-q", "--mirror", "--shared", str(repository.path), str(borrower))
    repository.commit({"loose": "not packed"})
    for path in (repository.path, borrower):
        large = GitRepository(path)
        chunks, skipped, cursor = read(large)
        with monkeypatch.context() as small:
            _by_a_walk(small)
            expected, _, other = read(GitRepository(path))
        library.cache_clear()
        assert len(expected) > 7
        assert texts(expected) == texts(chunks)
        assert {chunk.origin.blob for chunk in expected} == {chunk.origin.blob for chunk in chunks}
        assert (other, []) == (cursor, skipped)


def _by_a_walk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a history listed as a small one is without a kernel."""
    monkeypatch.setattr("keywatch.collect.content.git_listing._LARGE", 1 << 60)
    monkeypatch.setenv(SWITCH, "0")
    library.cache_clear()


@pytest.mark.parametrize("less", ["--depth=2", "--filter=blob:none", "--filter=tree:0", "--filter=blob:limit=4"])
def test_a_clone_that_has_not_all(repository: Repository, less: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a shallow or partial clone is read what is there, and told what is not, as of a small one."""
    files_that_move_and_come_back(repository)
    repository.git("config", "uploadpack.allowFilter", "true")
    clone = repository.path.parent / "clone"
    repository.git("clone", "-q", "--bare", less, f"file://{repository.path}", str(clone))
    chunks, skipped, _ = read(GitRepository(clone))
    _by_a_walk(monkeypatch)
    expected, told, _ = read(GitRepository(clone))
    assert texts(expected) == texts(chunks)
    assert {chunk.origin for chunk in expected} == {chunk.origin for chunk in chunks}
    assert told
    assert told == skipped


def test_a_part_of_a_history_is_walked(repository: Repository) -> None:
    """The log is of all refs: for one branch, or for what no ref reaches, it is good for authors only."""
    first = repository.commit({"a": "kept"})
    repository.git("checkout", "-q", "-b", "side")
    lost = repository.commit({"b": "side"})
    branch = GitRepository(repository.path, branches=("main",))
    assert texts(read(branch)[0]) == ["kept"]
    blob = repository.blob(f"{first}:a")
    assert [item.commit for item in branch.introductions([blob])[blob]] == [first]
    repository.git("checkout", "-q", "main")
    repository.git("branch", "-q", "-D", "side")
    assert texts(read(GitRepository(repository.path))[0]) == ["kept"]
    assert "side" in texts(read(GitRepository(repository.path, unreachable=True))[0])
    assert texts(read(GitRepository(repository.path, since=lost))[0]) == []


def test_what_is_missing_is_told(repository: Repository) -> None:
    """The log names blobs that are no longer there; of them is said what is said after a walk."""
    repository.commit({"a": "one", "b": "two"})
    repository.commit({"b": "three"})
    blob = repository.blob("HEAD~1:b")
    repository.object_file(blob).unlink()
    chunks, skipped, _ = read(GitRepository(repository.path))
    assert texts(chunks) == ["one", "three"]
    assert [(item.what, item.why) for item in skipped] == [(f"{repository.path}: object {blob}", "missing")]


@pytest.mark.parametrize("large", [0, 1 << 60])
def test_without_a_tree_the_history_is_walked(
    repository: Repository, large: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log ends where a tree is missing; what can be listed otherwise is, and it is told what cannot."""
    monkeypatch.setattr("keywatch.collect.content.git_listing._LARGE", large)
    repository.commit({"sub/a": "one"})
    repository.commit({"b": "two"})
    repository.commit({"c": "three"})
    lost = repository.blob("HEAD~2:sub")
    repository.object_file(lost).unlink()
    found = by_log(repository)
    assert not found.named
    assert not found.log or found.log.read() is None
    chunks, skipped, _ = read(GitRepository(repository.path))
    assert {"one", "two", "three"} == set(texts(chunks))
    assert f"{repository.path}: object {lost}" in [item.what for item in skipped]


@pytest.mark.parametrize("most", [0, 150, 500])
def test_a_log_that_is_too_long_is_given_up(repository: Repository, most: int) -> None:
    """Git is ended when its pieces come to more than may be kept, and so is what reads them itself."""
    for number in range(5):
        repository.commit({f"file {number}": f"{number}"})
    git = Git(repository.path)
    tellings: list[Tells[Any]] = [Asked(git), *reading(git)]
    for telling in tellings:
        log = Log(git, telling, [], listing(20, 0), most)
        assert log.read() is None
        assert log.listed() is None
        whole = Log(git, telling, [], listing(20, 0), 5000)
        assert len(whole.read() or ()) == 3
        for one in (log, whole):
            one.close()


@pytest.mark.parametrize("history", HISTORIES, ids=lambda history: history.__name__)
def test_a_log_is_read_as_git_tells_it(repository: Repository, history: Callable[[Repository], None]) -> None:
    """To the letter, but for the commits of which there is nothing to tell."""
    history(repository)
    git = Git(repository.path)
    asked = written(Asked(git), git)
    assert asked
    for telling in reading(git):
        assert asked == written(telling, git)


def reading(git: Git) -> list[Tells[range]]:
    """Return what reads the history itself, where there is such a thing."""
    kernel = library()
    return [] if kernel is None else [ReadFromPacks(git, kernel, _tips(git))]


def written(telling: Tells[Any], git: Git) -> list[tuple[bytes, bytes, bytes]]:
    """Return all changes that are told."""
    log = Log(git, telling)
    found = told(b"".join(piece.read() for piece in log.read() or ()))
    log.close()
    return found


def test_a_history_of_too_many_pieces_is_walked(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each piece is an open file."""
    for number in range(5):
        repository.commit({"a": f"{number}"})
    monkeypatch.setattr("keywatch.collect.content.git_log._PIECES", 2)
    found = by_log(repository)
    assert not found.named
    assert len(found.listed.path_of) == 5


def test_a_commit_without_a_date_is_told_of(repository: Repository) -> None:
    """A header that is not as git writes it hides nothing of its commit."""
    repository.commit({"a": "one"})
    made = repository.git("rev-parse", "HEAD^{tree}").strip()
    commit = put(repository, "commit", f"tree {made}\nauthor \x02 nobody\ncommitter x <> 1 +0000\n\nodd\n".encode())
    repository.git("update-ref", "refs/heads/main", commit)
    source = GitRepository(repository.path)
    (chunk,) = read(source)[0]
    assert chunk.origin.blob
    (found,) = source.introductions([chunk.origin.blob])[chunk.origin.blob]
    assert (found.commit, found.path, found.committed_at) == (commit, "a", None)
