"""The inventory as people and programs read it."""

import json
from dataclasses import replace

from keywatch.model.access import KeyReaders
from keywatch.model.key import Keeping, KeyKind, KeyStatus, Location, SourceId, Versions
from keywatch.model.standing import Basis, Level, Standing
from keywatch.report.inventory import Beside, as_json, as_text, most_pressing
from keywatch.store import Sighting
from tests.alerts.builders import DAY, IAM, NOW, key, standing

WIDE = 200


def table(*standings: Standing, colour: bool = False) -> list[str]:
    return as_text(standings, width=WIDE, colour=colour).splitlines()


def test_the_most_pressing_key_is_first() -> None:
    """By days left; what is left over comes after what lives, and what cannot be said last."""
    rows = [
        standing(of=key("unknown"), basis=Basis.UNKNOWN, left=1),
        standing(of=key("leftover"), level=Level.LEFTOVER, left=2),
        standing(of=key("soon"), left=3),
        standing(of=key("undated"), basis=Basis.NEVER, left=None),
        standing(of=key("lapsed"), level=Level.LAPSED, left=-4),
    ]
    assert [row.key.name for row in most_pressing(rows)] == ["lapsed", "soon", "undated", "leftover", "unknown"]
    assert [line.split()[0] for line in table(*rows)[1:]] == ["lapsed", "soon", "undated", "leftover", "unknown"]


def test_a_row_says_what_it_rests_on() -> None:
    """Standing with its basis, last success, days left, day, owner, and who holds it."""
    (row,) = table(standing())[1:]
    for part in (
        "orders (…DERS)",
        "aws-access-key",
        "urgent (proven)",
        "2026-08-29 14:18",
        "4",
        "2026-11-27",
        "aws-iam:prod",
    ):
        assert part in row


def test_what_is_unknown_promises_no_day() -> None:
    """Not before that day is all that can be said, and why is written below."""
    lines = table(standing(basis=Basis.UNKNOWN, reasons=("cloudtrail:prod is blind: denied",)))
    assert "≥ 4" in lines[1]
    assert lines[2].endswith("cloudtrail:prod is blind: denied")


def test_a_key_that_is_switched_off_dies_on_no_day() -> None:
    """It is left over: there is nothing to count down to."""
    off = key("old", kind=KeyKind.MWS_KEY, status=KeyStatus.INACTIVE)
    assert " - " in table(standing(of=off, level=Level.LEFTOVER))[1]


def test_what_a_vault_says_of_a_key_is_in_the_document() -> None:
    """Versions and fields beside the place, and who may read it there; nothing is said of what is not known."""
    place = Location(SourceId("vault-kv2:prod"), "kv/orders/lwa")
    versions = Versions(current=3, kept=1, deleted=1, destroyed=1, oldest_kept_at=NOW - DAY)
    keeping = Keeping(location=place, versions=versions, fields=("client_id", "client_secret"))
    stored = replace(key("stored"), locations=(place,), keeping=(keeping,))
    who = KeyReaders(names=("approle ads", "approle orders"), whole=False)
    text = as_json([standing(of=stored), standing()], beside=Beside(readers={stored.id: who}), now=NOW)
    told, plain = sorted(json.loads(text)["keys"], key=lambda one: one["name"] != "stored")
    assert told["readers"] == {"count": 2, "whole": False, "names": ["approle ads", "approle orders"]}
    assert told["locations"][0]["fields"] == ["client_id", "client_secret"]
    assert told["locations"][0]["versions"] == {
        "current": 3,
        "kept": 1,
        "deleted": 1,
        "destroyed": 1,
        "oldest_kept_at": "2026-11-22T14:18:00Z",
        "gone": None,
    }
    assert (None, {"source", "place"}) == (plain["readers"], set(plain["locations"][0]))


def test_names_cannot_write_to_the_terminal() -> None:
    """Names and reasons come from outside: what would move the cursor or turn text around is spelled out."""
    hostile = replace(key("a\x1b[2Jb\u202ec"), owner="x\ny")
    text = "\n".join(table(standing(of=hostile, reasons=("d\x1b]0;t\x07",)), colour=False))
    assert not {"\x1b", "\u202e", "\x07"} & set(text)
    assert "x\\x0ay" in text


def test_colour_says_nothing_that_words_do_not() -> None:
    """The same words with and without."""
    import re

    coloured = "\n".join(table(standing(), colour=True))
    assert "\x1b[" in coloured
    plain = re.sub(r"\x1b\[[0-9;]*m", "", coloured)
    assert plain.split() == "\n".join(table(standing())).split()


def test_nothing_to_show() -> None:
    """An empty inventory says why it may be empty."""
    assert as_text([], width=WIDE, colour=False).startswith("no keys: ")


def test_json_has_every_date() -> None:
    """For programs: a version, and every field the standing rests on; what is not known is null."""
    document = json.loads(as_json([standing(left=None, clock=None)], now=NOW))
    assert (document["version"], document["at"]) == (1, "2026-11-23T14:18:00Z")
    (record,) = document["keys"]
    assert record["locations"] == [
        {"source": "aws-iam:prod", "place": "arn:aws:iam::111122223333:user/orders0"},
    ]
    assert (record["deletes_on"], record["last_success"], record["days_left"]) == (None, None, None)


def test_what_is_gone_is_told_below() -> None:
    """A key that went away is named with where it was and since when, also where no key is left."""
    last = Sighting(source=IAM, key=key("old"), first_seen=NOW - DAY, last_seen=NOW - DAY, gone_at=NOW)
    alone = as_text([], [last], width=WIDE, colour=False)
    assert alone == "old (…-OLD): gone from aws-iam:prod since 2026-11-23 14:18\n"
    assert as_text([standing()], [last], width=WIDE, colour=False).endswith(alone)
    (record,) = json.loads(as_json([], [last], now=NOW))["gone"]
    assert {"name": "old", "source": "aws-iam:prod", "gone_at": "2026-11-23T14:18:00Z"}.items() <= record.items()
