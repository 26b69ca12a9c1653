"""Log events into chunks: those of one stream put together, so that what spans several of them can be seen."""

from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from keywatch.collect.content.windows import OVERLAP
from keywatch.model.content import Chunk, Origin, Part

_BYTES = 8 << 20
_CHUNK = 1 << 20
"""Bytes of new text in one chunk, about."""
_KEPT = 16 << 20
"""Bytes of earlier text that are kept for the streams of a group, lest a secret begin there; the silent give way."""
_STREAMS = 10_000
"""Streams for which they are kept."""
_EVENT = 200
"""Bytes that an event takes beside its text."""


@dataclass(frozen=True, slots=True)
class LogEvent:
    """One event of one stream."""

    stream: str
    at: int
    """When it happened, in milliseconds since 1970."""
    text: bytes = field(repr=False)
    """Without the line end that many end in."""


@dataclass(slots=True)
class _Stream:
    """What is at hand of one stream, in order."""

    before: deque[LogEvent] = field(default_factory=deque)
    """Shown already, 16 KB of it: what follows may belong to it."""
    size_before: int = 0
    fresh: list[LogEvent] = field(default_factory=list)
    """To be shown. The first was not shown yet; of the others some may have been."""


class LogStreams:
    """The streams of one log group, as their events come interleaved."""

    def __init__(self, target: str, group: str) -> None:
        self._target = target
        self._group = group
        self._streams: OrderedDict[str, _Stream] = OrderedDict()
        self._fresh = self._kept = 0

    @property
    def is_full(self) -> bool:
        """Whether it is time to take what has been gathered."""
        return self._fresh >= _BYTES

    def add(self, event: LogEvent, *, known: bool) -> None:
        """Take in the next event. One that is `known` was shown before: it matters for its neighbours only."""
        stream = self._streams.get(event.stream)
        if stream is None:
            stream = self._streams[event.stream] = _Stream()
        self._streams.move_to_end(event.stream)
        if known and not stream.fresh:
            self._keep(stream, event)
            return
        stream.fresh.append(event)
        self._fresh += len(event.text) + _EVENT

    def chunks(self) -> Iterator[Chunk]:
        """Yield what has been gathered, stream by stream in the order of their names, and let go of it."""
        for name in sorted(name for name, stream in self._streams.items() if stream.fresh):
            stream = self._streams[name]
            fresh, stream.fresh = stream.fresh, []
            start = size = 0
            for end, event in enumerate(fresh, 1):
                size += len(event.text) + 1
                if size >= _CHUNK or end == len(fresh):
                    yield self._chunk(name, list(stream.before), fresh[start:end])
                    for shown in fresh[start:end]:
                        self._keep(stream, shown)
                    start, size = end, 0
        self._fresh = 0
        while self._kept > _KEPT or len(self._streams) > _STREAMS:
            _, silent = self._streams.popitem(last=False)
            self._kept -= silent.size_before

    def _keep(self, stream: _Stream, event: LogEvent) -> None:
        stream.before.append(event)
        grown = len(event.text) + 1
        while stream.size_before + grown > OVERLAP and len(stream.before) > 1:
            grown -= len(stream.before.popleft().text) + 1
        stream.size_before += grown
        self._kept += grown

    def _chunk(self, name: str, before: list[LogEvent], fresh: list[LogEvent]) -> Chunk:
        parts: list[Part] = []
        texts: list[bytes] = []
        offset, line, overlap = 0, 1, 0
        for number, event in enumerate([*before, *fresh]):
            if number == len(before):
                overlap = offset
            parts.append(Part(offset, line, _instant(event.at)))
            texts.append(event.text)
            offset += len(event.text) + 1
            line += event.text.count(b"\n") + 1
        origin = Origin(self._target, f"{self._group}/{name}", parts=tuple(parts))
        return Chunk(b"\n".join(texts), origin, overlap=overlap)


def _instant(milliseconds: int) -> str:
    """Return a moment as CloudWatch's console shows it, which is how an event is found again."""
    try:
        moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return str(milliseconds)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03d}Z"
