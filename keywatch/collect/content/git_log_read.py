"""What commits changed, read right from the packs: some times as fast as git tells it."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from queue import SimpleQueue
from typing import IO, TYPE_CHECKING

from keywatch.collect.content.git_log import COMMITS, EMPTY
from keywatch.collect.content.git_objects import LARGEST
from keywatch.collect.content.git_plumbing import Git
from keywatch.collect.content.pack import Damaged
from keywatch.collect.content.pack.loose import LooseObjects
from keywatch.collect.content.pack.pack import Pack
from keywatch.native.history import History, Packed, Reader

if TYPE_CHECKING:
    from ctypes import CDLL


class ReadFromPacks:
    """Reads trees and commits itself. Whatever is not as git makes it is left to git."""

    def __init__(self, git: Git, kernel: "CDLL", tips: Iterable[str]) -> None:
        """
        Name the repository.

        Args:
            git: the repository, which is no shallow one.
            kernel: what reads it.
            tips: what its refs and HEADs name.
        """
        self._git = git
        self._kernel = kernel
        self._tips = list(tips)
        self._reached: list[bytes] = []
        self._readers: SimpleQueue[Reader] = SimpleQueue()

    @contextmanager
    def pieces(self, jobs: int) -> Iterator[Iterator[range]]:
        """See `Tells.pieces`."""
        git, size = self._git, self._git.name_size
        with ExitStack() as stack:
            stack.callback(self._let_go)
            try:
                packs = [stack.enter_context(closing(Pack(file, size, LARGEST))) for file in git.packs()]
            except Damaged as error:
                raise ValueError("git has to be asked") from error
            history = History(
                self._kernel,
                [Packed(pack.index.mapped, pack.mapped) for pack in packs],
                LooseObjects(git.objects, EMPTY[git.object_format]),
                size,
                sum(pack.index.count for pack in packs),
            )
            stack.callback(history.close)
            for _ in range(jobs):
                self._readers.put(stack.enter_context(closing(history.reader())))
            self._reached = [tip.encode() for tip in self._tips if history.begins(bytes.fromhex(tip))]
            yield history.ordered(COMMITS)

    def _let_go(self) -> None:
        """Let go of the memory of what has read: it is a hundred megabytes."""
        self._readers = SimpleQueue()

    def reached(self, piece: range) -> Iterable[bytes]:
        """See `Tells.reached`."""
        return self._reached if piece.start == 0 else ()

    def write_newest(self, piece: range, file: IO[bytes], most: int) -> None:
        """See `Tells.write_newest`."""
        self._write(piece[:1], file, most, whole=True)

    def write(self, piece: range, file: IO[bytes], most: int) -> None:
        """See `Tells.write`."""
        self._write(piece, file, most, whole=False)

    def _write(self, piece: range, file: IO[bytes], most: int, *, whole: bool) -> None:
        reader = self._readers.get()
        try:
            for text in reader.log(piece.start, len(piece), most, whole=whole):
                file.write(text)
        finally:
            self._readers.put(reader)
