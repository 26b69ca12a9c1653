"""Objects that lie in no pack: each is a file of its own."""

import os
import zlib
from pathlib import Path

from keywatch.collect.regular_file import open_regular
from keywatch.native.history import Kind

_LARGEST = 16 << 20
"""Bytes of an object, and of its file: git's own trees and commits are far from it."""
_HEAD = 32
"""Bytes. The header of no object that is read is longer."""
_KINDS = {kind.name.lower().encode(): kind for kind in Kind}


class LooseObjects:
    """What lies in no pack of one object directory, and the tree that has nothing in it."""

    def __init__(self, objects: Path, empty: str) -> None:
        """
        Name them.

        Args:
            objects: the directory.
            empty: the name of the empty tree, which git knows whether a repository has it or not.
        """
        self._objects = objects
        self._empty = bytes.fromhex(empty)

    def read(self, name: bytes) -> tuple[int, bytes] | None:
        """See `Loose.read`."""
        if name == self._empty:
            return Kind.TREE, b""
        digits = name.hex()
        try:
            descriptor, status = open_regular(self._objects / digits[:2] / digits[2:])
            with os.fdopen(descriptor, "rb") as file:
                inflater = zlib.decompressobj()
                head = inflater.decompress(file.read(_HEAD), _HEAD)
                if head.startswith(b"blob "):
                    return Kind.BLOB, b""
                if status.st_size > _LARGEST:
                    return None
                whole = head + inflater.decompress(inflater.unconsumed_tail + file.read(_LARGEST), _LARGEST)
        except (OSError, zlib.error):
            return None
        # https://git-scm.com/book/en/v2/Git-Internals-Git-Objects#_object_storage
        header, nul, content = whole[:_HEAD].partition(b"\0")
        kind, _, size = header.partition(b" ")
        content = whole[len(header) + 1 :]
        if kind not in _KINDS or not nul or size != str(len(content)).encode() or not inflater.eof:
            return None
        return _KINDS[kind], content
