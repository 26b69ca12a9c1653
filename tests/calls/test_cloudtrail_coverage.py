"""What a trail's files cover, by what the trail records."""

from datetime import UTC, datetime, timedelta

from keywatch.collect.calls.cloudtrail_bucket import Shelf, TrailFile
from keywatch.collect.calls.cloudtrail_coverage import covered
from keywatch.collect.calls.cloudtrail_digest import Link
from keywatch.collect.calls.cloudtrail_place import TrailPlace
from keywatch.collect.calls.cloudtrail_trail import ASSUMED, TrailFacts
from keywatch.model.call import Coverage
from keywatch.model.key import SourceId
from keywatch.model.source import Skipped

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)
ACCOUNT, OTHER = "111122223333", "444455556666"


def place(*accounts: str) -> TrailPlace:
    """Files of a hundred days, in each of `accounts`."""
    made = TrailPlace({})
    for account in accounts:
        for days in (100, 50, 0):
            shelf = Shelf(account, "us-east-1", f"AWSLogs/{account}/CloudTrail/us-east-1/")
            made.mark(TrailFile(shelf, f"{shelf.prefix}{days}", NOW - days * DAY, f"{account}-{days}"))
    return made


def cover(
    made: TrailPlace, facts: TrailFacts = ASSUMED, *, regions: frozenset[str] = frozenset(), proven: bool = False
) -> tuple[Coverage, list[Skipped]]:
    source = SourceId("cloudtrail:org")
    return covered(source, made, facts, NOW, earliest=NOW - 120 * DAY, now=NOW, regions=regions, proven=proven)


def test_a_trail_of_everything_covers_its_files() -> None:
    """All accounts, from the first file on; never calls for data."""
    found, left_out = cover(place(ACCOUNT, OTHER))
    assert (frozenset({ACCOUNT, OTHER}), NOW - 100 * DAY, NOW) == (found.accounts, found.since, found.until)
    assert ((), True, []) == (found.unseen, found.data_unseen, left_out)


def test_before_the_trail_was_started_nothing_is_covered() -> None:
    """Files from before the last start are another trail's, or from before a stop; a blink does not count."""
    assert cover(place(ACCOUNT), TrailFacts(started=NOW - 30 * DAY))[0].since == NOW - 30 * DAY
    blink = NOW - 100 * DAY + timedelta(minutes=10)
    assert cover(place(ACCOUNT), TrailFacts(started=blink))[0].since == NOW - 100 * DAY


def test_after_it_was_stopped_nothing_is_covered() -> None:
    """The end of what is covered is the stop, whatever was read later."""
    assert cover(place(ACCOUNT), TrailFacts(stopped=NOW - 3 * DAY))[0].until == NOW - 3 * DAY


def test_an_account_whose_trail_we_do_not_know_is_left_out_and_told() -> None:
    """A trail of one account does not speak for the others whose files lie beside its own."""
    found, [skipped] = cover(place(ACCOUNT, OTHER), TrailFacts(account=ACCOUNT))
    assert {ACCOUNT} == found.accounts
    assert f"account {OTHER}" == skipped.what
    nothing, _ = cover(place(OTHER), TrailFacts(account=ACCOUNT))
    assert (frozenset(), None) == (nothing.accounts, nothing.since)


def test_regions_that_are_not_read_are_not_seen() -> None:
    """Who leaves out regions is told so in every standing that rests on silence."""
    found, _ = cover(place(ACCOUNT), regions=frozenset({"us-east-1", "eu-west-1"}))
    assert found.unseen == ("only eu-west-1, us-east-1 is read: calls in other regions would not be seen",)


def test_only_what_digests_prove_is_covered_where_they_are_verified() -> None:
    """The end is that of the shortest chain; an account without a chain is left out and told."""
    made = place(ACCOUNT, OTHER)
    for number, hours in enumerate((2, 5)):
        made.chains[str(number)] = Link(ACCOUNT, "AWSLogs/x", NOW - timedelta(hours=hours), "", "")
    found, [skipped] = cover(made, proven=True)
    assert (frozenset({ACCOUNT}), NOW - timedelta(hours=5)) == (found.accounts, found.until)
    assert f"account {OTHER}" == skipped.what
    assert cover(place(ACCOUNT), proven=True)[0].until is None
