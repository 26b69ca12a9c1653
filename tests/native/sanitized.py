"""
`make native-check`: runs the tests of the kernel with one that watches each access and each operation.

GCC and Clang have the address sanitizer, which knows where each of Python's objects ends; the compiler of `ziglang` has
only the one for undefined behaviour. The package is copied, so that nothing of it is left behind.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from keywatch.native.build import NotBuilt, build, zig

ROOT = Path(__file__).parents[2]
CAREFUL = ("-O1", "-g", "-fno-omit-frame-pointer", "-fno-sanitize-recover=all", "-Werror")


def main(arguments: list[str]) -> int:
    """Build, run pytest, and return its exit status."""
    tests = arguments or ["tests/native"]
    with TemporaryDirectory(prefix="keywatch-") as scratch:
        copy = Path(scratch)
        for name in ("keywatch", "tests"):
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "_kernel*"))
        shutil.copy(ROOT / "pyproject.toml", copy)
        try:
            environment = _built(copy / "keywatch" / "native")
        except NotBuilt as error:
            sys.stderr.write(f"keywatch: error: {error}\n")
            return 1
        # A sanitizer writes what it says by itself, and ends the process: pytest may not hold that back.
        command = [sys.executable, "-m", "pytest", "--capture=sys", "-p", "no:cacheprovider", *tests]
        return subprocess.run(command, cwd=copy, env=os.environ | environment, check=False).returncode


def _built(into: Path) -> dict[str, str]:
    """Build with all sanitizers there are, and return the environment that they need."""
    # The sanitizer's own allocator puts a margin about each object, if Python asks it for each.
    environment = {"PYTHONMALLOC": "malloc", "ASAN_OPTIONS": "detect_leaks=0", "UBSAN_OPTIONS": "print_stacktrace=1"}
    for name, runtime, shared in (("gcc", "libasan.so", ()), ("clang", "libclang_rt.asan.so", ("-shared-libasan",))):
        if not shutil.which(name):
            continue
        asked = subprocess.run([name, f"-print-file-name={runtime}"], capture_output=True, text=True, check=True)
        library = Path(asked.stdout.strip())
        if library.is_absolute():
            # Its runtime must be there before anything else, and Python was built without.
            build(into, flags=("-fsanitize=address,undefined", *CAREFUL, *shared), compilers=[[name]])
            sys.stderr.write(f"{name}: address and undefined behaviour\n")
            return environment | {"LD_PRELOAD": str(library)}
    build(into, flags=("-fsanitize=undefined", *CAREFUL), compilers=[zig()])
    sys.stderr.write("zig: undefined behaviour alone, as there is neither gcc nor clang\n")
    return environment


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
