"""Files on their way to be looked through: few are read here, many come in lots, which are read where that is done."""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from keywatch.collect.content.batching import batches
from keywatch.collect.content.file_content import read_file
from keywatch.collect.content.file_lot import Plan
from keywatch.collect.content.names import Names
from keywatch.collect.content.survey import Survey
from keywatch.collect.content.tree import Entry
from keywatch.model.content import Chunk
from keywatch.model.source import ContentBatch, Skipped

_MUCH = 8 << 20
"""Bytes of files that are worth lots."""
_AT_ONCE = 12
"""Lots that are given before all of a directory is surveyed."""
_SPREAD = 128 << 20
"""Bytes of files that are worth other machines."""
_NAMES = Names()


def content(survey: Survey, top: Path, target: str, names: Names = _NAMES) -> Iterator[ContentBatch]:
    """
    Yield what there is to look through in the files of a survey, which is whole at the end.

    Args:
        survey: of `top`.
        top: a directory, or a file.
        target: what a person calls it.
        names: how the files are called as blobs, and which are left out.
    """

    def read(entries: Iterable[Entry]) -> Iterator[Chunk | Skipped]:
        for entry in entries:
            yield from read_file(entry.path, target, entry.relative, names)

    if survey.reach(_MUCH) < _MUCH or not top.is_dir():
        survey.finish()
        yield from batches([*survey.skipped])
        yield from batches(read(survey.taken()))
        return
    plan = Plan(str(top), target, names)
    if not survey.is_whole:
        # There is enough to do at once for the rest to be surveyed meanwhile.
        first = islice(plan.lots(survey.taken(), near=True), _AT_ONCE)
        yield from (ContentBatch(cursor=None, lots=(lot,)) for lot in first)
        survey.finish()
    yield from batches([*survey.skipped])
    left = sum(entry.size for entry in survey.entries)
    near = survey.size < _SPREAD or names.known is not None
    yield from (ContentBatch(cursor=None, lots=(lot,)) for lot in plan.lots(survey.taken(), left, near=near))
    yield from batches(read(plan.others))
