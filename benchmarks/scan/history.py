"""A history that anybody can make: modules of Python's library, changed hundreds of times, with secrets and images."""

import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from random import Random

from benchmarks.detection.values import Values

SEED = 20261127
VERSIONS = 200
"""Of each file."""
IMAGES = 40
TOGETHER = 3
"""Files changed by one commit."""
_AUTHOR = "Ada Example <ada@example.org>"
_BEGAN = 1_700_000_000


def make(repository: Path, size: int) -> None:
    """Make a bare repository whose blobs have about `size` bytes together; on one machine the same each time."""
    subprocess.run(["git", "init", "--quiet", "--bare", str(repository)], check=True)  # noqa: S603, S607
    command = ["git", "-C", str(repository), "fast-import", "--quiet"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:  # noqa: S603
        assert process.stdin is not None  # noqa: S101 - for the type checker
        process.stdin.writelines(_stream(size))
    if process.returncode:
        raise SystemExit("git fast-import could not make the history")


def _stream(size: int) -> Iterator[bytes]:
    """Yield what `git fast-import` reads: all versions of a file together, as it packs them well then; commits last."""
    dice, values = Random(SEED), Values(SEED)  # noqa: S311 - no secrets
    changes: list[list[tuple[int, str]]] = [[] for _ in range(VERSIONS)]
    mark = 0
    for name, text in _chosen(dice, size // VERSIONS):
        for number, version in enumerate(_versions(dice, values, text)):
            mark += 1
            yield _blob(mark, version)
            changes[number].append((mark, name))
    for number in range(IMAGES):
        mark += 1
        yield _blob(mark, b"\x89PNG\r\n\x1a\n" + dice.randbytes(size // 100 // IMAGES))
        changes[number * VERSIONS // IMAGES].append((mark, f"images/{number}.png"))
    commits = [some[at : at + TOGETHER] for some in changes for at in range(0, len(some), TOGETHER)]
    for number, files in enumerate(commits):
        message = f"Change {number}"
        yield f"commit refs/heads/main\ncommitter {_AUTHOR} {_BEGAN + 600 * number} +0000\n".encode()
        yield f"data {len(message)}\n{message}\n".encode()
        yield "".join(f"M 100644 :{mark} {name}\n" for mark, name in files).encode()
    yield b"reset HEAD\nfrom refs/heads/main\n"


def _blob(mark: int, content: bytes) -> bytes:
    return b"blob\nmark :%d\ndata %d\n%s\n" % (mark, len(content), content)


def _chosen(dice: Random, size: int) -> Iterator[tuple[str, list[bytes]]]:
    """Yield names and lines of modules, until they have `size` bytes."""
    library = Path(sysconfig.get_path("stdlib"))
    paths = sorted(
        path
        for path in library.rglob("*.py")
        if not {"test", "tests", "site-packages", "dist-packages"}.intersection(path.relative_to(library).parts)
    )
    dice.shuffle(paths)
    copies = ((path, copy) for copy in range(1 + size // 1_000_000) for path in paths)
    for path, copy in copies:
        text = path.read_bytes()
        if not text:
            continue
        yield f"source{copy}/{path.relative_to(library).as_posix()}", text.splitlines(keepends=True)
        size -= len(text)
        if size <= 0:
            return


def _versions(dice: Random, values: Values, lines: list[bytes]) -> Iterator[bytes]:
    """Yield a module as it is, then with a few lines moved and changed each time; one version has a secret in it."""
    leak = dice.randrange(VERSIONS)
    pair = f'KEY_ID = "{values.key_id()}"\nSECRET_ACCESS_KEY = "{values.aws_secret()}"\n'
    secret = dice.choice((f'REFRESH_TOKEN = "{values.refresh_token()}"\n', pair)).encode()
    for number in range(VERSIONS):
        yield b"".join(lines) + (secret if number == leak else b"")
        for _ in range(dice.randrange(1, 5)):
            line = lines.pop(dice.randrange(len(lines))) if len(lines) > 1 else b"pass\n"
            lines.insert(dice.randrange(len(lines) + 1), line)
        lines.insert(dice.randrange(len(lines) + 1), f"# changed for the {number}th time\n".encode())
