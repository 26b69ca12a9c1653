"""One file looked into, to whatever is nested in it, within the limits of one file."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO

from keywatch.collect.content.archive.content import Content, content_of, even, length
from keywatch.collect.content.archive.limits import Budget, Damaged, Exhausted, Limits
from keywatch.collect.content.magic import Kind, ends_as_zip, kind_of
from keywatch.collect.content.text import plain, plain_stream
from keywatch.model.content import Chunk, Origin
from keywatch.model.source import Skipped

Found = Iterator[Chunk | Skipped]
_FLAT = frozenset({Kind.PICTURE, Kind.MEDIA})
"""Holds no other file."""
_BUGS = (ArithmeticError, AttributeError, LookupError, MemoryError, RecursionError, TypeError, ValueError)
_LONGEST = 512
"""Characters of a name inside an archive that are told."""


def look(
    first: bytes,
    rest: Iterable[bytes],
    origin: Origin,
    *,
    file: BinaryIO | None = None,
    size: int | None = None,
    limits: Limits | None = None,
) -> Found:
    """
    Yield the chunks of a file and of all that is packed in it.

    Args:
        first: its first bytes, `HEAD` at least, or all.
        rest: what follows.
        origin: where it is.
        file: the same content, seekable.
        size: its bytes, where that is known.
        limits: the bounds; the usual ones if not given.
    """
    budget = Budget(limits or Limits(), len(first) if size is None else size)
    if size is None and rest != ():
        rest = _counted(rest, budget)
    try:
        yield from Inside(origin, budget).content(Content(first, rest, file=file, size=size))
    except Exhausted as end:
        yield Skipped(f"{origin.target}: {origin.path}", end.why, end.hint)


def _counted(pieces: Iterable[bytes], budget: Budget) -> Iterator[bytes]:
    for piece in pieces:
        budget.read(len(piece))
        yield piece


class Inside:
    """A place inside a file: what the reader of a format hands its members to."""

    def __init__(self, origin: Origin, budget: Budget, depth: int = 0, layers: int = 0) -> None:
        """
        Begin at a place.

        Args:
            origin: of what is being read.
            budget: of the whole file.
            depth: archives around it.
            layers: the same, with compressed files counted.
        """
        self.origin = origin
        self.budget = budget
        self._depth = depth
        self._layers = layers
        self._unread: Counter[tuple[str, str | None]] = Counter()
        self._example: dict[tuple[str, str | None], str] = {}

    @property
    def held(self) -> int:
        """Bytes that may be held in memory of what is read here."""
        return self.budget.limits.held >> self._depth

    def content(self, content: Content) -> Found:
        """Yield what is found in `content`, by what its first bytes say it is."""
        kind = kind_of(content.first)
        if kind is None and _is_hidden_zip(content):
            kind = Kind.ZIP
        if kind is None:
            yield from _plain(content, self.origin)
            return
        limits = self.budget.limits
        if kind not in _FLAT and (self._depth >= limits.depth or self._layers >= limits.layers):
            yield self.skipped(
                f"an archive inside {self._depth} others is not opened",
                "unpack the outer ones and scan what comes out",
            )
            return
        told = False
        reader = _reader(kind)
        below = Inside(self.origin, self.budget, self._depth, self._layers)
        try:
            for item in reader(content, below):
                told = True
                yield item
        except (Damaged, *_BUGS) as error:
            # A mistake in a reader of ours must not end the scan of everything else.
            damage = error if isinstance(error, Damaged) else Damaged("broken in a way that was not foreseen")
            yield self.skipped(damage.told, "unpack it by other means if it matters; what was legible is scanned")
            if not told:
                # It may be something else altogether, of which the first bytes only look like this.
                yield from _as_it_stands(content, self.origin)
        yield from below.troubles()

    def member(self, name: str, pieces: Iterable[bytes]) -> Found:
        """
        Yield what is found in a file inside this one.

        Raises:
            Exhausted: it is one too many, or too much.
        """
        self.budget.member()
        yield from self._at(name, content_of(even(pieces)), self._depth + 1)

    def unwrapped(self, name: str, pieces: Iterable[bytes]) -> Found:
        """As `member`, of the one file that was compressed; an archive in it is told under its outer name."""
        content = content_of(even(pieces))
        if kind_of(content.first) is Kind.TAR:
            yield from Inside(self.origin, self.budget, self._depth, self._layers + 1).content(content)
        else:
            yield from self._at(name, content, self._depth)

    def text(self, name: str | None, pieces: Iterable[bytes]) -> Found:
        """Yield text that was made from what is inside, which is no archive itself. Without a name: this very place."""
        origin = self.origin if name is None else self._named(name)
        content = content_of(even(pieces))
        yield from _plain(content, origin)

    def unread(self, name: str, why: str, hint: str | None = None) -> None:
        """Note that a file inside could not be read: told once for all with the same reason."""
        self._unread[why, hint] += 1
        self._example.setdefault((why, hint), clipped(name))

    def troubles(self) -> Iterator[Skipped]:
        """Yield what `unread` noted."""
        for (why, hint), count in self._unread.items():
            example = self._example[why, hint]
            what = f"{self.origin.target}: {self.origin.path}!{example}"
            yield Skipped(what if count == 1 else f"{what} and {count - 1:,} more in it", why, hint)

    def skipped(self, why: str, hint: str | None = None) -> Skipped:
        """Say that what is here could not be read (further)."""
        return Skipped(f"{self.origin.target}: {self.origin.path}", why, hint)

    def _at(self, name: str, content: Content, depth: int) -> Found:
        return Inside(self._named(name), self.budget, depth, self._layers + 1).content(content)

    def _named(self, name: str) -> Origin:
        return _Inner(self.origin, clipped(name))


class _Inner(Origin):
    """Something inside a file, which has the file's name as a blob."""

    __slots__ = ("_outer",)
    _outer: Origin

    def __init__(self, outer: Origin, name: str) -> None:
        for field, value in (
            ("target", outer.target),
            ("path", f"{outer.path}!{name}"),
            ("parts", ()),
            ("_outer", outer),
        ):
            object.__setattr__(self, field, value)

    @property
    def blob(self) -> str | None:
        """See `Origin.blob`. To work it out may take as long as all else."""
        return self._outer.blob

    @property
    def held(self) -> int:
        """See `Origin.held`."""
        return self._outer.held


def clipped(name: str) -> str:
    """Return a name from inside an archive, with no NUL (which no database takes), and no longer than a name is."""
    name = name.replace("\0", "\\0")
    return name if len(name) <= _LONGEST else f"{name[:_LONGEST]}…"


def _plain(content: Content, origin: Origin) -> Found:
    if content.first:
        yield from plain_stream(content.first, _after(content), origin)
    else:
        for _ in content.pieces():  # none, or the error that came before the first byte
            pass


def _after(content: Content) -> Iterator[bytes]:
    pieces = content.pieces()
    size = len(content.first)
    for piece in pieces:
        if size:
            piece, size = piece[size:], max(0, size - len(piece))  # noqa: PLW2901 - the rest of it
        if piece:
            yield piece


def _is_hidden_zip(content: Content) -> bool:
    if content.file is None:
        return content.size == len(content.first) and ends_as_zip(content.first)
    content.file.seek(max(0, length(content.file) - 22))
    return ends_as_zip(content.file.read())


def _as_it_stands(content: Content, origin: Origin) -> Found:
    if content.file is not None:
        yield from plain_stream(content.first, _after(content), origin)
    elif content.first:
        yield from plain(content.first, origin)


def _reader(kind: Kind) -> Callable[[Content, Inside], Found]:
    """Load the reader of a format."""
    from importlib import import_module

    module, _, name = _READERS[kind].partition(":")
    reader: Callable[[Content, Inside], Found] = getattr(
        import_module(f"keywatch.collect.content.archive.{module}"), name
    )
    return reader


_READERS = {
    Kind.PICTURE: "picture:read_picture",
    Kind.MEDIA: "closed:leave_out",
    Kind.RAR: "closed:refuse_rar",
    Kind.GZIP: "compressed:read_gzip",
    Kind.BZIP2: "compressed:read_bzip2",
    Kind.XZ: "compressed:read_xz",
    Kind.ZSTD: "compressed:read_zstd",
    Kind.TAR: "tarball:read_tar",
    Kind.ZIP: "zipped:read_zip",
    Kind.SEVEN_ZIP: "seven_zip:read_seven_zip",
    Kind.DATABASE: "database:read_database",
    Kind.PDF: "pdf:read_pdf",
    Kind.MAIL: "mail:read_mail",
}
