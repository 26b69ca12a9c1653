"""What is about to be committed: the blobs in the index that HEAD does not have in their place."""

from collections.abc import Iterator
from pathlib import Path

from keywatch.collect.content.batching import batches
from keywatch.collect.content.git_objects import LARGEST, list_named, read_blobs
from keywatch.collect.content.git_plumbing import Git, GitFailed
from keywatch.collect.content.text import chunks
from keywatch.collect.content.tree import printable
from keywatch.model.content import Chunk, Origin
from keywatch.model.errors import KeywatchError
from keywatch.model.key import SourceId
from keywatch.model.source import ContentBatch, ContentSource, Cursor, Skipped

_FILES = ("100", "120")
"""How the modes of files and links begin; a submodule's commit (160000) is no content of this repository."""
_THEIRS = "3"
"""The stage of a conflict that holds what is being brought in. HEAD has another, and their ancestor is committed."""
# What was only announced (`git add --intent-to-add`) is not committed.
_QUIET = ("--ita-invisible-in-index", "--ignore-submodules=none")


class StagedFiles:
    """The staged files of one repository, as they will be committed."""

    def __init__(self, path: Path, *, index: Path | None = None, largest: int = LARGEST) -> None:
        """
        Name the repository; nothing is opened yet.

        Args:
            path: a work tree's top.
            index: another index than the repository's own: git names one in `$GIT_INDEX_FILE` when it calls a hook.
            largest: bytes of a file that is still read.
        """
        self.path = path
        self.target = printable(str(path))
        self.id = SourceId(f"staged:{self.target}")
        self._index = index
        self._largest = largest

    def read(self, cursor: Cursor) -> Iterator[ContentBatch]:
        """Read the staged files; there is nothing to resume. See `ContentSource.read`."""
        yield from batches(self._chunks(Git(self.path, index=self._index)))
        yield ContentBatch(chunks=(), cursor=cursor)

    def check(self) -> Iterator[str | Skipped]:
        """Open the repository. See `KeySource.check`."""
        try:
            Git(self.path, index=self._index).ask("ls-files", "--stage", "-z")
            yield f"read the index of {self.target}"
        except KeywatchError as error:
            yield Skipped(self.target, error.message, error.hint)

    def _chunks(self, git: Git) -> Iterator[Chunk | Skipped]:
        staged = _staged(git)
        if not staged:
            return
        found = list_named(git, map(str.encode, staged), largest=self._largest)
        try:
            yield from found.skipped
            for blob in read_blobs(git, found):
                if isinstance(blob, Skipped):
                    yield blob
                else:
                    yield from chunks(blob.data, Origin(self.target, staged[blob.id], blob.id))
        finally:
            found.close()


def _staged(git: Git) -> dict[str, str]:
    """
    Return the blobs that a commit would bring in, and where; of a conflict, what the other side brings in.

    The index is compared with HEAD by git, which passes over directories that are equal: this takes as long as there
    are changes, however large the repository is. A file that was only moved, or whose mode has changed, brings in
    nothing.

    Raises:
        GitFailed: HEAD or the index cannot be read.
    """
    try:
        changes = git.ask(
            "diff-index", "--cached", "--raw", "-z", "--no-abbrev", "--find-renames=100%", *_QUIET, "HEAD"
        )
    except GitFailed:
        if git.ask("rev-parse", "--verify", "--quiet", "HEAD^{commit}", ok=(0, 1)):
            raise
        return _indexed(git, {"0", _THEIRS})  # no commit yet
    staged: dict[str, str] = {}
    conflict = False
    fields = iter(changes.split("\0"))
    for field in fields:
        if not field:
            break
        _, mode, old, new, status = field.split(" ")
        path = next(fields)
        if status.startswith(("R", "C")):
            path = next(fields)
        if status == "U":
            conflict = True
        elif mode.startswith(_FILES) and new != old and not _is_nothing(new):
            staged[new] = path
    return staged | _indexed(git, {_THEIRS}) if conflict else staged


def _indexed(git: Git, stages: set[str]) -> dict[str, str]:
    """Return the blobs that the index has in one of `stages`, and where."""
    staged: dict[str, str] = {}
    for entry in git.ask("ls-files", "--stage", "-z").split("\0"):
        meta, _, path = entry.partition("\t")
        if meta:
            mode, name, stage = meta.split(" ")
            if mode.startswith(_FILES) and stage in stages:
                staged[name] = path
    return staged


def _is_nothing(name: str) -> bool:
    return not name.strip("0")


_: type[ContentSource] = StagedFiles
