"""`keywatch policy` as a person types it."""

import json
import re
from pathlib import Path

import pytest

from keywatch.cli.main import run
from keywatch.policy import packaged


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "keywatch.toml"
    path.write_text(f'state_dir = "{tmp_path}/state"\n[[key]]\nname = "x"\nkind = "other"\n')
    return str(path)


def listed(config: str, capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, object]]:
    assert run(["policy", "--json", "--config", config]) == 0
    return {row["id"]: row for row in json.loads(capsys.readouterr().out)["obligations"]}


def test_everything_is_listed_worst_first(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With why, and a line that counts."""
    assert run(["policy", "--config", config]) == 0
    out = capsys.readouterr().out
    states = re.findall(r"\b(?:aup|dpp)\s+(\w+)", out)
    assert len(states) == len(packaged().obligations)
    assert states == sorted(states, key=["broken", "unknown", "due", "kept"].index)
    assert "nothing is configured that would see it" in out
    assert re.search(r"\d+ unknown, \d+ due\n$", out)


def test_a_word_is_kept_with_its_name_and_note(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    """And holds; several are given at once."""
    words = ["policy", "attest", "need-to-know", "laws", "--by", "Anna Berg", "--note", "review Q4", "--config", config]
    assert run(words) == 0
    assert "confirmed by Anna Berg" in capsys.readouterr().out
    rows = listed(config, capsys)
    assert {rows[name]["state"] for name in ("need-to-know", "laws")} == {"kept"}
    assert (rows["laws"]["attested_by"], rows["laws"]["note"]) == ("Anna Berg", "review Q4")
    assert run(["policy", "show", "laws", "--config", config]) == 0
    assert "Last word: Anna Berg" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["attest"], "at least one"),
        (["list", "laws"], "takes no NAME"),
        (["attest", "law"], "did you mean laws?"),
        (["attest", "ninety-days"], "is nothing that a person confirms"),
        (["show", "xyzzy"], "is no obligation"),
        (["attest", "laws", "--by", "a\nb"], "one line"),
        (["attest", "laws", "nothing"], "is nothing that a person confirms"),
        (["forget"], "invalid choice"),
    ],
)
def test_what_cannot_be_followed_is_a_sentence_and_keeps_nothing(
    config: str, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    """Status 2, and no word is half given."""
    assert run(["policy", *words, "--config", config]) == 2
    assert said in capsys.readouterr().err
    assert {row["attested_by"] for row in listed(config, capsys).values()} == {None}
