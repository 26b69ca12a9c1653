"""
The `git` program, held so that a hostile repository cannot make it run, fetch or write anything.

Only plumbing that reads objects is called, and even `cat-file` would run `core.sshCommand` in a partial clone with a
missing object, were lazy fetching not forbidden by the environment: the repository's own configuration can override
`-c protocol.allow=never`, but not `GIT_ALLOW_PROTOCOL`. https://git-scm.com/docs/git#_environment_variables
"""

import os
import re
import resource
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from copy import copy
from itertools import chain
from math import ceil
from pathlib import Path
from typing import IO, NamedTuple

from keywatch.collect.content.git_confinement import confine, git_directory
from keywatch.model.errors import ScanError

_SETTINGS = {
    # Protected scope, so that a daemon may read a repository it does not own; nothing below lets that one act.
    "safe.directory": "*",
    "core.fsmonitor": "false",
    "core.hooksPath": os.devnull,
    "core.attributesFile": os.devnull,
    "core.excludesFile": os.devnull,
    "core.sshCommand": "false",
    "core.alternateRefsCommand": "false",
    "core.askPass": "false",
    "credential.helper": "",
    "diff.external": "false",
    "log.showSignature": "false",
    "gpg.program": "false",
    "protocol.allow": "never",
    "maintenance.auto": "false",
    "gc.auto": "0",
    # A cache of the history that is wrong, by mischief or by damage, would hide a part of it.
    "core.commitGraph": "false",
    # What is printed should mean what we take it for, and cost what it costs by default.
    "color.ui": "false",
    "i18n.logOutputEncoding": "UTF-8",
    "log.mailmap": "false",
    "mailmap.file": os.devnull,
    "diff.orderFile": os.devnull,
    "core.deltaBaseCacheLimit": "96m",
    "core.packedGitLimit": "32g",
    "core.packedGitWindowSize": "1g",
    "core.bigFileThreshold": "512m",
}

_QUOTED = re.compile(r"(config value )'.*?'(?= |$)|(?<=://)[^/@\s]+(?=@)")
"""What git quotes of a repository's configuration: a password may be among it."""
_MEMORY = 1 << 30
"""Bytes a git process may allocate. A tree bomb would have its log collect ten thousand million paths."""


def environment() -> dict[str, str]:
    """Return the whole environment `git` gets: nothing is inherited but where programs are."""
    fixed = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C",
        "HOME": os.devnull,
        "XDG_CONFIG_HOME": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_ALLOW_PROTOCOL": "none",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        # A replaced object would hide the one that was committed.
        "GIT_NO_REPLACE_OBJECTS": "1",
        # Grafts would have it that a commit has no parents.
        "GIT_GRAFT_FILE": os.devnull,
        "GIT_PAGER": "cat",
        # Nobody waits for a single line of what it prints.
        "GIT_FLUSH": "0",
        "GIT_CONFIG_COUNT": str(len(_SETTINGS)),
    }
    for number, (name, value) in enumerate(_SETTINGS.items()):
        fixed[f"GIT_CONFIG_KEY_{number}"] = name
        fixed[f"GIT_CONFIG_VALUE_{number}"] = value
    return fixed


class GitFailed(ScanError):
    """`git` ended with an error; the message holds the last thing it said."""


class Bounded(NamedTuple):
    """A file that git writes, and how long it may become."""

    file: IO[bytes]
    most: int
    """Bytes; git is ended when it writes more."""
    sharing: int = 1
    """How many processes at once share the memory that one may take."""


class Git:
    """One repository, asked through plumbing."""

    def __init__(self, path: Path, *, index: Path | None = None, timeout: float = 600) -> None:
        """
        Find the repository at `path` itself: no directory above it is looked at.

        Args:
            path: a work tree's top, a bare repository, or a `.git` directory.
            index: another index than the repository's own, as `git commit -a` gives its hooks.
            timeout: seconds after which git is stopped, but where it only hands out blobs as fast as they are taken.

        Raises:
            ScanError: there is no repository there, it is made of parts that lie elsewhere, or `git` is missing.
        """
        expected = git_directory(path)
        confine(path, expected)
        self.path = path
        self._timeout = timeout
        self._environment = environment() | {"GIT_CEILING_DIRECTORIES": str(path.absolute().parent)}
        if index is not None:
            self._environment["GIT_INDEX_FILE"] = str(index.absolute())
        told = self._told()
        self.directory = Path(told[0])
        if self.directory != expected.resolve():
            confine(path, self.directory)
        self.common = Path(told[1])
        """The directory that all of its worktrees share."""
        self.object_format = told[2]
        """`sha1` or `sha256`."""
        self.name_size = 32 if self.object_format == "sha256" else 20
        """Bytes of an object's name."""
        self.is_shallow = told[3] == "true"
        """Whether a part of its history was left out when it was cloned."""

    def within(self, seconds: float) -> "Git":
        """Return the same repository, with another timeout."""
        other = copy(self)
        other._timeout = seconds  # noqa: SLF001 - our own copy
        return other

    def packs(self) -> list[Path]:
        """Return the packs of its own object directory, not those of other ones it borrows objects from."""
        try:
            return sorted(path for path in (self.objects / "pack").iterdir() if path.suffix == ".pack")
        except OSError:
            return []

    def ask(
        self, *arguments: str, question: str = "", ok: tuple[int, ...] = (0,), warned: list[str] | None = None
    ) -> str:
        """
        Run git to its end and return what it printed.

        Args:
            *arguments: the plumbing command and its options.
            question: what it reads.
            ok: the codes with which it may end.
            warned: gets the lines of what it complains of.

        Raises:
            GitFailed: it ended otherwise than with a code in `ok`, or not in time.
            ScanError: `git` is missing.
        """
        try:
            process = subprocess.Popen(  # noqa: S603 - a fixed program, no shell
                self._command(arguments),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=self._environment,
            )
        except FileNotFoundError:
            raise _missing() from None
        with process:
            _confined(process)
            try:
                out, complaints = process.communicate(question.encode(), timeout=self._timeout)
            except subprocess.TimeoutExpired:
                raise self._late(arguments) from None
            finally:
                process.kill()
        if process.returncode not in ok:
            raise self._failed(arguments, complaints)
        if warned is not None:
            warned += complaints.decode("utf-8", "backslashreplace").splitlines()
        return out.decode("utf-8", "backslashreplace")

    @contextmanager
    def stream(
        self, *arguments: str, source: IO[bytes] | None = None, patient: bool = False, into: "Bounded | None" = None
    ) -> Iterator["Stream"]:
        """
        Run git while its output is read. Leaving the block early ends it.

        Args:
            *arguments: the plumbing command and its options.
            source: an open file it reads its standard input from.
            patient: let it take as long as it takes; for what is bounded otherwise.
            into: where it writes; without it, its output is read from the stream.
        """
        # A broken repository can make git say more on stderr than a pipe holds while nobody reads it.
        with tempfile.TemporaryFile() as complaints:
            try:
                process = subprocess.Popen(  # noqa: S603 - a fixed program, no shell
                    self._command(arguments),
                    stdin=source or subprocess.DEVNULL,
                    stdout=into.file if into else subprocess.PIPE,
                    stderr=complaints,
                    bufsize=1 << 20,
                    env=self._environment,
                )
            except FileNotFoundError:
                raise _missing() from None
            _confined(process, into.sharing if into else 1)
            if into:
                with suppress(ProcessLookupError):
                    # What ends it would leave its memory behind in a file.
                    resource.prlimit(process.pid, resource.RLIMIT_CORE, (0, 0))
                    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (into.most, into.most))
                    # It goes on where we are ended meanwhile, for nobody closes a pipe it writes to.
                    resource.prlimit(process.pid, resource.RLIMIT_CPU, 2 * (ceil(self._timeout),))
            stream = Stream(self, arguments, process, complaints)
            # Twelve tree objects can spell ten thousand million paths: a walk over them would never end.
            watch = threading.Timer(self._timeout, stream.stop)
            watch.daemon = True
            with process:
                try:
                    if not patient:
                        watch.start()
                    yield stream
                finally:
                    watch.cancel()
                    process.kill()

    @contextmanager
    def own_objects(self) -> Iterator["Git"]:
        """Yield the same repository without its alternates: when all objects are listed, only its own are meant."""
        objects = self.objects
        if not os.path.lexists(objects / "info" / "alternates"):
            yield self
            return
        with tempfile.TemporaryDirectory(prefix="keywatch-") as name:
            for entry in objects.iterdir():
                if entry.name != "info":
                    (Path(name) / entry.name).symlink_to(entry)
            alone = copy(self)
            alone._environment = self._environment | {"GIT_OBJECT_DIRECTORY": name}  # noqa: SLF001 - our own copy
            yield alone

    @property
    def objects(self) -> Path:
        """Its own object directory."""
        return self.common / "objects"

    def _told(self) -> list[str]:
        """Return what is of interest of every repository, asked for at once unless a path has more than one line."""
        questions = (
            ("--absolute-git-dir",),
            ("--path-format=absolute", "--git-common-dir"),
            ("--show-object-format",),
            ("--is-shallow-repository",),
        )
        answers = self.ask("rev-parse", *chain.from_iterable(questions)).removesuffix("\n").split("\n")
        if len(answers) == len(questions):
            return answers
        return [self.ask("rev-parse", *question).removesuffix("\n") for question in questions]

    def _command(self, arguments: tuple[str, ...]) -> list[str]:
        return ["git", "--no-pager", "--literal-pathspecs", "-C", str(self.path), *arguments]

    def _late(self, arguments: tuple[str, ...]) -> GitFailed:
        return GitFailed(f"{self.path}: git {_verb(arguments)} took more than {self._timeout:.0f} s and was stopped")

    def _failed(self, arguments: tuple[str, ...], stderr: bytes) -> GitFailed:
        lines = stderr.decode("utf-8", "backslashreplace").strip().splitlines()
        said = _QUOTED.sub(r"\g<1>…", lines[-1]) if lines else "no reason given"
        return GitFailed(
            f"{self.path}: git {_verb(arguments)}: {said}", hint="run `git fsck` there to see what is broken"
        )


class Stream:
    """The output of a running git."""

    def __init__(
        self, git: Git, arguments: tuple[str, ...], process: "subprocess.Popen[bytes]", complaints: IO[bytes]
    ) -> None:
        self._git = git
        self._arguments = arguments
        self._process = process
        self._complaints = complaints
        self._stopped = False
        self._out = process.stdout

    @property
    def out(self) -> IO[bytes]:
        """What it prints, where that is not written into a file."""
        assert self._out is not None  # noqa: S101 - a pipe was asked for
        return self._out

    def stop(self) -> None:
        """End it, because it takes too long."""
        self._stopped = True
        self._process.kill()

    def finish(self) -> None:
        """
        Wait for the end, once everything was read.

        Raises:
            GitFailed: it ended with an error, or was stopped.
        """
        code = self._process.wait()
        if self._stopped:
            raise self._git._late(self._arguments)  # noqa: SLF001 - its other half
        if code != 0:
            # What it said last is at the end; how much there is before does not matter.
            self._complaints.seek(max(0, self._complaints.seek(0, os.SEEK_END) - 4096))
            raise self._git._failed(self._arguments, self._complaints.read())  # noqa: SLF001 - likewise


def _confined(process: "subprocess.Popen[bytes]", sharing: int = 1) -> None:
    # Mapped packs are not counted, so this is what git makes of them. It may have ended already.
    with suppress(ProcessLookupError):
        resource.prlimit(process.pid, resource.RLIMIT_DATA, (_MEMORY // sharing, _MEMORY // sharing))


def _verb(arguments: tuple[str, ...]) -> str:
    return next((argument for argument in arguments if not argument.startswith("-")), "")


def _missing() -> ScanError:
    return ScanError("the git program was not found", hint="install git, or scan the files alone with --no-git")
