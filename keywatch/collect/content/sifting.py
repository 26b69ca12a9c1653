"""Many short texts, glanced at together: only those in which anything is sighted are looked at."""

from collections.abc import Generator, Iterable, Sequence
from dataclasses import replace

from keywatch.collect.content.file_content import FileText
from keywatch.model.content import Chunk, Glance, Mark, Passed
from keywatch.model.source import Reading, Sighted, Skipped
from keywatch.native.sieve import LARGEST, Sieve, Taken

_TOGETHER = 8 << 20
"""Bytes of texts that are held until they are glanced at: of copies, hardly any is taken."""


def sifted(items: Iterable[FileText | Chunk | Skipped], sieve: Sieve) -> Reading:
    """Yield what there is to look at of `items`, whose chunks are no versions of one another, in their order."""
    waiting: list[FileText | Chunk] = []
    size = 0
    for item in items:
        if isinstance(item, FileText):
            held = len(item.data)
        elif _is_whole(item):
            assert isinstance(item, Chunk)  # noqa: S101 - it is whole
            held = max(len(item.data), item.origin.held)
        else:
            yield from _settled(waiting, sieve)
            waiting, size = [], 0
            yield item
            continue
        if sieve.text(item.data) is Taken.NO_ROOM:
            yield from _settled(waiting, sieve)
            waiting, size = [], 0
            sieve.text(item.data)
        waiting.append(item)
        size += held
        if sieve.is_full or size >= _TOGETHER:
            yield from _settled(waiting, sieve)
            waiting, size = [], 0
    yield from _settled(waiting, sieve)


def _is_whole(item: Chunk | Skipped) -> bool:
    """Tell whether it is a text of which nothing comes before or behind it."""
    return isinstance(item, Chunk) and not (item.offset or item.overlap or item.more) and len(item.data) <= LARGEST


def glance(sieve: Sieve) -> Generator[Glance, Sighted | None, dict[int, list[Mark]] | None]:
    """Return what is seen in what a sieve has taken, by its numbers; None: that is not known."""
    marks: Sequence[Mark] = ()
    if taken := sieve.taken:
        answer = yield Glance(taken)
        if answer is None:
            sieve.forget()
            return None
        marks = answer.marks
    return sieve.told(marks)


def _settled(waiting: list[FileText | Chunk], sieve: Sieve) -> Reading:
    """Glance at what waits, and yield those in which anything was seen."""
    if not waiting:
        return
    seen = yield from glance(sieve)
    if seen is None:
        yield from (item.chunk() if isinstance(item, FileText) else item for item in waiting)
        return
    passed = size = 0
    for number, item in enumerate(waiting):
        if told := seen.get(number):
            yield item.chunk(told) if isinstance(item, FileText) else replace(item, sighted=told)
        else:
            passed += 1
            size += len(item.data)
    if passed:
        yield Passed(passed, size)
