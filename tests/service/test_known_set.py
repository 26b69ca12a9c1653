"""The values of our keys reach the daemon's scans: a new one makes content be read again, and is told once, by name."""

from pathlib import Path

import pytest

from keywatch.demo.text import invented
from keywatch.detect.known_rules import KNOWN_SECRET
from keywatch.model.finding import FindingState, Ownership
from keywatch.model.secret import Secret
from keywatch.scan.known_file import KNOWN
from tests.content.repository import Repository
from tests.service.installation import Installation

SCAN_FILES = '[[scan]]\nname = "files"\ndirectory = "HERE/files"\n'
SCAN_GIT = '[[scan]]\nname = "repo"\ngit = "HERE/repo"\n'
KEY = '[[key]]\nname = "{name}"\nkind = "other"\nowner = "orders-team"\nsecret = "file:HERE/{name}.key"\n'


@pytest.fixture
def value() -> str:
    """A value of which no rule knows the shape, and in a place where none looks for one."""
    return invented(32)


def declare(here: Installation, scan: str, **values: str) -> None:
    """Declare keys by name and value, the values in files beside the configuration."""
    for name, text in values.items():
        here.write(f"{name}.key", text + "\n")
    here.configure(scan + "".join(KEY.replace("{name}", name) for name in values))


@pytest.mark.parametrize("scan", [SCAN_FILES, SCAN_GIT])
def test_a_new_key_makes_what_was_read_be_read_again(here: Installation, value: str, scan: str) -> None:
    """Nothing has changed in the files, but what is looked for in them has."""
    text = {"notes.txt": f"It is {value}, do not tell.\n"}
    if scan == SCAN_GIT:
        Repository(here.directory / "repo").commit(text)
    else:
        here.write("files/notes.txt", text["notes.txt"])
    declare(here, scan, first=invented(40))
    assert here.news() == []
    declare(here, scan, first=invented(41), orders=value)
    (told,) = here.news()
    assert told.startswith("fired: Leaked: key orders")
    (seen,) = here.findings()
    assert (seen.finding.rule.id, seen.places_total) == (KNOWN_SECRET, 1)
    assert here.news() == []


def test_a_key_that_goes_makes_nothing_be_read_again(here: Installation, value: str) -> None:
    """Looking for less finds nothing new: the hash of what is looked for stays; a key that comes changes it."""
    here.write("files/notes.txt", "nothing\n")
    hashes = []
    for keys in ({}, {"orders": value}, {"orders": value, "more": invented(40)}, {"orders": value}, {"orders": value}):
        declare(here, SCAN_FILES, **keys)
        here.cycle()
        with here.open() as keywatch:
            (source,) = [source for source in keywatch.sources if source.id == "files:files"]
            hashes.append(keywatch._store.cursor(source.id)["ruleset"])
    assert len(set(hashes)) == 3
    assert hashes[2] == hashes[3] == hashes[4]


def test_a_finding_of_a_rule_becomes_the_known_one(here: Installation, value: str) -> None:
    """What a rule had found by its looks is the same finding, now told with its name: no second alert of one secret."""
    here.write("files/settings.py", f'api_key = "{value}"\n')
    declare(here, SCAN_FILES)
    (fired,) = here.news()
    assert "Leaked: " in fired
    (before,) = here.findings()
    declare(here, SCAN_FILES, orders=value)
    (changed,) = here.news()
    assert changed.startswith("changed: Leaked: key orders")
    (seen,) = here.findings()
    assert seen.finding.id == before.finding.id
    assert (seen.finding.rule.id, seen.finding.other_rules) == (KNOWN_SECRET, (before.finding.rule.id,))
    assert seen.state is FindingState.OPEN


def test_a_followed_log_is_watched_for_what_is_known_by_then(here: Installation, value: str) -> None:
    """What was written before is not read again; what is written from then on is found."""
    log = here.write("app.log", "start\n")
    declare(here, '[[scan]]\nname = "log"\nlog = "HERE/app.log"\n', orders=value)
    assert here.news() == []
    log.write_text(log.read_text() + f"x={value}\n")
    (told,) = here.news()
    assert told.startswith("fired: Leaked: key orders")


def test_nothing_of_a_value_is_kept(here: Installation, value: str) -> None:
    """Neither in the database nor in what is left for `keywatch scan` are five letters of it in a row."""
    here.write("files/notes.txt", f"It is {value}.\n")
    declare(here, SCAN_FILES, orders=value)
    here.cycle()
    (seen,) = here.findings()
    assert seen.finding.ownership is Ownership.UNKNOWN  # it is said when judging, not when scanning
    state = {path: path.read_bytes() for path in Path(here.directory / "state").rglob("*") if path.is_file()}
    assert {KNOWN, "keywatch.db"} <= {path.name for path in state}
    shown = Secret(value.encode()).preview()[:-1]
    pieces = {value[at : at + 5].encode() for at in range(len(value) - 4)} - {value[:5].encode()}
    assert len(shown) <= 4
    spilled = [path.name for path, data in state.items() for piece in pieces if piece in data]
    assert spilled == []
