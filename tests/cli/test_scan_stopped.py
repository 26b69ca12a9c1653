"""`keywatch scan` when somebody wants it to end: at once, with a report of what was done, and nothing left behind."""

import fcntl
import hashlib
import json
import os
import pty
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

HANGS = 120
"""Seconds after which a test gives up; none waits that long unless something is broken."""


def token(number: int) -> str:
    return "amzn1.oa2-cs.v1." + hashlib.sha256(b"EXAMPLE %d" % number).hexdigest()


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, rules_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has a state directory of its own, but for the compiled rules."""
    (tmp_path / "state").mkdir(mode=0o700)
    shutil.copytree(rules_cache, tmp_path / "state" / "cache")
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))


Start = Callable[..., "subprocess.Popen[bytes]"]


def _mind_signals() -> None:
    """Undo what nohup and a shell's background leave to their children: that these are ignored."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@pytest.fixture
def start() -> Iterator[Start]:
    """Start the program, and end it with the test whatever happens."""
    running: list[subprocess.Popen[bytes]] = []

    def begin(*arguments: str, **more: object) -> "subprocess.Popen[bytes]":
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        streams = {**pipes, "preexec_fn": _mind_signals} | more
        command = [sys.executable, "-m", "keywatch", "scan", *arguments]
        running.append(subprocess.Popen(command, **streams))  # type: ignore[call-overload]
        return running[-1]

    yield begin
    for process in running:
        process.kill()
        process.communicate()


def until(true: Callable[[], bool]) -> None:
    """Wait for something to come true."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < HANGS
        time.sleep(0.01)


def feed(process: "subprocess.Popen[bytes]", data: bytes) -> None:
    """Give it so much to read that it is busy by the time the pipe has taken the end."""
    assert process.stdin is not None
    process.stdin.write(data)
    process.stdin.flush()


def end(process: "subprocess.Popen[bytes]", number: int) -> tuple[bytes, bytes]:
    """Send a signal, and return what was said when the process is gone. Its input never ends."""
    process.send_signal(number)
    assert process.stdout is not None
    assert process.stderr is not None
    out, err = process.stdout.read(), process.stderr.read()
    process.wait(HANGS)
    return out, err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_what_was_done_is_reported(start: Start, number: signal.Signals) -> None:
    """Whatever asks it to end, an endless input is left, and what was found by then is told."""
    process = start("-", "--no-progress")
    feed(process, token(0).encode() + b"\n" * (40 << 20))
    out, err = end(process, number)
    assert process.returncode == 128 + number
    assert b"1 secret in 1 place: 1 critical; interrupted" in out
    assert b"Traceback" not in err


@pytest.mark.parametrize("form", ["json", "jsonl", "sarif", "csv", "junit", "gitleaks"])
def test_every_format_is_whole(start: Start, form: str, tmp_path: Path) -> None:
    """A report that was asked for as a file appears, whole, and nothing beside it."""
    (tmp_path / "out").mkdir()
    process = start("-", "--format", form, "--output", str(tmp_path / "out" / "report"))
    feed(process, token(0).encode() + b"\n" * (40 << 20))
    _, err = end(process, signal.SIGINT)
    assert process.returncode == 130
    assert err.endswith(b"; interrupted\n")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["report"]
    text = (tmp_path / "out" / "report").read_text()
    assert "lwa-client-secret" in text
    if form in {"json", "sarif", "gitleaks"}:
        json.loads(text)
    if form == "jsonl":
        assert [json.loads(line)["rule"] for line in text.splitlines()] == ["lwa-client-secret"]


def test_while_a_thread_is_deep_inside_a_chunk(start: Start, tmp_path: Path) -> None:
    """A thread that is busy for minutes is not waited for."""
    (tmp_path / "tokens").write_text("".join(f"{token(number)}\n" for number in range(500_000)))
    process = start(str(tmp_path / "tokens"), "--no-progress", "--jobs", "2")
    until(lambda: len(list(Path(f"/proc/{process.pid}/task").iterdir())) > 1)  # there is a pool
    out, _ = end(process, signal.SIGINT)
    assert process.returncode == 130
    assert b"interrupted" in out


def test_while_git_tells_who_committed_it(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was found is told without its author, and git is not left running."""
    repository, mark, programs = tmp_path / "repository", tmp_path / "mark", tmp_path / "bin"
    repository.mkdir()
    (repository / "config.py").write_text(f"SECRET = '{token(0)}'\n")
    here = {
        **os.environ,
        **{f"GIT_{role}_{name}": "a" for role in ("AUTHOR", "COMMITTER") for name in ("NAME", "EMAIL")},
    }
    for arguments in ("init -q", "add -A", "commit -q -m change"):
        subprocess.run(["git", *arguments.split()], cwd=repository, env=here, check=True)
    programs.mkdir()
    (programs / "git").write_text(
        "#!/bin/sh\n"
        f'case " $* " in *" log "*) echo $$ >{mark}.new; mv {mark}.new {mark}; exec sleep 1000;; esac\n'
        f'exec {shutil.which("git")} "$@"\n'
    )
    (programs / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    process = start(str(repository), "--no-progress")
    until(mark.exists)
    out, _ = end(process, signal.SIGINT)
    assert process.returncode == 130
    assert b"config.py:1:11" in out
    assert not Path("/proc", mark.read_text().strip(), "exe").exists()


def test_while_nobody_reads_the_report(start: Start) -> None:
    """The first signal has it write the report; where that does not get on, the second ends it."""
    process = start("-", "--format", "json", "--no-progress")
    feed(process, b"".join(b"%s\n" % token(number).encode() for number in range(2000)) + b"\n" * (40 << 20))
    process.send_signal(signal.SIGINT)
    assert process.stdout is not None
    pipe = process.stdout.fileno()
    until(lambda: waiting(pipe) >= 1 << 12)  # where there are many, a pipe may hold no more than 8 kB
    process.send_signal(signal.SIGINT)
    process.wait(HANGS)
    assert process.returncode == 130


def waiting(pipe: int) -> int:
    """Return how many bytes wait in a pipe to be read."""
    return int(struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4))[0])


STUCK = """
import time
from pathlib import Path
from keywatch.cli.interrupts import Interrupts
from keywatch.cli.output import written
with Interrupts() as stop, written(Path("report")) as out:
    print("scanning", flush=True)
    while not stop.asked:
        time.sleep(0.01)
    print("asked", flush=True)
    while True:
        time.sleep(0.01)
"""


def test_a_second_signal_leaves_at_once(tmp_path: Path) -> None:
    """Whatever it hangs in: a half-written file goes first, then the process."""
    with subprocess.Popen([sys.executable, "-c", STUCK], cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "scanning\n"
        assert len(list(tmp_path.glob(".report*"))) == 1
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "asked\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(HANGS) == 143
    assert list(tmp_path.glob("*report*")) == []


def test_control_c_on_a_terminal(start: Start) -> None:
    """Progress is shown on the terminal while the report goes into a pipe; Ctrl-C takes it away."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in {"CI", "NO_COLOR"}}

    def lead() -> None:
        _mind_signals()
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

    process = start("-", stderr=slave, env={**environment, "TERM": "xterm"}, preexec_fn=lead)
    os.close(slave)
    feed(process, token(0).encode() + b"\n" * (40 << 20))
    shown = b""
    while b" MB/s" not in shown:
        shown += os.read(master, 1000)
    os.write(master, b"\x03")
    assert process.stdout is not None
    out = process.stdout.read()
    assert process.wait(HANGS) == 130
    while True:  # a terminal whose other side is gone is an error to read
        try:
            shown += os.read(master, 1000)
        except OSError:
            break
    os.close(master)
    assert b"objects  " in shown
    assert shown.rstrip(b"^C").endswith(b"\r\x1b[K")
    assert b"interrupted" in out
    assert b"\x1b" not in out
