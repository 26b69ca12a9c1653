"""The daemon's cycle on real input without any cloud: what is found, whose it is, and when it is over."""

from dataclasses import replace

import pytest

from keywatch.demo.text import invented, invented_client_secret, invented_refresh_token
from keywatch.model.call import Coverage
from keywatch.model.finding import FindingState, Ownership
from keywatch.model.key import KeyKind, SourceId
from keywatch.model.standing import Basis
from tests.content.repository import Repository
from tests.service.installation import DAY, Installation

SCAN_FILES = '[[scan]]\nname = "files"\ndirectory = "HERE/files"\n'
SCAN_GIT = '[[scan]]\nname = "repo"\ngit = "HERE/repo"\n'


@pytest.fixture
def leak() -> str:
    """A seller's refresh token, as somebody wrote it into a file."""
    return f"token: {invented_refresh_token().reveal().decode()}\n"


def test_a_leak_is_resolved_when_its_file_is_gone_and_back_when_it_is(here: Installation, leak: str) -> None:
    """Fired once, resolved when the file is removed, and told as being back when it is there again."""
    here.configure(SCAN_FILES)
    file = here.write("files/notes.txt", leak)
    (fired,) = here.news()
    assert fired.startswith("fired: ")
    assert here.news() == []
    file.unlink()
    (resolved,) = here.news()
    assert resolved.startswith("resolved: ")
    assert here.news() == []
    here.write("files/notes.txt", leak)
    (back,) = here.news()
    assert back.startswith("regressed: ")
    (seen,) = here.findings()
    assert (seen.state, seen.places_total) == (FindingState.OPEN, 1)


def test_a_leak_in_a_single_file_is_resolved_when_it_is_taken_out(here: Installation, leak: str) -> None:
    """A source may be one file: what is written into it later counts as much as in a directory."""
    here.configure(SCAN_FILES.replace("HERE/files", "HERE/files/notes.txt"))
    here.write("files/notes.txt", leak)
    assert here.news()[0].startswith("fired: ")
    here.write("files/notes.txt", "nothing to see\n")
    assert here.news()[0].startswith("resolved: ")


def test_a_leak_in_git_is_resolved_only_when_history_is_rewritten(here: Installation, leak: str) -> None:
    """Deleting the file leaves it in the history; only when no ref reaches it is it gone."""
    here.configure(SCAN_GIT)
    repository = Repository(here.directory / "repo")
    clean = repository.commit({"README": "hello\n"})
    repository.commit({"notes.txt": leak})
    assert here.news()[0].startswith("fired: ")
    (repository.path / "notes.txt").unlink()
    repository.commit()
    assert here.news() == []
    repository.git("reset", "-q", "--hard", clean)
    repository.commit({"README": "hello again\n"})
    assert here.news()[0].startswith("resolved: ")


def test_one_secret_in_two_sources_is_one_alert(here: Installation, leak: str) -> None:
    """It names both, and is resolved when it is gone from both."""
    here.configure(SCAN_FILES + '[[scan]]\nname = "log"\nlog = "HERE/app.log"\n')
    file = here.write("files/notes.txt", leak)
    here.write("app.log", leak)
    (fired,) = here.news()
    assert "and 1 more target" in fired
    file.unlink()
    (changed,) = here.news()
    assert changed.startswith("changed: ")
    assert "more target" not in changed


def test_a_leak_that_is_taken_out_of_many_files_but_one_is_not_over(here: Installation, leak: str) -> None:
    """More places than are kept in full: as long as one is left, whichever, the leak is open."""
    here.configure(SCAN_FILES)
    files = [here.write(f"files/{number:03d}.txt", f"{number} {leak}") for number in range(130)]
    here.cycle()
    with here.open() as keywatch:
        (kept,) = keywatch._store.findings()
    assert kept.places_total == 130
    names = {place.path for place in kept.finding.places}
    assert len(names) < 130
    for file in files:
        if file.name in names:
            file.unlink()
    assert here.news() == []
    assert here.findings()[0].state is FindingState.OPEN


def test_the_value_of_a_declared_key_is_recognised_where_it_leaks(here: Installation) -> None:
    """A key declared with `secret` is named in the alert, with its owner's channel, and its value nowhere."""
    secret = invented_client_secret().reveal().decode()
    here.write("client-secret", secret + "\n")
    here.write("files/settings.py", f'CLIENT_SECRET = "{secret}"\n')
    here.configure(
        SCAN_FILES + '[[key]]\nname = "orders app"\nkind = "lwa-client-secret"\nsecret = "file:HERE/client-secret"\n'
    )
    told = here.news()
    assert [line for line in told if "Leaked" in line and "orders app" in line]
    (seen,) = here.findings()
    assert secret not in repr(seen)


def test_a_password_of_no_known_shape_is_recognised_as_a_declared_key(here: Installation) -> None:
    """No rule knows its shape but the one for anything that is called a password; the inventory knows whose it is."""
    secret = invented(24)
    here.write("password", secret)
    here.write("files/settings.py", f'db_password = "{secret}"\n')
    here.configure(SCAN_FILES + '[[key]]\nname = "database"\nkind = "other"\nsecret = "file:HERE/password"\n')
    (leak,) = [line for line in here.news() if "Leaked" in line]
    assert "database" in leak


def test_a_leak_is_named_by_an_inventory_that_is_younger(here: Installation) -> None:
    """Declared only after it was found: the open alert is told again, as ours."""
    secret = invented_client_secret().reveal().decode()
    here.write("client-secret", secret)
    here.write("files/settings.py", f'CLIENT_SECRET = "{secret}"\n')
    here.configure(SCAN_FILES)
    assert "orders app" not in here.news()[0]
    here.configure(
        SCAN_FILES + '[[key]]\nname = "orders app"\nkind = "lwa-client-secret"\nsecret = "file:HERE/client-secret"\n'
    )
    (changed,) = [line for line in here.news() if line.startswith("changed")]
    assert "orders app" in changed


def test_whoever_owns_the_key_hears_of_it_else_whoever_owns_the_place(here: Installation, leak: str) -> None:
    """The key's owner comes before the owner in [[scan]]; each has a channel, on the console told by its name."""
    secret = invented_client_secret().reveal().decode()
    here.write("client-secret", secret)
    here.write("files/settings.py", f'CLIENT_SECRET = "{secret}"\n{leak}')
    here.configure(
        SCAN_FILES
        + 'owner = "platform"\n'
        + '[[key]]\nname = "orders app"\nkind = "lwa-client-secret"\nsecret = "file:HERE/client-secret"\n'
        + 'owner = "orders"\n'
    )
    here.cycle()
    with here.open() as keywatch:
        owners = {alert.problem.title: alert.problem.owner for alert in keywatch._store.alerts()}
    assert [owner for title, owner in owners.items() if "orders app" in title] == ["orders"]
    assert [owner for title, owner in owners.items() if "orders app" not in title] == ["platform"]


def test_a_source_taken_out_of_the_configuration_is_forgotten(here: Installation, leak: str) -> None:
    """Its findings and its keys are gone, its alerts are over; put back, all is found again at once."""
    here.configure(SCAN_FILES + '[[key]]\nname = "old"\nkind = "mws-key"\n')
    here.write("files/notes.txt", leak)
    assert len(here.news()) == 2
    here.configure('[[scan]]\nname = "other"\ndirectory = "HERE/other"\n')
    here.write("other/README", "nothing")
    assert sorted(line.split(":")[0] for line in here.news()) == ["resolved", "resolved"]
    assert here.findings() == []
    assert here.standings() == {}
    with here.open() as keywatch:
        assert [state.source for state in keywatch._store.sources()] == ["files:other"]
    here.configure(SCAN_FILES)
    assert here.news()[0].startswith("regressed")


def test_a_source_pointed_elsewhere_forgets_where_it_was(here: Installation, leak: str) -> None:
    """A repository that moved is one target, not two, and is read anew."""
    here.configure(SCAN_FILES)
    here.write("files/notes.txt", leak)
    here.cycle()
    (here.directory / "files").rename(here.directory / "moved")
    here.configure(SCAN_FILES.replace("HERE/files", "HERE/moved"))
    here.cycle()
    (seen,) = here.findings()
    assert seen.targets == (f"{here.directory}/moved",)
    assert here.source("files:files").last_started is not None


def test_a_finding_left_to_a_source_that_lost_it_is_over(here: Installation, leak: str) -> None:
    """Seen by two, gone from the one, and the other removed from the configuration: nobody sees it any more."""
    both = SCAN_FILES + '[[scan]]\nname = "more"\ndirectory = "HERE/more"\n'
    here.configure(both)
    file = here.write("files/notes.txt", leak)
    here.write("more/notes.txt", leak)
    here.cycle()
    file.unlink()
    here.cycle()
    here.configure(SCAN_FILES)
    assert here.news()[0].startswith("resolved")


def test_a_known_keys_file_that_cannot_be_written_silences_nothing(here: Installation, leak: str) -> None:
    """What `keywatch scan` reads is a convenience; the alert leaves all the same."""
    here.configure(SCAN_FILES)
    here.write("files/notes.txt", leak)
    (here.directory / "state" / "known-keys.json").mkdir()
    assert here.news()[0].startswith("fired: ")


def test_a_key_whose_age_nobody_tells_ages_from_the_day_it_was_first_seen(here: Installation) -> None:
    """A declared key without a date, proven silent by its application's log: never used since we know of it."""
    here.configure(
        '[[key]]\nname = "orders app"\nkind = "lwa-client-secret"\napplication = "orders"\n'
        '[[request_log]]\nname = "orders"\npath = "HERE/requests.jsonl"\napplication = "other"\n'
        'applications = ["orders", "other"]\n'
    )
    began = here.now
    call = '"status": 200, "host": "sellingpartnerapi-eu.amazon.com", "path": "/", "application": "other"'
    line = f'{{"time": "%s", {call}}}\n'
    here.write("requests.jsonl", line % "2026-11-23T10:00:00Z")
    here.cycle()
    for _ in range(2):
        here.now += 5 * DAY
        with (here.directory / "requests.jsonl").open("a") as log:
            log.write(line % here.now.strftime("%Y-%m-%dT%H:%M:%SZ"))
        here.cycle()
    standing = here.standings()["orders app"]
    assert standing.basis is Basis.NEVER, standing.reasons
    assert standing.clock_start is not None
    assert standing.clock_start - began < DAY
    assert [line for line in here.told if "never used in 10 days" in line]


def test_a_foreign_secret_is_not_taken_for_ours(here: Installation) -> None:
    """A seller's secret key in a ticket belongs to nobody we know, and is told as what it is."""
    here.configure('[[scan]]\nname = "desk"\nlog = "HERE/desk.log"\n')
    here.write("desk.log", f"2026-11-23 from=seller message=here is my Amazon secret key: {invented(40)} thanks\n")
    (told,) = here.news()
    assert "seller's secret key" in told
    assert here.findings()[0].finding.ownership is Ownership.FOREIGN


def test_a_trail_that_was_altered_is_an_alert_until_it_is_history(here: Installation) -> None:
    """Whoever removes log files is told of, once, beside what it does to standings."""
    source = SourceId("cloudtrail:org")
    seen = Coverage(source=source, kinds=frozenset({KeyKind.AWS_ACCESS_KEY}), since=None, until=None)
    with here.open() as keywatch:
        keywatch._store.save_coverage(replace(seen, altered=("s3://trail/x: this log file was altered",)))
    [told] = here.news()
    assert told.startswith("fired: log files of cloudtrail:org were removed or altered")
    assert [] == here.news()
    with here.open() as keywatch:
        keywatch._store.save_coverage(seen)
    assert ["resolved"] == [news.partition(":")[0] for news in here.news()]
