"""Opening files in places other people write to: regular files only, never through a link, never waiting."""

import errno
import os
import stat


class NotRegular(OSError):
    """A link, pipe, socket, device or directory where a file was expected."""


def open_regular(path: str | os.PathLike[str]) -> tuple[int, os.stat_result]:
    """
    Open a regular file for reading and return its descriptor, which the caller closes, and its status.

    The name is looked at before it is opened (opening some devices has effects) and again afterwards (it may have been
    exchanged in between). `O_NONBLOCK` keeps a pipe put there in that moment from stopping the reader for ever.

    Raises:
        NotRegular: it is something else; its `strerror` says what.
        OSError: it cannot be opened.
    """
    if not stat.S_ISREG(mode := os.lstat(path).st_mode):
        raise _refusal(mode, path)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise NotRegular(errno.ELOOP, "a symbolic link, which is not followed", str(path)) from None
        raise
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise _refusal(status.st_mode, path)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor, status


_KINDS = (
    (stat.S_ISLNK, "a symbolic link, which is not followed"),
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
)


def _refusal(mode: int, path: str | os.PathLike[str]) -> NotRegular:
    kind = next((name for test, name in _KINDS if test(mode)), "a device")
    return NotRegular(errno.EINVAL, kind, str(path))
