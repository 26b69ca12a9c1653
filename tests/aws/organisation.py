"""An invented organisation behind the loopback AWS: accounts, users, keys, a role in each, a credential report."""

import csv
import io
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.aws.server import AwsFault, Caller, FakeAws

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
BORN = NOW - timedelta(days=300)
MANAGEMENT = "111122223333"
ROLE = "audit/keywatch"
_LETTERS = str.maketrans("0123456789", "ABCDEFGHIJ")
_DIGITS = str.maketrans("ABCDEFGHIJ", "0123456789")


@dataclass(kw_only=True)
class FakeKey:
    """An access key, as IAM has it."""

    id: str
    created_at: datetime = BORN
    status: str = "Active"
    used_at: datetime | None = None
    changed_at: datetime | None = None
    """When it was switched on or off last; None: never."""
    reported: bool = True
    """Whether the report knows of it."""


@dataclass(kw_only=True)
class FakeUser:
    """An IAM user."""

    name: str
    keys: list[FakeKey] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(kw_only=True)
class FakeAccount:
    """An account of the organisation."""

    id: str
    state: str | None = "ACTIVE"
    status: str | None = None
    users: list[FakeUser] = field(default_factory=list)
    trusts: bool = True
    """Whether its role may be assumed."""
    refused: set[str] = field(default_factory=set)
    """Operations."""
    report_at: datetime | None = NOW - timedelta(hours=1)
    """When its credential report was made; None: there is none."""
    root: list[FakeKey] = field(default_factory=list)

    def add(self, user: str, *keys: FakeKey, **tags: str) -> None:
        """Add a user with keys."""
        self.users.append(FakeUser(name=user, keys=list(keys), tags=tags))

    def key_id(self, number: int) -> str:
        """An access key id of this account."""
        last = "".join(chr(ord("A") + number // 26**power % 26) for power in range(4))
        return "AKIA" + self.id.translate(_LETTERS) + last


class Organisation:
    """What the handlers answer from. Its accounts may be changed while the server runs."""

    def __init__(self, *accounts: FakeAccount, page: int = 20) -> None:
        self.accounts = list(accounts)
        self.page = page
        self.empty_pages = 0
        """Pages without an account before each that has some."""
        self.new_reports_at: datetime | None = NOW
        """When a report is made that is asked for now; None: it never gets ready."""
        self.sessions: list[dict[str, Any]] = []
        """What was asked of each AssumeRole."""
        self._by_id: dict[str, FakeAccount] = {}
        self.aws = FakeAws()
        for service, operations in _OPERATIONS.items():
            for operation in operations:
                words = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in operation)
                self.aws.on(service, operation, getattr(self, words))

    def account(self, caller: Caller) -> FakeAccount:
        """Whose credentials these are."""
        number = caller.access_key_id[4:16].translate(_DIGITS)
        return self._by_id.get(number) or self._indexed().get(number) or self.accounts[0]

    def _indexed(self) -> dict[str, FakeAccount]:
        self._by_id = {account.id: account for account in self.accounts}
        return self._by_id

    def _asked(self, operation: str, caller: Caller) -> FakeAccount:
        account = self.account(caller)
        if operation in account.refused:
            who = f"arn:aws:sts::{account.id}:assumed-role/keywatch/keywatch"
            raise AwsFault("AccessDenied", f"User: {who} is not authorized to perform: {operation}", 403)
        return account

    def _assume_role(self, params: dict[str, Any], _: Caller) -> dict[str, Any]:
        self.sessions.append(params)
        account = next((a for a in self.accounts if a.id == params["RoleArn"].split(":")[4]), None)
        if account is None or not account.trusts or params["RoleArn"].partition(":role/")[2] != ROLE:
            who = f"arn:aws:iam::{MANAGEMENT}:user/keywatch"
            raise AwsFault("AccessDenied", f"User: {who} is not authorized to perform: sts:AssumeRole", 403)
        credentials = {
            "AccessKeyId": "ASIA" + account.id.translate(_LETTERS) + "AAAA",
            "SecretAccessKey": "invented",
            "SessionToken": "invented",
            "Expiration": datetime(2099, 1, 1, tzinfo=UTC),
        }
        return {"Credentials": credentials}

    def _get_caller_identity(self, _: dict[str, Any], caller: Caller) -> dict[str, Any]:
        account = self.account(caller).id
        return {"Account": account, "Arn": f"arn:aws:iam::{account}:user/keywatch"}

    def _list_accounts(self, params: dict[str, Any], caller: Caller) -> dict[str, Any]:
        if "ListAccounts" in self.account(caller).refused:
            raise AwsFault("AccessDeniedException", "You don't have permissions to access this resource.")
        first, empty = map(int, params.get("NextToken", f"0/{self.empty_pages}").split("/"))
        if empty:
            return {"Accounts": [], "NextToken": f"{first}/{empty - 1}"}
        rows = [_said(account) for account in self.accounts[first : first + self.page]]
        behind = first + self.page
        more = {"NextToken": f"{behind}/{self.empty_pages}"} if behind < len(self.accounts) else {}
        return {"Accounts": rows} | more

    def _list_users(self, params: dict[str, Any], caller: Caller) -> dict[str, Any]:
        account = self._asked("ListUsers", caller)
        users = [
            {"Path": "/", "UserName": u.name, "UserId": "AIDA" + "A" * 17, "Arn": _arn(account, u), "CreateDate": BORN}
            for u in account.users
        ]
        return self._paged("Users", users, params)

    def _list_access_keys(self, params: dict[str, Any], caller: Caller) -> dict[str, Any]:
        user = self._user(self._asked("ListAccessKeys", caller), params)
        keys = [
            {"UserName": user.name, "AccessKeyId": key.id, "Status": key.status, "CreateDate": key.created_at}
            for key in user.keys
        ]
        return self._paged("AccessKeyMetadata", keys, params)

    def _list_user_tags(self, params: dict[str, Any], caller: Caller) -> dict[str, Any]:
        user = self._user(self._asked("ListUserTags", caller), params)
        return self._paged("Tags", [{"Key": key, "Value": value} for key, value in user.tags.items()], params)

    def _get_account_summary(self, _: dict[str, Any], caller: Caller) -> dict[str, Any]:
        return {"SummaryMap": {"AccountAccessKeysPresent": int(bool(self._asked("GetAccountSummary", caller).root))}}

    def _get_access_key_last_used(self, params: dict[str, Any], caller: Caller) -> dict[str, Any]:
        account = self._asked("GetAccessKeyLastUsed", caller)
        for user in account.users:
            for key in user.keys:
                if key.id == params["AccessKeyId"]:
                    used = {"ServiceName": "s3" if key.used_at else "N/A", "Region": "N/A"}
                    date = {"LastUsedDate": key.used_at} if key.used_at else {}
                    return {"UserName": user.name, "AccessKeyLastUsed": used | date}
        raise AwsFault("NoSuchEntity", status=404)

    def _generate_credential_report(self, _: dict[str, Any], caller: Caller) -> dict[str, Any]:
        account = self._asked("GenerateCredentialReport", caller)
        if self.new_reports_at is not None:
            account.report_at = self.new_reports_at
        return {"State": "STARTED"}

    def _get_credential_report(self, _: dict[str, Any], caller: Caller) -> dict[str, Any]:
        account = self._asked("GetCredentialReport", caller)
        if account.report_at is None:
            raise AwsFault("ReportNotPresent", status=410)
        return {"Content": report(account), "ReportFormat": "text/csv", "GeneratedTime": account.report_at}

    def _user(self, account: FakeAccount, params: dict[str, Any]) -> FakeUser:
        found = next((user for user in account.users if user.name == params["UserName"]), None)
        if found is None:
            raise AwsFault("NoSuchEntity", status=404)
        return found

    def _paged(self, name: str, rows: list[dict[str, Any]], params: dict[str, Any]) -> dict[str, Any]:
        first = int(params.get("Marker", "0"))
        behind = first + min(100, params.get("MaxItems", 100))
        more = {"IsTruncated": True, "Marker": str(behind)} if behind < len(rows) else {"IsTruncated": False}
        return {name: rows[first:behind]} | more


_OPERATIONS = {
    "sts": ("AssumeRole", "GetCallerIdentity"),
    "organizations": ("ListAccounts",),
    "iam": (
        "ListUsers",
        "ListAccessKeys",
        "ListUserTags",
        "GetAccountSummary",
        "GetAccessKeyLastUsed",
        "GenerateCredentialReport",
        "GetCredentialReport",
    ),
}


def _said(account: FakeAccount) -> dict[str, Any]:
    said = {"Id": account.id, "State": account.state, "Status": account.status}
    return {name: value for name, value in said.items() if value is not None}


def _arn(account: FakeAccount, user: FakeUser) -> str:
    return f"arn:aws:iam::{account.id}:user/{user.name}"


def report(account: FakeAccount) -> bytes:
    """The account's credential report, its columns in an order of its own: they are to be read by name."""
    names = ("last_used_service", "active", "last_rotated", "last_used_date", "last_used_region")
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(["arn", "user", *(f"access_key_{slot}_{name}" for slot in (1, 2) for name in names)])
    rows = [("<root_account>", f"arn:aws:iam::{account.id}:root", account.root)]
    rows += [(user.name, _arn(account, user), user.keys) for user in account.users]
    for name, arn, keys in rows:
        known = [key for key in keys if key.reported]
        cells = [cell for key in known for cell in _cells(key)]
        table.writerow([arn, name, *cells, *["N/A", "false", "N/A", "N/A", "N/A"] * (2 - len(known))])
    return out.getvalue().encode()


def _cells(key: FakeKey) -> list[str]:
    def when(moment: datetime | None) -> str:
        return moment.isoformat() if moment else "N/A"

    active = str(key.status == "Active").lower()
    return ["s3" if key.used_at else "N/A", active, when(key.changed_at or key.created_at), when(key.used_at), "N/A"]
