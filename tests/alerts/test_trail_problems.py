"""Log files that somebody removed or changed are an alert of their own."""

from keywatch.alerts.trail_problems import trail_problems
from keywatch.model.alert import Problem
from keywatch.model.call import Coverage
from keywatch.model.finding import Severity
from keywatch.model.key import KeyKind, SourceId


def problem(*altered: str) -> Problem:
    [found] = trail_problems([seen("athena:org"), seen("cloudtrail:org", *altered)])
    return found


def seen(source: str, *altered: str) -> Coverage:
    kinds = frozenset({KeyKind.AWS_ACCESS_KEY})
    return Coverage(source=SourceId(source), kinds=kinds, altered=altered, since=None, until=None)


def test_an_altered_trail_is_told_with_its_evidence() -> None:
    """Which source, the newest places first, and how many more there are."""
    found = problem(*(f"s3://trail/{number}: this log file was altered" for number in range(5)))
    assert (Severity.HIGH, "trail-altered:cloudtrail:org") == (found.severity, found.id)
    evidence = dict(found.facts)["Evidence"]
    assert evidence.startswith("s3://trail/4: this log file was altered; s3://trail/3")
    assert evidence.endswith("s3://trail/2: this log file was altered; and 2 more before")
    assert "life cycle" in found.next_step


def test_it_is_told_again_when_it_doubles() -> None:
    """One more place is no news; twice as many are."""
    stages = [problem(*map(str, range(number))).stage for number in (1, 2, 3, 4, 7, 8)]
    assert ["altered 1", "altered 2", "altered 2", "altered 3", "altered 3", "altered 4"] == stages
