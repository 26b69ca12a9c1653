"""Which parts of many texts need to be looked at, and which are known to hold nothing: `sieve.c`, as Python sees it."""

import os
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from ctypes import Structure, addressof, c_char_p, c_int64, c_size_t, c_uint64, c_void_p
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from typing import TYPE_CHECKING, TypeAlias
from weakref import finalize

from keywatch.native import library
from keywatch.native.memory import Memory, borrowed, give_back

if TYPE_CHECKING:
    from ctypes import CDLL

Mark: TypeAlias = tuple[int, int, int, int]
"""A span, and what else is said of what was sighted there."""

LARGEST = 4 << 20
"""Bytes of a text that can be taken."""
FULL = 1 << 20
"""Bytes that are looked at together: as many as stay in the cache."""
_ROOM = FULL + LARGEST + LARGEST // 64
# Runs lie apart by twice the margin, and a text has a name, and a pair of names, for every part.
_RUNS = _ROOM // 256
_CLAIMS = _ROOM // 64
_WAYS = 8
_NAMES = 1 << 21
_RARE = 7
"""A text is parted at one end of a line in so many and one, once a part is long enough."""


class Taken(IntEnum):
    """How a text was taken; the numbers are those of `sieve.h`."""

    NO_ROOM = -2
    WHOLE = 0
    """Whatever is sighted in what was taken of it is all that would be sighted in it."""
    CHANGES = 1
    """What was taken of it is what was changed."""


class Harmless:
    """
    Parts of texts in which nothing is sighted, by names of 64 bits. Safe to share between threads and forked processes.

    They are good for one set of patterns: whoever looks for others begins anew. They take 16 MB, enough for a gigabyte
    of text that is all different; of more, some are forgotten.
    """

    def __init__(self) -> None:
        """Begin with none, under a key that nobody knows: no text can be made to look like another one."""
        self.key = tuple(int.from_bytes(os.urandom(8)) for _ in range(2))
        self.names = Memory(8 * _NAMES, shared=True)


class State(Structure):
    """The `Sieve` of `sieve.h`."""

    _fields_ = (
        ("key", c_uint64 * 2),
        ("names", c_void_p),
        ("lines", c_uint64),
        ("mask", c_uint64),
        ("text", c_void_p),
        ("sighted", c_void_p),
        ("room", c_uint64),
        ("used", c_uint64),
        ("runs", c_void_p),
        ("run_room", c_uint64),
        ("run_count", c_uint64),
        ("claims", c_void_p),
        ("claim_room", c_uint64),
        ("claim_count", c_uint64),
    )


class Sieve:
    """Takes out of texts what needs to be looked at. Not to be shared between threads."""

    def __init__(self, kernel: "_Kernel", harmless: Harmless) -> None:
        """See `sieve`."""
        self._kernel = kernel
        self._harmless = harmless
        memory = [borrowed(size) for size in (_ROOM, _ROOM, 24 * _RUNS, 24 * _CLAIMS)]
        self._text, sighted, runs, claims = memory
        self._state = State(
            key=harmless.key,
            names=harmless.names.address,
            lines=_NAMES // _WAYS,
            mask=_RARE,
            text=self._text.address,
            sighted=sighted.address,
            room=_ROOM,
            runs=runs.address,
            run_room=_RUNS,
            claims=claims.address,
            claim_room=_CLAIMS,
        )
        self.address = addressof(self._state)
        self._begins: list[int] = []
        finalize(self, _returned, memory)

    def text(self, data: bytes) -> Taken:
        """
        Take out what of a text is not known to be harmless.

        Args:
            data: of `LARGEST` bytes, at most.
        """
        begin = self._state.used
        return self._noted(begin, self._kernel.text(self.address, data, len(data)))

    def version(self, data: bytes, delta: bytes) -> Taken:
        """
        Take out what is new in a version; of one that is mostly new, what is not known to be harmless.

        Args:
            data: the version; of `LARGEST` bytes, at most.
            delta: it was made by this one.
        """
        begin = self._state.used
        return self._noted(begin, self._kernel.version(self.address, delta, len(delta), data, len(data)))

    def took(self, begins: Iterable[int]) -> None:
        """Note where what was taken of each text begins, if others have put them through."""
        self._begins += begins

    @property
    def count(self) -> int:
        """Texts taken since it began."""
        return len(self._begins)

    @property
    def is_full(self) -> bool:
        """Whether it is time to look."""
        return bool(self._state.used >= FULL)

    @property
    def taken(self) -> memoryview:
        """What was taken out of all texts, a gap behind each piece that no pattern crosses; until it begins anew."""
        return self._text.part(self._state.used)

    def told(self, marks: Sequence[Mark]) -> dict[int, list[Mark]]:
        """
        Learn which parts are harmless from what was sighted in what was taken, and begin anew.

        Returns: what was sighted, by its text, in the order texts were taken; in places of that text.
        """
        begins, ends = array("Q", [mark[0] for mark in marks]), array("Q", [mark[1] for mark in marks])
        # By its end: of what has no beginning of its own, the span may reach back into the text before.
        texts = [bisect_left(self._begins, end) - 1 for end in ends]
        if self._kernel.learn(self.address, begins.buffer_info()[0], ends.buffer_info()[0], len(marks)):
            raise ValueError("something was sighted outside of what was taken")
        self._begins.clear()
        found: dict[int, list[Mark]] = {}
        for text, begin, end, mark in zip(texts, begins, ends, marks, strict=True):
            found.setdefault(text, []).append((begin, end, mark[2], mark[3]))
        return found

    def forget(self) -> None:
        """Begin anew without learning anything."""
        self._begins.clear()
        self._state.used = self._state.run_count = self._state.claim_count = 0

    def _noted(self, begin: int, taken: int) -> Taken:
        if taken != Taken.NO_ROOM:
            self._begins.append(begin)
        return Taken(taken)


def _returned(memory: Iterable[Memory]) -> None:
    for one in memory:
        give_back(one)


def sieve(harmless: Harmless) -> Sieve | None:
    """Return one that shares what it learns with all that are given the same `harmless`; None: there is no kernel."""
    kernel = library()
    return None if kernel is None else Sieve(_declared(kernel), harmless)


@dataclass(frozen=True, slots=True)
class _Kernel:
    """The functions."""

    text: Callable[..., int]
    version: Callable[..., int]
    learn: Callable[..., int]


@cache
def _declared(kernel: "CDLL") -> _Kernel:
    for function, arguments in (
        (kernel.kw_sieve_text, (c_void_p, c_char_p, c_size_t)),
        (kernel.kw_sieve_version, (c_void_p, c_char_p, c_size_t, c_char_p, c_size_t)),
        (kernel.kw_sieve_learn, (c_void_p, c_void_p, c_void_p, c_size_t)),
    ):
        function.argtypes, function.restype = arguments, c_int64
    return _Kernel(kernel.kw_sieve_text, kernel.kw_sieve_version, kernel.kw_sieve_learn)
