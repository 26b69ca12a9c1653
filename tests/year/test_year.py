"""
A year of a company's keys, each day held against the oracle's word: 2028, with its 29 February.

`make year` does it with thirty times as many keys.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from keywatch.model.alert import ProblemKind, Transition
from keywatch.model.standing import Basis, Level
from tests.year.company import Company, opened
from tests.year.sources import ZONE, local_time

KINDS = (
    ProblemKind.KEY_DYING,
    ProblemKind.KEY_NEVER_USED,
    ProblemKind.KEY_EXPIRING,
    ProblemKind.KEY_LEFTOVER,
    ProblemKind.KEY_OLD,
    ProblemKind.SPARE_KEY,
    ProblemKind.SOURCE_BLIND,
)


@pytest.fixture
def company(tmp_path: Path, rules_cache: Path) -> Iterator[Company]:
    """A company with some keys, on the first of January."""
    with opened(tmp_path, rules_cache, seed=2028, keys=100) as company:
        yield company


def test_every_standing_of_every_day_and_every_alert(company: Company) -> None:
    """
    What is said is what the oracle says, of each key on each day; each transition is told once, where it belongs.

    Sources fail, answer in part, and tell late, twice, out of order and from the future; keys come and go, are rotated,
    moved and made anew; the process is started anew, Slack is down, the clock is set back; and the machine is one whose
    local time has summers.
    """
    with local_time(ZONE):
        company.live(366)
        company.deliver_the_rest()

    assert sorted(company.told) == sorted(company.expected)
    # And that was a year in which something happened.
    assert company.judged > 15_000
    assert company.set_back > 0
    bases = {said.split(", ")[0] for said in company.bases}
    levels = {said.split(", ")[1] for said in company.bases}
    assert (bases, levels) == (set(Basis), set(Level))
    happened = {(alert.partition(":")[0], transition) for alert, transition, _ in company.told}
    assert {(kind.value, step.value) for kind in KINDS for step in (Transition.FIRED, Transition.RESOLVED)} <= happened
    assert {route for _, _, route in company.told} == {"#orders", "#billing", "#shipping", "#keys"}
