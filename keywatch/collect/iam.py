"""One account's IAM, read the way inventory and last-used need it: page by page, nothing changed."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict, TypeVar

from keywatch.collect.aws import ASSUMING, AwsClients, Identity, asking, error_code
from keywatch.collect.credential_report import CredentialReport, fetched, requested, shown
from keywatch.model.errors import SourceDenied, SourceError, SourceMalformed, SourceUnreachable
from keywatch.model.source import Skipped
from keywatch.model.time import to_utc

NOBODY = "keywatch-check-nobody"
"""A user that does not exist: IAM refuses what we may not ask before it says that it knows no such user."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class User:
    """An IAM user."""

    name: str
    arn: str


@dataclass(frozen=True, slots=True)
class AccessKey:
    """An IAM user's access key, without its secret: AWS does not show that again."""

    id: str
    user: User
    status: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class LastUse:
    """What IAM remembers of a key's last request, granted or refused. `at` is None: never, since April 2015."""

    at: datetime | None
    service: str | None
    region: str | None


class Shelf:
    """
    Keys that the inventory has just listed, left for the one who asks next when they were used.

    So no account's users are walked through twice. What is taken is gone from here: nothing is held for longer than one
    run of either.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: dict[str, tuple[datetime, tuple[AccessKey, ...]]] = {}

    def leave(self, account: str, keys: tuple[AccessKey, ...], now: datetime) -> None:
        """Leave every key of `account`."""
        with self._lock:
            self._left[account] = (now, keys)

    def take(self, account: str, since: datetime) -> tuple[AccessKey, ...] | None:
        """Take the keys of `account`, if they were listed after `since`."""
        with self._lock:
            at, keys = self._left.pop(account, (since, ()))
        return keys if at > since else None


class _Page(TypedDict, total=False):
    Marker: str


class IamAccount:
    """
    IAM behind one set of credentials.

    Every method raises `SourceError` as `keywatch.collect.aws.asking` says. A user or key that was deleted since it was
    listed is no error: it yields nothing.
    """

    def __init__(self, clients: AwsClients, account: str | None = None) -> None:
        self._who = clients.who
        self._clients = clients
        self._account = account
        self._identity: Identity | None = None

    def identity(self) -> Identity:
        """Whom AWS takes us for. The wrong account is an error: its keys would be taken for ours."""
        found = self._clients.identity()
        if self._account not in (None, found.account):
            raise SourceDenied(
                f"{self._who}: the credentials belong to account {found.account}, not {self._account}",
                hint="use credentials of the configured account, or correct `account`",
            )
        self._identity = found
        return found

    def users(self) -> Iterator[User]:
        iam = self._clients.iam()
        page: _Page = {}
        while True:
            with self._asking("iam:ListUsers"):
                answer = iam.list_users(**page)
                users = [User(user["UserName"], user["Arn"]) for user in answer["Users"]]
            yield from users
            if not answer.get("IsTruncated"):
                return
            page = self._next(page, answer.get("Marker"), "iam:ListUsers")

    def access_keys(self, user: User) -> tuple[AccessKey, ...]:
        """The keys of `user`. Without a name AWS would list the caller's own, so it is always given."""
        iam = self._clients.iam()
        keys: list[AccessKey] = []
        page: _Page = {}
        while True:
            with self._asking("iam:ListAccessKeys"):
                answer = _unless_gone(lambda page=page: iam.list_access_keys(UserName=user.name, **page))  # type: ignore[misc]
                if answer is None:
                    return ()
                keys += [
                    AccessKey(key["AccessKeyId"], user, key["Status"], to_utc(key["CreateDate"]))
                    for key in answer["AccessKeyMetadata"]
                ]
            if not answer.get("IsTruncated"):
                return tuple(keys)
            page = self._next(page, answer.get("Marker"), "iam:ListAccessKeys")

    def tags(self, user: User) -> dict[str, str]:
        """The tags of `user`, tag names in lower case."""
        iam = self._clients.iam()
        tags: dict[str, str] = {}
        page: _Page = {}
        while True:
            with self._asking("iam:ListUserTags"):
                answer = _unless_gone(lambda page=page: iam.list_user_tags(UserName=user.name, **page))  # type: ignore[misc]
                if answer is None:
                    return tags
                tags |= {tag["Key"].casefold(): tag["Value"] for tag in answer["Tags"]}
            if not answer.get("IsTruncated"):
                return tags
            page = self._next(page, answer.get("Marker"), "iam:ListUserTags")

    def root_has_keys(self) -> bool:
        """Whether the root user has access keys. Which ones, IAM does not tell."""
        iam = self._clients.iam()
        with self._asking("iam:GetAccountSummary"):
            return iam.get_account_summary()["SummaryMap"].get("AccountAccessKeysPresent", 0) > 0

    def report(self, now: datetime, sleep: Callable[[float], object] = time.sleep) -> CredentialReport:
        """The credential report; see `credential_report.fetched`."""
        return fetched(self._clients.iam(), self._who, self._principal, now=now, sleep=sleep)

    def last_report(self) -> CredentialReport | None:
        """The credential report as it lies there, however old; None: there is none. Nobody is asked for a new one."""
        return shown(self._clients.iam(), self._who, self._principal)

    def _report_age(self) -> str:
        report = self.last_report()
        return f"it is of {report.generated_at:%Y-%m-%d %H:%M} UTC" if report else "there is none yet"

    def close(self) -> None:
        """Close the connections: an organisation has many accounts."""
        self._clients.close()

    def last_use(self, key_id: str) -> LastUse | None:
        """What IAM remembers of the key's last use. None: the key is gone."""
        iam = self._clients.iam()
        with self._asking("iam:GetAccessKeyLastUsed"):
            answer = _unless_gone(lambda: iam.get_access_key_last_used(AccessKeyId=key_id))
            if answer is None:
                return None
            used = answer["AccessKeyLastUsed"]
            at = used.get("LastUsedDate")
            return LastUse(to_utc(at) if at else None, _known(used.get("ServiceName")), _known(used.get("Region")))

    def try_each(self, *, last_used: bool = False) -> Iterator[str | Skipped]:
        """Try each permission the inventory (or the last-used source) needs; see `KeySource.check`."""
        somebody: list[User] = []

        def list_users() -> None:
            somebody.extend(user for user, _ in zip(self.users(), range(1), strict=False))

        def someone() -> User:
            return somebody[0] if somebody else User(NOBODY, NOBODY)

        trials: list[tuple[str, Callable[[], object]]] = [
            (self._clients.way_in, self.identity),
            ("iam:ListUsers", list_users),
            ("iam:ListAccessKeys", lambda: self.access_keys(someone())),
        ]
        if last_used:
            # An id in the documented form that AWS never gave out.
            trials += [
                ("iam:GetAccessKeyLastUsed", lambda: self.last_use("AKIA" + "KEYWATCHCHECK234")),
                (
                    "iam:GenerateCredentialReport",
                    lambda: requested(self._clients.iam(), self._who, self._principal),
                ),
                ("iam:GetCredentialReport", self._report_age),
            ]
        else:
            trials += [
                ("iam:ListUserTags", lambda: self.tags(someone())),
                ("iam:GetAccountSummary", self.root_has_keys),
            ]
        for action, trial in trials:
            try:
                found = trial()
            except SourceError as error:
                yield Skipped(action, error.message, error.hint)
                # Nobody answers, or nobody knows us: asking for the next permission would only take as long again.
                if isinstance(error, SourceUnreachable) or action == ASSUMING:
                    return
            else:
                yield f"{action} ({found})" if isinstance(found, str) else action

    def _asking(self, action: str) -> AbstractContextManager[None]:
        return asking(self._who, action, self._principal)

    @property
    def _principal(self) -> str | None:
        return self._identity.arn if self._identity else None

    def _next(self, page: _Page, marker: str | None, action: str) -> _Page:
        # A server that says "there is more" without saying where would be asked for ever.
        if not marker or marker == page.get("Marker"):
            raise SourceMalformed(f"{self._who}: {action} says there is more, but not where")
        return {"Marker": marker}


def _known(text: str | None) -> str | None:
    return None if text in (None, "", "N/A") else text


def _unless_gone(ask: Callable[[], T]) -> T | None:
    from botocore.exceptions import ClientError

    try:
        return ask()
    except ClientError as error:
        if error_code(error) == "NoSuchEntity":
            return None
        raise
