"""
A bare copy of a remote repository in the state directory, which only ever grows.

Refs are fetched below `refs/keywatch/fetched`, which follows the remote, forced pushes and deletions included. Every
tip that was ever there is held below `refs/keywatch/seen` before a fetch may overwrite it, unless another tip reaches
it: so what was pushed once is scanned, whatever the remote did since, and however often we were killed in between.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from keywatch.collect.content.git_plumbing import Git, GitFailed, environment
from keywatch.collect.content.git_transfer import Access, Limits, transfer
from keywatch.collect.content.remote_url import RemoteUrl
from keywatch.collect.content.transfer_trouble import HeadMissing, OtherObjectNames
from keywatch.model.errors import ScanError

FETCHED = "refs/keywatch/fetched/"
SEEN = "refs/keywatch/seen/"
_HEAD = "refs/keywatch/head"
_EVERYTHING = (f"+refs/*:{FETCHED}*", "^refs/changes/*")
_REQUESTS = ("^refs/pull/*", "^refs/merge-requests/*")
_WAIT = 60.0
"""Seconds another keywatch is waited for that works on the same clone."""
_PACKS = 20
"""Packs above which they are put together: each makes every look-up slower."""
_LOOSE = 500


class Clone:
    """One clone. Nothing is made before `opened`."""

    def __init__(self, clones: Path, url: RemoteUrl) -> None:
        readable = re.sub(r"[^a-z0-9.]+", "-", f"{url.host}{url.path}".lower()).strip("-.")[-80:]
        name = f"{readable}-{hashlib.sha256(url.text.encode()).hexdigest()[:12]}"
        self.url = url
        self.directory = clones / f"{name}.git"
        self._draft = clones / f"{name}.new"
        self._lock_file = clones / f"{name}.lock"

    @contextmanager
    def opened(self) -> Iterator["OpenClone"]:
        """
        Take the clone for ourselves, until its reading begins: from then on others may read it as well.

        Raises:
            ScanError: another keywatch works on it, or the state directory cannot be written.
        """
        try:
            self.directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self._lock_file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as error:
            hint = "let keywatch's user write to the state directory, or set STATE_DIRECTORY"
            raise ScanError(f"{self._lock_file}: {error.strerror}", hint=hint) from None
        try:
            self._take(lock)
            try:
                aside = self._prepared()
            except OSError as error:
                raise ScanError(f"{self.directory}: {error.strerror}", hint="make room for it") from None
            yield OpenClone(self.url, self.directory, lock, aside)
        finally:
            os.close(lock)

    def _take(self, lock: int) -> None:
        # A git of ours that outlived a kill -9 of ours still holds it: it has inherited the descriptor.
        until = time.monotonic() + _WAIT
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > until:
                    hint = "wait until it is done"
                    raise ScanError(f"{self.url.text}: another keywatch works on its clone", hint=hint) from None
                time.sleep(0.1)
            else:
                return

    def _prepared(self) -> Path | None:
        """Make the clone if it is not there; clear away what a killed git has left. Returns where a broken one went."""
        aside = None
        if self.directory.is_dir():
            _tidy(self.directory)
            try:
                Git(self.directory).ask("for-each-ref", "--count=1")
            except GitFailed:
                aside = self.directory.with_suffix(".broken")
                shutil.rmtree(aside, ignore_errors=True)
                self.directory.rename(aside)
        if not self.directory.is_dir():
            shutil.rmtree(self._draft, ignore_errors=True)
            _make(self._draft)
            self._draft.rename(self.directory)
        return aside


class OpenClone:
    """A clone that we hold."""

    def __init__(self, url: RemoteUrl, directory: Path, lock: int, aside: Path | None) -> None:
        self.url = url
        self.directory = directory
        self.aside = aside
        """Where a clone went that could not be used any more."""
        self._lock = lock

    def fetch(self, access: Access, limits: Limits, *, requests: bool) -> None:
        """
        Bring in what is new.

        Args:
            access: how one logs in.
            limits: where it is given up.
            requests: whether pull and merge requests are fetched too, those of strangers among them.

        Raises:
            TransferFailed: it could not be fetched (whole). What is there stays.
            ScanError: the clone itself cannot be used.
        """
        wanted = [*_EVERYTHING, *(() if requests else _REQUESTS)]
        try:
            self._fetch(wanted, access, limits)
        except OtherObjectNames:
            if not self.empty():
                raise
            shutil.rmtree(self.directory)
            _make(self.directory, "sha256")
            self._fetch(wanted, access, limits)

    def _fetch(self, wanted: list[str], access: Access, limits: Limits) -> None:
        git = Git(self.directory)
        _hold(git)
        try:
            try:
                transfer(self.directory, self.url, [f"+HEAD:{_HEAD}", *wanted], access, limits, inherit=(self._lock,))
            except HeadMissing:
                transfer(self.directory, self.url, wanted, access, limits, inherit=(self._lock,))
                git.ask("update-ref", "-d", _HEAD)
            _hold(git)
        finally:
            _tidy(self.directory)
        _compact(git)

    def emptied(self) -> bool:
        """Whether the remote has no ref any more, and once had."""
        git = Git(self.directory)
        return not _refs(git, FETCHED) and bool(_refs(git, SEEN))

    def empty(self) -> bool:
        """Whether nothing was ever fetched."""
        git = Git(self.directory)
        return not _refs(git, FETCHED) and not _refs(git, SEEN)

    def share(self) -> None:
        """Let others read it too, and nobody write."""
        fcntl.flock(self._lock, fcntl.LOCK_SH)


def _make(directory: Path, names: str = "sha1") -> None:
    """Make an empty bare repository without templates, whose HEAD is the remote's."""
    command = ["git", "init", "--quiet", "--bare", "--template=", f"--object-format={names}", str(directory)]
    try:
        done = subprocess.run(command, env=environment(), capture_output=True, check=False, timeout=60)  # noqa: S603
    except FileNotFoundError:
        raise ScanError("the git program was not found", hint="install git") from None
    if done.returncode != 0:
        raise ScanError(f"{directory}: no repository could be made there", hint="make room in the state directory")
    (directory / "HEAD").write_text(f"ref: {_HEAD}\n")


def _tidy(directory: Path) -> None:
    """Remove what a killed or failed git left behind. The lock is ours, so nobody needs it."""
    for folder in ("refs", "objects"):
        for path in (directory / folder).rglob("*.lock"):
            path.unlink(missing_ok=True)
    for path in directory.glob("*.lock"):
        path.unlink(missing_ok=True)
    for path in (directory / "objects").glob("*/tmp_*"):
        path.unlink(missing_ok=True)
    for path in (directory / "objects").glob("*tmp_objdir*"):
        shutil.rmtree(path, ignore_errors=True)


def _refs(git: Git, below: str) -> dict[str, str]:
    """Return the tips below a prefix, and what kind of object each is."""
    listing = git.ask("for-each-ref", "--format=%(objectname) %(objecttype)", below)
    return dict(line.split(" ", 1) for line in listing.splitlines())


def _hold(git: Git) -> None:
    """Hold every tip that is not held; let go of those that another tip reaches."""
    # A HEAD may be detached, and then be the only one that has its commit.
    tips, held = _refs(git, FETCHED) | _refs(git, _HEAD), _refs(git, SEEN)
    new = tips.keys() - held.keys()
    if not new:
        return
    lost = [name for name, kind in held.items() if name not in tips and kind == "commit"]
    orders = [f"create {SEEN}{name} {name}" for name in sorted(new)]
    if lost:
        commits = [name for name, kind in tips.items() if kind in ("commit", "tag")]
        asked = "".join(f"{name}\n" for name in lost) + "".join(f"^{name}\n" for name in commits)
        kept = frozenset(git.ask("rev-list", "--stdin", "--ignore-missing", question=asked).split())
        orders += [f"delete {SEEN}{name}" for name in lost if name not in kept]
    git.ask("update-ref", "--stdin", question="".join(f"{order}\n" for order in orders))


def _compact(git: Git) -> None:
    """Keep packs and loose refs few. No object is ever dropped."""
    packs = sum(1 for _ in (git.directory / "objects" / "pack").glob("*.pack"))
    with suppress(GitFailed):  # slower, and nothing worse
        if packs > _PACKS:
            git.ask("repack", "--geometric=2", "-d", "-q")
        if sum(1 for _ in zip((git.directory / "refs").rglob("*"), range(_LOOSE), strict=False)) == _LOOSE:
            git.ask("pack-refs", "--all")
