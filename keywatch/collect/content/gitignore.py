"""What the `.gitignore` files in a directory name: builds, environments, downloads."""

import tempfile
from pathlib import Path

from keywatch.collect.content.git_plumbing import Git


def ignored_below(top: Path) -> frozenset[str]:
    """
    Return what is ignored in a directory, whether it is a repository or not; directories end in `/`.

    git itself is asked, as nobody else reads these files quite as it does. Where there is no repository it gets an
    empty one to stand on; files of directories above are not read.

    Raises:
        ScanError: `git` is missing, or cannot tell.
    """
    if (top / ".git").exists():
        return ignored(Git(top), top)
    with tempfile.TemporaryDirectory() as directory:
        empty = Path(directory)
        for name in ("objects", "refs"):
            (empty / name).mkdir()
        (empty / "HEAD").write_text("ref: refs/heads/none\n")
        return ignored(Git(empty), top)


def ignored(git: Git, top: Path) -> frozenset[str]:
    """Return what is neither tracked nor may become so in the work tree `top`; directories end in `/`."""
    # Where the work tree is must be our word, not that of the repository's `core.worktree`.
    where = ("-C", str(top.absolute()), f"--git-dir={git.directory}", f"--work-tree={top.absolute()}")
    names = git.ask(*where, "ls-files", "--others", "--ignored", "--exclude-standard", "--directory", "-z")
    return frozenset(names.split("\0"))
