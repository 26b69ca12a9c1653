"""How files are named by what they hold, as git names blobs, and which of these names are known already."""

import hashlib
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Names:
    """The names of some files."""

    algorithm: str = "sha1"
    """The digest by which they are made: outside of repositories that of most of these."""
    known: bytes | None = field(default=None, repr=False)
    """
    Names whose files are not read again, in order, one after the other. None: there are none, and it takes too long to
    name a file that nobody asks about.
    """

    @classmethod
    def of(cls, algorithm: str, known: Iterable[bytes]) -> "Names":
        """Return how files are named; `known` are hexadecimal."""
        return cls(algorithm, b"".join(bytes.fromhex(name.decode()) for name in sorted(set(known))))

    def name(self, data: bytes) -> bytes:
        """Return the name of a file that holds `data`."""
        digest = self.begun(len(data))
        digest.update(data)
        return digest.digest()

    def begun(self, size: int) -> "hashlib._Hash":
        """Return the digest of a file of `size` bytes, which gets its content still."""
        return hashlib.new(self.algorithm, b"blob %d\0" % size, usedforsecurity=False)

    def has(self, name: bytes) -> bool:
        """Tell whether a name is known."""
        known, size = self.known or b"", len(name)
        places = range(len(known) // size)
        place = bisect_left(places, name, key=lambda number: known[number * size : (number + 1) * size])
        return known[place * size : (place + 1) * size] == name
