"""What is scanned: a repository, and a clone of it with files and with a change that is staged."""

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.detection.values import Values
from benchmarks.follow.lines import SEED

STAGED = 5
"""Files changed in what is staged."""
_MEGABYTE = 1_000_000
BLOBS = (
    "rev-list --objects --all --missing=allow-any --no-object-names --filter=object:type=blob --filter-provided-objects"
)
"""How git lists all blobs; a partial clone's missing ones too."""


def bare(given: Path, place: Path) -> Path:
    """Return the repository given where it is bare, else a bare clone of it at `place`."""
    try:
        if _git(given, "rev-parse", "--is-bare-repository").strip() == "true":
            return given.resolve()
        _git(given, "clone", "--quiet", "--mirror", ".", str(place))
    except subprocess.CalledProcessError as error:
        sys.exit(f"{given} cannot be read as a repository: {error.stderr.strip()}")
    return place


def checkout(repository: Path, place: Path) -> None:
    """Make a clone with the files of its HEAD, as far as they are there."""
    _git(repository, "clone", "--quiet", "--no-checkout", ".", str(place))
    _git(place, "read-tree", "HEAD")
    files = ["git", "-C", str(place), "checkout-index", "--all", "--index", "--force", "--quiet"]
    subprocess.run(files, check=False, stderr=subprocess.DEVNULL)  # noqa: S603 - a partial clone has not all


def size_of_history(repository: Path) -> str:
    """Say how large a bare repository is."""
    counted = dict(line.split(": ") for line in _git(repository, "count-objects", "-v").splitlines())
    packed = (int(counted["size-pack"]) + int(counted["size"])) * 1024 // _MEGABYTE
    commits = int(_git(repository, "rev-list", "--all", "--count"))
    listing = f"git {BLOBS.replace('allow-any', 'print')} | git cat-file --batch-check='%(objectsize)' --buffer"
    told = subprocess.check_output(["sh", "-c", listing], cwd=repository, text=True).splitlines()  # noqa: S603, S607
    sizes = [int(size) for size in told if size.isdigit()]
    text = f"{packed:,} MB packed, {commits:,} commits, {len(sizes):,} blobs of {sum(sizes) // _MEGABYTE:,} MB"
    missing = len(told) - len(sizes)
    return f"{text}; a partial clone, in which {missing:,} blobs are missing" if missing else text


def size_of_tree(tree: Path) -> str:
    """Say how large a directory is, without its repository."""
    sizes = []
    for folder, folders, names in os.walk(tree):
        folders[:] = [name for name in folders if name != ".git"]
        sizes += [path.lstat().st_size for path in (Path(folder, name) for name in names) if not path.is_symlink()]
    return f"{len(sizes):,} files of {sum(sizes) // _MEGABYTE:,} MB"


def stage(clone: Path) -> str:
    """Change some files and stage them; one gets a pair of keys. Say how much it is."""
    values = Values(SEED)
    names = [name for name in _git(clone, "ls-files", "-z").split("\0") if name.endswith((".py", ".go", ".js", ".md"))]
    chosen = [clone / name for name in names[:: max(1, len(names) // STAGED)] if (clone / name).is_file()][:STAGED]
    for number, path in enumerate(chosen):
        with path.open("a", encoding="utf-8") as file:
            file.writelines(f"total_{line} = count({line}, {number})\n" for line in range(40))
            if number == 0:
                file.write(f'KEY_ID = "{values.key_id()}"\nSECRET_ACCESS_KEY = "{values.aws_secret()}"\n')
    _git(clone, "add", "--", *(str(path.relative_to(clone)) for path in chosen))
    return _git(clone, "diff", "--cached", "--shortstat").strip()


def _git(repository: Path, *arguments: str) -> str:
    command = ["git", "-C", str(repository), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603
