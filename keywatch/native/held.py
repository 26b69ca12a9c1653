"""Where the memory of a buffer lies, such as of a `memoryview` or a mapped file: C reads it there, without a copy."""

from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import POINTER, PyDLL, Structure, c_char_p, c_int, c_ssize_t, c_void_p, py_object
from mmap import mmap

_API = PyDLL(None)  # of our own: what is declared of `ctypes.pythonapi` is declared for everybody


class _Buffer(Structure):
    """As `Py_buffer` has been since it is a part of the stable ABI, https://docs.python.org/3/c-api/buffer.html."""

    _fields_ = (
        ("buf", c_void_p),
        ("obj", c_void_p),
        ("len", c_ssize_t),
        ("itemsize", c_ssize_t),
        ("readonly", c_int),
        ("ndim", c_int),
        ("format", c_char_p),
        ("shape", c_void_p),
        ("strides", c_void_p),
        ("suboffsets", c_void_p),
        ("internal", c_void_p),
    )


_get = _API.PyObject_GetBuffer
_get.argtypes = (py_object, POINTER(_Buffer), c_int)
_get.restype = c_int
_release = _API.PyBuffer_Release
_release.argtypes = (POINTER(_Buffer),)
_release.restype = None


@contextmanager
def held(buffer: bytes | bytearray | memoryview | mmap) -> Iterator[tuple[int, int]]:
    """
    Keep a buffer where it is, and say where that is and how many bytes it has. `bytes` can be given to C as they are.

    Raises:
        BufferError: its bytes do not lie one behind the other, as those of a `memoryview` with steps.
    """
    view = _Buffer()
    _get(buffer, view, 0)  # for reading: whoever writes has made the buffer himself
    try:
        yield view.buf or 0, view.len
    finally:
        _release(view)
