"""An organisation's accounts, each a source of its own: what one that is denied, suspended or gone does to its keys."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from keywatch.baseline import Policy
from keywatch.model.source import Skipped
from keywatch.model.standing import Basis
from keywatch.service.log import configure
from keywatch.service.standings import standings, vanished
from keywatch.store import Sighting, SourceState, Store
from tests.aws.organisation import MANAGEMENT, NOW, ROLE, FakeAccount, FakeKey, Organisation
from tests.aws.server import AwsFault
from tests.service.installation import Installation

OTHER, THIRD = "222233334444", "333344445555"


@pytest.fixture
def organisation() -> Iterator[Organisation]:
    accounts = [FakeAccount(id=name) for name in (MANAGEMENT, OTHER, THIRD)]
    for account in accounts:
        account.add(f"orders-{account.id}", FakeKey(id=account.key_id(0)), owner="ops")
    organisation = Organisation(*accounts)
    with organisation.aws:
        yield organisation


@pytest.fixture
def here(here: Installation, organisation: Organisation) -> Installation:
    here.now = NOW
    configure_with(here, organisation)
    return here


def configure_with(here: Installation, organisation: Organisation, more: str = "") -> None:
    here.configure(
        f'[[aws]]\nname = "prod"\norganisation = true\nmember_role = "{ROLE}"\nexternal_id = "ours"\n'
        f'endpoint_url = "{organisation.aws.url}"\nsecrets = false\nparameters = false\n{more}'
    )


@contextmanager
def remembered(here: Installation) -> Iterator[Store]:
    """What the store holds."""
    with Store.open(here.directory / "state") as store:
        yield store


def bases(here: Installation) -> dict[str, Basis]:
    """What the standing of each account's key rests on."""
    with remembered(here) as store:
        return {str(row.key.account): row.basis for row in standings(store, Policy(), here.now)}


def sources(here: Installation, kind: str = "inventory") -> dict[str, SourceState]:
    """How each is doing."""
    with remembered(here) as store:
        return {state.source: state for state in store.sources() if state.kind == kind}


def seeing(here: Installation) -> dict[str, bool]:
    """The inventories, and whether they could be read."""
    return {name: state.failing_since is None for name, state in sources(here).items()}


def gone(here: Installation) -> set[str]:
    """The accounts whose keys are told as gone."""
    with remembered(here) as store:
        return {str(sighting.key.account) for sighting in store.sightings() if sighting.gone_at}


def lately_gone(here: Installation) -> list[Sighting]:
    """What `keywatch keys` tells as gone."""
    with remembered(here) as store:
        return vanished(store, here.now)


def checked(here: Installation) -> list[str | Skipped]:
    """What `keywatch check` says of the inventory."""
    with here.open() as keywatch:
        (inventory,) = [source for source in keywatch.sources if source.id == "aws-iam:prod"]
        return list(inventory.build().check())


def test_every_account_is_a_source_of_its_own(here: Installation, organisation: Organisation) -> None:
    """The accounts are read under their own names, in sessions that are ours to recognise; our own without a role."""
    assert here.cycle()
    assert seeing(here) == dict.fromkeys(
        ["aws-iam:prod", *(f"aws-iam:prod/{name}" for name in (MANAGEMENT, OTHER, THIRD))], True
    )
    assert bases(here) == dict.fromkeys((MANAGEMENT, OTHER, THIRD), Basis.NEVER)
    assert {s["RoleArn"] for s in organisation.sessions} == {
        f"arn:aws:iam::{name}:role/{ROLE}" for name in (OTHER, THIRD)
    }
    assert {(s["RoleSessionName"], s["ExternalId"]) for s in organisation.sessions} == {("keywatch", "ours")}


def test_a_denied_account_is_blind_and_stops_nobody(here: Installation, organisation: Organisation) -> None:
    """Its keys become unknown, never gone; the others are read; and a person is told which role to mend."""
    here.cycle()
    organisation.accounts[1].trusts = False
    [told] = {line for line in here.news() if "aws-iam:prod" in line}
    assert not here.cycle()
    assert f"aws-iam:prod/{OTHER}" in told
    assert bases(here) == {MANAGEMENT: Basis.NEVER, OTHER: Basis.UNKNOWN, THIRD: Basis.NEVER}
    assert gone(here) == set()
    state = sources(here)[f"aws-iam:prod/{OTHER}"]
    assert "sts:AssumeRole was refused" in str(state.error)
    assert "trust policy" in str(state.hint)


def test_an_account_that_left_takes_its_keys_along(here: Installation, organisation: Organisation) -> None:
    """A whole listing without the account says so: its keys are gone, and nothing is unreadable."""
    here.cycle()
    del organisation.accounts[1]
    assert here.cycle()
    assert gone(here) == {OTHER}
    assert [(s.source, s.gone_at) for s in lately_gone(here)] == [(f"aws-iam:prod/{OTHER}", here.now)]
    here.now += timedelta(days=91)
    assert lately_gone(here) == []
    here.now -= timedelta(days=91)
    assert set(bases(here)) == {MANAGEMENT, THIRD}
    assert all(seeing(here).values())


def test_a_listing_that_fails_says_nothing_of_anybody(here: Installation, organisation: Organisation) -> None:
    """Where the accounts cannot be listed, none of them has left, and none was read: nothing is known of any key."""
    here.cycle()
    del organisation.accounts[1]
    organisation.accounts[0].refused = {"ListAccounts"}
    assert not here.cycle()
    assert gone(here) == set()
    assert bases(here) == dict.fromkeys((MANAGEMENT, OTHER, THIRD), Basis.UNKNOWN)
    assert "management account" in str(sources(here)["aws-iam:prod"].hint)


@pytest.mark.parametrize(("state", "status"), [("SUSPENDED", "ACTIVE"), (None, "SUSPENDED"), ("PENDING_CLOSURE", None)])
def test_a_suspended_account_is_left_as_it_was(
    here: Installation, organisation: Organisation, state: str | None, status: str | None
) -> None:
    """It is not asked, that is said, and its keys stay, in doubt. The newer field counts where both are there."""
    here.cycle()
    organisation.accounts[1].state, organisation.accounts[1].status = state, status
    organisation.sessions.clear()
    here.cycle()
    assert {s["RoleArn"].split(":")[4] for s in organisation.sessions} == {THIRD}
    assert bases(here)[OTHER] is Basis.UNKNOWN
    [skip] = sources(here)["aws-iam:prod"].skipped
    assert (skip.what, OTHER in skip.why) == (f"account {OTHER}", True)
    assert gone(here) == set()


def test_an_excluded_account_is_forgotten(here: Installation, organisation: Organisation) -> None:
    """What is no longer asked for is neither read nor told as gone or blind."""
    here.cycle()
    configure_with(here, organisation, f'exclude = ["{OTHER}"]\n')
    assert here.cycle()
    assert f"aws-iam:prod/{OTHER}" not in seeing(here)
    assert set(bases(here)) == {MANAGEMENT, THIRD}
    assert gone(here) == set()


def test_only_the_accounts_asked_for_are_read(here: Installation, organisation: Organisation) -> None:
    """`accounts` names them; one that the organisation does not have is said."""
    configure_with(here, organisation, f'accounts = ["{THIRD}", "999999999999"]\n')
    here.cycle()
    assert set(bases(here)) == {THIRD}
    assert [skip.what for skip in sources(here)["aws-iam:prod"].skipped] == ["account 999999999999"]


def test_empty_pages_are_not_the_end(here: Installation, organisation: Organisation) -> None:
    """Organizations may answer without an account and yet have more."""
    organisation.page, organisation.empty_pages = 1, 2
    here.cycle()
    assert set(bases(here)) == {MANAGEMENT, OTHER, THIRD}


def test_what_becomes_of_a_key_is_told(
    here: Installation, organisation: Organisation, capsys: pytest.CaptureFixture[str], clean_logging: None
) -> None:
    """Switched off, expired, recreated, found, vanished, returned: each is an event with the key and its user."""
    del clean_logging
    configure("info")
    account = organisation.accounts[1]
    here.cycle()

    def told() -> list[tuple[str, str]]:
        capsys.readouterr()
        here.cycle()
        events = [json.loads(line) for line in capsys.readouterr().err.splitlines() if line.startswith("{")]
        return [(e["transition"], e["path"].rpartition("/")[2]) for e in events if e["event"] == "key_changed"]

    (key,) = account.users[0].keys
    user = account.users[0].name
    assert told() == []
    key.status = "Inactive"
    assert told() == [("deactivated", user)]
    key.status = "Expired"
    assert told() == [("expired", user)]
    account.users[0].keys = [FakeKey(id=account.key_id(1))]
    assert told() == [("vanished", user), ("recreated", user)]
    account.users[0].keys.append(key)
    assert told() == [("returned", user)]
    account.add("new", FakeKey(id=account.key_id(2)))
    assert told() == [("found", "new")]


def test_a_user_that_may_not_be_looked_at_has_lost_no_key(
    here: Installation, organisation: Organisation, capsys: pytest.CaptureFixture[str], clean_logging: None
) -> None:
    """A reading that was refused in part takes no key for gone."""
    del clean_logging
    here.cycle()
    configure("info")
    organisation.accounts[1].refused = {"ListAccessKeys"}
    here.cycle()
    assert "key_changed" not in capsys.readouterr().err
    assert gone(here) == set()
    assert bases(here)[OTHER] is Basis.UNKNOWN


def test_days_later_it_is_still_right(here: Installation, organisation: Organisation) -> None:
    """A report that has grown old is replaced, and the silence it speaks of reaches to where it was made."""
    here.cycle()
    here.now += timedelta(days=3)
    organisation.new_reports_at = here.now
    here.cycle()
    assert set(bases(here).values()) == {Basis.NEVER}


def test_a_role_may_lead_to_the_organisation(here: Installation, organisation: Organisation) -> None:
    """With `role` as well, the members' roles are assumed by it, and it reads its own account."""
    way_in = f"arn:aws:iam::{MANAGEMENT}:role/{ROLE}"
    configure_with(here, organisation, f'role = "{way_in}"\n')
    assert here.cycle()
    assert set(bases(here)) == {MANAGEMENT, OTHER, THIRD}
    assert organisation.sessions[0]["RoleArn"] == way_in
    inside = {asked.caller.access_key_id[:4] for asked in organisation.aws.asked if asked.service == "iam"}
    assert inside == {"ASIA"}


def test_what_is_asked_follows_the_configured_steps(here: Installation, organisation: Organisation) -> None:
    """Who is warned after ten days has keys asked about after nine."""
    for account, days in zip(organisation.accounts, (8, 9, 10), strict=True):
        account.users[0].keys[0].used_at = NOW - timedelta(days=days)
    here.cycle()
    assert organisation.aws.calls("GetAccessKeyLastUsed") == 0
    here.configure(here.config + "[baseline]\nwarn_at_days = [10, 75, 83, 88]\n")
    here.cycle()
    assert organisation.aws.calls("GetAccessKeyLastUsed") == 2


def test_check_names_what_is_missing_where(here: Installation, organisation: Organisation) -> None:
    """Each account is tried in turn, what holds in one line, what is missing in its own, with how to mend it."""
    organisation.accounts[1].trusts = False
    organisation.accounts[2].refused = {"ListUserTags"}
    items = checked(here)
    said = [item for item in items if isinstance(item, str)]
    missing = [item for item in items if not isinstance(item, str)]
    assert said[:2] == ["sts:GetCallerIdentity", "organizations:ListAccounts (3 accounts)"]
    assert said[2].startswith(f"account {MANAGEMENT}: sts:GetCallerIdentity, iam:ListUsers")
    assert said[3].startswith(f"account {THIRD}: sts:AssumeRole, iam:ListUsers")
    assert [skip.what for skip in missing] == [f"account {OTHER}: sts:AssumeRole", f"account {THIRD}: iam:ListUserTags"]
    assert f"arn:aws:iam::{MANAGEMENT}:user/keywatch" in str(missing[0].hint)
    assert missing[1].hint == f"allow iam:ListUserTags to arn:aws:sts::{THIRD}:assumed-role/keywatch/keywatch"


def test_check_tries_so_many_accounts_and_no_more(here: Installation, organisation: Organisation) -> None:
    """Hundreds of accounts with one role need not all be tried."""
    organisation.accounts += [FakeAccount(id=str(444455556666 + number)) for number in range(40)]
    *_, last = checked(here)
    assert str(last).startswith("the other 23 accounts were not tried")
    assert len(organisation.sessions) == 19


def test_without_an_organisation_check_says_so(here: Installation, organisation: Organisation) -> None:
    """AWS's own code is explained."""
    fault = AwsFault("AWSOrganizationsNotInUseException")
    organisation.aws.on("organizations", "ListAccounts", lambda _params, _caller: fault)
    *_, skip = checked(here)
    assert isinstance(skip, Skipped)
    assert f"account {MANAGEMENT} is in no organisation" in skip.why
    assert "leave out `organisation`" in str(skip.hint)


def test_a_listing_that_never_ends_is_given_up(here: Installation, organisation: Organisation) -> None:
    """A server that goes round in circles is not followed for ever."""
    answer = {"Accounts": [], "NextToken": "again"}
    organisation.aws.on("organizations", "ListAccounts", lambda _params, _caller: answer)
    assert not here.cycle()
    assert "begins anew" in str(sources(here)["aws-iam:prod"].error)
