"""
All accounts of an AWS organisation: listed anew for each run, each a source of its own, read through one role.

The account that our own credentials belong to is read with these: the management account rarely has the members' role.
https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccounts.html
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from keywatch.collect.aws import AwsAccess, AwsClients, Identity, asking, error_code
from keywatch.collect.iam import IamAccount
from keywatch.model.errors import KeywatchError, SourceDenied, SourceError, SourceMalformed, SourceUnreachable
from keywatch.model.key import SourceId
from keywatch.model.source import CallSource, Fleet, KeySource, Member, Muster, Skipped

ACTIVE = "ACTIVE"
CHECKED = 20
"""As many accounts are tried by `check`: the role is the same in all of them."""

AccountSource = KeySource | CallSource
Build = Callable[[str, str, AwsAccess, AwsClients], AccountSource]
"""Makes the source of one account: its name, the account's id, how it is reached, whose credentials are ours."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account of the organisation."""

    id: str
    state: str
    """`ACTIVE`, or why it is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """Which accounts are read, and by which role."""

    member_role: str
    """The role's name in each account, with its path: `keywatch`, `audit/keywatch`."""
    only: frozenset[str] = frozenset()
    """Empty: all that the organisation has."""
    exclude: frozenset[str] = frozenset()
    own: str | None = None
    """The account our own credentials must belong to; None: whichever it is."""

    def wanted(self, account: str) -> bool:
        """Whether this account is asked for."""
        return account not in self.exclude and (not self.only or account in self.only)


class AwsAccounts:
    """One kind of source, in every account of an organisation."""

    def __init__(
        self, kind: str, name: str, access: AwsAccess, accounts: Accounts, build: Build, *, at_once: int = 8
    ) -> None:
        """
        Args:
            kind: What the members' ids begin with: `aws-iam`.
            name: The organisation's name in the settings.
            access: How the organisation is reached, and its members like it.
            accounts: Which ones.
            build: Makes a member.
            at_once: How many accounts are read at the same time. In each, one request is under way at a time.
        """  # noqa: D205
        self._id = SourceId(f"{kind}:{name}")
        self._name = name
        self._access = access
        self._accounts = accounts
        self._build = build
        self._at_once = at_once

    @property
    def id(self) -> SourceId:
        return self._id

    @property
    def at_once(self) -> int:
        return self._at_once

    def muster(self) -> Muster:
        base = AwsClients(self._id, self._access)
        own = IamAccount(base, self._accounts.own).identity()
        listed = listing(base, own)
        there = {account.id: account for account in listed}
        wanted = [account for account in there.values() if self._accounts.wanted(account.id)]
        resting = {self._member(account.id): self._resting(account) for account in wanted if account.state != ACTIVE}
        skipped = [Skipped(f"account {name.rpartition('/')[2]}", why.message) for name, why in resting.items()]
        skipped += [
            Skipped(f"account {account}", "it is not in the organisation", hint="correct `accounts`")
            for account in sorted(self._accounts.only - there.keys())
        ]
        return Muster(
            members=tuple(self._recruit(account, own, base) for account in wanted if account.state == ACTIVE),
            skipped=tuple(skipped),
            unwanted=frozenset(self._member(id_) for id_ in there if not self._accounts.wanted(id_)),
            resting=resting,
        )

    def excludes(self, member: SourceId) -> bool:
        return not self._accounts.wanted(member.rpartition("/")[2])

    def lost(self, member: SourceId) -> KeywatchError | None:  # noqa: ARG002 - the same for each
        """An account that left the organisation is not ours any more, and neither are its keys."""
        return None

    def check(self) -> Iterator[str | Skipped]:
        base = AwsClients(self._id, self._access)
        try:
            own = IamAccount(base, self._accounts.own).identity()
            yield "sts:GetCallerIdentity"
            listed = listing(base, own)
            yield f"organizations:ListAccounts ({len(listed)} accounts)"
        except SourceError as error:
            yield Skipped("the organisation's accounts", error.message, error.hint)
            return
        wanted = [account for account in listed if self._accounts.wanted(account.id) and account.state == ACTIVE]
        for account in wanted[:CHECKED]:
            yield from self._tried(account, own, base)
        if len(wanted) > CHECKED:
            yield f"the other {len(wanted) - CHECKED} accounts were not tried: the role should be the same in them"

    def _tried(self, account: Account, own: Identity, base: AwsClients) -> Iterator[str | Skipped]:
        """Try an account's permissions: those that hold are told in one line."""
        holds: list[str] = []
        for item in self._recruit(account, own, base).build().check():
            if isinstance(item, Skipped):
                yield Skipped(f"account {account.id}: {item.what}", item.why, item.hint)
            else:
                holds.append(item)
        if holds:
            yield f"account {account.id}: {', '.join(holds)}"

    def _recruit(self, account: Account, own: Identity, base: AwsClients) -> Member:
        role = None
        if account.id != own.account:
            partition = own.arn.split(":")[1]
            role = f"arn:{partition}:iam::{account.id}:role/{self._accounts.member_role.strip('/')}"
        access = replace(self._access, role_arn=role)
        build = partial(self._build, f"{self._name}/{account.id}", account.id, access, base)
        return Member(self._member(account.id), build, frozenset({account.id}))

    def _member(self, account: str) -> SourceId:
        return SourceId(f"{self._id}/{account}")

    def _resting(self, account: Account) -> KeywatchError:
        said = account.state.lower().replace("_", " ")
        why = f"account {account.id} is {said}: its keys can be neither used nor read, and stay as they were"
        return SourceUnreachable(why, hint="once it is closed for good, add it to `exclude`")


def listing(clients: AwsClients, own: Identity) -> list[Account]:
    """
    Return every account of the organisation, each once.

    Raises:
        SourceError: the listing cannot be had whole.
    """
    client = clients.organizations()
    found: dict[str, Account] = {}
    page: dict[str, str] = {}
    seen: set[str] = set()
    while True:
        with asking(clients.who, "organizations:ListAccounts", own.arn), _explained(clients.who, own):
            answer = client.list_accounts(**page)
            for account in answer["Accounts"]:
                found.setdefault(account["Id"], Account(account["Id"], _state(account)))
        token = answer.get("NextToken")
        if not token:  # a page may be empty and yet not be the last
            return list(found.values())
        if token in seen:
            raise SourceMalformed(f"{clients.who}: organizations:ListAccounts says there is more, and begins anew")
        seen.add(token)
        page = {"NextToken": token}


def _state(account: Mapping[str, Any]) -> str:
    # `Status` was to be retired in September 2026; older servers know nothing else.
    return str(account.get("State") or account.get("Status") or ACTIVE)


@contextmanager
def _explained(who: str, own: Identity) -> Iterator[None]:
    """Say what is wrong where AWS's own code means something special."""
    from botocore.exceptions import ClientError

    try:
        yield
    except ClientError as error:
        code = error_code(error)
        if code == "AWSOrganizationsNotInUseException":
            hint = "leave out `organisation`, or use credentials of the organisation"
            raise SourceMalformed(f"{who}: account {own.account} is in no organisation", hint=hint) from None
        if code.startswith("AccessDenied"):
            where = "in the management account, or in one that it delegates this to"
            hint = f"allow organizations:ListAccounts to {own.arn}, {where}"
            raise SourceDenied(f"{who}: organizations:ListAccounts was refused", hint=hint) from None
        raise


_: type[Fleet] = AwsAccounts
