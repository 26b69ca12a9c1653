"""
The state directory, and the pepper in it.

It stands among the collectors, for it is the outside world, and for `keywatch scan` needs it without any database.
"""

import os
import stat
from contextlib import suppress
from pathlib import Path

from keywatch.collect.regular_file import open_regular
from keywatch.model.errors import StoreError
from keywatch.model.secret import Pepper

PEPPER = "pepper"
"""The file's name inside the state directory."""
PEPPER_VARIABLE = "KEYWATCH_PEPPER_FILE"
"""Names a pepper kept elsewhere: a systemd credential, a mounted secret."""


class NoState(StoreError):
    """There is nowhere to keep anything. A single scan can do without."""


def state_dir() -> Path:
    """
    Return where keywatch keeps what must survive: `$STATE_DIRECTORY`, else `$XDG_STATE_HOME/keywatch`, else below home.

    systemd may give several directories, separated by colons; the first is meant.
    https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html#RuntimeDirectory=

    Raises:
        NoState: there is no home directory either.
    """
    if given := os.environ.get("STATE_DIRECTORY"):
        return Path(given.split(":")[0])
    base = os.environ.get("XDG_STATE_HOME", "")
    # The XDG specification wants a relative path ignored.
    if base.startswith("/"):
        return Path(base) / "keywatch"
    try:
        return Path.home() / ".local" / "state" / "keywatch"
    except RuntimeError:
        raise NoState("no home directory is known", hint="set STATE_DIRECTORY to where keywatch may write") from None


def load_pepper(directory: Path, *, create: bool) -> Pepper:
    """
    Read this installation's pepper: the file `$KEYWATCH_PEPPER_FILE` names, else `pepper` in `directory`.

    Args:
        directory: the state directory; made, for its owner alone, where it is missing and `create` is set.
        create: make a pepper if there is none. False where fingerprints exist already: under another pepper all
            of them would be worthless, and every alert would fire again.

    Raises:
        NoState: it cannot be made, as nothing may be written there.
        StoreError: it is missing and may not be made, cannot be read, is damaged, or others may read it.
    """
    if given := os.environ.get(PEPPER_VARIABLE):
        return _read(Path(given))
    path = directory / PEPPER
    try:
        return _read(path)
    except (FileNotFoundError, NotADirectoryError):
        pass
    if not create:
        hint = "restore it from your backup; without it, known findings cannot be told from new ones"
        raise StoreError(f"{path}: the pepper is missing, but fingerprints made with it exist", hint=hint)
    _create(path)
    return _read(path)


def _read(path: Path) -> Pepper:
    try:
        descriptor, status = open_regular(path)
    except (FileNotFoundError, NotADirectoryError):
        if os.environ.get(PEPPER_VARIABLE):
            raise StoreError(f"{path}: no such file", hint=f"correct or unset {PEPPER_VARIABLE}") from None
        raise
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}", hint="it must be a file that keywatch's user can read") from None
    try:
        if stat.S_IMODE(status.st_mode) & 0o077:
            raise StoreError(f"{path}: others than its owner may read or change it", hint=f"chmod 600 {path}")
        # One byte more than there should be, to see that there is not.
        key = os.read(descriptor, Pepper.SIZE + 1)
    finally:
        os.close(descriptor)
    if len(key) != Pepper.SIZE:
        size = "more" if len(key) > Pepper.SIZE else str(len(key))
        raise StoreError(f"{path}: {Pepper.SIZE} bytes expected, {size} found", hint="restore it from your backup")
    return Pepper(key)


def _create(path: Path) -> None:
    """Write a new pepper so that two processes that do it at once end up with one, whole."""
    draft = path.with_name(f".{PEPPER}.{os.urandom(8).hex()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, os.urandom(Pepper.SIZE))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        # A link fails where the name is taken; a rename would replace the pepper of whoever was first.
        with suppress(FileExistsError):
            os.link(draft, path)
        _sync(path.parent)
    except OSError as error:
        hint = "let keywatch's user write to the state directory, or set STATE_DIRECTORY"
        raise NoState(f"{path}: cannot be created: {error.strerror}", hint=hint) from None
    finally:
        with suppress(OSError):
            draft.unlink()


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
