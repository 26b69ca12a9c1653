"""
`git fetch`, held as tightly as the reading of objects, with the few doors opened that a transfer needs.

One protocol is allowed, that of the address. Of the repository's side nothing is obeyed: no hook, template, submodule
or bundle address. `transfer.fsckObjects` stays off: it refuses old repositories for harmless faults (a zero-padded
mode, an author without a date), what is not fetched is not scanned, and nothing fetched is ever checked out.

A token reaches git by an anonymous file in memory whose descriptor is inherited, and by a credential helper that shows
it to one origin alone: it is in no argument, environment, configuration or file, and git asks the helper anew for
whatever host it was redirected to.
"""

import os
import resource
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from keywatch.collect.content.git_confinement import confine, git_directory
from keywatch.collect.content.git_plumbing import environment
from keywatch.collect.content.remote_url import RemoteUrl
from keywatch.collect.content.transfer_trouble import TransferFailed, explained
from keywatch.model.errors import KeywatchError, ScanError
from keywatch.model.secret import Secret

_HELPER = (
    '!f() { test "$1" = get || exit 0; while IFS== read -r name value && test -n "$name"; do case "$name" in '
    'protocol) scheme="$value" ;; host) host="$value" ;; esac; done; '
    'test "$scheme://$host" = "$KEYWATCH_ORIGIN" && cat "/proc/self/fd/$KEYWATCH_TOKEN_FD"; }; f'
)
"""https://git-scm.com/docs/gitcredentials#_custom_helpers; opening it by /proc begins at the start each time."""
_SETTINGS = {
    "http.followRedirects": "initial",
    "http.lowSpeedLimit": "1000",
    "http.sslVerify": "true",
    "http.emptyAuth": "false",
    "http.proxy": "",
    "credential.useHttpPath": "false",
    "transfer.credentialsInUrl": "die",
    "transfer.bundleURI": "false",
    "transfer.fsckObjects": "false",
    "fetch.fsckObjects": "false",
    "fetch.recurseSubmodules": "false",
    "submodule.recurse": "false",
    "fetch.unpackLimit": "1",  # packs only: a million loose files are slow to read
    "fetch.writeCommitGraph": "false",
    "core.logAllRefUpdates": "false",
    "protocol.version": "2",
}
_MEMORY = 3 << 30
"""Bytes a process of the transfer may allocate: indexing ten million objects takes two thousand million."""
_LOOK_EVERY = 0.5
_SAID = 64 << 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How one logs in. Nothing here is a secret; the token is asked for when it is needed."""

    token: Callable[[], Secret] | None = None
    username: str = "x-access-token"
    """Beside the token. GitHub and GitLab take any."""
    ca: Path | None = None
    """A CA bundle to trust instead of the system's."""
    ssh_key: Path | None = None
    known_hosts: Path | None = None
    accept_new: bool = False
    """Whether a host that ssh has never seen is trusted the first time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Where a transfer is given up."""

    seconds: float = 7200
    stalled: int = 60
    """Seconds at less than a kilobyte a second."""
    bytes: int = 50 << 30
    """Of one pack."""
    spare: int = 1 << 30
    """Bytes of the file system that are left to others."""
    stopping: Callable[[], bool] = bool
    """Whether we are asked to end."""


def transfer(
    directory: Path,
    url: RemoteUrl,
    refspecs: Sequence[str],
    access: Access,
    limits: Limits,
    *,
    inherit: tuple[int, ...] = (),
) -> None:
    """
    Fetch `refspecs` into the bare repository `directory`.

    Args:
        directory: ours, nobody else's.
        url: whence.
        refspecs: what becomes what.
        access: how one logs in.
        limits: where it is given up.
        inherit: descriptors that git keeps open, as a lock that outlives us if we are killed.

    Raises:
        TransferFailed: it could not be fetched (whole).
    """
    options = ("--quiet", "--prune", "--no-tags", "--no-auto-maintenance", "--no-write-fetch-head")
    more = ("--no-recurse-submodules", "--no-show-forced-updates")
    verb = (f"--git-dir={directory}", "fetch", *options, *more, *_served(url), "--", url.text, *refspecs)
    try:
        _run(verb, url, access, limits, directory=directory, inherit=inherit)
    except TransferFailed:
        # git does not say that its indexer was stopped at the limit.
        drafts = (path.stat().st_size for path in (directory / "objects" / "pack").glob("tmp_*"))
        if any(size >= limits.bytes for size in drafts):
            hint = "raise `largest_gb`; what was fetched earlier is still scanned"
            raise TransferFailed(f"{url.text}: is larger than the limit of {limits.bytes:,} bytes", hint=hint) from None
        raise


def list_refs(url: RemoteUrl, access: Access, limits: Limits) -> int:
    """
    Return how many refs the remote has, fetching nothing.

    Raises:
        TransferFailed: it could not be asked.
    """
    with tempfile.TemporaryFile() as answer:
        # A repository above the working directory is not ours to hear.
        verb = (f"--git-dir={os.devnull}", "ls-remote", "--quiet", *_served(url), "--", url.text)
        _run(verb, url, access, limits, directory=Path("/"), out=answer)
        answer.seek(0)
        return sum(1 for _ in answer)


def _run(
    verb: Sequence[str],
    url: RemoteUrl,
    access: Access,
    limits: Limits,
    *,
    directory: Path,
    inherit: tuple[int, ...] = (),
    out: IO[bytes] | None = None,
) -> None:
    with _credential(url, access) as (token, variables), tempfile.TemporaryFile() as complaints:
        begun = time.monotonic()
        try:
            process = subprocess.Popen(  # noqa: S603 - a fixed program, no shell
                ["git", "--no-pager", *verb],  # noqa: S607 - found by the PATH
                stdin=subprocess.DEVNULL,
                stdout=out or subprocess.DEVNULL,
                stderr=complaints,
                env=_environment(url, access, limits) | variables,
                pass_fds=(*inherit, *token),
                process_group=0,
            )
        except FileNotFoundError:
            raise ScanError("the git program was not found", hint="install git") from None
        with _ended(process):
            for what, most in ((resource.RLIMIT_DATA, _MEMORY), (resource.RLIMIT_FSIZE, limits.bytes)):
                with suppress(ProcessLookupError):
                    resource.prlimit(process.pid, what, (most, most))
            while (code := _ending(process)) is None:
                _within(url, directory, limits, begun)
        if code != 0:
            raise explained(url, _tail(complaints))


def _served(url: RemoteUrl) -> list[str]:
    """
    Have a repository on this machine served under the environment in which we would read it.

    git clears what it was given itself before it starts the other side, which would then obey that repository.

    Raises:
        ScanError: it is made of parts that lie elsewhere.
    """
    if url.scheme != "file":
        return []
    confine(Path(url.path), git_directory(Path(url.path)))
    variables = (f"{name}={value}" for name, value in environment().items())
    return [f"--upload-pack={shlex.join(['env', *variables, 'git', 'upload-pack'])}"]


def _ending(process: "subprocess.Popen[bytes]") -> int | None:
    with suppress(subprocess.TimeoutExpired):
        return process.wait(_LOOK_EVERY)
    return None


def _within(url: RemoteUrl, directory: Path, limits: Limits, begun: float) -> None:
    if limits.stopping():
        raise TransferFailed(f"{url.text}: not fetched, as keywatch stops")
    if time.monotonic() - begun > limits.seconds:
        raise TransferFailed(f"{url.text}: not fetched in {limits.seconds:.0f} s, and given up")
    if shutil.disk_usage(directory).free < limits.spare:
        hint = f"make room beside {directory.parent}; what was fetched earlier is still scanned"
        raise TransferFailed(f"{url.text}: not fetched, as the disk is nearly full", hint=hint)


@contextmanager
def _ended(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    """Leave no part of git behind: its helpers are in its process group."""
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextmanager
def _credential(url: RemoteUrl, access: Access) -> Iterator[tuple[tuple[int, ...], dict[str, str]]]:
    if access.token is None or url.scheme not in ("https", "http"):
        yield (), {}
        return
    try:
        token = access.token().reveal()
    except KeywatchError as error:
        raise TransferFailed(f"{url.text}: {error.message}", hint=error.hint) from None
    if b"\n" in token or b"\0" in token:
        raise TransferFailed(f"{url.text}: the token is more than one line", hint="check where it comes from")
    name = (url.user or access.username).encode()
    descriptor = os.memfd_create("keywatch", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, b"username=" + name + b"\npassword=" + token + b"\n")
        yield (descriptor,), {"KEYWATCH_TOKEN_FD": str(descriptor), "KEYWATCH_ORIGIN": url.origin}
    finally:
        os.close(descriptor)


def _environment(url: RemoteUrl, access: Access, limits: Limits) -> dict[str, str]:
    settings = _SETTINGS | {"http.lowSpeedTime": str(limits.stalled)}
    if access.token is not None:
        settings["credential.helper"] = _HELPER  # after the empty one, which forgets any other
    if access.ca is not None:
        settings["http.sslCAInfo"] = str(access.ca.absolute())
    fixed = environment()
    first = int(fixed["GIT_CONFIG_COUNT"])
    for number, (name, value) in enumerate(settings.items(), first):
        fixed[f"GIT_CONFIG_KEY_{number}"] = name
        fixed[f"GIT_CONFIG_VALUE_{number}"] = value
    fixed["GIT_CONFIG_COUNT"] = str(first + len(settings))
    fixed["GIT_ALLOW_PROTOCOL"] = url.scheme
    if url.scheme == "ssh":
        fixed["GIT_SSH_COMMAND"] = shlex.join(_ssh(access, limits))
        fixed["GIT_SSH_VARIANT"] = "ssh"
        if agent := os.environ.get("SSH_AUTH_SOCK"):
            fixed["SSH_AUTH_SOCK"] = agent
    return fixed


def _ssh(access: Access, limits: Limits) -> list[str]:
    options = {
        "BatchMode": "yes",
        "StrictHostKeyChecking": "accept-new" if access.accept_new else "yes",
        "ConnectTimeout": "30",
        "ServerAliveInterval": str(max(1, limits.stalled // 3)),
        "ServerAliveCountMax": "3",
        "ForwardAgent": "no",
        "ForwardX11": "no",
        "ClearAllForwardings": "yes",
        "PermitLocalCommand": "no",
        "ControlMaster": "no",
        "ControlPath": "none",
    }
    if access.known_hosts is not None:
        options["UserKnownHostsFile"] = f'"{access.known_hosts.absolute()}"'
    if access.ssh_key is not None:
        options |= {"IdentitiesOnly": "yes", "IdentityFile": f'"{access.ssh_key.absolute()}"'}
    return ["ssh", *(word for name, value in options.items() for word in ("-o", f"{name}={value}"))]


def _tail(complaints: IO[bytes]) -> str:
    complaints.seek(max(0, complaints.seek(0, os.SEEK_END) - _SAID))
    return complaints.read().decode("utf-8", "replace")
