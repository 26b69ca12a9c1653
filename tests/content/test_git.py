"""A git repository is read whole, once, and without letting it do anything."""

import os
import subprocess
import zlib
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from keywatch.collect.content import open_target
from keywatch.collect.content.file_lot import FileLot
from keywatch.collect.content.git import GitRepository
from keywatch.collect.content.git_plumbing import Git, GitFailed
from keywatch.collect.content.git_staged import StagedFiles
from keywatch.model.content import Chunk
from keywatch.model.errors import ScanError, UsageError
from keywatch.model.finding import Place
from keywatch.model.source import Skipped
from tests.content.repository import Repository, read, texts


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repo")


@pytest.mark.parametrize("packed", [True, False], ids=["packed", "loose"])
def test_one_branch_or_what_nothing_reaches(repository: Repository, *, packed: bool) -> None:
    """One branch alone; or all there is, and what was taken away as well, each once; or that since a revision."""
    repository.commit({"a": "base"})
    repository.git("checkout", "-q", "-b", "side")
    repository.commit({"b": "lost"})
    repository.git("reset", "-q", "--hard", "main")
    repository.commit({"b": "side"})
    repository.git("checkout", "-q", "main")
    if packed:
        repository.git("repack", "-a", "-d", "-k", "-q")

    path = repository.path
    for source, expected in (
        (GitRepository(path), ["base", "side"]),
        (GitRepository(path, branches=("main",)), ["base"]),
        (GitRepository(path, unreachable=True), ["base", "lost", "side"]),
        (GitRepository(path, unreachable=True, since="main"), ["lost", "side"]),
    ):
        chunks, skipped, _ = read(source)
        assert (texts(chunks), skipped) == (expected, [])


def test_each_blob_is_read_once(repository: Repository) -> None:
    """Content that lies in many commits, branches and files is read one time."""
    repository.commit({"a": "same", "b": "same", "c": "one"})
    repository.commit({"c": "two"})
    repository.git("branch", "other")
    chunks, skipped, _ = read(GitRepository(repository.path))
    assert (texts(chunks), skipped) == (["one", "same", "two"], [])


def test_what_was_deleted_is_read(repository: Repository) -> None:
    """A file deleted in a later commit is still in the history."""
    repository.commit({"secret.txt": "deleted", "kept": "kept"})
    (repository.path / "secret.txt").unlink()
    repository.commit()
    chunks, _, _ = read(GitRepository(repository.path))
    assert texts(chunks) == ["deleted", "kept"]
    assert {chunk.origin.path for chunk in chunks} == {"secret.txt", "kept"}


def test_every_ref_is_read(repository: Repository) -> None:
    """Branches, tags, stashes and a detached HEAD are read, not only the branch that is checked out."""
    repository.commit({"a": "main"})
    repository.git("checkout", "-q", "-b", "side")
    repository.commit({"a": "side"})
    repository.git("checkout", "-q", "--detach", "main")
    repository.commit({"a": "detached"})
    repository.git("update-ref", "refs/odd/place", repository.commit({"a": "odd"}))
    repository.git("checkout", "-q", "--detach", "HEAD~1")
    chunks, _, _ = read(GitRepository(repository.path))
    assert texts(chunks) == ["detached", "main", "odd", "side"]


def test_merge_only_content(repository: Repository) -> None:
    """What only a merge commit brought in is read, and attributed to the merge."""
    repository.commit({"a": "base"})
    repository.git("checkout", "-q", "-b", "side")
    repository.commit({"b": "side"})
    repository.git("checkout", "-q", "main")
    repository.commit({"c": "main"})
    repository.git("merge", "-q", "--no-ff", "--no-commit", "side")
    merge = repository.commit({"evil": "merged only"})
    source = GitRepository(repository.path)
    assert "merged only" in texts(read(source)[0])
    blob = repository.blob("HEAD:evil")
    assert [item.commit for item in source.introductions([blob])[blob]] == [merge]


def test_attribution(repository: Repository) -> None:
    """A blob is attributed to the first commit that had it, with author, date, path, and whether HEAD still has it."""
    first = repository.commit({"old/path": "content", "other": "x"})
    (repository.path / "old").rename(repository.path / "new")
    second = repository.commit()
    repository.commit({"new/path": "changed"})
    source = GitRepository(repository.path)
    blob = repository.blob(f"{first}:old/path")
    found = source.introductions([blob])[blob]
    assert [(item.path, item.commit, item.present) for item in found] == [
        ("old/path", first, False),
        ("new/path", second, False),
    ]
    assert (found[0].author, found[0].committed_at) == ("Ann Example", datetime(2026, 1, 1, 12, tzinfo=UTC))
    other = repository.blob("HEAD:other")
    assert source.introductions([other])[other][0].present


def test_the_working_tree_is_read(repository: Repository) -> None:
    """Modified and untracked files are read; those as committed are not read again; links are not followed."""
    repository.commit({"a": "committed", "b": "before"})
    repository.write("b", "after")
    repository.write("new/c", "untracked")
    (repository.path / "link").symlink_to("/etc/passwd")
    source = GitRepository(repository.path)
    chunks, _, _ = read(source)
    assert texts(chunks) == ["after", "before", "committed", "untracked"]
    blob = next(chunk.origin.blob for chunk in chunks if chunk.data == b"untracked")
    assert blob is not None
    assert source.introductions([blob]) == {}
    (found,) = source.uncommitted([Place(target="t", path="new/c", line=1, column=1, blob=blob)])[blob]
    assert (found.path, found.commit, found.present) == ("new/c", None, True)


def test_a_large_working_tree_comes_in_lots(repository: Repository) -> None:
    """Whoever looks through a lot leaves out what HEAD has, wherever that lies, and knows the others' names."""
    text = "line\n" * 600_000
    repository.commit({"a": f"a{text}", "b": f"b{text}", "long": text + text})
    repository.write("b", f"changed{text}")
    repository.write("copy", f"a{text}")
    repository.write("long copy", text + text)
    repository.write("new", f"new{text}{text}")
    lots = [lot for batch in GitRepository(repository.path).read({}) for lot in batch.lots]
    found = [item for lot in lots if isinstance(lot, FileLot) for item in lot.read()]
    blobs = {(item.origin.path, item.origin.blob) for item in found if isinstance(item, Chunk)}
    assert blobs == {(name, repository.git("hash-object", name).strip()) for name in ("b", "new")}
    assert not [item for item in found if isinstance(item, Skipped)]


def test_what_a_history_comes_to_is_foreseen_from_its_packs(repository: Repository) -> None:
    """Whatever else lies there; and not of a part of it."""
    repository.commit({"a": "one", "b": "two"})
    assert GitRepository(repository.path).foreseen(1) == 0
    repository.git("repack", "-a", "-d", "-q")
    packs = repository.path / ".git" / "objects" / "pack"
    (size,) = [pack.stat().st_size for pack in packs.glob("*.pack")]
    (packs / "x.pack").symlink_to("/dev/zero")
    assert size < GitRepository(repository.path).foreseen(1) < 5 * size
    assert GitRepository(repository.path, since="HEAD").foreseen(1) == 0


def test_what_no_commit_has_is_told_wherever_it_lies(repository: Repository) -> None:
    """Two files with one secret are two places, whatever they are called; one that has changed since is none."""
    repository.commit({"a": "one"})
    for name in ("x", "y", b"bad\xff", "changed"):
        repository.write(name, "two")
    source = GitRepository(repository.path)
    chunks, _, _ = read(source)
    (blob,) = {chunk.origin.blob for chunk in chunks if chunk.data == b"two"}
    places = [Place(target="t", path=chunk.origin.path, line=1, column=1, blob=blob) for chunk in chunks]
    assert "bad\\xff" in {place.path for place in places}
    repository.write("changed", "three")
    found = source.uncommitted([*places, replace(places[0], path="x!inner")])
    assert {key: [item.path for item in items] for key, items in found.items()} == {blob: ["bad\\xff", "x", "y"]}


def test_ignored_files_are_left_out(repository: Repository, tmp_path: Path) -> None:
    """What git ignores is left out unless it was committed; what `core.worktree` says is not heard."""
    repository.commit({".gitignore": "*.log\nbuild/\n", "a": "one"})
    repository.write("kept.log", "tracked")
    repository.git("add", "-f", "kept.log")
    for name in ("x.log", "build/y", "sub/build/z"):
        repository.write(name, "ignored")
    repository.git("config", "core.worktree", str(tmp_path))
    assert texts(read(GitRepository(repository.path))[0]) == ["*.log\nbuild/\n", "one", "tracked"]


def test_a_second_read_brings_what_is_new(repository: Repository) -> None:
    """A cursor leaves out what was read; new commits bring their new blobs only."""
    repository.commit({"a": "one", "b": "two"})
    _, _, cursor = read(GitRepository(repository.path))
    assert texts(read(GitRepository(repository.path), cursor)[0]) == []
    repository.commit({"a": "three"})
    chunks, _, cursor = read(GitRepository(repository.path), cursor)
    assert texts(chunks) == ["three"]
    repository.write("c", "untracked")
    assert texts(read(GitRepository(repository.path), cursor)[0]) == ["untracked"]


def test_other_rules_read_everything(repository: Repository) -> None:
    """A cursor made under other rules is void."""
    repository.commit({"a": "one"})
    _, _, cursor = read(GitRepository(repository.path, ruleset="old"))
    assert texts(read(GitRepository(repository.path, ruleset="new"), cursor)[0]) == ["one"]


def test_a_rewritten_history_is_read(repository: Repository) -> None:
    """A forced push, whose old tips are gone for good, neither stops the reading nor hides the new commits."""
    repository.commit({"a": "one"})
    repository.commit({"a": "two"})
    _, _, cursor = read(GitRepository(repository.path))
    repository.git("reset", "-q", "--hard", "HEAD~1")
    repository.git("reflog", "expire", "--expire=now", "--all")
    repository.git("gc", "-q", "--prune=now")
    repository.commit({"a": "three"})
    assert "three" in texts(read(GitRepository(repository.path), cursor)[0])


def test_since(repository: Repository) -> None:
    """`since` leaves out what a revision reaches; one that does not exist is an error, not an empty history."""
    first = repository.commit({"a": "one"})
    repository.commit({"a": "two"})
    assert texts(read(GitRepository(repository.path, since=first))[0]) == ["two"]
    with pytest.raises(ScanError, match="unknown revision"):
        read(GitRepository(repository.path, since="--output=x"))


def test_a_bare_repository(repository: Repository, tmp_path: Path) -> None:
    """A bare repository has a history and no working tree."""
    repository.commit({"a": "one"})
    repository.git("clone", "-q", "--bare", ".", str(tmp_path / "bare"))
    source = open_target(str(tmp_path / "bare"))
    assert texts(read(source)[0]) == ["one"]


def test_a_linked_worktree(repository: Repository, tmp_path: Path) -> None:
    """A linked worktree has the whole history and its own files."""
    repository.commit({"a": "one"})
    repository.git("worktree", "add", "-q", str(tmp_path / "linked"), "-b", "linked")
    (tmp_path / "linked" / "b").write_text("two")
    assert texts(read(open_target(str(tmp_path / "linked")))[0]) == ["one", "two"]


def test_what_is_committed_in_a_linked_worktree_is_news(repository: Repository, tmp_path: Path) -> None:
    """Where its HEAD is detached, no ref tells of it."""
    repository.commit({"a.txt": "first"})
    repository.git("worktree", "add", "-q", "--detach", str(tmp_path / "linked"))
    chunks, _, cursor = read(GitRepository(repository.path))
    assert texts(chunks) == ["first"]
    linked = Repository.__new__(Repository)
    linked.path, linked.day = tmp_path / "linked", 2
    linked.commit({"b.txt": "second"})
    chunks, _, cursor = read(GitRepository(repository.path), cursor)
    assert texts(chunks) == ["second"]
    assert texts(read(GitRepository(repository.path), cursor)[0]) == []


def test_a_sha256_repository(tmp_path: Path) -> None:
    """A repository whose objects are named by SHA-256 is read like any other."""
    repository = Repository(tmp_path / "repo", "--object-format=sha256")
    repository.commit({"a": "one", "b": "two"})
    (repository.path / "b").write_text("three")
    source = GitRepository(repository.path)
    assert texts(read(source)[0]) == ["one", "three", "two"]
    blob = repository.blob("HEAD:a")
    assert source.introductions([blob])[blob][0].path == "a"


def test_a_repository_without_a_commit(repository: Repository) -> None:
    """An unborn branch has no history; the files are read."""
    repository.write("a", "untracked")
    source = GitRepository(repository.path)
    chunks, skipped, _ = read(source)
    assert (texts(chunks), skipped) == (["untracked"], [])
    place = Place(target="t", path="a", line=1, column=1, blob=chunks[0].origin.blob)
    assert list(source.uncommitted([place])) == [place.blob]


def test_an_empty_bare_repository(tmp_path: Path) -> None:
    """Nothing at all is no error."""
    Repository(tmp_path / "bare", "--bare")
    chunks, skipped, _ = read(open_target(str(tmp_path / "bare")))
    assert (chunks, skipped) == ([], [])


def test_a_missing_blob_is_named(repository: Repository) -> None:
    """A blob that is gone is named, and the rest is read."""
    repository.commit({"a": "one", "b": "two"})
    blob = repository.blob("HEAD:a")
    (repository.path / "a").unlink()
    repository.object_file(blob).unlink()
    chunks, skipped, _ = read(GitRepository(repository.path))
    assert texts(chunks) == ["two"]
    assert [blob in item.what for item in skipped] == [True]


@pytest.mark.parametrize(
    "damage", [b"", b"garbage", zlib.compress(b"blob 9\0short")], ids=["empty", "garbage", "short"]
)
def test_a_broken_blob_is_named(repository: Repository, damage: bytes) -> None:
    """A blob that cannot be read is named, on every scan until it is repaired, and the rest is read."""
    repository.commit({name: name * 3 for name in "abcdef"})
    blob = repository.blob("HEAD:c")
    for name in "abcdef":
        (repository.path / name).unlink()
    path = repository.object_file(blob)
    path.chmod(0o600)
    path.write_bytes(damage)
    chunks, skipped, cursor = read(GitRepository(repository.path))
    assert texts(chunks) == ["aaa", "bbb", "ddd", "eee", "fff"]
    assert any(blob in item.what for item in skipped)
    assert read(GitRepository(repository.path), cursor)[1] == skipped


def test_a_broken_commit(repository: Repository) -> None:
    """Where the history cannot be walked, every object there is is read, and the history is named as broken."""
    first = repository.commit({"a": "one"})
    repository.commit({"a": "two"})
    repository.commit({"a": "three"})
    path = repository.object_file(first)
    path.chmod(0o600)
    path.write_bytes(b"garbage")
    chunks, skipped, _ = read(GitRepository(repository.path))
    assert {"one", "two", "three"} <= set(texts(chunks))
    assert any("history" in item.what for item in skipped)


def test_a_huge_blob_is_named(repository: Repository) -> None:
    """A blob above the limit is named and never loaded; the rest is read."""
    repository.commit({"big": "x" * 2000, "a": "one"})
    (repository.path / "big").unlink()
    chunks, skipped, _ = read(GitRepository(repository.path, largest=1000))
    assert texts(chunks) == ["one"]
    assert [item.why for item in skipped] == ["2,000 bytes are more than the limit of 1,000"]
    assert "big" in skipped[0].what


def test_a_shallow_clone_says_so(repository: Repository, tmp_path: Path) -> None:
    """What a shallow clone does not have is named as not scanned."""
    repository.commit({"a": "one"})
    repository.commit({"a": "two"})
    repository.git("clone", "-q", "--depth=1", f"file://{repository.path}", str(tmp_path / "shallow"))
    chunks, skipped, _ = read(GitRepository(tmp_path / "shallow"))
    assert texts(chunks) == ["two"]
    assert [item.why for item in skipped] == ["a shallow clone does not have it"]


def test_a_partial_clone_is_never_completed(repository: Repository, tmp_path: Path) -> None:
    """Objects a partial clone left out are counted; nothing is fetched for them."""
    repository.commit({"a": "one"})
    repository.commit({"a": "two"})
    repository.git("config", "uploadpack.allowFilter", "true")
    partial = tmp_path / "partial"
    repository.git("clone", "-q", "--filter=blob:none", f"file://{repository.path}", str(partial))
    chunks, skipped, _ = read(GitRepository(partial))
    assert texts(chunks) == ["two"]
    assert [(item.what, item.why) for item in skipped] == [(f"{partial}: 1 objects", "not in this partial clone")]


def test_a_hostile_repository_runs_nothing(repository: Repository, tmp_path: Path) -> None:
    """Configuration, hooks, attributes and a missing object of a partial clone run no program of the repository's."""
    repository.commit({"a": "one", "b.txt": "two", ".gitattributes": "* diff=evil filter=evil\n"})
    repository.commit({"b.txt": "three"})
    blob = repository.blob("HEAD:a")
    canary = tmp_path / "canary"
    evil = tmp_path / "evil.sh"
    evil.write_text(f"#!/bin/sh\ntouch {canary}\n")
    evil.chmod(0o700)
    for name in (
        "core.fsmonitor", "core.sshCommand", "core.pager", "core.editor", "core.askPass", "core.gitProxy",
        "core.alternateRefsCommand", "diff.external", "diff.evil.command", "diff.evil.textconv", "filter.evil.smudge",
        "filter.evil.clean", "filter.evil.process", "gpg.program", "credential.helper", "uploadpack.packObjectsHook",
    ):  # fmt: skip
        repository.git("config", name, str(evil))
    for name, value in {
        "log.showSignature": "true",
        "protocol.allow": "always",
        "protocol.ssh.allow": "always",
        "protocol.ext.allow": "always",
        "core.repositoryFormatVersion": "1",
        "extensions.partialClone": "origin",
        "remote.origin.url": "ssh://evil.invalid/x",
        "remote.origin.promisor": "true",
        "core.hooksPath": str(tmp_path),
    }.items():
        repository.git("config", name, value)
    for hook in ("post-checkout", "pre-auto-gc", "post-index-change", "reference-transaction"):
        (tmp_path / hook).symlink_to(evil)
    repository.object_file(blob).unlink()
    (repository.path / "a").unlink()
    canary.unlink(missing_ok=True)
    source = GitRepository(repository.path)
    chunks, skipped, cursor = read(source)
    assert {"two", "three"} <= set(texts(chunks))
    assert any("partial clone" in item.why for item in skipped)
    two = repository_blob(chunks, "two")
    assert source.introductions([two, blob])[two][0].path == "b.txt"
    source.gone([Place(target="x", path="a", line=1, column=1, blob=blob)])
    read(source, cursor)
    read(StagedFiles(repository.path, largest=1000))
    list(source.check())
    assert not canary.exists()


def repository_blob(chunks: Iterable[Chunk], text: str) -> str:
    return next(chunk.origin.blob or "" for chunk in chunks if chunk.data == text.encode())


def test_odd_paths(repository: Repository) -> None:
    """Paths with line ends, escapes and bytes that are no UTF-8 are told as they are, as far as text can."""
    repository.commit({"new\nline": "one", "\x1b[31mred": "two"})
    repository.write(b"bad\xff", "three")
    repository.commit()
    source = GitRepository(repository.path)
    chunks, _, _ = read(source)
    assert texts(chunks) == ["one", "three", "two"]
    blobs = {chunk.data: chunk.origin.blob or "" for chunk in chunks}
    found = source.introductions(blobs.values())
    assert {"new\nline", "\x1b[31mred", "bad\\xff"} == {items[0].path for items in found.values()}


def test_a_tree_bomb(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten trees that spell ten thousand million paths hold one blob, which is read; the paths are not all walked."""
    repository.write("x", "boom")
    blob = repository.git("hash-object", "-w", "x").strip()
    tree = ""
    listing = "".join(f"100644 blob {blob}\tf{number}\n" for number in range(10))
    for _ in range(10):
        repository.write("listing", listing)
        with (repository.path / "listing").open() as given:
            tree = subprocess.run(
                ["git", "mktree"], stdin=given, cwd=repository.path, check=True, capture_output=True, text=True
            ).stdout.strip()
        listing = "".join(f"040000 tree {tree}\td{number}\n" for number in range(10))
    commit = repository.git("commit-tree", tree, "-m", "x").strip()
    repository.git("update-ref", "refs/heads/main", commit)
    (repository.path / "x").unlink()
    (repository.path / "listing").unlink()
    monkeypatch.setattr("keywatch.collect.content.git._LOG_TIME", 1)
    monkeypatch.setattr("keywatch.collect.content.git_plumbing._MEMORY", 64 << 20)
    monkeypatch.setattr("keywatch.collect.content.git_history._TREE_LIMIT", 10_000)
    source = GitRepository(repository.path)
    assert texts(read(source)[0]) == ["boom"]
    with pytest.raises(GitFailed):
        source.introductions([blob])


def test_what_is_gone(repository: Repository) -> None:
    """A place is gone when neither a ref reaches its content nor the working tree has it."""
    repository.commit({"a": "one"})
    repository.write("b", "untracked")
    source = GitRepository(repository.path)
    chunks, _, _ = read(source)
    places = [
        Place(target="x", path=chunk.origin.path, line=1, column=1, blob=chunk.origin.blob)
        for chunk in sorted(chunks, key=lambda chunk: chunk.origin.path)
    ]
    assert source.gone(places) == frozenset()
    repository.write("b", "changed")
    assert source.gone(places) == {places[1]}
    repository.git("checkout", "-q", "--orphan", "fresh")
    repository.commit({"a": "rewritten"})
    repository.git("branch", "-q", "-D", "main")
    assert source.gone(places) == set(places)


def test_staged_files(repository: Repository) -> None:
    """What is about to be committed is what the index has and HEAD has not, as it is in the index."""
    repository.commit({"a": "one", "b": "two"})
    repository.write("b", "staged")
    repository.git("add", "b")
    repository.write("b", "not staged")
    chunks, _, _ = read(StagedFiles(repository.path, largest=1000))
    assert [(chunk.origin.path, chunk.data) for chunk in chunks] == [("b", b"staged")]


def test_staged_files_of_a_commit_hook(repository: Repository, tmp_path: Path) -> None:
    """`git commit -a` gives its hooks another index: that is the one that will be committed."""
    repository.commit({"a": "one"})
    repository.write("a", "two")
    index = tmp_path / "index"
    repository.git("add", "a")
    (repository.path / ".git" / "index").rename(index)
    repository.git("reset", "-q")
    assert texts(read(StagedFiles(repository.path))[0]) == []
    assert texts(read(StagedFiles(repository.path, index=index))[0]) == ["two"]


def test_a_missing_tree_is_named(repository: Repository) -> None:
    """A tree that is gone hides some names, no content that is there, and no author of the rest."""
    repository.commit({"sub/a": "one"})
    last = repository.commit({"b": "two"})
    repository.object_file(repository.blob(f"{last}:sub")).unlink()
    source = GitRepository(repository.path)
    chunks, skipped, _ = read(source)
    assert {"one", "two"} == set(texts(chunks))
    assert skipped
    blob = repository.blob(f"{last}:b")
    assert [item.commit for item in source.introductions([blob]).get(blob, ())] in ([last], [])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_repository_of_somebody_else(repository: Repository) -> None:
    """A daemon reads repositories it does not own."""
    repository.commit({"a": "one"})
    for path in [repository.path, *repository.path.rglob("*")]:
        os.chown(path, 12345, 12345)
    assert texts(read(GitRepository(repository.path))[0]) == ["one"]


def test_git_is_stopped_when_it_takes_too_long(repository: Repository) -> None:
    """A question without an end, as a tree that spells too many paths is one, is given up."""
    repository.commit({"a": "one"})
    with Git(repository.path, timeout=0.01).stream("cat-file", "--batch", source=None) as stream:
        stream.stop()
        with pytest.raises(GitFailed, match="and was stopped"):
            stream.finish()


def test_utf16_is_brought_into_utf8(repository: Repository) -> None:
    """Text in UTF-16 is read as text; a picture is left out."""
    (repository.path / "wide.txt").write_bytes("zwölf\nlines".encode("utf-16"))
    (repository.path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    repository.commit()
    assert texts(read(GitRepository(repository.path))[0]) == ["zwölf\nlines"]


def test_what_is_not_there_is_an_error(tmp_path: Path) -> None:
    """A target that does not exist is never a clean one."""
    with pytest.raises(UsageError, match="no such file"):
        open_target(str(tmp_path / "nothing"))
    (tmp_path / ".git").mkdir()
    with pytest.raises(ScanError):
        read(open_target(str(tmp_path)))


def test_what_git_quotes_of_the_configuration_is_not_told(tmp_path: Path) -> None:
    """A value in `.git/config` may be a password, in its own right or in a URL."""
    repository = Repository(tmp_path / "repository")
    repository.commit({"a": "b"})
    repository.git("config", "core.bigFileThreshold", "hunter2canary")
    with pytest.raises(GitFailed) as failed:
        list(GitRepository(repository.path).read({}))
    assert "core.bigfilethreshold" in failed.value.message
    assert "canary" not in failed.value.message
