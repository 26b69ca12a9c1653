"""Every format tells the same of each finding, and none can be made to do anything by what it tells."""

import csv
import io
import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from keywatch.model.errors import ScanError
from keywatch.model.finding import Confidence, Finding, Ownership, Place, RuleInfo, Severity
from keywatch.model.key import KeyId
from keywatch.model.secret import Fingerprint, Redacted
from keywatch.model.source import Skipped
from keywatch.report.formats import Format, write
from keywatch.report.json_lines import Lines
from keywatch.report.safe import cell, visible
from keywatch.report.scan_report import ScanReport
from keywatch.report.text import MOST, summary

COMMITTED = Place(
    target="repo",
    path="src/a b.py",
    line=3,
    column=7,
    end_line=3,
    end_column=20,
    offset=40,
    blob="b" * 40,
    commit="c" * 40,
    author="Ann Example",
    committed_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    present=False,
)
LOGGED = Place(target="app.log", path="=cmd|x\x1b[31m\nfile: \u202egol", line=0, column=1, offset=99)
FINDING = Finding(
    rule=RuleInfo(
        id="lwa-client-secret",
        description="LWA client secret: acts as the application",
        category="lwa",
        severity=Severity.CRITICAL,
        confidence=Confidence.HIGH,
        remedy="Rotate it.",
        tags=("lwa",),
    ),
    redacted=Redacted(Fingerprint("0123456789abcdef" * 4), "amzn…"),
    confidence=Confidence.MEDIUM,
    places=(COMMITTED, LOGGED),
    ownership=Ownership.OURS,
    key=KeyId("declared:orders"),
)
REPORT = ScanReport(targets=("repo", "app.log"), findings=(FINDING,), bytes=12_300_000, chunks=4, seconds=1.25)
BROKEN = ScanReport(
    targets=("repo",),
    findings=(),
    skipped=(Skipped("blob \x1b[2J", "broken", "run fsck"),),
    errors=(ScanError("denied", hint="allow it"),),
)


def text(report: ScanReport, form: Format) -> str:
    out = io.StringIO()
    write(report, form, out)
    return out.getvalue()


@pytest.mark.parametrize("form", list(Format))
def test_every_format_tells_everything(form: Format) -> None:
    """Rule, place, commit, author, day, fingerprint, preview, confidence, ownership and key are in each."""
    told = text(REPORT, form)
    for fact in ("lwa-client-secret", "LWA client secret", "Ann Example", "2026-01-02", "c" * 10, "medium", "ours"):
        assert fact in told
    assert "a b.py" in told or "a%20b.py" in told
    assert "0123456789ab" in told
    assert "amzn" in told
    assert "declared:orders" in told


@pytest.mark.parametrize("form", list(Format))
def test_no_format_can_be_made_to_act(form: Format) -> None:
    """Escapes, line ends and text that runs backwards come out spelled, in paths and in what was skipped."""
    for report in (REPORT, BROKEN):
        told = text(report, form)
        assert not {char for char in told if not char.isprintable()} - {"\n"}
        assert "\nfile:" not in told


@pytest.mark.parametrize("form", list(Format))
def test_nothing_found_is_a_whole_document(form: Format) -> None:
    """A report without findings is as well-formed as any."""
    told = text(ScanReport(targets=("x",), findings=()), form)
    if form in {Format.JSON, Format.SARIF, Format.GITLEAKS}:
        json.loads(told)
    if form is Format.JUNIT:
        assert ET.fromstring(told).find("testsuite/testcase") is not None  # noqa: S314
    if form is Format.JSONL:
        assert told == ""


def test_text() -> None:
    """The text names what, where, whose and what to do, and ends with a summary."""
    assert text(REPORT, Format.TEXT) == (
        "CRITICAL  LWA client secret: acts as the application\n"
        "  what  lwa-client-secret, kw:0123456789ab, begins amzn…, confidence medium\n"
        "  where src/a b.py:3:7  commit cccccccccc (Ann Example, 2026-01-02, in the history only)\n"
        "        =cmd|x\\x1b[31m\\x0afile: \\u202egol:byte 99\n"
        "  whose ours: declared:orders\n"
        "  do    Rotate it.\n"
        "\n"
        "1 secret in 2 places: 1 critical\n"
        "  where =cmd|x\\x1b[31m\\x0afile: \\u202egol (1)\n"
        "  whose 1 ours: declared:orders\n"
        "  do    rotate ours first; take it out of the files\n"
        "  12.3 MB scanned in 1.2 s\n"
    )
    assert summary(REPORT) == (
        "1 secret in 2 places (1 critical; 1 ours): rotate ours first, then clean up; 12.3 MB scanned in 1.2 s"
    )


def test_a_summary_says_where_most_is_and_what_only_the_history_has() -> None:
    """The files with the most secrets are named; what no file has any more is rotated, and cannot be taken out."""
    here = [replace(COMMITTED, path=f"f{number // 2}", line=number, present=True) for number in range(9)]
    findings = [
        replace(FINDING, places=(place,), ownership=Ownership.FOREIGN, key=None) for place in (*here, COMMITTED)
    ]
    *_, found, where, whose, todo, size = text(replace(REPORT, findings=tuple(findings)), Format.TEXT).splitlines()
    assert found == "10 secrets in 10 places: 10 critical"
    assert where == "  where f0 (2), f1 (2), f2 (2), …, 1 in the history only"
    assert whose == "  whose 10 foreign"
    assert todo.startswith("  do    rotate what is in use; take it out of the files; what was committed stays known")
    assert size == "  12.3 MB scanned in 1.2 s"


class Screen(io.StringIO):
    """A terminal, as far as a report can tell."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_is_not_flooded(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal the worst are shown, and how to get the rest; a pipe gets them all."""
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    many = replace(REPORT, findings=tuple(FINDING for _ in range(MOST + 5)))
    screen = Screen()
    write(many, Format.TEXT, screen)
    assert screen.getvalue().count("CRITICAL") == MOST
    assert "\n… and 5 more secrets, less urgent: a file or pipe gets them all\n" in screen.getvalue()
    assert "\x1b" not in screen.getvalue()
    assert text(many, Format.TEXT).count("CRITICAL") == MOST + 5


def test_text_in_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal gets colours, and nothing in a path is taken for one, or for markup."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    told = text(REPORT, Format.TEXT)
    assert "\x1b[1;31mCRITICAL" in told
    assert "x\\x1b[31m\\x0afile" in told
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in text(REPORT, Format.TEXT)


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        pytest.param(
            ScanReport(targets=(), findings=(), bytes=5), "nothing found; 5 bytes scanned in 0.0 s", id="clean"
        ),
        pytest.param(
            BROKEN,
            "nothing found in what could be scanned; 0 bytes scanned in 0.0 s; NOT scanned: 2 items",
            id="not-all-of-it",
        ),
        pytest.param(
            ScanReport(targets=(), findings=(), interrupted=True),
            "nothing found in what could be scanned; 0 bytes scanned in 0.0 s; interrupted",
            id="interrupted",
        ),
    ],
)
def test_a_summary_never_calls_clean_what_was_not_seen(report: ScanReport, expected: str) -> None:
    """Nothing found is clean only where everything was looked at."""
    assert summary(report) == expected


def test_json() -> None:
    """The document says what was scanned, and each place with `null` for what is not known."""
    document = json.loads(text(REPORT, Format.JSON))
    assert document["summary"]["complete"] is True
    first, second = document["findings"][0]["places"]
    assert (first["line"], first["column"], first["date"], first["present"]) == (3, 7, "2026-01-02T03:04:05Z", False)
    assert (second["line"], second["column"], second["offset"], second["commit"]) == (None, None, 99, None)
    broken = json.loads(text(BROKEN, Format.JSON))["summary"]
    assert (broken["complete"], broken["errors"]) == (False, [{"message": "denied", "hint": "allow it"}])


def test_jsonl() -> None:
    """One finding a line, each what the document has of it."""
    (line,) = text(REPORT, Format.JSONL).splitlines()
    assert json.loads(line) == json.loads(text(REPORT, Format.JSON))["findings"][0]


def test_places_that_are_counted_only() -> None:
    """JSON lines end with a line for them; the other formats tell them beside the finding."""
    report = replace(REPORT, findings=(replace(FINDING, further=7),))
    out = io.StringIO()
    Lines(out).finish(report)
    last = json.loads(out.getvalue())
    assert (last["id"], last["places"], last["further_places"]) == (FINDING.id, [], 7)
    assert "and 7 more places" in text(report, Format.TEXT)
    assert json.loads(text(report, Format.JSON))["summary"]["places"] == 9
    Lines(out).finish(REPORT)
    assert len(out.getvalue().splitlines()) == 1


def test_csv() -> None:
    """One row a place; a name that looks like a formula is none."""
    rows = list(csv.DictReader(io.StringIO(text(REPORT, Format.CSV))))
    assert [row["path"][:6] for row in rows] == ["src/a ", "'=cmd|"]
    assert [row["author"] for row in rows] == ["Ann Example", ""]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_cell_is_no_formula(start: str) -> None:
    """Whatever a spreadsheet would calculate is shown instead."""
    assert cell(f"{start}1+1").startswith("'")


def test_gitleaks() -> None:
    """An entry a place, in gitleaks' fields, the secret redacted."""
    first, second = json.loads(text(REPORT, Format.GITLEAKS))
    assert (first["RuleID"], first["File"], first["StartLine"]) == ("lwa-client-secret", "src/a b.py", 3)
    assert (first["Secret"], first["Match"], first["Email"]) == ("REDACTED", "REDACTED", "")
    assert first["Fingerprint"] == f"{'c' * 40}:src/a b.py:lwa-client-secret:3"
    assert (first["StartColumn"], first["EndColumn"], first["Date"]) == (7, 19, "2026-01-02T03:04:05Z")
    assert second["Commit"] == ""
    assert text(replace(REPORT, findings=()), Format.GITLEAKS) == "[]\n"


def test_gitleaks_fields() -> None:
    """Every field that gitleaks' own report has is there, in its order, so that what reads that report reads ours."""
    (entry, _) = json.loads(text(REPORT, Format.GITLEAKS))
    assert " ".join(entry) == (
        "RuleID Description StartLine EndLine StartColumn EndColumn Match Secret File SymlinkFile Commit Entropy "
        "Author Email Date Message Tags Fingerprint Keywatch"
    )


def test_junit() -> None:
    """A finding is a failed test; what could not be scanned is an error, never a test that passed."""
    suite = ET.fromstring(text(REPORT, Format.JUNIT)).find("testsuite")  # noqa: S314
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("1", "1", "0")
    broken = ET.fromstring(text(BROKEN, Format.JUNIT)).find("testsuite")  # noqa: S314
    assert broken is not None
    assert (broken.get("tests"), broken.get("failures"), broken.get("errors")) == ("2", "0", "2")


def test_visible() -> None:
    """What prints stays as it is, in any script; what does not is spelled."""
    assert visible("käse 鍵 🔑") == "käse 鍵 🔑"
    assert visible("a\x00\x7f\x9b\u2028\u2066\U000e0001") == "a\\x00\\x7f\\x9b\\u2028\\u2066\\U000e0001"
