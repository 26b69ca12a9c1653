"""Keys that end by their age, in the daemon: told once a step, and kept while their source is silent."""

from pathlib import Path

from tests.service.installation import DAY, Installation

CONFIG = """
[deadlines]
client_secret_days = 180
[[key]]
name = "orders secret"
kind = "lwa-client-secret"
application = "orders"
created = 2026-07-01
owner = "orders-team"
[[key]]
name = "A2EXAMPLE"
kind = "lwa-refresh-token"
application = "orders"
seller = "A2EXAMPLE"
created = 2026-11-01
"""


def about_the_end(lines: list[str]) -> list[str]:
    return [line.partition(" ->")[0] for line in lines if "expires" in line or "has ended" in line]


def test_each_step_is_told_once_and_a_renewal_ends_it(here: Installation) -> None:
    """From 23 November the secret of 1 July has 35 days; the seller's year has only begun."""
    here.configure(CONFIG)
    assert about_the_end(here.news()) == ["fired: LWA client secret orders secret: expires in 35 days"]
    assert about_the_end(here.news()) == []
    told = []
    for _ in range(40):
        here.now += DAY
        told += about_the_end(here.news())
    assert [line.partition(": ")[0] for line in told] == ["changed"] * 4
    assert told[-1] == "changed: LWA client secret orders secret: it has ended"
    here.configure(CONFIG.replace("2026-07-01", "2026-12-30"))
    assert about_the_end(here.news())[0].startswith("resolved: ")


def test_a_longer_life_is_a_setting(here: Installation, tmp_path: Path) -> None:
    """And so is when to say so."""
    del tmp_path
    longer = CONFIG.replace("client_secret_days = 180", "client_secret_days = 365\nwarn_at_days_left = [9, 8, 7, 6]")
    here.configure(longer)
    assert about_the_end(here.news()) == []
