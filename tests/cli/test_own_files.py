"""`keywatch scan` of a target that brings rule files of its own: they add, they excuse in the open, they never hide."""

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from keywatch.cli.main import run
from keywatch.detect.examples import expand

LEAK = "amzn1.oa2-cs.v1." + hashlib.sha256(b"EXAMPLE secret of a target with rules").hexdigest()
ACME = "acme_" + "".join(f"{number % 10}x" for number in range(7))
ACME_RULE = "[[rules]]\nid = 'acme-token'\nregex = 'acme_[a-z0-9]{14}'\n"


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, rules_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has a state directory of its own, but for the compiled rules."""
    (tmp_path / "state").mkdir(mode=0o700)
    shutil.copytree(rules_cache, tmp_path / "state" / "cache")
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A directory with two files: one with a secret of Amazon's, one with a token of the team's."""
    folder = tmp_path / "folder"
    (folder / "docs").mkdir(parents=True)
    (folder / "docs" / "config.py").write_text(f"one\nSECRET = '{LEAK}'\n")
    (folder / "acme.txt").write_text(f"{ACME}\n")
    return folder


def git(path: Path, *arguments: str) -> str:
    person = {f"GIT_{role}_{name}": "ann@example.org" for role in ("AUTHOR", "COMMITTER") for name in ("NAME", "EMAIL")}
    environment = {"PATH": os.environ["PATH"], "HOME": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", **person}
    done = subprocess.run(["git", *arguments], cwd=path, env=environment, check=True, capture_output=True)
    return done.stdout.decode().strip()


def commit(path: Path) -> str:
    git(path, "add", "-A")
    git(path, "commit", "-q", "-m", "a change")
    return git(path, "rev-parse", "HEAD")


def scanned(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, dict[str, str], str]:
    """Scan; return the exit status, by rule the first place it found something, and what was said on stderr."""
    capsys.readouterr()
    status = run(["scan", "--format", "json", "--no-progress", *map(str, arguments)])
    told = capsys.readouterr()
    places = {item["rule"]: item["places"][0]["path"] for item in json.loads(told.out)["findings"]}
    return status, places, told.err


def test_its_rules_are_added_to_ours(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What the target's own rules find is told beside what ours find, with nothing to say about it."""
    (folder / ".gitleaks.toml").write_text(ACME_RULE)
    status, places, said = scanned(capsys, folder)
    assert (status, places) == (1, {"lwa-client-secret": "docs/config.py", "acme-token": "acme.txt"})
    assert "note" not in said


def test_both_dialects_are_read(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A target may bring a file of gitleaks' and one of betterleaks', whose filters are followed."""
    (folder / ".gitleaks.toml").write_text(ACME_RULE)
    (folder / ".betterleaks.toml").write_text(
        "[[rules]]\nid = 'shop-token'\nregex = 'shop_[a-z0-9]{8}'\n"
        "filter = 'attributes.path startsWith \"docs/\" || entropy(finding.secret) < 1.0'\n"
    )
    (folder / "docs" / "a").write_text("shop_q7x9zk2v\n")
    assert scanned(capsys, folder)[1].keys() == {"lwa-client-secret", "acme-token"}
    (folder / "a").write_text("shop_q7x9zk2w\n")
    assert scanned(capsys, folder)[1].keys() == {"lwa-client-secret", "acme-token", "shop-token"}


EXCUSES = [
    pytest.param("[[allowlists]]\npaths = ['^docs/']\n", id="path"),
    pytest.param("[allowlist]\nregexes = ['^amzn1']\n", id="value"),
    pytest.param("[[allowlists]]\nregexTarget = 'line'\nregexes = ['^SECRET = ']\n", id="line"),
    pytest.param("[[allowlists]]\ncondition = 'AND'\npaths = ['py$']\nstopwords = ['AMZN1']\n", id="path-and-word"),
    pytest.param("[[allowlists]]\nstopwords = ['amzn1']\ntargetRules = ['lwa-client-secret']\n", id="targeted"),
    pytest.param(
        "[extend]\nuseDefault = true\n[[rules]]\nid = 'lwa-client-secret'\n[[rules.allowlists]]\npaths = ['docs']\n",
        id="changed-rule",
    ),
    pytest.param("filter = 'finding.secret startsWith \"amzn1\"'\n", id="filter"),
    pytest.param("prefilter = 'attributes.path endsWith \".py\"'\n", id="prefilter"),
]


@pytest.mark.parametrize("text", EXCUSES)
def test_what_it_excuses_is_left_out_and_counted(folder: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The team's allow-lists are honoured, and the scan says which file left out how much, and how to see it."""
    file = folder / ".gitleaks.toml"
    file.write_text(text)
    status, places, said = scanned(capsys, folder)
    assert (status, places) == (0, {})
    assert f"keywatch: note: {file} left out 1 finding; --no-repo-config shows them" in said
    status, places, said = scanned(capsys, "--no-repo-config", folder)
    assert (status, places) == (1, {"lwa-client-secret": "docs/config.py"})
    assert "left out" not in said


def test_what_is_told_elsewhere_is_not_left_out(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A secret that is excused in one place and told in another is no finding that was left out."""
    (folder / ".gitleaks.toml").write_text("[[allowlists]]\npaths = ['^docs/']\n")
    shutil.copy(folder / "docs" / "config.py", folder / "config.py")
    status, places, said = scanned(capsys, folder)
    assert (status, places) == (1, {"lwa-client-secret": "config.py"})
    assert "left out" not in said


INNOCENT = [
    pytest.param("[[allowlists]]\npaths = ['^src/']\n", id="other-path"),
    pytest.param("[[allowlists]]\ncondition = 'AND'\npaths = ['py$']\nstopwords = ['zzz']\n", id="not-both"),
    pytest.param(ACME_RULE + "[[rules.allowlists]]\npaths = ['.*']\n", id="of-its-own-rule"),
    pytest.param(ACME_RULE + "[[allowlists]]\npaths = ['.*']\ntargetRules = ['acme-token']\n", id="for-its-own-rule"),
    pytest.param(ACME_RULE + "filter = 'true'\n", id="filter-of-its-own-rule"),
]


@pytest.mark.parametrize("text", INNOCENT)
def test_what_it_does_not_excuse_is_told(folder: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A list for other places, values or rules leaves ours alone."""
    (folder / ".gitleaks.toml").write_text(text)
    status, places, said = scanned(capsys, folder)
    assert (status, places) == (1, {"lwa-client-secret": "docs/config.py"})
    assert "left out" not in said


HOSTILE = [
    pytest.param("[[rules]]\nid = 'lwa-client-secret'\nregex = 'zzz'\nskipReport = true\n", id="same-id"),
    pytest.param(
        "[[rules]]\nid = 'all'\nregex = '(?s).+'\nskipReport = true\nspecificity = 1000\nseverity = 'low'\n",
        id="covers",
    ),
    pytest.param("[[rules]]\nid = 'all'\nregex = '(?s)SECRET.+'\nspecificity = 1000\n", id="overlaps"),
    pytest.param("[extend]\nuseDefault = true\ndisabledRules = ['lwa-client-secret']\n", id="switches-off"),
    pytest.param(
        "[extend]\nuseDefault = true\n[[rules]]\nid = 'lwa-client-secret'\nregex = 'zzz'\nkeywords = ['zzz']\n",
        id="changes",
    ),
    pytest.param("[extend]\nuseDefault = true\n[[rules]]\nid = 'lwa-client-secret'\nentropy = 8.0\n", id="entropy"),
]


@pytest.mark.parametrize("text", HOSTILE)
def test_its_rules_never_stand_in_the_way_of_ours(folder: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever the target's rules are called and match, ours find what they find, under their own name."""
    (folder / ".gitleaks.toml").write_text(text)
    status, places, _ = scanned(capsys, folder)
    assert (status, places) == (1, {"lwa-client-secret": "docs/config.py"})


def test_a_rule_with_the_id_of_one_of_ours_gets_another(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """So that what it finds is not taken for what ours would have found."""
    (folder / ".gitleaks.toml").write_text(ACME_RULE.replace("acme-token", "npm-token"))
    assert scanned(capsys, folder)[1]["own/npm-token"] == "acme.txt"


def test_what_gitleaks_calls_generic_means_our_generic_rules(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each scanner has a name of its own for secrets without an issuer; for other unknown rules there is a note."""
    (folder / "app.py").write_text(expand("api_secret = '{alnum:24}'\n"))
    assert "generic-secret" in scanned(capsys, folder)[1]
    head = "[extend]\nuseDefault = true\n"
    lists = "[[rules]]\nid = '{}'\n[[rules.allowlists]]\npaths = ['^app']\n"
    (folder / ".gitleaks.toml").write_text(head + lists.format("generic-api-key") + lists.format("sumo-id"))
    status, places, said = scanned(capsys, folder)
    assert (status, set(places)) == (1, {"lwa-client-secret"})
    assert "an allow-list is for rule 'sumo-id', which keywatch has not got" in said


BROKEN = [
    pytest.param("[[rules]\n", ".toml: not TOML", "(at line 3, column 8)", id="no-toml"),
    pytest.param(
        ACME_RULE + "[[rules]]\nid = 'b'\nregex = '(?=x)'\n", ".toml:8: rule 'b'", "not a pattern", id="regex"
    ),
    pytest.param("[[rules]]\nid = 'b'\n", ".toml:3: rule 'b'", "neither regex nor path", id="no-regex"),
    pytest.param("[extend]\npath = '../outside.toml'\n", "outside.toml: lies outside", "outside", id="outside"),
    pytest.param("[extend]\npath = '/dev/zero'\n", "/dev/zero: lies outside", "outside", id="device"),
    pytest.param("[extend]\npath = 'missing.toml'\n", "missing.toml: cannot be read", "No such file", id="missing"),
    pytest.param("# " + "x" * (1 << 20), ".toml: larger than 1 MiB", "larger", id="large"),
    pytest.param(ACME_RULE + "\x00", ".toml: not TOML", "(at line 6, column 1)", id="binary"),
    pytest.param(
        "".join(f"[[rules]]\nid = '{n}'\nregex = 'a{n}[a-z]{{900}}'\n" for n in range(400)),
        "instructions all patterns may have",
        "rule '",
        id="costly",
    ),
    pytest.param(
        "".join(f"[[rules]]\nid = '{n}'\nregex = 'a{n}'\n" for n in range(1001)), "more than 1000 rules", "", id="many"
    ),
]


@pytest.mark.parametrize(("text", "where", "why"), BROKEN)
def test_a_file_that_cannot_be_followed(
    folder: Path, text: str, where: str, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Our rules scan all the same; the file is named with the reason, none of it holds, and the status is 2."""
    (folder.parent / "outside.toml").write_text("[[allowlists]]\npaths = ['.*']\n")
    (folder / ".gitleaks.toml").write_text("[[allowlists]]\npaths = ['.*']\n" + text)
    status, places, said = scanned(capsys, folder)
    assert (status, places) == (2, {"lwa-client-secret": "docs/config.py"})
    assert where in said
    assert why in said
    assert "hint: the target is scanned without this file; mend it, or leave it out with --no-repo-config" in said
    assert scanned(capsys, "--no-repo-config", folder)[0] == 1


def test_a_link_that_leads_outside_is_not_followed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither a rule file nor an ignore file may be one; a link within the target may."""
    (folder.parent / "rules").write_text("[[allowlists]]\npaths = ['.*']\n")
    (folder / ".gitleaks.toml").symlink_to(folder.parent / "rules")
    (folder / ".gitleaksignore").symlink_to("/etc/passwd")
    status, places, said = scanned(capsys, folder)
    assert (status, places) == (2, {"lwa-client-secret": "docs/config.py"})
    assert ".gitleaks.toml: lies outside of" in said
    assert ".gitleaksignore: lies outside of" in said
    (folder / ".gitleaksignore").unlink()
    (folder / ".gitleaks.toml").unlink()
    (folder / "rules").write_text(ACME_RULE)
    (folder / ".gitleaks.toml").symlink_to("rules")
    assert scanned(capsys, folder)[:2] == (1, {"lwa-client-secret": "docs/config.py", "acme-token": "acme.txt"})


@pytest.mark.parametrize("form", ["text", "csv", "junit", "jsonl"])
def test_what_it_says_of_its_rules_is_never_obeyed(folder: Path, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Descriptions and remedies come from a stranger: no terminal obeys them, and no report is torn by them."""
    escape = "\\u001b]0;x\\u0007\\n"
    (folder / ".gitleaks.toml").write_text(
        ACME_RULE + f'description = "{escape}"\nremedy = "{escape}"\n'
        f'[[allowlists]]\nstopwords = ["zz"]\ntargetRules = ["{escape}"]\n'
    )
    assert run(["scan", "--format", form, "--no-progress", str(folder)]) == 1
    told = capsys.readouterr()
    assert "acme-token" in told.out
    assert "an allow-list is for rule" in told.err
    assert not {"\x1b", "\x07"} & set(told.out + told.err)


def test_a_pipe_in_the_place_of_a_file_stops_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Only regular files are opened."""
    os.mkfifo(folder / ".betterleaks.toml")
    (folder / ".gitleaks.toml").mkdir()
    (folder / ".gitleaksignore").write_bytes(b"\xff\xfe")
    (folder / ".betterleaksignore").symlink_to(".betterleaksignore")
    status, places, said = scanned(capsys, folder)
    assert (status, set(places)) == (2, {"lwa-client-secret"})
    assert ".betterleaks.toml: cannot be read: a pipe" in said
    assert ".gitleaks.toml: cannot be read: a directory" in said
    assert ".gitleaksignore: not UTF-8 text" in said
    assert ".betterleaksignore: cannot be read: links lead in a circle" in said


def test_a_file_may_extend_another_of_the_target(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`extend.path` is followed as long as it stays in the target."""
    (folder / "ci").mkdir()
    (folder / "ci" / "rules.toml").write_text(ACME_RULE)
    (folder / ".gitleaks.toml").write_text("[extend]\npath = 'ci/rules.toml'\n")
    assert "acme-token" in scanned(capsys, folder)[1]


def test_each_target_has_its_own(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What one target says holds for that one only, and a single file or stdin says nothing."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "config.py").write_text(f"{LEAK}\n{ACME}\n")
    (folder / ".gitleaks.toml").write_text(ACME_RULE + "[[allowlists]]\npaths = ['.*py']\n")
    (folder / ".gitleaksignore").write_text("config.py:lwa-client-secret:1\n")
    status, places, _ = scanned(capsys, folder, other)
    assert (status, places) == (1, {"lwa-client-secret": "config.py", "acme-token": "acme.txt"})
    assert scanned(capsys, folder / "docs" / "config.py")[0] == 1


def test_targets_with_the_same_rules(folder: Path, tmp_path: Path) -> None:
    """A team's repositories share a file: it holds for each of them."""
    (folder / ".gitleaks.toml").write_text(ACME_RULE)
    shutil.copytree(folder, tmp_path / "copy")
    (tmp_path / "copy" / "acme.txt").write_text(f"{ACME[:-1]}z\n")
    report = tmp_path / "report"
    run(["scan", "--format", "jsonl", "--output", str(report), str(folder), str(tmp_path / "copy")])
    lines = [json.loads(line) for line in report.read_text().splitlines()]
    assert [line["rule"] for line in lines].count("acme-token") == 2


@pytest.mark.parametrize("name", [".gitleaksignore", ".betterleaksignore"])
def test_ignore_files_are_followed_and_counted(folder: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Both scanners' lists of places are read, what they left out is said, and --no-repo-config leaves them out."""
    (folder / name).write_text("# known\ndocs/config.py:lwa-client-secret:2\n" + "nonsense\n" * 20)
    status, places, said = scanned(capsys, folder)
    assert (status, places) == (0, {})
    assert f"{folder / name} left out 1 finding" in said
    assert said.count("passed over") == 5
    assert "15 further notes of the kind" in said
    assert scanned(capsys, "--no-repo-config", folder)[0] == 1


def test_the_history_of_a_repository(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The rules in the working tree hold for the whole history; what a named commit brought in is excused for good."""
    git(folder, "init", "-q")
    first = commit(folder)
    (folder / ".gitleaks.toml").write_text(ACME_RULE + f"[[allowlists]]\ncommits = ['{first.upper()}']\n")
    (folder / "docs" / "config.py").write_text(f"changed\nSECRET = '{LEAK}'\n")
    (folder / "acme.txt").unlink()
    commit(folder)
    status, places, said = scanned(capsys, folder)
    assert (status, places) == (0, {})
    assert ".gitleaks.toml left out 2 findings" in said
    (folder / "new.txt").write_text(f"{ACME}\n")
    commit(folder)
    status, places, said = scanned(capsys, folder)
    assert (status, places) == (1, {"acme-token": "new.txt"})
    assert ".gitleaks.toml left out 1 finding;" in said
    status, places, _ = scanned(capsys, "--no-repo-config", folder)
    assert (status, places) == (1, {"lwa-client-secret": "docs/config.py"})


def test_a_bare_repository_says_nothing(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It has no working tree, and what any of its commits holds is not what its owner says today."""
    (folder / ".gitleaks.toml").write_text("[[allowlists]]\npaths = ['.*']\n")
    git(folder, "init", "-q")
    commit(folder)
    git(tmp_path, "clone", "-q", "--bare", str(folder), "bare")
    assert scanned(capsys, tmp_path / "bare")[0] == 1


def test_what_is_staged(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The hook follows the repository's own file too."""
    git(folder, "init", "-q")
    (folder / ".gitleaks.toml").write_text(ACME_RULE + "[[allowlists]]\npaths = ['^docs/']\n")
    git(folder, "add", "-A")
    status, places, said = scanned(capsys, "--staged", folder)
    assert (status, places) == (1, {"acme-token": "acme.txt"})
    assert "left out 1 finding" in said


def test_commits_in_a_file_given_with_rules(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Allow-lists by commit hold for --rules too: a global one, one of a rule, and one that wants the path as well."""
    git(folder, "init", "-q")
    first = commit(folder)
    rules = tmp_path / "team.toml"
    rules.write_text(
        "[extend]\nuseDefault = true\n[[rules]]\nid = 'lwa-client-secret'\n"
        f"[[rules.allowlists]]\ncondition = 'AND'\ncommits = ['{first}']\npaths = ['^docs/']\n"
    )
    assert scanned(capsys, "--rules", rules, folder)[:2] == (0, {})
    rules.write_text(rules.read_text().replace("^docs/", "^src/"))
    assert scanned(capsys, "--rules", rules, folder)[0] == 1
    rules.write_text(f"[[allowlists]]\ncommits = ['{'0' * 40}', '{first}']\ntargetRules = ['lwa-client-secret']\n")
    assert scanned(capsys, "--rules", rules, folder)[:2] == (0, {})
    assert scanned(capsys, "--rules", rules, "--no-git", folder)[0] == 1


def test_a_file_given_with_rules_may_switch_ours_off(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who names the file on the command line decides: `disabledRules` holds there."""
    rules = tmp_path / "team.toml"
    rules.write_text("[extend]\nuseDefault = true\ndisabledRules = ['lwa-client-secret', 'generic-secret']\n")
    assert scanned(capsys, "--rules", rules, folder)[:2] == (0, {})


def test_bad_rules_given_with_rules(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All of them are told, each with file, line, rule and reason; nothing is scanned, and the status is 2."""
    rules = tmp_path / "team.toml"
    rules.write_text("[[rules]]\nid = 'a'\nregex = 'a(?<!b)'\n\n[[rules]]\nid = 'b'\nregex = 7\n\n" + ACME_RULE)
    assert run(["scan", "--rules", str(rules), str(folder)]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.split("\n")[:2] == [
        f"keywatch: error: {rules}:3: rule 'a': regex is not a pattern: invalid perl operator: (?<!",
        f"keywatch: error: {rules}:7: rule 'b': regex must be a string, not a number",
    ]
    assert "keywatch: hint: patterns are in RE2's syntax" in told.err
