"""Chunks gathered into batches: enough to keep the scanner's threads busy, little enough to hold in memory."""

from collections.abc import Iterable, Iterator

from keywatch.model.content import Chunk
from keywatch.model.source import ContentBatch, Skipped

_BYTES = 4 << 20
_CHUNKS = 1000


def batches(items: Iterable[Chunk | Skipped]) -> Iterator[ContentBatch]:
    """Yield batches without a cursor, in the order of `items`."""
    chunks: list[Chunk] = []
    skipped: list[Skipped] = []
    size = 0
    for item in items:
        if isinstance(item, Skipped):
            skipped.append(item)
        else:
            chunks.append(item)
            size += max(len(item.data), item.origin.held)
        if size >= _BYTES or len(chunks) + len(skipped) >= _CHUNKS:
            yield ContentBatch(chunks=tuple(chunks), cursor=None, skipped=tuple(skipped))
            chunks, skipped, size = [], [], 0
    if chunks or skipped:
        yield ContentBatch(chunks=tuple(chunks), cursor=None, skipped=tuple(skipped))
