"""The daemon asks AWS about calls: the event history of an account, and a trail through Athena."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from keywatch.model.call import Call
from keywatch.model.standing import Basis
from tests.aws.server import AwsFault, FakeAws
from tests.calls.athena_server import DuckAthena
from tests.calls.history_server import HistoryServer
from tests.calls.trail_records import ACCOUNT, KEYS, OTHER, record
from tests.service.installation import DAY, Installation

KEY = f'[[key]]\nname = "orders"\nkind = "aws-access-key"\naccess_key_id = "{KEYS[0]}"\ncreated = 2026-01-01\n'


@pytest.fixture
def aws() -> Iterator[FakeAws]:
    with FakeAws() as server:
        yield server


def lookup(aws: FakeAws) -> str:
    regions = 'regions = ["us-east-1", "eu-west-1"]'
    return f'[[lookup_events]]\nname = "shop"\naccount = "{ACCOUNT}"\n{regions}\nendpoint_url = "{aws.url}"\n'


def athena(aws: FakeAws) -> str:
    where = f'accounts = ["{ACCOUNT}"]\nregions = ["us-east-1"]\nworkgroup = "keywatch"\nlookback_days = 20\n'
    names = 'name = "org"\ndatabase = "security"\nbucket = "trail"\n'
    return f'[[athena]]\n{names}{where}endpoint_url = "{aws.url}"\n'


def test_the_event_history_proves_a_call(here: Installation, aws: FakeAws) -> None:
    """What the account itself remembers keeps its key alive; a source that fails afterwards makes it unknown."""
    history = HistoryServer(aws)
    history.add(record(here.now - 20 * DAY))
    here.configure(KEY + lookup(aws))
    assert here.cycle()
    standing = here.standings()["orders"]
    assert (Basis.PROVEN, 70) == (standing.basis, standing.days_left)
    aws.fault = lambda asked: AwsFault("AccessDeniedException") if asked.operation == "LookupEvents" else None
    assert not here.cycle()
    standing = here.standings()["orders"]
    assert Basis.UNKNOWN is standing.basis
    assert "lookup-events:shop is blind" in standing.reasons[0]


def test_athena_proves_a_call(here: Installation, aws: FakeAws, tmp_path: Path) -> None:
    """The same of a trail's files, and the next cycle goes on from where the last one ended."""
    duck = DuckAthena(aws, tmp_path)
    duck.states = ["SUCCEEDED"]
    duck.put(here.now - 9 * DAY, record(here.now - 9 * DAY))
    duck.put(here.now, record(here.now - DAY))
    here.configure(KEY + athena(aws))
    assert here.cycle()
    standing = here.standings()["orders"]
    assert (Basis.PROVEN, 89) == (standing.basis, standing.days_left)
    assert here.cycle()
    assert ["2026/11/01", "2026/11/21"] == [sql.partition("day >= '")[2][:10] for sql in duck.queries]


def test_the_event_history_of_every_account(here: Installation, aws: FakeAws) -> None:
    """In an organisation each account is asked by its own role, and one that is denied costs the others nothing."""
    history = HistoryServer(aws)
    history.add(record(here.now - 20 * DAY))
    accounts = [{"Id": name, "State": "ACTIVE"} for name in (ACCOUNT, OTHER)]
    aws.on("organizations", "ListAccounts", lambda _, __: {"Accounts": accounts})
    aws.on(
        "sts", "AssumeRole", lambda _, __: AwsFault("AccessDenied", "not authorized to perform: sts:AssumeRole", 403)
    )
    here.configure(
        f'{KEY}[[lookup_events]]\nname = "shop"\norganisation = true\nmember_role = "keywatch"\n'
        f'regions = ["us-east-1", "eu-west-1"]\nendpoint_url = "{aws.url}"\n'
    )
    assert not here.cycle()
    with here.open() as keywatch:
        [call] = [item for item in keywatch._store.evidence() if isinstance(item, Call)]
        seen = {coverage.source.rpartition("/")[2]: coverage for coverage in keywatch._store.coverages()}
    assert (KEYS[0], here.now - 20 * DAY - timedelta(minutes=1)) == (call.handle.value, call.at)
    assert (frozenset({ACCOUNT}), None) == (seen[ACCOUNT].accounts, seen[ACCOUNT].blind)
    # Only its own keys are in doubt.
    assert (frozenset({OTHER}), True) == (seen[OTHER].accounts, seen[OTHER].blind is not None)
    assert here.source(f"lookup-events:shop/{ACCOUNT}").failing_since is None
    denied = here.source(f"lookup-events:shop/{OTHER}")
    assert denied.failing_since is not None
    assert "AssumeRole" in (denied.error or "")
    [role] = {asked.params["RoleArn"] for asked in aws.asked if asked.operation == "AssumeRole"}
    assert role == f"arn:aws:iam::{OTHER}:role/keywatch"
