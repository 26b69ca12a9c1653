"""
What is done in C where Python's own overhead is most of the time. It is an accelerator: all works without it, slower.

`_kernel.so` is made of the C files here when keywatch is installed (`build.py`) and called through `ctypes`, so it is
the same for every version of Python. Each C file has a module of plain functions, which declares it, and does the same
in Python where `library` has nothing.
"""

import os
from binascii import crc32
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ctypes import CDLL

OBJECT = "_kernel.so"
HERE = Path(__file__).parent
SWITCH = "KEYWATCH_NATIVE"
"""The environment variable that does without, as `0`."""


@cache
def library() -> "CDLL | None":
    """Return the kernel, or None where there is none to be used. It cannot be pickled: keep it in no object that is."""
    try:
        return _opened()
    except OSError:
        return None


def state() -> str:
    """Say for a person whether the kernel is in use, or why not."""
    try:
        _opened()
    except OSError as error:
        return f"not in use: {error.strerror or error}"
    return "in use"


def revision(folder: Path = HERE) -> bytes:
    """
    Return what an object built of the C files in a folder ends with.

    It tells one of other sources from ours, which would be called with the wrong arguments, and one that was cut off:
    the loader maps that without a look at its size, and the process would die of the first missing page.
    """
    digest = 0
    for path in sorted(path for path in folder.iterdir() if path.suffix in {".c", ".h"}):
        digest = crc32(path.name.encode() + b"\0" + path.read_bytes(), digest)
    return b"keywatch kernel %08x\n" % digest


def _opened() -> "CDLL":
    """
    Load the kernel.

    Raises:
        OSError: there is none, it is another's, or the system refuses to run it.
    """
    if os.environ.get(SWITCH) == "0":
        raise OSError(f"{SWITCH}=0 says so")
    path = HERE / OBJECT
    expected = revision()
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - len(expected)))
            found = file.read()
    except FileNotFoundError:
        raise OSError("it was not built when keywatch was installed") from None
    if found != expected:
        raise OSError("it was built of other sources, or cut off: install keywatch anew")
    # Costs a start more than all else here.
    from ctypes import CDLL

    return CDLL(str(path))
