"""
Compiling the C files here into one object: `setup.py` does it when keywatch is installed, `make native` by hand.

The compiler is $CC, or that of the package `ziglang`, or `cc`. No Python header is needed, as the object knows nothing
of Python. It runs on every processor of its architecture, and with C libraries as old as those of the wheels we need.
"""

import os
import platform
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from keywatch.native import HERE, OBJECT, revision

FLAGS = ("-std=gnu11", "-fPIC", "-shared", "-fvisibility=hidden", "-Wall", "-Wextra")
FAST = ("-O3", "-fomit-frame-pointer", "-fno-sanitize=all", "-s")
"""Without debug information, and without the checks of undefined behaviour that Zig's compiler puts in by itself."""
LONGEST = 300
"""Seconds for the compiler: it has a few small files."""
_LEAST = "gnu.2.17"
"""As manylinux2014, the oldest that wheels of the libraries keywatch needs are made for."""


class NotBuilt(Exception):
    """There is no object now, and why."""


def build(into: Path, *, flags: Sequence[str] = FAST, compilers: Sequence[Sequence[str]] | None = None) -> None:
    """
    Compile the kernel into a folder.

    What was there before is replaced, never written to: a running process may have it mapped. Where nothing can be
    built, what was built of the same sources stays.

    Args:
        into: the folder, which need not exist.
        flags: besides those that every build has.
        compilers: commands, of which the first that succeeds is taken; by default those that are here.

    Raises:
        NotBuilt: no compiler is here, or none succeeded.
    """
    target = into / OBJECT
    try:
        into.mkdir(parents=True, exist_ok=True)
        if target.exists() and not target.read_bytes().endswith(revision()):
            target.unlink()
        with TemporaryDirectory(prefix="keywatch-") as scratch:
            made = _compiled(Path(scratch), flags, list(compilers or _compilers()))
        new = target.with_suffix(".new.so")
        new.write_bytes(made + revision())
        new.replace(target)
    except OSError as error:
        raise NotBuilt(str(error)) from None


def _compiled(scratch: Path, flags: Sequence[str], compilers: Sequence[Sequence[str]]) -> bytes:
    if not compilers:
        raise NotBuilt("no C compiler is here: neither $CC, nor the package ziglang (make venv installs it), nor cc")
    made = scratch / OBJECT
    # Zig keeps what it made for the next time, in the home directory if it is left to itself.
    cache = {f"ZIG_{kind}_CACHE_DIR": str(scratch / "zig") for kind in ("GLOBAL", "LOCAL")}
    sources = sorted(path.name for path in HERE.glob("*.c"))
    said = []
    for compiler in compilers:
        command = [*compiler, *FLAGS, *flags, "-o", str(made), *sources]
        try:
            subprocess.run(  # noqa: S603 - the compiler that was asked for
                command, cwd=HERE, env=os.environ | cache, check=True, timeout=LONGEST, capture_output=True
            )
            return made.read_bytes()
        except subprocess.CalledProcessError as error:
            said.append(f"{shlex.join(compiler)} failed:\n{error.stderr[-2000:].decode(errors='replace')}")
        except (OSError, subprocess.TimeoutExpired) as error:
            said.append(f"{shlex.join(compiler)} failed: {error}")
    raise NotBuilt("\n".join(said))


def _compilers() -> Iterator[list[str]]:
    """Yield the commands there are for a compiler, the one to be tried first in front."""
    if wanted := shlex.split(os.environ.get("CC", "")):
        yield wanted
        return
    if find_spec("ziglang"):
        yield zig()
    if shutil.which("cc"):
        yield ["cc"]


def zig() -> list[str]:
    """Return the command for the compiler of `ziglang`, which by itself builds for the very processor it runs on."""
    # -P: the compiler runs where the sources are, and Python would take our modules there for its own.
    return [sys.executable, "-P", "-m", "ziglang", "cc", *_target(), "-mcpu=baseline"]


def _target() -> list[str]:
    """Name the oldest system to build for, where that is not simply this one."""
    machine = platform.machine()
    if sys.platform != "linux" or machine not in {"x86_64", "aarch64"} or sys.maxsize < 1 << 32:
        return []
    return ["-target", f"{machine}-linux-{_LEAST if platform.libc_ver()[0] == 'glibc' else 'musl'}"]


def main() -> int:
    """Build beside the sources, and say why that failed if it did."""
    try:
        build(HERE)
    except NotBuilt as error:
        sys.stderr.write(f"keywatch: error: the native kernel was not built: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
