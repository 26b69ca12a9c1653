"""What the daemon makes of Amazon's policies: reminders, and no claim without having looked."""

from keywatch.cli.main import run
from keywatch.model.secret import Pepper
from keywatch.policy import State, packaged
from keywatch.service.obligations import stands
from keywatch.service.plan import plan
from keywatch.settings.load import load
from keywatch.store import Store
from tests.guard.test_inspection import KEY
from tests.service.installation import DAY, Installation


def test_somebody_is_reminded_and_not_for_longer_than_needed(here: Installation) -> None:
    """Many at once are one message; one that is confirmed is told to be over."""
    here.configure('[policy]\nowner = "compliance"\n[[key]]\nname = "x"\nkind = "other"\n')
    first = [line for line in here.news() if "To be confirmed" in line]
    assert len(first) == len([item for item in packaged().obligations if item.confirmed_every])
    assert here.news() == []
    assert run(["policy", "attest", "laws", "--by", "Anna", "--config", str(here.directory / "keywatch.toml")]) == 0
    assert [line.split(" ->")[0] for line in here.news()] == ["resolved: To be confirmed: laws"]
    here.now += 400 * DAY
    assert any(line.startswith("regressed: To be confirmed: laws") for line in here.news())


def states(here: Installation) -> dict[str, State]:
    """How each obligation stands."""
    with here.open() as keywatch:
        rows = stands(packaged().obligations, keywatch._store, sources=keywatch.sources, now=here.now)
    return {row.obligation.id: row.state for row in rows}


def test_what_was_never_read_is_not_called_kept(here: Installation) -> None:
    """Before the first cycle nobody has looked; after it somebody has, and what was found breaks what it concerns."""
    here.configure('[[key]]\nname = "x"\nkind = "other"\n[[scan]]\nname = "d"\ndirectory = "HERE/d"\n')
    here.write("d/file", "nothing\n")
    assert states(here)["keys-kept-safe"] is State.UNKNOWN
    here.cycle()
    assert states(here)["keys-kept-safe"] is State.KEPT
    here.write("d/file", f"Hello, here is my secret key: {KEY}\n")
    here.cycle()
    found = states(here)
    assert (found["no-seller-keys"], found["keys-kept-safe"]) == (State.BROKEN, State.KEPT)


def test_quotas_are_watched_only_where_somebody_sees_what_calls_are_answered(here: Installation) -> None:
    """A trail tells of other calls, and a queue of announcements of none."""
    path = here.directory / "keywatch.toml"
    logs = '[[request_log]]\nname = "orders"\npath = "/x"\n'
    others = (
        '[[cloudtrail]]\nname = "x"\nbucket = "trail"\n'
        '[[application_notices]]\nname = "x"\nqueue = "https://sqs.eu-west-1.amazonaws.com/111122223333/notices"\n'
    )
    for text, is_seen in ((others, False), (others + logs, True)):
        path.write_text(text, "utf-8")
        sources = plan(load(path), Pepper(bytes(Pepper.SIZE)), now=lambda: here.now)
        with Store.open(here.directory) as store:
            rows = stands(packaged().obligations, store, sources=sources, now=here.now)
        (why, _) = next(row.reasons for row in rows if row.obligation.id == "throttling")
        assert ("no source of answers to selling-partner calls" in why) == (not is_seen)
