"""What is about to be committed: the blobs in the index that HEAD's tree does not have."""

from collections.abc import Iterator
from pathlib import Path

from keywatch.collect.content.batching import batches
from keywatch.collect.content.git_history import head_tree
from keywatch.collect.content.git_objects import LARGEST, list_named, read_blobs
from keywatch.collect.content.git_plumbing import Git
from keywatch.collect.content.text import chunks
from keywatch.collect.content.tree import printable
from keywatch.model.content import Chunk, Origin
from keywatch.model.errors import KeywatchError
from keywatch.model.key import SourceId
from keywatch.model.source import ContentBatch, ContentSource, Cursor, Skipped


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
        committed = {blob for blob, _ in head_tree(git)}
        staged: dict[str, str] = {}
        for entry in git.ask("ls-files", "--stage", "-z").split("\0"):
            meta, _, path = entry.partition("\t")
            mode, *name = meta.split(" ")
            # not a submodule's commit, nor a blob that is committed already
            if name and mode != "160000" and name[0].encode() not in committed:
                staged[name[0]] = path
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


_: type[ContentSource] = StagedFiles
