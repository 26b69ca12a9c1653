"""Findings put together: one a value, in bounded memory, and what of them is news."""

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from keywatch.model.finding import Confidence, Finding, Ownership, Place, RuleInfo, Severity
from keywatch.model.key import Handle, HandleSpace, KeyId
from keywatch.model.secret import Fingerprint, Redacted
from keywatch.report.formats import Format
from keywatch.scan.findings import HELD, MOST_PLACES, FindingSet
from keywatch.scan.spill import Spill

RULES = [
    RuleInfo(id=f"rule-{number}", description="d", category="c", severity=severity)
    for number, severity in enumerate((Severity.LOW, Severity.CRITICAL, Severity.HIGH))
]


def finding(value: int, line: int = 1, **changes: object) -> Finding:
    """Return a finding of one value in one line."""
    base = Finding(
        rule=RULES[value % 3],
        redacted=Redacted(Fingerprint(hashlib.sha256(b"%d" % value).hexdigest()), "abcd…"),
        confidence=Confidence.LOW,
        places=(Place(target="t", path=f"käse-{value % 7}\udcff", line=line, column=1),),
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def test_what_is_news() -> None:
    """A new value is, and new places of a known one are, alone; what is known already is not told again."""
    found = FindingSet()
    assert found.add([finding(1, 1), finding(2, 1)]) == [finding(1, 1), finding(2, 1)]
    assert found.add([finding(1, 1)]) == []
    (again,) = found.add([finding(1, 1), finding(1, 2)])
    assert [place.line for place in again.places] == [2]


def test_places_are_bounded() -> None:
    """A secret in every line of a log does not fill the memory: beyond a bound, places are counted only."""
    found = FindingSet()
    told = [
        place for line in range(1, MOST_PLACES + 11) for item in found.add([finding(1, line)]) for place in item.places
    ]
    (one,) = found.all()
    assert (len(one.places), one.further, len(told)) == (MOST_PLACES, 10, MOST_PLACES)


def sightings() -> list[Finding]:
    """Values that come once and often, with all that a finding may have, in no order."""
    key, handle = KeyId("declared:orders"), Handle(HandleSpace.LWA_CLIENT_ID, "x")
    some = [finding(value * 17 % 101, line, further=value % 2) for value in range(300) for line in (value % 5, 9)]
    when = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)
    place = Place(
        target="t", path="p", line=3, column=4, end_line=5, end_column=6, offset=7,
        blob="b" * 40, commit="c" * 40, author="J\ufffdrg", committed_at=when, present=False,
    )  # fmt: skip
    ours = finding(7, places=(place,), ownership=Ownership.OURS, key=key, handles=(handle,), specificity=90)
    other = finding(8, rule=RULES[0], specificity=99, confidence=Confidence.HIGH, other_rules=("x",))
    return [*some, ours, other]


def test_what_lies_on_disk_is_what_would_lie_in_memory() -> None:
    """However little is held in memory, the same findings come out, whole, and the most urgent ones first."""
    memory, disk = FindingSet(), FindingSet(held=10)
    for number in range(0, len(sightings()), 7):
        memory.add(sightings()[number : number + 7])
        disk.add(sightings()[number : number + 7])
    expected, seen = list(memory.all()), list(disk.all())
    assert len(disk.all()) == len(expected) == len(seen)
    assert {one.id: one for one in seen} == {one.id: one for one in expected}
    assert [one.rule.severity for one in seen] == [one.rule.severity for one in expected]
    assert list(disk.all()) == seen


def test_places_on_disk_are_bounded() -> None:
    """Beyond a bound each finding keeps its first place, so that none is lost, and the rest is counted."""
    spill = Spill(most=5)
    for line in range(4):
        spill.take([finding(value, line) for value in range(4)])
    found = list(spill)
    assert len(found) == 4
    assert sum(len(one.places) for one in found) == 5
    assert all(len(one.places) + one.further == 4 for one in found)
    one = Spill()
    for start in range(0, 3 * MOST_PLACES, MOST_PLACES // 2):
        lines = tuple(Place(target="t", path="p", line=start + line, column=1) for line in range(MOST_PLACES // 2))
        one.take([finding(1, places=lines)])
    (told,) = one
    assert (len(told.places), told.further) == (MOST_PLACES, 2 * MOST_PLACES)


MANY = """
import resource, sys
from itertools import islice
from keywatch.model.finding import Confidence, Finding, Place, RuleInfo
from keywatch.model.secret import Fingerprint, Redacted
from keywatch.report.scan_report import ScanReport
from keywatch.report.formats import Format, write
from keywatch.scan.findings import FindingSet

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

rule = RuleInfo(id="r", description="d", category="c")
def findings(count):
    for number in range(count):
        place = Place(target="t", path=f"f{number}", line=1, column=1)
        redacted = Redacted(Fingerprint(f"{number:064x}"[::-1]))
        yield Finding(rule=rule, redacted=redacted, confidence=Confidence.LOW, places=(place,))

before = peak()
found, given = FindingSet(int(sys.argv[2])), findings(int(sys.argv[1]))
while some := list(islice(given, 5000)):
    found.add(some)
report = ScanReport(targets=("t",), findings=found.all())
for form in sys.argv[3:]:
    with open("/dev/null", "w") as out:
        write(report, Format(form), out)
print(report.tally.findings, peak() - before)
"""


@pytest.mark.parametrize(
    ("count", "held", "forms", "most"),
    [
        pytest.param(1_000_000, HELD, [], 120, id="a-million-put-together"),
        pytest.param(50_000, 2000, list(Format), 60, id="every-format"),
    ],
)
def test_findings_without_end_in_bounded_memory(count: int, held: int, forms: list[Format], most: int) -> None:
    """A hostile file full of invented secrets costs time and room in the temporary directory, never memory (in MB)."""
    command = [sys.executable, "-c", MANY, str(count), str(held), *(form.value for form in forms)]
    told, grown = map(int, subprocess.run(command, capture_output=True, check=True).stdout.split())
    assert told == count
    assert grown < most


OPEN = """
import os, sys
from tests.scan.test_findings import finding, FindingSet
found = FindingSet(held=1)
for start in range(0, 80_000, 1000):
    found.add(finding(value) for value in range(start, start + 1000))
for name in os.listdir("/proc/self/fd"):
    if os.path.exists(f"/proc/self/fd/{name}") or os.path.islink(f"/proc/self/fd/{name}"):
        print(os.readlink(f"/proc/self/fd/{name}"))
print("held:", os.listdir(os.environ["TMPDIR"]))
"""


def test_nothing_stays_behind(tmp_path: Path) -> None:
    """The temporary file has no name, so nobody else opens it, and a killed scan leaves none."""
    environment = {**os.environ, "TMPDIR": str(tmp_path), "SQLITE_TMPDIR": str(tmp_path)}
    *opened, held = subprocess.check_output([sys.executable, "-c", OPEN], env=environment, text=True).splitlines()
    assert held == "held: []"
    assert [name.endswith("(deleted)") for name in opened if name.startswith(str(tmp_path))] == [True]


FULL = """
import hashlib, resource, sys
from tests.scan.test_findings import finding, FindingSet
from keywatch.model.errors import ScanError
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
found = FindingSet(held=100)
try:
    for start in range(0, 200_000, 1000):
        found.add(finding(value) for value in range(start, start + 1000))
except ScanError as error:
    print(error.message, "/", error.hint)
"""


def test_no_room_is_an_error() -> None:
    """Where the temporary directory takes no more, the scan says so, and what to do."""
    done = subprocess.run([sys.executable, "-c", FULL], capture_output=True, check=True, text=True)
    assert done.stdout.startswith("too many findings for the temporary directory: ")
    assert "TMPDIR" in done.stdout
