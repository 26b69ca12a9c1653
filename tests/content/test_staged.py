"""What `--staged` reads: what the next commit brings in, and nothing that HEAD has already."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from keywatch.collect.content.git_staged import StagedFiles
from keywatch.model.errors import ScanError


def git(path: Path, *arguments: str, ok: bool = True, given: str = "") -> str:
    """Run git as a person does, whose own configuration is empty."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        **{f"GIT_{role}_{name}": "ann@example.org" for role in ("AUTHOR", "COMMITTER") for name in ("NAME", "EMAIL")},
    }
    done = subprocess.run(
        ["git", *arguments], cwd=path, env=environment, input=given.encode(), check=ok, capture_output=True
    )
    return done.stdout.decode().strip()


@pytest.fixture(params=["sha1", "sha256"])
def repository(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A repository with one commit, of either kind of object name."""
    top = tmp_path / "repository"
    top.mkdir()
    git(top, "init", "-q", "-b", "main", f"--object-format={request.param}")
    commit(top, {"kept": "kept\n", "folder/changed": "before\n"})
    return top


def write(top: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(text)


def commit(top: Path, files: dict[str, str]) -> None:
    write(top, files)
    git(top, "add", "-A")
    git(top, "commit", "-q", "-m", "a change")


def staged(top: Path, index: Path | None = None) -> dict[str, str]:
    """Return what is read, by path."""
    found = {}
    for batch in StagedFiles(top, index=index).read({}):
        assert batch.skipped == ()
        found.update({chunk.origin.path: chunk.data.decode() for chunk in batch.chunks})
    return found


def test_what_was_added_and_changed(repository: Path) -> None:
    """New files and new contents are read as they are in the index; what was removed is not there to be read."""
    write(repository, {"folder/changed": "after\n", "new\nname": "new\n"})
    git(repository, "rm", "-q", "kept")
    git(repository, "add", "-A")
    write(repository, {"folder/changed": "later\n"})
    assert staged(repository) == {"folder/changed": "after\n", "new\nname": "new\n"}


def test_what_brings_nothing_in(repository: Path) -> None:
    """A file that is moved, or may be executed from now on, has no new content."""
    git(repository, "mv", "folder/changed", "moved")
    (repository / "kept").chmod(0o755)
    git(repository, "add", "-A")
    assert staged(repository) == {}
    write(repository, {"copied": "kept\n"})
    git(repository, "add", "-A")
    assert staged(repository) == {"copied": "kept\n"}


def test_before_the_first_commit(tmp_path: Path) -> None:
    """Where nothing is committed yet, everything in the index is new."""
    git(tmp_path, "init", "-q")
    write(tmp_path, {"a": "one\n", "b": "two\n"})
    git(tmp_path, "add", "a")
    assert staged(tmp_path) == {"a": "one\n"}


def test_what_is_only_announced(repository: Path) -> None:
    """`git add --intent-to-add` commits nothing."""
    write(repository, {"later": "later\n"})
    git(repository, "add", "--intent-to-add", "later")
    assert staged(repository) == {}


def test_submodules_and_links(repository: Path) -> None:
    """A submodule's commit is content of another repository; where a link leads is content of this one."""
    git(repository, "update-index", "--add", "--cacheinfo", f"160000,{git(repository, 'rev-parse', 'HEAD')},module")
    (repository / "kept").unlink()
    (repository / "kept").symlink_to("elsewhere")
    git(repository, "add", "kept")
    assert staged(repository) == {"kept": "elsewhere"}


def test_a_conflict(repository: Path) -> None:
    """Of a file in conflict, what the other side brings in is read: it may well be what is committed in the end."""
    git(repository, "checkout", "-q", "-b", "other")
    commit(repository, {"folder/changed": "theirs\n", "clean": "merged\n"})
    git(repository, "checkout", "-q", "main")
    commit(repository, {"folder/changed": "ours\n"})
    git(repository, "merge", "-q", "other", ok=False)
    assert staged(repository) == {"folder/changed": "theirs\n", "clean": "merged\n"}


def test_a_linked_work_tree(repository: Path, tmp_path: Path) -> None:
    """A linked work tree has an index of its own."""
    linked = tmp_path / "linked"
    git(repository, "worktree", "add", "-q", "-b", "side", str(linked))
    write(linked, {"here": "here\n"})
    git(linked, "add", "-A")
    assert (staged(linked), staged(repository)) == ({"here": "here\n"}, {})


def test_a_sparse_index(repository: Path) -> None:
    """Directories that are not checked out are one entry of a sparse index, and change nothing."""
    commit(repository, {"far/away": "far\n"})
    git(repository, "sparse-checkout", "set", "--cone", "--sparse-index", "folder")
    write(repository, {"folder/changed": "after\n"})
    git(repository, "add", "folder")
    assert not (repository / "far").exists()
    assert staged(repository) == {"folder/changed": "after\n"}


def test_what_a_repository_says_about_differences_is_not_followed(repository: Path, tmp_path: Path) -> None:
    """Neither its configuration nor its attributes hide a file, or have a program run."""
    ran = tmp_path / "ran"
    git(repository, "config", "diff.external", f"touch {ran}")
    git(repository, "config", "diff.x.textconv", f"touch {ran}")
    git(repository, "config", "diff.orderFile", os.fspath(tmp_path / "no-such-file"))
    git(repository, "config", "diff.renames", "copies")
    write(repository, {".gitattributes": "* diff=x\n", "copied": "kept\n"})
    git(repository, "add", "-A")
    assert sorted(staged(repository)) == [".gitattributes", "copied"]
    assert not ran.exists()


def test_a_broken_head_is_an_error(repository: Path) -> None:
    """A tree that cannot be read is not taken for an empty one, nor for no commit."""
    tree = git(repository, "rev-parse", "HEAD^{tree}")
    (repository / ".git" / "objects" / tree[:2] / tree[2:]).unlink()
    write(repository, {"new": "new\n"})
    git(repository, "add", "new")
    with pytest.raises(ScanError, match="diff-index"):
        staged(repository)


def test_a_blob_that_is_missing_is_told(repository: Path) -> None:
    """What is staged and cannot be read is named."""
    write(repository, {"new": "new\n"})
    git(repository, "add", "new")
    blob = git(repository, "rev-parse", ":new")
    (repository / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    (told,) = [item for batch in StagedFiles(repository).read({}) for item in batch.skipped]
    assert blob in told.what


@pytest.mark.parametrize("arguments", [("-a",), ("folder/changed",)], ids=["all", "one-file"])
def test_what_the_hook_of_a_partial_commit_sees(repository: Path, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """`git commit -a` and `git commit FILE` prepare an index of their own, and tell their hook which."""
    code = (
        "import os; from pathlib import Path; from keywatch.collect.content.git_staged import StagedFiles;"
        "source = StagedFiles(Path('.'), index=Path(os.environ['GIT_INDEX_FILE']));"
        f"Path({os.fspath(tmp_path / 'seen')!r}).write_text("
        "repr([chunk.data for batch in source.read({}) for chunk in batch.chunks]))"
    )
    hook = repository / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\nexec '{sys.executable}' -c \"{code}\"\n")
    hook.chmod(0o755)
    write(repository, {"folder/changed": "after\n"})
    git(repository, "commit", "-q", "-m", "a change", *arguments)
    assert (tmp_path / "seen").read_text() == repr([b"after\n"])
