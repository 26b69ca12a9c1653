"""
IAM's credential report: when each access key of an account was last used, in one answer instead of one call a key.

It names no key ids, only two slots a user, so it is joined with the listed keys where exactly one of them fits. AWS
makes a new one every four hours at most: what it says holds for the instant it was generated, and no later.
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_getting-report.html
"""

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from keywatch.collect.aws import asking, error_code
from keywatch.model.errors import SourceMalformed, SourceUnreachable
from keywatch.model.time import to_utc

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

ROOT = "<root_account>"
"""The root user's row."""
CACHED = timedelta(hours=4)
"""AWS makes no new report earlier."""
_PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds between looks at a report that is being made: usually it takes a few."""
_SLOTS = (1, 2)
_LARGEST_FIELD = 1 << 20
_ABSENT = frozenset({"ReportNotPresent", "ReportExpired"})
_BEING_MADE = frozenset({"ReportInProgress", "LimitExceeded"})


@dataclass(frozen=True, slots=True)
class Slot:
    """One of a user's two access keys."""

    active: bool
    changed_at: datetime | None
    """When it was made, or switched on or off last."""
    used_at: datetime | None
    """None: never."""
    service: str | None = None
    region: str | None = None


@dataclass(frozen=True, slots=True)
class CredentialReport:
    """What is known of an account's access keys."""

    generated_at: datetime
    slots: Mapping[str, tuple[Slot, ...]]
    """By user name. Of keys that are there and that the report speaks of in words we know."""

    def slot(self, user: str, created_at: datetime, others: Iterable[datetime], *, active: bool) -> Slot | None:
        """
        Return what is said of the one key of `user` that was made at `created_at`; None where that is not certain.

        A key that was switched off and on again bears the date of that; a user's two keys may bear one date.

        Args:
            user: whose key it is.
            created_at: as IAM's listing has it.
            others: when the user's other keys were made.
            active: whether the listing says that it works.
        """
        fitting = [slot for slot in self.slots.get(user, ()) if slot.changed_at == created_at]
        if len(fitting) != 1 or created_at in others or fitting[0].active is not active:
            return None
        return fitting[0]


def parsed(content: bytes, generated_at: datetime) -> CredentialReport:
    """
    Read a report by the names of its columns; what a row does not say as documented is left out of it.

    Raises:
        ValueError: it is no such table.
    """
    csv.field_size_limit(_LARGEST_FIELD)
    try:
        table = csv.DictReader(io.StringIO(content.decode("utf-8", "replace"), newline=""))
        if not {"user", *(f"access_key_{number}_active" for number in _SLOTS)} <= set(table.fieldnames or ()):
            raise ValueError("columns are missing")
        slots = {row["user"]: tuple(slot for number in _SLOTS if (slot := _slot(row, number))) for row in table}
    except csv.Error as error:
        raise ValueError("it is no table") from error
    return CredentialReport(generated_at, slots)


def _slot(row: Mapping[str, str | None], number: int) -> Slot | None:
    def said(column: str) -> str:
        return (row.get(f"access_key_{number}_{column}") or "").strip()

    try:
        changed, used = _instant(said("last_rotated")), _instant(said("last_used_date"))
    except ValueError:
        return None
    active = said("active").casefold()
    if active not in ("true", "false") or (active == "false" and changed is None):
        return None
    return Slot(active == "true", changed, used, _known(said("last_used_service")), _known(said("last_used_region")))


def _instant(text: str) -> datetime | None:
    """An instant, or None where there is none; `not_supported` is neither."""
    return to_utc(datetime.fromisoformat(text)) if _known(text) else None


def _known(text: str) -> str | None:
    return None if text in ("", "N/A", "no_information") else text


def fetched(
    iam: "IAMClient", who: str, principal: str | None, *, now: datetime, sleep: Callable[[float], object]
) -> CredentialReport:
    """
    Return the newest report there is; a new one is asked for where the last one is older than AWS keeps it.

    Args:
        iam: the account's client.
        who: the source that asks.
        principal: whom AWS takes us for, for hints.
        now: aware UTC.
        sleep: waits, while the report is being made.

    Raises:
        SourceError: there is none to be had now.
    """
    report = shown(iam, who, principal)
    if report is not None and now - report.generated_at < CACHED:
        return report
    ready = requested(iam, who, principal)
    for pause in (0.0,) if ready else (0.0, *_PAUSES):
        if pause:
            sleep(pause)
        newer = shown(iam, who, principal)
        if newer is not None and (report is None or newer.generated_at > report.generated_at):
            return newer
    if report is not None:
        return report
    raise SourceUnreachable(f"{who}: AWS is still making the credential report", hint="it will be there next time")


def shown(iam: "IAMClient", who: str, principal: str | None) -> CredentialReport | None:
    """
    Return the report as it is now. None: there is none, or it is being made.

    Raises:
        SourceError: it may not be read, or makes no sense.
    """
    from botocore.exceptions import ClientError

    with asking(who, "iam:GetCredentialReport", principal):
        try:
            answer = iam.get_credential_report()
        except ClientError as error:
            if error_code(error) in _ABSENT | _BEING_MADE:
                return None
            raise
        try:
            return parsed(answer["Content"], to_utc(answer["GeneratedTime"]))
        except (ValueError, KeyError):
            raise SourceMalformed(f"{who}: the credential report is not what AWS documents") from None


def requested(iam: "IAMClient", who: str, principal: str | None) -> bool:
    """
    Have a report made, unless AWS has one that is new enough; return whether it is there, and waiting brings no other.

    Raises:
        SourceError: it may not be asked for.
    """
    from botocore.exceptions import ClientError

    with asking(who, "iam:GenerateCredentialReport", principal):
        try:
            return iam.generate_credential_report().get("State") == "COMPLETE"
        except ClientError as error:
            if error_code(error) not in _BEING_MADE:
                raise
            return False
