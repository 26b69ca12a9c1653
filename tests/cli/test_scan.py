"""`keywatch scan`, as it is called: exit status, streams, and never a secret or a traceback."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from keywatch.cli import scan as command
from keywatch.cli.main import COMMANDS, run
from keywatch.collect.state_dir import load_pepper
from keywatch.model.key import Handle, HandleSpace, Key, KeyKind
from keywatch.model.secret import Secret
from keywatch.report.formats import Format
from keywatch.scan.known_file import KNOWN, write_known

LEAK = "amzn1.oa2-cs.v1." + hashlib.sha256(b"EXAMPLE secret of the command line").hexdigest()


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, rules_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has a state directory of its own, but for the compiled rules."""
    (tmp_path / "state").mkdir(mode=0o700)
    shutil.copytree(rules_cache, tmp_path / "state" / "cache")
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A directory with one file, in which there is a secret."""
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "config.py").write_text(f"one\nSECRET = '{LEAK}'\n")
    return folder


@pytest.fixture
def repository(folder: Path) -> Path:
    """The same as a git repository, the secret committed and then removed."""
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "a change")
    (folder / "config.py").write_text("one\nSECRET = None\n")
    git(folder, "commit", "-q", "-a", "-m", "a change")
    return folder


def git(path: Path, *arguments: str) -> None:
    person = {f"GIT_{role}_{name}": "ann@example.org" for role in ("AUTHOR", "COMMITTER") for name in ("NAME", "EMAIL")}
    environment = {"PATH": os.environ["PATH"], "HOME": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", **person}
    subprocess.run(["git", *arguments], cwd=path, env=environment, check=True, capture_output=True)


def keywatch(*arguments: str, given: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    """Run the program itself."""
    return subprocess.run([sys.executable, "-m", "keywatch", *arguments], input=given, capture_output=True, check=False)


def test_nothing_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing found, and everything looked at: exit 0."""
    (tmp_path / "clean").write_text("nothing\n")
    assert run(["scan", str(tmp_path / "clean")]) == 0
    assert capsys.readouterr().out.startswith("nothing found; 8 bytes scanned in ")


def test_secrets_found(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Secrets found: exit 1, and where each is."""
    assert run(["scan", str(folder)]) == 1
    told = capsys.readouterr().out
    assert "config.py:2:11" in told
    assert told.endswith("\n")


def test_the_history_is_scanned(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A secret that was removed is found in the history; with --no-git the files alone are looked at."""
    assert run(["scan", str(repository)]) == 1
    assert "in the history only" in capsys.readouterr().out
    assert run(["scan", "--no-git", str(repository)]) == 0
    assert run(["scan", "--since", "HEAD~1", str(repository)]) == 0


def test_what_is_staged(repository: Path) -> None:
    """--staged looks at what is about to be committed, and at nothing else."""
    assert run(["scan", "--staged", str(repository)]) == 0
    (repository / "new").write_text(LEAK)
    assert run(["scan", "--staged", str(repository)]) == 0
    git(repository, "add", "new")
    assert run(["scan", "--staged", str(repository)]) == 1


def test_several_targets(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Several targets make one report, in which one secret is one finding."""
    other = tmp_path / "other.txt"
    other.write_text(LEAK)
    assert run(["scan", "--format", "json", str(folder), str(other)]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["summary"]["targets"] == [str(folder), str(other)]
    assert [place["target"] for place in document["findings"][0]["places"]] == [str(folder), str(other)]


def test_standard_input() -> None:
    """`-` is what another program pipes in."""
    done = keywatch("scan", "-", "--format", "jsonl", given=f"x {LEAK}\n".encode())
    assert done.returncode == 1
    assert json.loads(done.stdout)["places"][0]["column"] == 3


def test_exit_zero(folder: Path) -> None:
    """--exit-zero is for those who read the report: what was found does not fail, what was not scanned does."""
    assert run(["scan", "--exit-zero", str(folder)]) == 0
    assert run(["scan", "--exit-zero", str(folder / "missing")]) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["missing"], "missing: no such file or directory", id="no-such-target"),
        pytest.param(["--format", "xml", "."], "'xml' is not one of", id="no-such-format"),
        pytest.param(["--nonsense"], "No such option: --nonsense", id="no-such-option"),
        pytest.param(["--jobs", "0", "."], "--jobs", id="no-threads"),
        pytest.param(["--rules", "missing.toml", "."], "missing.toml", id="no-such-rules"),
        pytest.param(["--output", "missing/report", "."], "No such file or directory", id="no-such-directory"),
        pytest.param(["--staged", "."], "--staged needs a git repository", id="nothing-staged"),
        pytest.param(["--since", "HEAD", "."], "--since needs a git repository", id="no-history"),
        pytest.param(["--staged", "--no-git", "."], "--staged excludes", id="contradiction"),
        pytest.param(["--engine", "spark", "."], "'spark' is not one of local, dask", id="no-such-engine"),
        pytest.param(["--engine", "dask", "."], "--engine dask needs a scheduler", id="no-scheduler"),
        pytest.param(["--scheduler", "tls://x:1", "."], "only with --engine dask", id="scheduler-without-dask"),
    ],
)
def test_what_cannot_be_done(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A scan that cannot be done exits with 2, and says on stderr what failed and what to do."""
    monkeypatch.chdir(tmp_path)
    assert run(["scan", *arguments]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert message in told.err
    assert told.err.startswith("keywatch: error: ")
    assert "keywatch: hint: " in told.err


def test_no_command() -> None:
    """Without a command, the help is shown, and that is bad usage."""
    done = keywatch()
    assert (done.returncode, done.stderr) == (2, b"")
    assert b"scan" in done.stdout


def test_an_unknown_command(capsys: pytest.CaptureFixture[str]) -> None:
    """A command that does not exist is bad usage."""
    assert run(["nonsense"]) == 2
    assert "No such command 'nonsense'" in capsys.readouterr().err


@pytest.mark.parametrize("form", list(Format))
def test_a_part_that_was_not_scanned(form: Format, repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Something skipped that was asked for is exit 2, named on stderr, whatever was found in the rest."""
    for path in (repository / ".git" / "objects").glob("??/*"):
        if b"EXAMPLE" not in path.read_bytes() and len(path.read_bytes()) < 40:
            path.chmod(0o600)
            path.write_bytes(b"garbage")
    assert run(["scan", "--format", form.value, str(repository)]) == 2
    told = capsys.readouterr()
    assert "keywatch: error: " in told.err
    assert "git fsck" in told.err


def test_a_target_that_fails_does_not_stop_the_others(folder: Path, tmp_path: Path) -> None:
    """A target that cannot be read is an error; the next one is scanned, and reported."""
    (tmp_path / "broken" / ".git").mkdir(parents=True)
    done = keywatch("scan", str(tmp_path / "broken"), str(folder))
    assert done.returncode == 2
    assert b"config.py:2:11" in done.stdout
    assert b"keywatch: error: " in done.stderr


@pytest.mark.parametrize("form", list(Format))
def test_a_secret_is_never_shown(form: Format, repository: Path, tmp_path: Path) -> None:
    """No stream, no report and no file of ours has more of a secret than its first four characters."""
    (repository / f"{form}.env").write_text(f"secret={LEAK}")
    report = tmp_path / "report"
    shown = keywatch("scan", "--format", form.value, str(repository))
    written = keywatch("scan", "--format", form.value, "--output", str(report), str(repository))
    assert (shown.returncode, written.returncode) == (1, 1)
    state = [path.read_bytes() for path in (tmp_path / "state").rglob("*") if path.is_file()]
    for output in (shown.stdout, shown.stderr, written.stdout, written.stderr, report.read_bytes(), *state):
        for size in (6, 24, len(LEAK)):
            assert LEAK[-size:].encode() not in output
        assert LEAK[: len("amzn1.oa2-cs.v1.") + 4].encode() not in output


def test_a_report_file_appears_whole(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--output writes the report there and the summary to stderr, and leaves nothing half-written beside it."""
    out = tmp_path / "out"
    out.mkdir()
    assert run(["scan", "-f", "sarif", "-o", str(out / "report.sarif"), str(folder)]) == 1
    assert json.loads((out / "report.sarif").read_text())["version"] == "2.1.0"
    assert [path.name for path in out.iterdir()] == ["report.sarif"]
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("keywatch: 1 secret in 1 place")


def test_a_report_into_a_pipe_leaves_the_pipe(folder: Path, tmp_path: Path) -> None:
    """What is no regular file is written to, never replaced: as root, `--output /dev/null` would be the end of it."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(
        [sys.executable, "-m", "keywatch", "scan", "--format", "json", "--output", str(pipe), str(folder)],
        stderr=subprocess.DEVNULL,
    ) as scanning:
        report = json.loads(pipe.read_bytes())
        assert scanning.wait() == 1
    assert len(report["findings"]) == 1
    assert pipe.is_fifo()


def test_a_report_through_a_link_leaves_the_link(folder: Path, tmp_path: Path) -> None:
    """The file that a link names is written; the link stays one."""
    link, report = tmp_path / "link.json", tmp_path / "report.json"
    link.symlink_to(report)
    assert run(["scan", "--format", "json", "--output", str(link), str(folder)]) == 1
    assert link.is_symlink()
    assert len(json.loads(report.read_bytes())["findings"]) == 1


def test_rules_of_ones_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--rules adds to the packaged rules."""
    rules = tmp_path / "rules.toml"
    rules.write_text(
        "[[rules]]\nid = 'door'\ndescription = 'Door code'\nregex = 'door-(\\d{6})'\nkeywords = ['door-']\n"
    )
    target = tmp_path / "target"
    target.write_text(f"door-482913\n{LEAK}\n")
    assert run(["scan", "--rules", str(rules), "--format", "json", str(target)]) == 1
    found = json.loads(capsys.readouterr().out)["findings"]
    assert {finding["rule"] for finding in found} == {"door", "lwa-client-secret"}


def test_fingerprints_are_the_same_in_every_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One installation gives one secret one fingerprint."""
    for _ in range(2):
        run(["scan", "--format", "jsonl", str(folder)])
    one, two = capsys.readouterr().out.splitlines()
    assert json.loads(one)["fingerprint"] == json.loads(two)["fingerprint"]


def test_without_a_place_for_state(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where nothing may be written, the scan is done all the same, and says what that costs."""
    monkeypatch.setenv("STATE_DIRECTORY", f"{os.devnull}/state")
    assert run(["scan", str(folder)]) == 1
    assert "fingerprints are good for this run only" in capsys.readouterr().err


def test_a_key_of_ours_is_named(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What the daemon left of its inventory names the key; what it left damaged is told, and stops nothing."""
    run(["scan", "--format", "jsonl", str(folder)])
    capsys.readouterr()
    pepper = load_pepper(tmp_path / "state", create=False)
    key = Key(
        kind=KeyKind.LWA_CLIENT_SECRET,
        handles=(Handle(HandleSpace.DECLARED, "orders"),),
        name="orders",
        locations=(),
        fingerprints=frozenset({pepper.fingerprint(Secret(LEAK.encode()))}),
    )
    write_known(tmp_path / "state", [key], frozenset(), pepper_id=pepper.id)
    assert run(["scan", "--format", "jsonl", str(folder)]) == 1
    assert json.loads(capsys.readouterr().out)["key"] == "declared:orders"
    (tmp_path / "state" / KNOWN).write_text("{")
    assert run(["scan", "--format", "jsonl", str(folder)]) == 1
    assert "damaged; no key is named as ours" in capsys.readouterr().err


def test_what_was_accepted_is_not_told_again(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--write-baseline accepts what there is; with --baseline only what is new is told, even on the same line."""
    baseline = tmp_path / "baseline.json"
    assert run(["scan", "--write-baseline", str(baseline), "--reason", "rotated", str(folder)]) == 0
    assert run(["scan", "--baseline", str(baseline), str(folder)]) == 0
    (folder / "config.py").write_text(f"SECRET = '{LEAK}' '{LEAK[:-3]}000'\n")
    assert run(["scan", "--baseline", str(baseline), "--format", "jsonl", str(folder)]) == 1
    assert LEAK not in baseline.read_text()
    told = [line for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    assert len(told) == 1
    assert run(["scan", "--baseline", str(folder / "config.py"), str(folder)]) == 2


@pytest.fixture
def tested(tmp_path: Path) -> Path:
    """A directory with one password in test code, and another there and in a file of settings."""
    folder = tmp_path / "tested"
    folder.mkdir()
    first, second = (hashlib.sha256(f"EXAMPLE {name}".encode()).hexdigest()[:24] for name in ("one", "two"))
    (folder / "test_orders.py").write_text(f"api_key = '{first}'\nshop_token = '{second}'\n")
    (folder / "settings.py").write_text(f"shop_token = '{second}'\n")
    return folder


def test_what_tests_invent_is_counted(tested: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A value in test code alone is not told, nor are another's places there; both are counted, and can be seen."""
    assert run(["scan", "--format", "json", str(tested)]) == 1
    told, said = capsys.readouterr()
    (finding,) = json.loads(told)["findings"]
    assert ["settings.py"] == [place["path"] for place in finding["places"]]
    assert finding["further_places"] == 1
    assert "1 finding of less confidence was not told (test code, mostly): --confidence slight tells all" in said
    assert run(["scan", "--confidence", "slight", "--format", "json", str(tested)]) == 1
    told, said = capsys.readouterr()
    everything = json.loads(told)["findings"]
    assert sorted((len(finding["places"]), finding["confidence"]) for finding in everything) == [
        (1, "slight"),
        (2, "low"),
    ]
    assert "less confidence" not in said


def test_only_what_is_sure(tested: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--confidence asks for more as well, and then less fails a build."""
    assert run(["scan", "--confidence", "medium", str(tested)]) == 0
    assert "2 findings of less confidence were not told" in capsys.readouterr().err
    assert run(["scan", "--confidence", "medium", str(tested), str(folder)]) == 1


def test_what_was_not_told_is_not_accepted(tested: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--write-baseline takes in what the same call tells, and nothing that nobody saw."""
    baseline = tmp_path / "baseline.json"
    assert run(["scan", "--write-baseline", str(baseline), "--reason", "rotated", str(tested)]) == 0
    capsys.readouterr()
    assert run(["scan", "--baseline", str(baseline), "--confidence", "slight", "--format", "jsonl", str(tested)]) == 1
    (finding,) = capsys.readouterr().out.splitlines()
    assert json.loads(finding)["confidence"] == "slight"


def test_a_targets_own_ignore_file_is_followed(folder: Path) -> None:
    """A `.gitleaksignore` in the target excuses its places."""
    (folder / ".gitleaksignore").write_text("config.py:lwa-client-secret:2\n")
    assert run(["scan", str(folder)]) == 0
    (folder / "other.py").write_text(f"SECRET = '{LEAK}'\n")
    assert run(["scan", str(folder)]) == 1


def test_an_unfit_pepper_is_an_error(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A pepper that others may read is not used, and not replaced either."""
    (tmp_path / "state" / "pepper").write_bytes(bytes(32))
    (tmp_path / "state" / "pepper").chmod(0o644)
    assert run(["scan", str(folder)]) == 2
    assert "others than its owner" in capsys.readouterr().err


def test_a_defect_is_told_in_two_lines(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An error nobody foresaw is exit 2 without a traceback; its message, which may quote a secret, is left out."""

    def defective(_here: object) -> None:
        raise RuntimeError(LEAK)

    monkeypatch.setattr(command, "known_keys", defective)
    for debug in (False, True):
        if debug:
            monkeypatch.setenv("KEYWATCH_DEBUG", "1")
        assert run(["scan", str(folder)]) == 2
        told = capsys.readouterr().err
        assert "keywatch: error: unexpected RuntimeError in test_scan.py" in told
        assert ("in defective" in told) is debug
        assert LEAK[-12:] not in told


def test_interrupted() -> None:
    """Ctrl-C reports what was done so far, and exits with 130."""
    process = subprocess.Popen(
        [sys.executable, "-m", "keywatch", "scan", "-", "--no-progress"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin is not None
    process.stdin.write(LEAK.encode() + b"\n" * (20 << 20))
    process.stdin.flush()
    # A pipe holds little: it has read almost all of that by now, and waits for more.
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert b"interrupted" in out
    assert b"Traceback" not in err


def test_a_terminal_without_unicode(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a stream cannot hold is spelled out, and the report goes on."""
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    done = keywatch("scan", str(folder))
    assert done.returncode == 1
    assert b"begins amzn\\u2026" in done.stdout


def test_a_reader_that_leaves(folder: Path) -> None:
    """Output that nobody reads to its end is no traceback."""
    for number in range(2000):
        (folder / f"f{number}").write_text("amzn1.oa2-cs.v1." + hashlib.sha256(b"%d" % number).hexdigest())
    command = f"'{sys.executable}' -m keywatch scan --format json '{folder}' | head -c 10"
    done = subprocess.run(["bash", "-c", command], capture_output=True, check=False)
    assert b"Traceback" not in done.stderr
    assert b"Exception" not in done.stderr


def test_start_up_loads_nothing_the_daemon_needs(folder: Path) -> None:
    """`keywatch scan` pays for no cloud, database, scheduler, chat or web library."""
    heavy = ("boto3", "botocore", "sqlalchemy", "alembic", "hvac", "slack_sdk", "apscheduler", "starlette", "uvicorn")
    code = (
        "import sys; from keywatch.cli.main import run; run(['scan', sys.argv[1]]);"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, check=True)
    assert done.stdout.splitlines()[-1] == b"[]"


def test_start_up_loads_nothing_a_small_scan_can_do_without() -> None:
    """
    A scan of a few lines without a secret takes as long as its imports do.

    It needs no parser of rule files, no exact patterns, no threads, no other format's writer, no library but Hyperscan.
    """
    needed = "hyperscan"
    spared = (
        *("alembic", "apscheduler", "asyncio", "boto3", "botocore", "click", "dask", "distributed", "google", "hvac"),
        *("isal", "jinja2"),
        *("msgspec", "prometheus_client", "pydantic", "re2", "requests", "rich", "slack_sdk", "sqlalchemy", "stamina"),
        *("starlette", "structlog", "typer", "urllib3", "uvicorn"),
        *("concurrent.futures", "csv", "email", "http", "importlib.metadata", "importlib.resources", "logging"),
        *("multiprocessing", "random", "shutil", "socket", "sqlite3", "ssl", "subprocess", "tempfile", "textwrap"),
        *("bz2", "lzma", "sqlite3", "tarfile", "tomllib", "traceback", "unittest", "xml", "zipfile"),
        *("keywatch.detect.rulefile", "keywatch.detect.table", "keywatch.model.alert", "keywatch.model.call"),
        *(
            "keywatch.collect.content.archive",
            "keywatch.collect.content.git",
            "keywatch.notify",
            "keywatch.report.sarif",
            "keywatch.service",
        ),
        *("keywatch.settings", "keywatch.store"),
    )
    code = (
        "import sys; before = set(sys.modules); from keywatch.cli.main import run; status = run(['scan', '-']);"
        f"new = set(sys.modules) - before; print(status, [name for name in {(needed, *spared)!r} if name in new])"
    )
    done = subprocess.run([sys.executable, "-c", code], input=b"one\ntwo\n", capture_output=True, check=True)
    assert done.stdout.decode().splitlines()[-1] == f"0 {[needed]}"


def test_arguments_and_options_in_any_order(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Arguments may stand between options; behind `--` everything is a target, whatever it begins with."""
    strange = tmp_path / "--no-git"
    strange.mkdir()
    (strange / "clean").write_text("nothing\n")
    for words in (
        [str(strange), "--format", "json", str(folder)],
        ["--format=json", str(strange), str(folder)],
        ["-fjson", "--", str(strange), str(folder)],
    ):
        assert run(["scan", *words]) == 1
        assert json.loads(capsys.readouterr().out)["summary"]["targets"] == [str(strange), str(folder)]
    done = subprocess.run(
        [sys.executable, "-m", "keywatch", "scan", "--", "--no-git"], cwd=tmp_path, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout[:20]) == (0, b"nothing found; 8 byt")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(["--nonsense"], "--nonsense", id="option"),
        pytest.param(["scan", ".", "--jobs", "many"], "'many' is not a number", id="number"),
        pytest.param(["scan", ".", "--jobs"], "--jobs", id="value-missing"),
        pytest.param(["scan", "--form", "json"], "No such option: --form", id="abbreviation"),
        pytest.param(["keys", "one", "--", "two"], "'one' is one argument too many", id="argument"),
    ],
)
def test_bad_usage(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What is wrong, where the help is, and exit 2; nothing on stdout."""
    assert run(words) == 2
    told = capsys.readouterr()
    assert (told.out, message in told.err, "--help" in told.err) == ("", True, True)


@pytest.mark.parametrize("columns", ["60", "100", "wide"])
def test_help_fits_the_terminal(columns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines are as long as $COLUMNS says, else 80; paragraphs stay apart; the version is told beside them."""
    monkeypatch.setenv("COLUMNS", columns)
    lines = keywatch("scan", "--help").stdout.decode().splitlines()
    assert max(map(len, lines)) < int(columns if columns.isdecimal() else 80)
    assert any(line.startswith("A git repository is scanned") for line in lines)
    assert keywatch("--help").returncode == 0
    assert keywatch("--version").stdout.startswith(b"keywatch ")
    assert keywatch("--version").stdout.endswith(b"\nnative kernel: in use\n")


def test_every_command_is_there() -> None:
    """Each command in the table can be imported, and explains itself."""
    for name in COMMANDS:
        done = keywatch(name, "--help")
        assert (done.returncode, name.encode() in done.stdout) == (0, True)
