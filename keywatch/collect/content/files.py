"""Directories and single files, as they lie there now."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from keywatch.collect.content.attribution import Vouches
from keywatch.collect.content.file_batches import content
from keywatch.collect.content.file_content import blob_id
from keywatch.collect.content.measure import Ahead, Foresees, Measures
from keywatch.collect.content.survey import Survey
from keywatch.collect.content.tree import VERSION_CONTROL, printable, unreadable
from keywatch.model.errors import ScanError
from keywatch.model.finding import Place
from keywatch.model.key import SourceId
from keywatch.model.source import ContentBatch, ContentSource, Cursor, Skipped


class Directory:
    """A directory and everything below it, or one file. Links are not followed."""

    def __init__(
        self,
        path: Path,
        id: SourceId | None = None,  # noqa: A002 - the Protocol's word
        *,
        ruleset: str = "",
        excluded: frozenset[str] = VERSION_CONTROL,
        gitignore: bool = False,
    ) -> None:
        """
        Name what to scan; nothing is opened yet.

        Args:
            path: a directory or a file.
            id: the source's name; made from the path if not given.
            ruleset: `RuleSet.hash` of what is looked for. A cursor made under another one is void.
            excluded: names of directories that are left out wherever they are.
            gitignore: leave out what `.gitignore` files in it name.
        """
        self.path = path
        self.target = printable(str(path))
        self.id = id or SourceId(f"files:{self.target}")
        self._ruleset = ruleset
        self._excluded = excluded
        self._gitignore = gitignore
        self._begun: Survey | None = None
        self._reading: Survey | None = None

    def read(self, cursor: Cursor) -> Iterator[ContentBatch]:
        """Read every file, unless not one of them changed since `cursor`. See `ContentSource.read`."""
        if not os.path.lexists(self.path):
            raise ScanError(f"{self.target}: no such file or directory", hint="check the spelling of the target")
        survey, self._begun = self._begun or self._survey(), None
        self._reading = survey
        if cursor.get("tree") and cursor.get("ruleset") == self._ruleset:
            survey.finish()
            if cursor.get("tree") == survey.digest():
                yield ContentBatch(chunks=(), cursor=cursor, skipped=tuple(survey.skipped))
                return
        yield from content(survey, self.path, self.target)
        yield ContentBatch(chunks=(), cursor={"version": 1, "ruleset": self._ruleset, "tree": survey.digest()})

    @property
    def ahead(self) -> Ahead | None:
        """See `Measures.ahead`."""
        survey = self._reading
        return Ahead(survey.count, survey.size) if survey is not None and survey.is_whole else None

    def foreseen(self, most: int) -> int:
        """See `Foresees.foreseen`. What was surveyed for this is not surveyed again."""
        if self._begun is None and self.path.is_dir():
            self._begun = self._survey()
        return self._begun.reach(most) if self._begun else 0

    def check(self) -> Iterator[str | Skipped]:
        """Try to open the target. See `KeySource.check`."""
        try:
            with os.scandir(self.path) if self.path.is_dir() else self.path.open("rb"):
                yield f"read {self.target}"
        except OSError as error:
            yield unreadable(self.target, error)

    def gone(self, places: Iterable[Place]) -> frozenset[Place]:
        """Return those places whose file is no longer there, or has other content. See `Vouches.gone`."""
        top = self.path if self.path.is_dir() else self.path.parent

        def is_gone(place: Place) -> bool:
            path = holder(top, place.path)
            return not os.path.lexists(path) or (place.blob is not None and blob_id(path) not in {place.blob, None})

        return frozenset(place for place in places if is_gone(place))

    def _survey(self) -> Survey:
        ignored: frozenset[str] = frozenset()
        if self._gitignore and self.path.is_dir():
            from keywatch.collect.content.gitignore import ignored_below

            ignored = ignored_below(self.path)
        return Survey(self.path, self._excluded, ignored)


def holder(top: Path, path: str) -> str:
    """Return the file below `top` that holds what `path` names: itself, or an archive in which that is."""
    return str(top / outer(top, path))


def outer(top: Path, path: str) -> str:
    """As `holder`, and what that is called below `top`."""
    while not os.path.lexists(top / path) and "!" in path:
        path = path.rpartition("!")[0]
    return path


_: type[ContentSource] = Directory
__: type[Vouches] = Directory
___: type[Measures] = Directory
____: type[Foresees] = Directory
