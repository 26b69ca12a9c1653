"""A list of names of objects in which C looks them up: the `Names` of `names.h`."""

import secrets
from ctypes import Structure, c_uint64, c_void_p


class Names(Structure):
    """Names, whose memory is its owner's."""

    _fields_ = (
        ("key", c_uint64 * 2),
        ("size", c_uint64),
        ("names", c_void_p),
        ("room", c_uint64),
        ("count", c_uint64),
        ("slots", c_void_p),
        ("mask", c_uint64),
    )

    @classmethod
    def keyed(cls, size: int) -> "Names":
        """Return an empty list, with a key of its own and no room, of names of so many bytes."""
        return cls((secrets.randbits(64), secrets.randbits(64) | 1), size)


def slots(room: int) -> int:
    """Return how many slots it takes to look up so many names."""
    return 1 << (2 * room).bit_length()
