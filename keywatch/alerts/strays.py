"""Keys that are in one place and should be, or are not, in another: in Vault and not at AWS, or not in Vault. Pure."""

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase

from keywatch.alerts.held import Held, Verdict, alert_id
from keywatch.alerts.key_problems import describe, where, whose
from keywatch.alerts.playbook import INTO_VAULT, NOT_AT_AWS
from keywatch.alerts.words import minute
from keywatch.model.alert import AlertId, Problem, ProblemKind
from keywatch.model.finding import Severity
from keywatch.model.key import HandleSpace, Key, KeyKind

_STORES = ("vault-kv1:", "vault-kv2:", "vault-aws:")


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """What was read whole the last time, so that what was not there is not there; and when each reading began."""

    accounts: Mapping[str, datetime] = field(default_factory=dict)
    """IAM of these AWS accounts."""
    vaults: datetime | None = None
    """All Vaults; None: one of them was not, or there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MustHold:
    """Which keys Vault should hold. All that is given must fit; with nothing given, none must."""

    kinds: frozenset[KeyKind] = frozenset()
    applications: tuple[str, ...] = ()
    excepted: tuple[str, ...] = ()

    def asks_for(self, key: Key) -> bool:
        """Whether Vault should hold it."""
        if not self.kinds and not self.applications:
            return False
        named = any(fnmatchcase(key.application or "", pattern) for pattern in self.applications)
        return (
            (not self.kinds or key.kind in self.kinds)
            and (not self.applications or named)
            and not any(fnmatchcase(key.name, pattern) for pattern in self.excepted)
        )


def strays(held: Iterable[Held], whole: Whole, must: MustHold) -> tuple[list[Problem], frozenset[AlertId]]:
    """
    Return keys that are missing where they should be, and the alerts of which nothing can be said now.

    Args:
        held: every key in the inventory.
        whole: which places were read whole. Of what another did not show nothing is claimed.
        must: what Vault should hold.
    """
    keys = list(held)
    # The ids of a root user's keys cannot be listed: one in Vault may be that.
    rooted = {one.key.account for one in keys for handle in one.key.handles if handle.space is HandleSpace.AWS_ROOT}
    found: dict[AlertId, Problem] = {}
    undecided: set[AlertId] = set()
    for one in keys:
        for verdict in (*_not_at_aws(one, whole, rooted), *_not_in_vault(one, whole, must)):
            if isinstance(verdict, Problem):
                found.setdefault(verdict.id, verdict)
            else:
                undecided.add(verdict)
    return list(found.values()), frozenset(undecided - found.keys())


def account_of(access_key_id: str) -> str | None:
    """
    Return the AWS account that an access key id names; None for ids of the old form, which name none.

    https://docs.aws.amazon.com/STS/latest/APIReference/API_GetAccessKeyInfo.html
    """
    if len(access_key_id) != 20 or not access_key_id.startswith("AKIA") or access_key_id[4] in "IJ":  # noqa: PLR2004 - the form of an id
        return None
    try:
        raw = base64.b32decode(access_key_id[4:])
    except binascii.Error:
        return None
    return f"{(int.from_bytes(raw[:6], 'big') & 0x7FFFFFFFFF80) >> 7:012d}"


def _not_at_aws(one: Held, whole: Whole, rooted: set[str | None]) -> Iterator[Verdict]:
    key = one.key
    names = [handle.value for handle in key.handles if handle.space is HandleSpace.AWS_ACCESS_KEY_ID]
    if key.kind is not KeyKind.AWS_ACCESS_KEY or not names:
        return
    sources = [location.source for location in key.locations]
    if any(source.startswith("aws-iam:") for source in sources) or not any(
        source.startswith(_STORES) for source in sources
    ):
        return
    name = alert_id(ProblemKind.NOT_AT_ISSUER, key.id)
    account = account_of(names[0])
    read = whole.accounts.get(account or "")
    if account is None or read is None or account in rooted or one.unseen or not _seen_before(one, read):
        yield name
        return
    yield Problem(
        id=name,
        kind=ProblemKind.NOT_AT_ISSUER,
        severity=Severity.LOW,
        title=f"{describe(key)}: Vault keeps it, and AWS has no such key",
        facts=(
            ("What", describe(key)),
            ("Where", where(key)),
            ("Whose", whose(key)),
            (
                "So what",
                "Whatever reads it fails, and nobody watches what has no use; or the entry names a wrong key.",
            ),
            ("Evidence", f"account {account} was read whole on {minute(read)}, and none of its users has this key"),
        ),
        next_step=NOT_AT_AWS,
        owner=key.owner,
    )


def _not_in_vault(one: Held, whole: Whole, must: MustHold) -> Iterator[Verdict]:
    key = one.key
    if not one.in_use or not must.asks_for(key):
        return
    if any(location.source.startswith(_STORES) for location in key.locations):
        return
    name = alert_id(ProblemKind.OUTSIDE_VAULT, key.id)
    if whole.vaults is None or one.unseen or not _seen_before(one, whole.vaults):
        yield name
        return
    said = [handle.value for handle in key.handles if handle.space is HandleSpace.VAULT]
    yield Problem(
        id=name,
        kind=ProblemKind.OUTSIDE_VAULT,
        severity=Severity.MEDIUM,
        title=f"{describe(key)}: Vault should hold it and does not",
        facts=(
            ("What", describe(key)),
            ("Where", where(key)),
            ("Whose", whose(key)),
            (
                "So what",
                "What lies elsewhere is read without a trace in Vault's audit log, and without its policies.",
            ),
            (
                "Evidence",
                f"all Vaults were read whole on {minute(whole.vaults)}, and none has an entry that names it"
                + (f"; it is said to be in {said[0]}" if said else ""),
            ),
        ),
        next_step=INTO_VAULT,
        owner=key.owner,
    )


def _seen_before(one: Held, read: datetime) -> bool:
    """Whether the place was read after the key was seen elsewhere: it may have been put there meanwhile."""
    return one.first_seen is not None and one.first_seen < read
