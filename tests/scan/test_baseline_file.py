"""What is accepted is accepted by its value: wherever it moves, and nothing else beside it."""

import hashlib
import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from keywatch.model.content import Origin
from keywatch.model.errors import UsageError
from keywatch.model.finding import Confidence, Finding, Match, Place, RuleInfo
from keywatch.model.secret import Fingerprint, Redacted, Secret
from keywatch.scan.baseline_file import Accepts, Recorder, ignore_of, read_baseline, read_own

TODAY = date(2026, 11, 23)
VALUE, OTHER = b"an EXAMPLE value", b"another EXAMPLE value"


def match(value: bytes = VALUE, rule: str = "r", path: str = "a.py", line: int = 3) -> Match:
    """Return a sighting of `value`."""
    return Match(
        rule=RuleInfo(id=rule, description="d", category="c"),
        secret=Secret(value),
        origin=Origin("t", path),
        offset=0,
        length=len(value),
        line=line,
        column=1,
        end_line=line,
        end_column=9,
        confidence=Confidence.LOW,
    )


def read(path: Path, told: list[str] | None = None) -> Accepts:
    """Read the baseline as it holds today."""
    return read_baseline(path, today=TODAY, warn=(told if told is not None else []).append)


def write(path: Path, *values: bytes, reason: str = "") -> str:
    """Add values to the file, as --write-baseline does."""
    recorder = Recorder(read_own(path), reason)
    for value in values:
        recorder.note(match(value))
    path.write_text(recorder.text())
    return path.read_text()


def test_a_value_is_accepted_wherever_it_moves(tmp_path: Path) -> None:
    """Neither line nor path nor rule matter; another value on the same line is told."""
    write(tmp_path / "b.json", VALUE)
    accepted = read(tmp_path / "b.json")
    assert accepted.accepts(match(rule="other", path="elsewhere", line=99))
    assert not accepted.accepts(match(OTHER))


def test_the_file_holds_neither_value_nor_place(tmp_path: Path) -> None:
    """What is kept is keyed by the file's own salt: the same value looks different in every file."""
    one, two = write(tmp_path / "1", VALUE), write(tmp_path / "2", VALUE)
    assert VALUE.decode() not in one
    assert "a.py" not in one
    assert hashlib.sha256(VALUE).hexdigest() not in one
    assert one.splitlines()[1] != two.splitlines()[1]


def test_adding_keeps_what_was_there(tmp_path: Path) -> None:
    """Salt, reasons and days stay; an entry is a line, sorted; nothing new changes nothing."""
    path = tmp_path / "b.json"
    write(path, VALUE, reason="a test value")
    before = path.read_text().replace('"a test value"', '"a test value", "until": "2027-01-01"')
    path.write_text(before)
    both = write(path, VALUE, OTHER, reason="later")
    assert set(before.splitlines()) < set(both.splitlines())
    assert both.splitlines()[1:-1] == sorted(both.splitlines()[1:-1])
    assert both == write(path, OTHER)
    assert json.loads(both)["keywatch"] == "baseline"


def test_two_branches_merge_by_lines(tmp_path: Path) -> None:
    """The union of the lines of two versions is a baseline with the entries of both."""
    path = tmp_path / "b.json"
    base = write(path)
    one = write(path, VALUE)
    path.write_text(base)
    two = write(path, OTHER)
    path.write_text("\n".join([*one.splitlines()[:2], *two.splitlines()[1:]]))
    assert all(read(path).accepts(match(value)) for value in (VALUE, OTHER))


@pytest.mark.parametrize(("until", "expected"), [("2026-11-23", True), ("2026-11-22", False)])
def test_an_entry_may_end(tmp_path: Path, until: str, expected: bool) -> None:
    """The last day is included; afterwards the value is told again, and it is said why."""
    path = tmp_path / "b.json"
    path.write_text(write(path, VALUE).replace('"reason": ""', f'"reason": "", "until": "{until}"'))
    told: list[str] = []
    assert read(path, told).accepts(match()) is expected
    assert bool(told) is not expected


def test_a_gitleaks_report_accepts_its_values(tmp_path: Path) -> None:
    """Its secrets are compared in memory; a redacted report accepts nothing, and that is said."""
    path = tmp_path / "report.json"
    path.write_text(json.dumps([{"RuleID": "x", "Secret": VALUE.decode(), "StartLine": 1}]))
    assert read(path).accepts(match())
    assert not read(path).accepts(match(OTHER))
    path.write_text(json.dumps([{"RuleID": "x", "Secret": "REDACTED"}]))
    told: list[str] = []
    assert not read(path, told).accepts(match(b"REDACTED"))
    assert "redacted" in told[0]


def test_a_detect_secrets_baseline_accepts_its_hashes(tmp_path: Path) -> None:
    """It keeps SHA-1 of values; that is what is compared."""
    digest = hashlib.sha1(VALUE, usedforsecurity=False).hexdigest()
    path = tmp_path / ".secrets.baseline"
    path.write_text(json.dumps({"version": "1.5.0", "results": {"f": [{"type": "x", "hashed_secret": digest}]}}))
    assert read(path).accepts(match())
    assert not read(path).accepts(match(OTHER))


@pytest.mark.parametrize(
    "text",
    ["", "{", "3", "{}", '{"results": [3]}', "[3]", '[{"a": 1}]', '{"keywatch": "baseline"}', "[" * 50_000],
)
def test_what_is_no_baseline_is_refused(tmp_path: Path, text: str) -> None:
    """A file that cannot be followed is an error: otherwise everything, or nothing, would be accepted."""
    (tmp_path / "b").write_text(text)
    if text == '{"results": [3]}':
        assert not read(tmp_path / "b").accepts(match())
        return
    with pytest.raises(UsageError, match="not a baseline"):
        read(tmp_path / "b")


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """No file, no text, a later version, or a file of another kind to write to: an error that says which."""
    with pytest.raises(UsageError, match="No such file"):
        read(tmp_path / "missing")
    (tmp_path / "b").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(UsageError, match="not UTF-8"):
        read(tmp_path / "b")
    (tmp_path / "b").write_text('{"keywatch": "baseline", "version": 9}')
    with pytest.raises(UsageError, match="version 9"):
        read(tmp_path / "b")
    (tmp_path / "b").write_text("[]")
    with pytest.raises(UsageError, match="not a baseline of keywatch"):
        read_own(tmp_path / "b")


def finding(*places: Place) -> Finding:
    """Return a finding of rule `r`."""
    return Finding(
        rule=RuleInfo(id="r", description="d", category="c"),
        redacted=Redacted(Fingerprint("0" * 64)),
        confidence=Confidence.LOW,
        places=places,
    )


PLACE = Place(target="t", path="a/b.py", line=3, column=1, commit="c0ffee")


@pytest.mark.parametrize(
    ("line", "left"),
    [
        ("a/b.py:r:3", 0),
        ("a\\b.py:r:3", 0),
        ("c0ffee:a/b.py:r:3", 0),
        ("a/b.py:generic-api-key:3", 0),
        ("a/b.py:ours:3", 1),
        ("a/b.py:r:4", 1),
        ("other.py:r:3", 1),
        ("0ff:a/b.py:r:3", 1),
        ("# a/b.py:r:3", 1),
        ("nonsense", 1),
    ],
)
def test_a_gitleaksignore_takes_places_away(line: str, left: int) -> None:
    """Both forms of its lines are followed; gitleaks' own rule ids stand for whatever is found there."""
    told: list[str] = []
    ignore = ignore_of(Path(".gitleaksignore"), f"# known\n\n{line}\n", told.append)
    elsewhere = replace(PLACE, line=30)
    rest = ignore.without(finding(PLACE, elsewhere), frozenset({"r", "ours"}))
    assert rest is not None
    assert len(rest.places) == 1 + left
    assert bool(told) is (line == "nonsense")
    assert (ignore.without(finding(PLACE), frozenset({"r", "ours"})) is None) is (left == 0)
