"""How much may come out of one file: what no honest archive exceeds, and what a hostile one cannot exceed."""

from dataclasses import dataclass


class Damaged(Exception):
    """What was opened is not (or no longer) what its first bytes promise. The text quotes nothing of the content."""

    @property
    def told(self) -> str:
        return f"damaged: {self}"


class Closed(Damaged):
    """What was opened is well, as far as can be told, but cannot be read here."""

    @property
    def told(self) -> str:
        return str(self)


class Exhausted(Exception):
    """More would come out of the file than may. Nothing further of it is read."""

    def __init__(self, why: str, hint: str) -> None:
        """Say which bound it is, and what a person can do."""
        super().__init__(why)
        self.why = why
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one file that was asked for, whatever is nested in it."""

    ratio: int = 200
    """Times its size that it may unpack to, once that is more than `grace`. Logs come to 30 with gzip, 100 with xz."""
    grace: int = 32 << 20
    """Bytes below which no ratio is suspicious: a small file of spaces is no attack."""
    members: int = 1_000_000
    depth: int = 4
    """Archives inside archives. A compressed file is none by itself, so `tar.gz` counts once."""
    layers: int = 12
    """As `depth`, with compressed files counted: one of these can be made to hold itself."""
    held: int = 64 << 20
    """Bytes held in memory of what can be read in any order only; half of that in each archive further down."""
    window: int = 128 << 20
    """Bytes of a decompressor's dictionary. `zstd --ultra` takes 128 MB, `xz -9` 64 MB."""


class Budget:
    """What is left of the limits of one file. Counts work, never time: the same file comes out the same each time."""

    def __init__(self, limits: Limits = Limits(), size: int = 0) -> None:
        """
        Begin with nothing spent.

        Args:
            limits: the bounds.
            size: bytes of the file, as far as they are known now.
        """
        self.limits = limits
        self.size = size
        self._made = 0
        self._members = 0

    def read(self, size: int) -> None:
        """Note that the file has `size` bytes more than was known."""
        self.size += size

    def spend(self, size: int) -> None:
        """
        Note that `size` bytes came out of something smaller.

        Raises:
            Exhausted: that is more than may.
        """
        self._made += size
        if self._made > max(self.limits.grace, self.limits.ratio * self.size):
            why = f"unpacks to more than {self.limits.ratio} times its size; the rest was not read"
            raise Exhausted(why, "if it is no attack, unpack it and scan what comes out")

    def member(self) -> None:
        """
        Note one more file inside.

        Raises:
            Exhausted: that is one too many.
        """
        self._members += 1
        if self._members > self.limits.members:
            why = f"holds more than {self.limits.members:,} files; the rest was not read"
            raise Exhausted(why, "unpack it and scan the directory")
