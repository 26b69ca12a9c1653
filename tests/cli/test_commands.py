"""`keywatch init`, `check`, `run`, `keys` and `findings`: exit status, words, and never a traceback."""

import json
import os
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from keywatch.cli.main import run
from keywatch.demo.text import invented_refresh_token
from keywatch.service.lock import StateLock

pytestmark = pytest.mark.usefixtures("clean_logging")

READERS = ["check", "keys", "findings"]
ALL = [*READERS, "run"]
SCAN = '[[scan]]\nname = "files"\ndirectory = "HERE/files"\n'


class Place:
    """A directory with a configuration."""

    def __init__(self, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.directory, self.capsys = directory, capsys
        self.config = directory / "keywatch.toml"
        self.state = directory / "state"
        self.configure(SCAN)
        (directory / "files").mkdir()

    def configure(self, text: str) -> None:
        """Write the configuration; `HERE` stands for the directory."""
        listen = "" if "[http]" in text else '[http]\nlisten = "127.0.0.1:0"\n'
        text = f'state_dir = "HERE/state"\n{text}{listen}'
        self.config.write_text(text.replace("HERE", str(self.directory)), "utf-8")

    def keywatch(self, *arguments: str) -> tuple[int, str, str]:
        """Run a command with this configuration: exit status, output, errors. `run` does one cycle."""
        once = ["--once"] if arguments[0] == "run" else []
        status = run([*arguments, *once, "--config", str(self.config)])
        shown = self.capsys.readouterr()
        assert "Traceback" not in shown.out + shown.err
        return status, shown.out, shown.err


@pytest.fixture
def place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Place:
    """A configuration with one directory to scan, which is empty."""
    return Place(tmp_path, capsys)


def test_init_writes_a_configuration_that_check_takes(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Well formed as it stands, but nothing is watched yet, and check says so; an existing file is not touched."""
    place.config.unlink()
    monkeypatch.setenv("STATE_DIRECTORY", str(place.state))
    assert run(["init", str(place.config)]) == 0
    assert "keywatch check" in place.capsys.readouterr().out
    written = place.config.read_bytes()
    status, out, _ = place.keywatch("check")
    assert status == 2
    assert "no source is configured" in out
    assert run(["init", str(place.config)]) == 2
    assert "is there already" in place.capsys.readouterr().err
    assert place.config.read_bytes() == written
    assert run(["init", str(place.directory / "nowhere" / "keywatch.toml")]) == 2
    assert "No such file" in place.capsys.readouterr().err


@pytest.mark.parametrize("command", ALL)
def test_no_configuration(command: str, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """None named and none found: where it was looked for, and how to write one."""
    place.config.unlink()
    status, _, err = place.keywatch(command)
    assert status == 2
    assert "No such file" in err
    assert "keywatch init" in err
    monkeypatch.chdir(place.directory)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(place.directory))
    assert run([command]) == 2
    assert "looked for" in place.capsys.readouterr().err


@pytest.mark.parametrize("command", ALL)
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"[slack\n", "not valid TOML"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[[scan]]\nname = 'x'\n", "needs exactly one of"),
        (b"[[scn]]\n", "did you mean `scan`?"),
    ],
)
def test_a_bad_configuration(command: str, content: bytes, says: str, place: Place) -> None:
    """Every command says what is wrong with it, and where, before it touches anything."""
    place.config.write_bytes(content)
    status, _, err = place.keywatch(command)
    assert status == 2
    assert says in err
    assert str(place.config) in err
    assert not place.state.exists()


def test_a_configuration_that_cannot_be_read(place: Place) -> None:
    """A directory in its place; a file that belongs to somebody else reads the same."""
    place.config.unlink()
    place.config.mkdir()
    status, _, err = place.keywatch("check")
    assert status == 2
    assert "Is a directory" in err


@pytest.mark.parametrize("command", ALL)
def test_a_state_directory_that_cannot_be_made(command: str, place: Place) -> None:
    """Which directory, why, and whose it must be."""
    place.state.touch()
    status, _, err = place.keywatch(command)
    assert status == 2
    assert str(place.state) in err
    assert "hint" in err


@pytest.mark.parametrize("command", ALL)
def test_a_database_of_a_newer_keywatch(command: str, place: Place) -> None:
    """It is left alone, and the sentence says what to do."""
    place.keywatch("keys")
    with sqlite3.connect(place.state / "keywatch.db") as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.close()
    status, _, err = place.keywatch(command)
    assert status == 2
    assert "newer keywatch" in err
    assert "install that version again" in err


@pytest.mark.parametrize("command", ALL)
def test_a_database_that_is_damaged(command: str, place: Place) -> None:
    """No half-truths from a broken file."""
    place.keywatch("keys")
    (place.state / "keywatch.db").write_bytes(b"no database at all, but long enough" * 300)
    status, _, err = place.keywatch(command)
    assert status == 2
    assert "damaged" in err


@pytest.mark.parametrize("command", ALL)
def test_a_pepper_that_is_missing(command: str, place: Place) -> None:
    """Another one would make every finding look new: it is not made, but asked for."""
    place.keywatch("keys")
    (place.state / "pepper").unlink()
    status, _, err = place.keywatch(command)
    assert status == 2
    assert "restore it from your backup" in err
    assert not (place.state / "pepper").exists()


def test_a_second_daemon(place: Place) -> None:
    """It is refused, and told which process is the first; who only reads is let in."""
    with StateLock(place.state):
        status, _, err = place.keywatch("run")
        assert status == 2
        assert f"pid {os.getpid()}" in err
        assert place.keywatch("keys")[0] == 0


def test_an_address_that_is_taken(place: Place) -> None:
    """The daemon does not run without its health, unseen; it says which address, and what to set."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        place.configure(f'{SCAN}[http]\nlisten = "{address}"\n')
        status = run(["run", "--config", str(place.config)])
    err = place.capsys.readouterr().err
    assert status == 2
    assert address in err
    assert "another program has it" in err
    assert "Traceback" not in err


def test_an_address_that_is_not_ours(place: Place) -> None:
    """The hint is about addresses, not about other programs."""
    place.configure(f'{SCAN}[http]\nlisten = "192.0.2.1:9470"\n')
    assert run(["run", "--config", str(place.config)]) == 2
    assert "a free address of this machine" in place.capsys.readouterr().err


def test_run_refuses_to_watch_nothing(place: Place) -> None:
    """A daemon without a source would be silent for ever, and look healthy."""
    place.configure("")
    status, _, err = place.keywatch("run")
    assert status == 2
    assert "nothing to watch" in err


def test_run_refuses_to_start_without_its_token(place: Place) -> None:
    """An alert that nobody could be told is no alert; check says the same."""
    place.configure(f'{SCAN}[slack]\ntoken = "file:HERE/token"\nchannel = "#keys"\n')
    status, _, err = place.keywatch("run")
    assert status == 2
    assert "token: No such file" in err
    assert "mode 0600" in err
    status, out, _ = place.keywatch("check")
    assert status == 2
    assert "token: No such file" in out


def test_a_rule_file_that_is_missing(place: Place) -> None:
    """It stops `run`, so `check` finds it too."""
    place.configure(f'rules = ["HERE/rules.toml"]\n{SCAN}')
    for command in ("check", "run"):
        status, _, err = place.keywatch(command)
        assert status == 2
        assert "rules.toml" in err


def test_without_slack_it_says_where_the_alerts_are(place: Place) -> None:
    """The daemon's log begins with it, and check shows it."""
    status, out, err = place.keywatch("run")
    assert status == 0
    assert "slack_missing" in out + err
    assert "alerts are printed" in place.keywatch("check")[1]


def test_check_tries_every_source(place: Place) -> None:
    """One that cannot be built or reached does not keep it from the others."""
    place.configure(
        f'[[vault]]\nname = "v"\naddress = "http://127.0.0.1:9"\ntoken = "file:HERE/token"\n{SCAN}'
        '[[scan]]\nname = "gone"\ngit = "HERE/gone"\n'
    )
    status, out, _ = place.keywatch("check")
    assert status == 2
    assert out.count("missing  ") == 2
    assert "ok       read" in out


def test_what_is_found_is_listed(place: Place) -> None:
    """`keys` and `findings` show what the daemon gathered, as a table or as JSON, and no secret."""
    token = invented_refresh_token().reveal().decode()
    (place.directory / "files" / "notes.txt").write_text(token, "ascii")
    place.configure(f'{SCAN}[[key]]\nname = "old"\nkind = "mws-key"\n')
    status, out, _ = place.keywatch("run")
    assert status == 0
    shown = [out]
    for arguments in (["keys"], ["keys", "--json"], ["findings"], ["findings", "--json"]):
        status, out, err = place.keywatch(*arguments)
        assert (status, err) == (0, "")
        shown.append(out)
    assert "old" in shown[1]
    assert json.loads(shown[2])["keys"][0]["name"] == "old"
    assert "notes.txt" in shown[3]
    assert json.loads(shown[4])["findings"][0]["places"][0]["path"] == "notes.txt"
    assert token not in "".join(shown)


def test_nothing_gathered_yet(place: Place) -> None:
    """Neither is an error, and `keys` says why it is empty."""
    status, out, _ = place.keywatch("keys")
    assert status == 0
    assert "no inventory has been read yet" in out
    assert place.keywatch("findings")[0] == 0


@pytest.mark.parametrize("arguments", [["chekc"], ["run", "--twice"], ["keys", "--config"], ["init", "a", "b"]])
def test_a_command_line_that_cannot_be_followed(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """What is wrong with it, and where help is."""
    assert run(arguments) == 2
    err = capsys.readouterr().err
    assert "--help" in err
    assert "Traceback" not in err


def test_a_full_disk(place: Place) -> None:
    """No byte may be written any more: a sentence with what to do, and exit status 2."""
    place.keywatch("run")
    for number in range(200):
        (place.directory / "files" / f"{number}.txt").write_text(invented_refresh_token().reveal().decode(), "ascii")
    size = (place.state / "keywatch.db").stat().st_size
    limited = (
        f"import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))\n"
        f"from keywatch.cli.main import run; sys.exit(run(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", limited, "run", "--once", "--config", str(place.config)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert "keywatch.db" in done.stderr
