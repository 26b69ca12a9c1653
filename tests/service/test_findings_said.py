"""`keywatch findings ack|ignore|reopen`: who deals with a leak, and how; and what an auditor sees of that."""

import json
import re

import pytest

from benchmarks.detection.values import Values
from keywatch.cli.main import run
from keywatch.model.finding import FindingState
from tests.service.installation import Installation


@pytest.fixture
def leaked(here: Installation) -> Installation:
    """Two tokens lie in a directory, and the daemon has told of them."""
    values = Values(7)
    here.configure('[[scan]]\nname = "d"\ndirectory = "HERE/d"\n')
    for name in ("a", "b"):
        here.write(f"d/{name}.env", f"REFRESH_TOKEN={values.refresh_token()}\n")
    here.cycle()
    return here


def config(here: Installation) -> str:
    return str(here.directory / "keywatch.toml")


def listed(here: Installation, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The ids that a person sees."""
    capsys.readouterr()
    assert run(["findings", "--config", config(here)]) == 0
    return re.findall(r"kw:[0-9a-f]{12}", capsys.readouterr().out)


def said(here: Installation, capsys: pytest.CaptureFixture[str]) -> list[list[dict[str, str]]]:
    """What the evidence has of each finding's words."""
    capsys.readouterr()
    assert run(["report", "--format", "json", "--period", "3650d", "--config", config(here)]) == 0
    return [found["said"] for found in json.loads(capsys.readouterr().out)["findings"]]


def test_what_is_ignored_is_taken_back_and_not_told_again(
    leaked: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the reason, which stands in the evidence; reopened, it is told as before."""
    first, second = listed(leaked, capsys)
    note = "of the test bench, revoked"
    words = ["findings", "ignore", first, "--by", "Anna Berg", "--note", note, "--config", config(leaked)]
    assert run(words) == 0
    assert f"{first}: " in capsys.readouterr().out
    assert listed(leaked, capsys) == [second]
    (news,) = leaked.news()
    assert news.startswith("resolved: ")
    leaked.write(
        "d/c.env", (leaked.directory / "d" / "a.env").read_text() + (leaked.directory / "d" / "b.env").read_text()
    )
    assert not [told for told in leaked.news() if told.startswith("fired")]
    (word,) = [word for words in said(leaked, capsys) for word in words]
    assert (word["by"], word["state"], word["note"]) == ("Anna Berg", "ignored", note)
    assert run(["findings", "reopen", first[3:9], "--by", "Anna Berg", "--config", config(leaked)]) == 0
    assert sorted(listed(leaked, capsys)) == sorted([first, second])
    (news,) = leaked.news()
    assert news.startswith("regressed: ")


def test_who_dealt_with_a_leak_stands_beside_its_end(leaked: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    """Acknowledged, it is still told; gone from everywhere, it is resolved, and a word that comes late is kept."""
    first, _ = listed(leaked, capsys)
    assert run(["findings", "ack", first, "--by", "ops", "--note", "I rotate it", "--config", config(leaked)]) == 0
    assert first in listed(leaked, capsys)
    assert leaked.news() == []
    for name in ("a", "b"):
        (leaked.directory / "d" / f"{name}.env").unlink()
    leaked.cycle()
    leaked.now = leaked.now.replace(hour=13)
    capsys.readouterr()
    assert run(["findings", "ack", first, "--by", "ops", "--note", "old one revoked", "--config", config(leaked)]) == 0
    assert "it is resolved" in capsys.readouterr().out
    assert {found.state for found in leaked.findings()} == {FindingState.RESOLVED}
    notes = [[word["note"] for word in words] for words in said(leaked, capsys)]
    assert sorted(notes) == [[], ["I rotate it", "old one revoked"]]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["ack"], "at least one"),
        (["list", "kw:000000000000"], "takes no ID"),
        (["ignore", "kw:000000000000"], "needs --note"),
        (["ack", "kw:0000"], "is no finding; nothing was noted"),
        (["ack", "kw:000000000000"], "is no finding"),
        (["ack", "FIRST", "kw:000000000000"], "nothing was noted"),
        (["ack", "FIRST", "--by", "a\nb"], "one line"),
    ],
)
def test_what_cannot_be_meant_is_said_and_changes_nothing(
    leaked: Installation, words: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is noted of any finding where one of those named is none."""
    first = listed(leaked, capsys)[0]
    given = [first if word == "FIRST" else word for word in words]
    assert run(["findings", *given, "--config", config(leaked)]) == 2
    assert why in capsys.readouterr().err
    assert not any(said(leaked, capsys))
