"""What `keywatch scan` writes where: as it goes on, whole or not at all, in any locale, of any name."""

import csv
import hashlib
import io
import json
import os
import pty
import resource
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from keywatch.cli.main import run
from keywatch.cli.progress import line, progress, share
from keywatch.collect.content.measure import Ahead
from keywatch.report.formats import Format


def token(number: int) -> str:
    return "amzn1.oa2-cs.v1." + hashlib.sha256(b"EXAMPLE %d" % number).hexdigest()


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, rules_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has a state directory of its own, but for the compiled rules."""
    (tmp_path / "state").mkdir(mode=0o700)
    shutil.copytree(rules_cache, tmp_path / "state" / "cache")
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A directory with two files that hold the same secret, and one of them another."""
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a").write_text(f"SECRET = '{token(1)}'\n")
    (folder / "b").write_text(f"SECRET = '{token(1)}'\nOTHER_SECRET = '{token(2)}'\n")
    return folder


def keywatch(*arguments: str, **more: object) -> "subprocess.CompletedProcess[bytes]":
    """Run the program itself."""
    command = [sys.executable, "-m", "keywatch", "scan", *arguments]
    streams = {"capture_output": True} | more
    return subprocess.run(command, check=False, **streams)  # type: ignore[call-overload,no-any-return]


def test_lines_come_as_they_are_known(folder: Path) -> None:
    """A finding is told while the scan goes on; what is found of it later has a line of its own with the same id."""
    command = [sys.executable, "-m", "keywatch", "scan", str(folder / "a"), "-", str(folder / "b"), "--format", "jsonl"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())  # before standard input has come to its end
        process.stdin.close()
        rest = [json.loads(found) for found in process.stdout]
        assert process.wait() == 1
    assert first["id"] in {found["id"] for found in rest}
    assert [place["path"] for place in first["places"]] == ["a"]
    assert sorted(place["line"] for found in rest for place in found["places"]) == [1, 2]
    assert {place["path"] for found in rest for place in found["places"]} == {"b"}


def test_what_a_slow_program_writes_is_told_while_it_is_silent() -> None:
    """Standard input is looked at when it comes: nobody waits for as much as makes a window, or for the end."""
    command = [sys.executable, "-m", "keywatch", "scan", "-", "--format", "jsonl"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for number in (1, 2):
            process.stdin.write(f"SECRET = '{token(number)}'\n".encode())
            process.stdin.flush()
            found = json.loads(process.stdout.readline())  # before anything else is written
            assert [place["line"] for place in found["places"]] == [number]
        process.stdin.close()
        assert process.stdout.read() == b""
        assert process.wait() == 1


def test_a_reader_of_lines_that_leaves_ends_the_scan(folder: Path) -> None:
    """Nobody reads what is found: the scan ends, quietly, and does not say that everything was looked at."""
    command = [sys.executable, "-m", "keywatch", "scan", "-", str(folder), "--format", "jsonl"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
        _, err = process.communicate(b"nothing\n")
    assert (process.returncode, err) == (2, b"")


def test_a_reader_that_leaves_does_not_change_the_verdict(folder: Path) -> None:
    """`| head` gets what it wants; what was found is the exit status, as the scan was done."""
    for number in range(2000):
        (folder / f"f{number}").write_text(token(number))
    script = f"'{sys.executable}' -m keywatch scan -f json '{folder}' | head -c 10; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (1, b'{\n  "schem')
    assert done.stderr.startswith(b"keywatch: 2,000 secrets in ")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("form", list(Format))
def test_a_full_disk(form: Format, folder: Path) -> None:
    """What could not be written is no report: exit 2, and what failed, where, and what to do."""
    with Path("/dev/full").open("wb") as full:
        done = keywatch(str(folder), "-f", form.value, stdout=full, stderr=subprocess.PIPE, capture_output=False)
    assert done.returncode == 2
    told = b"keywatch: error: the report could not be written to standard output: No space left on device\n"
    assert told + b"keywatch: hint: make room there, or name another place with --output\n" == done.stderr
    done = keywatch(str(folder), "-f", form.value, "--output", "/dev/full")
    assert done.returncode == 2
    assert b"could not be written to /dev/full: No space left on device" in done.stderr


def test_a_report_that_does_not_fit_leaves_the_old_one(folder: Path, tmp_path: Path) -> None:
    """A report that breaks off is not put in the place of one that is whole."""
    report = tmp_path / "out" / "report"
    report.parent.mkdir()
    report.write_text("the old one")
    (folder / "many").write_text("".join(f"{token(number)}\n" for number in range(200)))

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))

    done = keywatch(str(folder), "-f", "json", "-o", str(report), preexec_fn=limit)
    assert done.returncode == 2
    assert f"could not be written to {report}: File too large".encode() in done.stderr
    assert [path.name for path in report.parent.iterdir()] == ["report"]
    assert report.read_text() == "the old one"


NAMES = [
    b"caf\xc3\xa9 \xe9\x8d\xb5.env",
    b"caf\xe9.env",
    b"line\nend",
    b"\x1b[2J\x1b]0;x\x07",
    b"=HYPERLINK(1)",
    b"<script>&amp;\"'",
    b"\xe2\x80\xaegol.txt",
    b"a:1:2",
    b"100%25",
]


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
@pytest.mark.parametrize("form", list(Format))
def test_any_name_in_any_locale(form: Format, encoding: str, tmp_path: Path) -> None:
    """Whatever a file, its author and the locale are: a report is whole, and no terminal obeys it."""
    top = tmp_path / "repository"
    top.mkdir()
    for number, name in enumerate(NAMES):
        Path(os.fsdecode(os.fsencode(top) + b"/" + name)).write_text(f"SECRET = '{token(number)}'\n")
    person: dict[bytes, bytes] = {}
    for role in (b"AUTHOR", b"COMMITTER"):
        person |= {b"GIT_%s_NAME" % role: b"J\xf6rg \x1b[31m", b"GIT_%s_EMAIL" % role: b"j@example.org"}
    for arguments in ("init -q", "add -A", "commit -q -m change"):
        subprocess.run(["git", *arguments.split()], cwd=top, env={**os.environb, **person}, check=True)
    locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": encoding}
    done = keywatch(str(top), "--format", form.value, env={**os.environ, **locale})
    assert done.returncode == 1, done.stderr
    text = done.stdout.decode("utf-8" if form is not Format.TEXT else encoding)
    assert not {char for char in text if not char.isprintable()} - {"\n"}
    assert "caf" in text
    if form in {Format.JSON, Format.SARIF, Format.GITLEAKS}:
        json.loads(text)
    if form is Format.JSONL:
        assert len([json.loads(found) for found in text.splitlines()]) == len(NAMES)
    if form is Format.JUNIT:
        assert len(ET.fromstring(text).findall("testsuite/testcase")) == len(NAMES)  # noqa: S314
    if form is Format.CSV:
        rows = list(csv.DictReader(io.StringIO(text)))
        assert len(rows) == len(NAMES)
        assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())


def test_sarif_says_what_it_had_no_room_for(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A secret in more places than a format tells is a note on stderr, not silence."""
    (folder / "many").write_text(f"SECRET = '{token(1)}'\n" * 150)
    assert run(["scan", "-f", "sarif", str(folder)]) == 1
    assert "keywatch: note: " in capsys.readouterr().err


def test_sarif_paths_are_those_of_the_repository(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A part of a working tree, scanned from anywhere, has the paths that GitHub knows; a single file as well."""
    (folder.parent / ".git").mkdir()
    monkeypatch.chdir(folder)
    for target, expected in (
        (".", {"folder/a", "folder/b"}),
        ("a", {"folder/a"}),
        (str(folder), {"folder/a", "folder/b"}),
    ):
        assert run(["scan", "-f", "sarif", target]) == 1
        (found,) = json.loads(capsys.readouterr().out)["runs"]
        places = [result["locations"][0]["physicalLocation"]["artifactLocation"] for result in found["results"]]
        assert {place["uri"] for place in places} == expected
        assert found["originalUriBaseIds"]["%SRCROOT%"]["uri"] == f"file://{folder.parent.resolve()}/"


@pytest.mark.parametrize(
    ("variable", "value"), [("TERM", "dumb"), ("TERM", ""), ("CI", "true")], ids=["dumb", "no-terminal", "ci"]
)
def test_no_progress_where_nobody_looks(variable: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Progress is for a terminal that can, and a person who looks."""
    master, slave = pty.openpty()
    monkeypatch.delenv("CI", raising=False)
    with os.fdopen(master, "rb"), os.fdopen(slave, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        assert progress(wanted=True, mixed=False).shown
        assert not progress(wanted=False, mixed=False).shown
        assert not progress(wanted=True, mixed=True).shown
        monkeypatch.setenv(variable, value) if value else monkeypatch.delenv(variable)
        assert not progress(wanted=True, mixed=False).shown


def drawn(width: int, part: float | None, shapes: str = "━╌") -> str:
    return line(size=123_400_000, objects=4321, seconds=61, share=part, target_seconds=30, width=width, shapes=shapes)


def test_the_line_of_progress() -> None:
    """A bar and the time left where the total is known; else what was done, and for how long."""
    assert drawn(100, 0.25) == "━━━━━╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌ 25 %  4,321 objects  123.4 MB  2.0 MB/s  1:30 left"
    assert drawn(100, None) == "4,321 objects  123.4 MB  2.0 MB/s  1:01"
    assert drawn(100, 0.5, "#-").startswith("##########---------- 50 %")


@pytest.mark.parametrize("width", range(1, 80))
def test_the_line_fits_every_terminal(width: int) -> None:
    """A line that wraps could not be taken away again."""
    assert len(drawn(width, 0.25)) <= width
    assert drawn(width, 0.25) or width < len("1:30 left")


def test_a_part_is_never_the_whole() -> None:
    """What is not done is not shown as done, however wrong the estimate was; where there is none, none is shown."""
    assert share(50, 0, Ahead(1, 200)) == 0.25
    assert share(500, 1, Ahead(1, 200)) == 0.99
    assert share(500, 3, Ahead(4)) == 0.75
    assert share(5, 1, None) is None
    assert share(5, 1, Ahead(0, 0)) is None
