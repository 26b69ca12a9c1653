"""`python -m keywatch.native`: is the kernel in use? Exit status 1 and a line that says why, if it is not."""

import sys

from keywatch.native import library, state

if library() is None:
    print(f"keywatch: the native kernel is {state()}")  # noqa: T201 - this is for whoever installs
    sys.exit(1)
