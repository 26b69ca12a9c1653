"""Where a byte is: line and column, found without counting the same bytes twice."""

from typing import TYPE_CHECKING

from keywatch.model.content import COUNTED as _BLOCK
from keywatch.model.content import LINE_END, Chunk, characters
from keywatch.native.count import counts

if TYPE_CHECKING:
    from collections.abc import Sequence


class Lines:
    """
    The lines of one chunk.

    Newlines are counted in blocks, where whoever cut the chunk has not done so, and only where a match asks: a chunk
    without one costs nothing, and a chunk of nothing but newlines needs no list of them.
    """

    def __init__(self, chunk: Chunk) -> None:
        self._chunk = chunk
        self._before: Sequence[int] = chunk.newlines
        self._starts: dict[int, int] = {0: 0}

    def index(self, position: int) -> int:
        """Return the line of `position`, counted from 0 at the chunk's first byte."""
        data, block = self._chunk.data, position // _BLOCK
        if not block:
            return data.count(LINE_END, 0, position)
        if not self._before:
            self._before = counts(data, LINE_END, _BLOCK)
        return self._before[block] + data.count(LINE_END, block * _BLOCK, position)

    def start(self, position: int) -> int:
        """Return where the line of `position` starts in the chunk."""
        index = self.index(position)
        if index not in self._starts:
            self._starts[index] = self._chunk.data.rfind(b"\n", 0, position) + 1
        return self._starts[index]

    def column(self, position: int) -> int:
        """Return the column of `position` within the chunk, counted from 0."""
        return position - self.start(position)

    def place(self, position: int) -> tuple[int, int]:
        """Return line (from 1; 0 where the chunk does not know) and column (characters, from 1) in the origin."""
        return self._place(position, position)

    def end(self, position: int) -> tuple[int, int]:
        """Return the line of the byte before `position`, and the column behind it."""
        return self._place(position - 1, position)

    def _place(self, inside: int, position: int) -> tuple[int, int]:
        index = self.index(inside)
        column = characters(self._chunk.data[self.start(inside) : position]) + 1
        if index == 0:
            column += self._chunk.first_column - 1
        return (self._chunk.first_line + index if self._chunk.first_line else 0, column)

    def around(self, position: int, lines: int, most: int) -> tuple[int, int]:
        """Return the range of `lines` lines before and after that of `position`, at most `most` bytes each way."""
        data = self._chunk.data
        floor, begin = max(0, position - most), position
        for _ in range(lines + 1):
            begin = data.rfind(b"\n", floor, begin)
            if begin < 0:
                begin = floor
                break
        return (begin, self.end_after(position, lines, most))

    def end_after(self, position: int, lines: int, most: int) -> int:
        """Return where the range of `around` ends."""
        data, end = self._chunk.data, position
        ceiling = min(len(data), position + most)
        for _ in range(lines + 1):
            end = data.find(b"\n", end, ceiling) + 1
            if end == 0:
                return ceiling
        return end
