"""
Whether a repository keeps to itself: asked before git opens it, as git would follow whatever it says.

What lies elsewhere is read where the other side knows of it: a linked worktree, a submodule. A `.git` file, a link or a
`commondir` that merely points there would have somebody else's history scanned, and told, under a stranger's name.

Alternates are followed, as clones with `--shared` and `--reference` would be unreadable without: git takes from them no
more than objects that the repository's own commits name, by a hash that one has to know. They are never listed.
"""

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from keywatch.model.errors import ScanError

_SMALL = 1 << 20
"""Bytes of a file of git's own that is read here."""
_DEEP = 10
_INCLUDE = re.compile(rb"^\s*path\s*=\s*\"?([^\"\n]*?)\"?\s*$", re.IGNORECASE | re.MULTILINE)
_WORKTREE = re.compile(rb"^\s*worktree\s*=\s*\"?([^\"\n]*?)\"?\s*$", re.IGNORECASE | re.MULTILINE)
_LISTED = ("refs", "info", "objects", "objects/info", "objects/pack")
"""Directories whose entries git opens by name, or by listing them."""
_UNREAD = frozenset({"hooks", "lfs", "annex", "modules", "logs", "branches", "description", "rr-cache", "svn"})
"""What nothing that we ask opens, and people do share between repositories."""
_PATTERNS = frozenset({"exclude", "attributes", "sparse-checkout"})
"""In `info`: links to these are common, and what they hold is patterns at most."""


def git_directory(path: Path) -> Path:
    """Return where the repository at `path` has its own files: in `.git`, where a `.git` file says, or in itself."""
    dot = path / ".git"
    text = _text(dot)
    if text is not None and text.startswith(b"gitdir:"):
        # Only the line end is cut off: a name may hold one, or a blank.
        return path / os.fsdecode(text.removeprefix(b"gitdir:").removeprefix(b" ").rstrip(b"\r\n"))
    return dot if dot.is_dir() else path


def confine(path: Path, directory: Path) -> None:
    """
    Look at the repository at `path`, whose own files are in `directory`, without opening what could block.

    Raises:
        ScanError: it is made of parts that lie elsewhere and know nothing of it, or of pipes and devices.
    """
    try:
        top, own = path.resolve(), directory.resolve()
        if not own.is_relative_to(top) and not _linked(top, own) and not _submodule(top, own):
            raise _elsewhere(path, f"its .git leads to {directory}, which knows nothing of it")
        common = _common(own)
        if common != own and not common.is_relative_to(top) and common != own.parent.parent:
            raise _elsewhere(path, f"its commondir leads to {common}")
        for folder in {own, common}:
            _look(path, folder, (top, own, common))
            _included(path, folder / "config", 0)
    except (OSError, RuntimeError, ValueError) as error:  # links in a circle, a NUL in a name
        why = error.strerror if isinstance(error, OSError) else "links lead nowhere"
        raise ScanError(f"{path}: its repository cannot be looked at: {why}") from None


def _elsewhere(path: Path, why: str) -> ScanError:
    return ScanError(f"{path}: {why}", hint="if you trust it, scan that place by its own path; or the files: --no-git")


def _linked(top: Path, own: Path) -> bool:
    """Whether `own` belongs to a linked worktree that lies at `top`."""
    text = _text(own / "gitdir")
    return text is not None and (own / os.fsdecode(text.rstrip(b"\r\n"))).resolve() == top / ".git"


def _submodule(top: Path, own: Path) -> bool:
    """Whether `own` says that its work tree is at `top`."""
    found = _WORKTREE.findall(_text(own / "config") or b"")
    return bool(found) and (own / os.fsdecode(found[-1])).resolve() == top


def _common(own: Path) -> Path:
    text = _text(own / "commondir")
    return own if text is None else (own / os.fsdecode(text.rstrip(b"\r\n"))).resolve()


def _look(path: Path, folder: Path, inside: tuple[Path, ...]) -> None:
    for entry in _entries(folder):
        if entry.name in _UNREAD and Path(entry.path).parent == folder:
            continue
        if entry.is_symlink() and not (entry.name in _PATTERNS and Path(entry.path).parent == folder / "info"):
            # Links to nowhere are git's own trouble.
            real = Path(entry.path).resolve()
            if not any(real.is_relative_to(place) for place in inside):
                raise _elsewhere(path, f"its {Path(entry.path).relative_to(folder)} is a link to {real}")
        if not entry.is_dir() and not entry.is_file() and _blocks(Path(entry.path)):
            raise ScanError(f"{path}: {entry.name} in its repository is a pipe or device", hint="remove it")


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    for name in ("", *_LISTED):
        try:
            with os.scandir(folder / name) as listing:
                yield from listing
        except (FileNotFoundError, NotADirectoryError):
            continue


def _blocks(entry: Path) -> bool:
    try:
        mode = entry.stat().st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) or stat.S_ISBLK(mode)


def _included(path: Path, config: Path, depth: int) -> None:
    """Look whether the configuration includes a pipe: git would wait for it, for ever."""
    text = _text(config)
    if text is None or b"[include" not in text.lower() or depth > _DEEP:
        return
    for name in _INCLUDE.findall(text):
        other = config.parent / os.fsdecode(name)
        if _blocks(other):
            raise ScanError(f"{path}: its configuration includes a pipe or device", hint="remove that line")
        _included(path, other, depth + 1)


def _text(path: Path) -> bytes | None:
    """Return the beginning of a regular file; None where it is none."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return None
    try:
        return os.read(descriptor, _SMALL) if stat.S_ISREG(os.fstat(descriptor).st_mode) else None
    finally:
        os.close(descriptor)
