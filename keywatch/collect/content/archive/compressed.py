"""Compressed files: gzip, bzip2, xz, Zstandard. In constant memory, however large they are."""

from keywatch.collect.content.archive.content import Content
from keywatch.collect.content.archive.inflate import Make, bzip2, gzip, streams, xz, zstd
from keywatch.collect.content.archive.look import Found, Inside

_ENDINGS = {".tgz": ".tar", ".tbz": ".tar", ".tbz2": ".tar", ".txz": ".tar", ".tzst": ".tar", ".svgz": ".svg"}
_DROPPED = (".gz", ".bz2", ".xz", ".zst", ".z", ".zstd")


def read_gzip(content: Content, inside: Inside) -> Found:
    """Read what gzip packed, be it in one stream or in many."""
    return _read(content, inside, gzip, (b"\x1f\x8b",))


def read_bzip2(content: Content, inside: Inside) -> Found:
    """Read what bzip2 packed."""
    return _read(content, inside, bzip2, (b"BZh",))


def read_xz(content: Content, inside: Inside) -> Found:
    """Read what xz packed."""
    return _read(content, inside, xz(inside.budget.limits.window), (b"\xfd7zXZ\0",))


def read_zstd(content: Content, inside: Inside) -> Found:
    """Read what Zstandard packed. Frames that are to be skipped stand between others."""
    signs = (b"\x28\xb5\x2f\xfd", *(bytes([0x50 + n]) + b"\x2a\x4d\x18" for n in range(16)))
    return _read(content, inside, zstd(inside.budget.limits.window), signs)


def _read(content: Content, inside: Inside, make: Make, signs: tuple[bytes, ...]) -> Found:
    return inside.unwrapped(_unpacked_name(inside.origin.path), streams(content.pieces(), make, signs, inside.budget))


def _unpacked_name(path: str) -> str:
    """Return what the file was called before it was compressed."""
    name = path.rpartition("/")[2].rpartition("!")[2]
    lower = name.lower()
    for ending, instead in _ENDINGS.items():
        if lower.endswith(ending):
            return name[: -len(ending)] + instead
    for ending in _DROPPED:
        if lower.endswith(ending) and len(name) > len(ending):
            return name[: -len(ending)]
    return f"{name}.unpacked"
