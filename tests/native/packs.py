"""Repositories packed in one way or another, and what an attacker would write into a pack."""

import random
import subprocess
from collections.abc import Iterator
from pathlib import Path


def git(path: Path, *arguments: str, text: bytes = b"") -> bytes:
    return subprocess.run(["git", *arguments], cwd=path, input=text, check=True, capture_output=True).stdout


def packed_as_usual(path: Path) -> None:
    git(path, "repack", "-adfq")


def packed_by_names(path: Path) -> None:
    """Let a delta say by name what it is one of, as packs from old servers do."""
    git(path, "-c", "repack.useDeltaBaseOffset=false", "repack", "-adfq")


def packed_far(path: Path) -> None:
    """Let the index tell places as it does beyond two gigabytes."""
    git(path, "-c", "core.compression=0", "repack", "-adfFq")
    (pack,) = (path / "objects" / "pack").glob("*.pack")
    pack.with_suffix(".idx").unlink()
    git(path, "index-pack", "--index-version=2,0x100", str(pack))


def packed_in_parts(path: Path) -> None:
    """Leave some blobs in two packs, some in one, and one in none."""
    packed_as_usual(path)
    blobs = git(path, "cat-file", "--batch-all-objects", "--batch-check=%(objecttype) %(objectname)").splitlines()
    some = b"\n".join([line[5:] for line in blobs if line.startswith(b"blob")][::3])
    git(path, "pack-objects", "-q", "objects/pack/pack", text=some)


PACKED = (packed_as_usual, packed_by_names, packed_far, packed_in_parts)


def numbers(chance: random.Random) -> Iterator[bytes]:
    """Yield what an attacker would write: nothing, the largest numbers, one with no end, or chance."""
    while True:
        yield from (b"\0" * 4, b"\xff" * 4, b"\x80\0\0\0", b"\x7f\xff\xff\xff", b"\xff" * 80, chance.randbytes(3))
