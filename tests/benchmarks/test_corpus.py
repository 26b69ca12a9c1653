"""The detection corpus is what it says: made anew from its seed, every case labelled, the Amazon family found whole."""

from pathlib import Path

import pytest

from benchmarks.detection.__main__ import table, write
from benchmarks.detection.negatives import negatives
from benchmarks.detection.positives import positives
from benchmarks.detection.tools import tools
from benchmarks.detection.values import Values

WHOLE = {
    "aws pair",
    "lwa client secret",
    "refresh token",
    "refresh token, encoded",
    "access token",
    "mws token",
    "seller's secret in words",
}
"""Families of which nothing may be missed."""


def test_the_same_seed_makes_the_same_corpus() -> None:
    """A figure can be measured again by somebody else."""
    assert list(positives(Values(1), 1)) == list(positives(Values(1), 1))
    assert list(negatives(Values(1), 1)) == list(negatives(Values(1), 1))
    assert list(positives(Values(1), 1)) != list(positives(Values(2), 1))


@pytest.mark.parametrize("seed", [1, 2])
def test_the_amazon_family_is_found_and_nothing_else_is_flagged(tmp_path: Path, seed: int) -> None:
    """Whatever the values: recall 100 % of the families that have a form of their own, and no clean case flagged."""
    (tmp_path / "secrets").mkdir()
    (tmp_path / "clean").mkdir()
    wanted = write(positives(Values(seed), 1), tmp_path / "secrets")
    write(negatives(Values(seed), 1), tmp_path / "clean")
    found = tools()["keywatch"](tmp_path / "secrets")
    assert {family: [file for file in wanted[family] if file not in found] for family in WHOLE} == {
        family: [] for family in WHOLE
    }
    assert tools()["keywatch"](tmp_path / "clean") == set()


def test_the_table_counts_files() -> None:
    """A share is of the family's files, and the last row of all."""
    rows = table("x", {"one": ["a", "b"], "two": ["c"]}, {"tool": {"a", "c"}})
    assert [row.split()[-1] for row in rows[1:]] == ["50.0%", "100.0%", "66.7%"]
