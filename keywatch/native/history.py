"""What each commit of a history changed, read right from its packs: `history.c`, as Python sees it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from ctypes import CDLL, Structure, addressof, byref, c_char_p, c_int, c_int64, c_uint64, c_void_p, cast
from enum import IntEnum
from functools import cache, partial
from mmap import mmap
from typing import NamedTuple, Protocol

from keywatch.native.held import held
from keywatch.native.inflating import inflating
from keywatch.native.memory import Memory
from keywatch.native.names import Names, slots

_ARENA = 160 << 20
"""Bytes for trees that are unpacked; what is not touched of them takes no memory."""
_ENOUGH = 24 << 20
"""Bytes of them that are kept from one commit to the next."""
_KEPT = 1 << 15
_FOUND = 1 << 15
_TEXT = 8 << 20
"""Bytes of text written down at once; more where one commit needs it."""
_PATH = 1 << 16
"""Bytes of a path."""
_CURSORS = 1 << 13
_MOST_LOOSE = 1 << 13
"""Objects that lie in no pack: git would have packed so many."""
_WORK = 1 << 32
_WORK_EACH = 1 << 15
"""Bytes that are unpacked or gone over in a history, and more for each object: some ten times what it takes."""


class Kind(IntEnum):
    """Kinds of objects, by their numbers in packs."""

    COMMIT = 1
    TREE = 2
    BLOB = 3
    TAG = 4


class _Why(IntEnum):
    DAMAGED = -1
    NO_ROOM = -2
    MISSING = -3
    CROWDED = -4


class Strange(ValueError):
    """A history that is not as git makes it, or too large for this."""


class Loose(Protocol):
    """Reads what is in no pack."""

    def read(self, name: bytes) -> tuple[int, bytes] | None:
        """Return an object's `Kind` and content, but not that of a blob; None: it is not there, or damaged."""
        ...


class Packed(NamedTuple):
    """A pack and its index, in memory until nobody reads the history any more."""

    index_file: mmap
    pack_file: mmap


class _Pack(Structure):
    """The `Pack` of `history.c`, which begins with the `Index` of `pack.h`."""

    _fields_ = (
        ("index", c_void_p),
        ("index_size", c_uint64),
        ("name_size", c_uint64),
        ("opened", c_uint64 * 4),
        ("pack", c_void_p),
        ("pack_size", c_uint64),
    )


class _Body(Structure):
    _fields_ = (("content", c_void_p), ("size", c_uint64), ("kind", c_uint64))


class _Reader(Structure):
    """The `Reader` of `history.c`."""

    _fields_ = (
        ("name_size", c_uint64),
        ("packs", c_void_p),
        ("pack_count", c_uint64),
        ("inflate", c_void_p),
        ("inflater", c_void_p),
        ("loose", Names),
        ("bodies", c_void_p),
        ("arena", c_void_p),
        ("room", c_uint64),
        ("used", c_uint64),
        ("enough", c_uint64),
        ("kept", c_void_p),
        ("kept_mask", c_uint64),
        ("round", c_uint64),
        ("found", c_void_p),
        ("found_mask", c_uint64),
        ("work", c_uint64),
        ("most", c_uint64),
        ("missing", c_uint64 * 4),
    )


class _Commits(Structure):
    """The `Commits` of `history.c`."""

    _fields_ = (
        ("names", Names),
        ("commits", c_void_p),
        ("parents", c_void_p),
        ("parent_room", c_uint64),
        ("parent_count", c_uint64),
        ("heap", c_void_p),
        ("waiting", c_uint64),
        ("turn", c_uint64),
        ("order", c_void_p),
        ("count", c_uint64),
        ("is_open", c_uint64),
    )


class _Log(Structure):
    """The `Log` of `history.c`."""

    _fields_ = (
        ("text", c_void_p),
        ("room", c_uint64),
        ("used", c_uint64),
        ("path", c_void_p),
        ("path_room", c_uint64),
        ("cursors", c_void_p),
        ("cursor_room", c_uint64),
        ("why", c_int64),
    )


class History:
    """The commits of a repository, newest first."""

    def __init__(self, kernel: CDLL, packs: Sequence[Packed], loose: Loose, name_size: int, objects: int) -> None:
        """
        Name the repository; nothing is read yet.

        Args:
            kernel: the library.
            packs: all there are.
            loose: reads what is in none of them.
            name_size: bytes of an object's name.
            objects: how many there are in the packs.
        """
        self._kernel = kernel
        self._packs = packs
        self._loose = loose
        self._name_size = name_size
        self._most = _WORK + _WORK_EACH * objects
        room = objects + _MOST_LOOSE
        sizes = {"commits": 64 * room, "parents": 8 * room, "heap": 4 * room, "order": 4 * room}
        self._memory = {name: Memory(size) for name, size in sizes.items()}
        names, lookup = Memory(name_size * room), Memory(4 * slots(room))
        self._named = names, lookup
        self._commits = _Commits(
            names=_names(name_size, room, names, lookup),
            parent_room=2 * room,
            **{name: memory.address for name, memory in self._memory.items()},
        )
        self._reader = self.reader()

    def begins(self, tip: bytes) -> bool:
        """
        Let it begin with what a ref names, besides others, and return whether that leads to a commit.

        Raises:
            Strange: git has to be asked.
        """
        begin = partial(_functions(self._kernel).begin, self._reader.state, byref(self._commits), tip)
        return self._reader.patiently(begin) == 0

    def ordered(self, several: int) -> Iterator[range]:
        """
        Put in order what is reached from where it begins, several at once, and yield which of all these are.

        Raises:
            Strange: git has to be asked.
        """
        order, first = _functions(self._kernel).order, 0
        while True:
            self._reader.patiently(partial(order, self._reader.state, byref(self._commits), first + several))
            if first == self._commits.count:
                return
            yield range(first, self._commits.count)
            first = self._commits.count

    def close(self) -> None:
        """Let go of the packs."""
        self._reader.close()

    def reader(self) -> "Reader":
        """Return what tells what commits changed, for one thread. It is to be closed."""
        return Reader(self._kernel, self._packs, self._loose, self._name_size, self._commits, self._most)


class Reader:
    """Tells what commits changed. Not to be shared between threads."""

    def __init__(  # noqa: PLR0917 - `History` alone makes it
        self,
        kernel: CDLL,
        packs: Sequence[Packed],
        loose: Loose,
        name_size: int,
        commits: _Commits,
        most: int,
    ) -> None:
        """See `History.reader`."""
        inflates = inflating()
        if inflates is None:
            raise Strange
        self._functions = _functions(kernel)
        self._commits = commits
        self._loose = loose
        self._name_size = name_size
        self._read: list[bytes] = []
        self._closing = ExitStack()
        entries = (_Pack * max(1, len(packs)))()
        for entry, packed in zip(entries, packs, strict=False):
            entry.index, entry.index_size = self._closing.enter_context(held(packed.index_file))
            entry.pack, entry.pack_size = self._closing.enter_context(held(packed.pack_file))
            entry.name_size = name_size
        inflater = inflates.new()
        if not inflater:
            self._closing.close()
            raise MemoryError
        self._closing.callback(inflates.free, inflater)
        names, lookup = Memory(name_size * _MOST_LOOSE), Memory(4 * slots(_MOST_LOOSE))
        arena, kept, found = Memory(_ARENA), Memory(40 * _KEPT), Memory(40 * _FOUND)
        path, cursors = Memory(_PATH), Memory(56 * _CURSORS)
        self._bodies = (_Body * _MOST_LOOSE)()
        self._text = Memory(_TEXT)
        self._memory = entries, names, lookup, arena, kept, found, path, cursors
        self._state = _Reader(
            name_size=name_size,
            packs=addressof(entries),
            pack_count=len(packs),
            inflate=inflates.inflate,
            inflater=inflater,
            loose=_names(name_size, _MOST_LOOSE, names, lookup),
            bodies=addressof(self._bodies),
            arena=arena.address,
            room=_ARENA,
            enough=_ENOUGH,
            kept=kept.address,
            kept_mask=_KEPT - 1,
            found=found.address,
            found_mask=_FOUND - 1,
            most=most,
        )
        self._log = _Log(path=path.address, path_room=_PATH, cursors=cursors.address, cursor_room=_CURSORS)
        self.state = byref(self._state)
        if self._functions.open(self.state) < 0:
            self.close()
            raise Strange

    def close(self) -> None:
        """Let go of the packs."""
        self._closing.close()

    def log(self, first: int, count: int, most: int, *, whole: bool = False) -> Iterator[memoryview]:
        """
        Yield what so many commits changed, or all they have, as `git log --raw -z` tells it.

        Each piece is good until the next one is asked for.

        Args:
            first: the place in the order of the first one.
            count: how many.
            most: bytes of text.
            whole: tell all they have.

        Raises:
            Strange: git has to be asked.
        """
        log, end = self._log, first + count
        while first < end:
            log.text, log.room, log.used = self._text.address, self._text.size, 0
            first += self._functions.log(self.state, byref(self._commits), byref(log), first, end - first, whole)
            if log.used:
                most -= log.used
                yield self._text.part(log.used)
            if log.why == _Why.NO_ROOM and not log.used:
                if self._text.size > most:
                    raise Strange
                self._text = Memory(4 * self._text.size)
            elif log.why == _Why.MISSING:
                self._fetch()
            elif log.why not in {0, _Why.NO_ROOM}:
                raise Strange

    def patiently(self, call: Callable[[], int]) -> int:
        """
        Call what is to be called again once what it misses is there, and return what it returns in the end.

        Raises:
            Strange: it cannot go on.
        """
        while (result := call()) == _Why.MISSING:
            self._fetch()
        if result < 0:
            raise Strange
        return result

    def _fetch(self) -> None:
        """Read what is missed from where it lies by itself."""
        state = self._state
        name = bytes(state.missing)[: self._name_size]
        body = self._loose.read(name)
        if body is None or state.loose.count == state.loose.room:
            raise Strange
        kind, content = body
        self._read.append(content)
        entry = self._bodies[state.loose.count]
        entry.content, entry.size, entry.kind = cast(c_char_p(content), c_void_p), len(content), kind
        if self._functions.add(byref(state.loose), name) < 0:
            raise Strange


def _names(size: int, room: int, names: Memory, lookup: Memory) -> Names:
    made = Names.keyed(size)
    made.room, made.mask = room, slots(room) - 1
    made.names, made.slots = names.address, lookup.address
    return made


class _Functions(NamedTuple):
    open: Callable[..., int]
    add: Callable[..., int]
    begin: Callable[..., int]
    order: Callable[..., int]
    log: Callable[..., int]


@cache
def _functions(kernel: CDLL) -> _Functions:
    made = _Functions(
        kernel.kw_history_open,
        kernel.kw_history_add,
        kernel.kw_history_begin,
        kernel.kw_history_order,
        kernel.kw_history_log,
    )
    takes = (
        (c_void_p,),
        (c_void_p, c_void_p),
        (c_void_p, c_void_p, c_void_p),
        (c_void_p, c_void_p, c_uint64),
        (c_void_p, c_void_p, c_void_p, c_uint64, c_uint64, c_int),
    )
    for function, types in zip(made, takes, strict=True):
        function.argtypes, function.restype = types, c_int64  # type: ignore[attr-defined]
    return made
