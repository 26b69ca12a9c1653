"""A database of an earlier release is brought up to date with everything that was in it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, insert

from keywatch.model.alert import AlertState, DeliveryState, ProblemKind
from keywatch.model.call import Call, Coverage, Outcome
from keywatch.model.finding import Finding, FindingState, RuleInfo, Severity
from keywatch.model.key import Handle, HandleSpace, SourceId
from keywatch.model.source import CallBatch
from keywatch.model.usage import Origin, Spell, Usage
from keywatch.store import Store, schema
from keywatch.store.codec import dump
from keywatch.store.database import FILE
from keywatch.store.migrate import _SCRIPTS
from tests.alerts.builders import DAY, NOW, finding, fingerprint, place

GIT, LOG = SourceId("git:orders"), SourceId("log:orders")


@contextmanager
def at_revision(directory: Path, revision: str) -> Iterator[Connection]:
    """Make the database as it was at a revision, to be filled."""
    engine = create_engine(f"sqlite:///{directory / FILE}")
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(_SCRIPTS))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        yield connection
    engine.dispose()


def seen_by(rule: str, severity: Severity, value: str = "one", category: str = "generic") -> Finding:
    """Return a finding of `rule`."""
    info = RuleInfo(id=rule, description=f"what {rule} finds", category=category, severity=severity)
    return replace(finding(), rule=info, redacted=replace(finding().redacted, fingerprint=fingerprint(value)))


def save_as_before(connection: Connection, found: Finding, state: FindingState, days: int) -> str:
    """Save a finding as the release before did; return its id of then."""
    name = f"{found.rule.id}:{found.redacted.fingerprint.digest[:16]}"
    record = json.loads(dump(replace(found, places=())))
    for later in ("specificity", "other_rules"):
        del record[later]
    row: dict[str, object] = {"id": name, "record": json.dumps(record), "state": state.value, "resolved_at": None}
    row |= {"first_seen": NOW + days * DAY, "last_seen": NOW + (days + 1) * DAY}
    if state is FindingState.RESOLVED:
        row["resolved_at"] = NOW + (days + 1) * DAY
    connection.execute(insert(schema.finding).values(row))
    return name


def save_place(connection: Connection, name: str, source: SourceId, digest: str, *, gone: bool = False) -> None:
    """Save one place of a finding, as before."""
    spot = place(digest, line=1)
    row: dict[str, object] = {
        "finding": name,
        "source": source,
        "digest": digest,
        "target": spot.target,
        "record": dump(spot),
    }
    row |= {"last_seen": NOW, "gone_at": NOW if gone else None}
    connection.execute(insert(schema.place).values(row))


def save_alert(connection: Connection, name: str, state: AlertState, revision: int) -> None:
    """Save an alert about a finding, and the message that told it, as before."""
    problem = {"id": name, "kind": "secret-leaked", "severity": "high", "title": "t", "facts": [], "next_step": "n"}
    row: dict[str, object] = {
        "id": name,
        "problem": json.dumps(problem),
        "state": state.value,
        "opened_at": NOW,
        "changed_at": NOW,
    }
    row |= {"resolved_at": NOW if state is AlertState.RESOLVED else None, "revision": revision}
    connection.execute(insert(schema.alert).values(row))
    at = "2026-11-23T14:18:00Z"
    written = [{"problem": problem, "state": "firing", "opened_at": at, "changed_at": at}]
    message: dict[str, object] = {
        "id": f"d {name}",
        "channel": "#keys",
        "transition": "fired",
        "alerts": json.dumps(written),
    }
    message |= {"urgency": 2, "queued_at": NOW, "state": "sent", "reference": f"C/{revision}", "settled_at": NOW}
    connection.execute(insert(schema.delivery).values(message))
    connection.execute(insert(schema.delivery_alert).values(delivery=f"d {name}", alert=name))


def test_findings_of_one_value_become_one(tmp_path: Path) -> None:
    """The worst rule has the say, the others are named; places add up, and the life is the most open of all."""
    mild, bad = seen_by("generic", Severity.MEDIUM), seen_by("aws-secret", Severity.CRITICAL)
    with at_revision(tmp_path, "0001") as connection:
        one = save_as_before(connection, mild, FindingState.OPEN, days=0)
        two = save_as_before(connection, bad, FindingState.RESOLVED, days=5)
        save_place(connection, one, GIT, "both")
        save_place(connection, one, LOG, "log")
        save_place(connection, two, GIT, "both", gone=True)
        save_place(connection, two, GIT, "other", gone=True)
        save_as_before(connection, seen_by("generic", Severity.MEDIUM, "another"), FindingState.IGNORED, days=1)
    with Store.open(tmp_path) as store:
        kept, other = store.findings()
        assert (kept.finding.id, kept.finding.rule.id) == (mild.id, "aws-secret")
        assert kept.finding.other_rules == ("generic",)
        assert (kept.state, kept.resolved_at) == (FindingState.OPEN, None)
        assert (kept.first_seen, kept.last_seen) == (NOW, NOW + 6 * DAY)
        assert (kept.sources, kept.targets, kept.places_total) == ((GIT, LOG), ("both", "log"), 2)
        assert (other.finding.rule.id, other.state) == ("generic", FindingState.IGNORED)
        # What is seen again is the same finding.
        store.save_findings(GIT, [bad], None, NOW + 9 * DAY)
        assert [kept.finding.id, other.finding.id] == [seen.finding.id for seen in store.findings()]


def test_what_was_a_sellers_stays_a_sellers(tmp_path: Path) -> None:
    """A worse rule does not make a leak of ours of what the policy forbids us to have."""
    with at_revision(tmp_path, "0001") as connection:
        save_as_before(connection, seen_by("seller-key", Severity.HIGH, category="seller"), FindingState.OPEN, 0)
        save_as_before(connection, seen_by("aws-secret", Severity.CRITICAL), FindingState.OPEN, 0)
    with Store.open(tmp_path) as store:
        assert ["seller-key"] == [seen.finding.rule.id for seen in store.findings()]


@pytest.mark.parametrize("other", [AlertState.RESOLVED, AlertState.ACKNOWLEDGED, AlertState.FIRING])
def test_alerts_follow_their_findings(tmp_path: Path, other: AlertState) -> None:
    """Nothing is told anew because of an update: the alert that fires goes on under its new name, with its messages."""
    mild, bad = seen_by("generic", Severity.MEDIUM), seen_by("aws-secret", Severity.CRITICAL)
    with at_revision(tmp_path, "0001") as connection:
        for found, state, revision in ((mild, AlertState.FIRING, 3), (bad, other, 7)):
            name = save_as_before(connection, found, FindingState.OPEN, 0)
            save_alert(connection, f"secret-leaked:{name}", state, revision)
        save_alert(connection, "key-dying:aws-access-key-id:X", AlertState.FIRING, 1)
    with Store.open(tmp_path) as store:
        leak, dying = sorted(store.alerts(), key=lambda alert: alert.id, reverse=True)
        assert leak.id == f"{ProblemKind.SECRET_LEAKED.value}:{mild.id}"
        assert (leak.state, leak.resolved_at, leak.revision) == (AlertState.FIRING, None, 7)
        assert dying.id == "key-dying:aws-access-key-id:X"
        told = [alert.id for message in store.deliveries(DeliveryState.SENT) for alert in message.alerts]
        assert told == [leak.id, leak.id, dying.id]
        assert store.told_alone() == {leak.id, dying.id}
        assert store.reference_of(leak.id, "#keys") == "C/7"


def test_what_is_known_of_calls_stays(tmp_path: Path) -> None:
    """Evidence, cursor and coverage of the release before are there, and uses are counted from now on."""
    source, handle = SourceId("cloudtrail:org"), Handle(HandleSpace.AWS_ACCESS_KEY_ID, "ID-ORDERS")
    before = Call(handle=handle, at=NOW - DAY, outcome=Outcome.SUCCESS, source=source)
    coverage = Coverage(source=source, kinds=frozenset(), since=NOW - 90 * DAY, until=NOW)
    with at_revision(tmp_path, "0002") as connection:
        row: dict[str, object] = {"handle": str(handle), "source": source, "outcome": "success", "at": before.at}
        connection.execute(insert(schema.call).values(row | {"record": dump(before)}))
        connection.execute(insert(schema.coverage).values(source=source, record=dump(coverage)))
        connection.execute(insert(schema.cursor).values(source=source, record='{"newest":"x"}'))
    with Store.open(tmp_path) as store:
        assert ([before], [coverage], {"newest": "x"}) == (store.evidence(), store.coverages(), store.cursor(source))
        assert [] == store.uses()
        use = Usage(handle=handle, source=source, origin=Origin("203.0.113.0/24"), spell=Spell.of(494_000))
        store.save_calls(source, CallBatch(evidence=(), uses=(use,), cursor={}, coverage=coverage), NOW)
        assert ([before], [use]) == (store.evidence(), store.uses())
