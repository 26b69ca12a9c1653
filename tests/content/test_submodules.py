"""Submodules are repositories of their own."""

import os
import shutil
from pathlib import Path

import pytest

from keywatch.collect.content.git import GitRepository
from keywatch.collect.content.submodules import submodules
from keywatch.model.source import Skipped
from tests.content.repository import Repository, index, read, texts


@pytest.fixture
def nested(tmp_path: Path) -> Repository:
    """A repository with a submodule that has one itself, both checked out."""
    inner, middle, outer = (Repository(tmp_path / name) for name in ("inner", "middle", "outer"))
    inner.commit({"a": "inner"})
    inner.commit({"a": "inner changed"})
    allowed = ("-c", "protocol.file.allow=always")
    middle.git(*allowed, "submodule", "--quiet", "add", str(inner.path), "libs/inner")
    middle.commit({"b": "middle"})
    outer.git(*allowed, "submodule", "--quiet", "add", str(middle.path), "middle")
    outer.git(*allowed, "submodule", "--quiet", "update", "--init", "--recursive")
    outer.commit({"c": "outer"})
    return outer


def test_submodules_are_found_and_read_whole(nested: Repository) -> None:
    """Those of submodules too; the history of each is read where it lies: in the outermost repository's own files."""
    found = list(submodules(nested.path))
    assert found == [nested.path / "middle", nested.path / "middle" / "libs" / "inner"]
    assert isinstance(found[1], Path)
    assert "inner" in texts(read(GitRepository(found[1]))[0])


def test_a_submodule_that_is_not_checked_out(nested: Repository) -> None:
    """It is named."""
    shutil.rmtree(nested.path / "middle")
    (nested.path / "middle").mkdir()
    (missing,) = submodules(nested.path)
    assert isinstance(missing, Skipped)
    assert missing.why == "a submodule that is not checked out"


def test_a_submodule_that_leads_out(tmp_path: Path) -> None:
    """What a hostile index calls a submodule's path is not followed out of the repository, by `..` or by a link."""
    victim = Repository(tmp_path / "victim")
    victim.commit({"a": "private"})
    repository = Repository(tmp_path / "repo")
    repository.write(".gitmodules", "")
    (repository.path / "away").symlink_to(tmp_path)
    paths = (b"../victim", b"away/victim", b"x/../../victim", os.fsencode(victim.path))
    entries = index(*((0o160000, "1" * 40, path) for path in sorted(paths)))
    (repository.path / ".git" / "index").write_bytes(entries)
    found = list(submodules(repository.path))
    assert len(found) == 4
    assert all(isinstance(item, Skipped) and "leads out" in item.why for item in found)
