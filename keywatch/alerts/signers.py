"""
IAM users left over from the days when SP-API wanted requests signed with AWS keys. Pure.

Since October 2023 SP-API ignores such signatures, so a key that was made for them opens nothing, and what is left of it
can only be stolen. IAM does not say what a key is for. What it does say is the service of the last request:

- `execute-api`, the service that SP-API's requests were signed for, and nothing since 2 October 2023. One's own API
  Gateway goes by the same name; a key that has not called it for so long is as needless.
- any service, nothing since that day, and a name that speaks of SP-API.
- STS at any time, and a name that speaks of SP-API: the programs of those days took on a role first, and some still do.
  That the role is good for something else, such as a queue of notifications, cannot be seen: this is told as a maybe.

More could be known from the policies of users and roles, which takes the right to read them all; CloudTrail never saw
SP-API. Neither is asked. A user without keys, or whose last use is of any other service or not known, is not spoken of.
https://developer-docs.amazon.com/sp-api/changelog
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from keywatch.alerts.held import Held, Limits, Verdict, alert_id, by_user
from keywatch.alerts.key_hygiene import user_name
from keywatch.alerts.key_problems import describe, whose
from keywatch.alerts.playbook import PERHAPS_SIGNER, SIGNER
from keywatch.alerts.words import day, one_line
from keywatch.model.alert import Problem, ProblemKind
from keywatch.model.finding import Severity

SIGNATURES_IGNORED_SINCE = datetime(2023, 10, 2, tzinfo=UTC)
_SERVICE = re.compile(r"[a-z0-9-]+")
_FRESH = timedelta(days=2)
"""IAM's word is as new as this, or it is not taken for today's."""


def signers(held: Sequence[Held], now: datetime, limits: Limits) -> Iterator[Verdict]:
    """Find the users all of whose used keys look like that."""
    for arn, keys in by_user(held).items():
        used = [one for one in keys if one.last_use is not None]
        if not used or user_name(arn) in limits.excused_users:
            continue  # a key that was never used is told as such
        name = alert_id(ProblemKind.SP_API_SIGNER, arn)
        if any(one.unseen or not _fresh(one, now) for one in keys):
            yield name
        elif all(_looks_like_one(one) for one in used):
            yield _problem(arn, used)


def _fresh(one: Held, now: datetime) -> bool:
    return one.watched_until is not None and now - one.watched_until <= _FRESH


def _service(one: Held) -> str:
    # "execute-api/us-east-1 (credential report of ...)"; any part may be missing.
    found = _SERVICE.match((one.last_use.action if one.last_use else None) or "")
    return found[0] if found else ""


def _ended(one: Held) -> bool:
    return one.last_use is not None and one.last_use.at < SIGNATURES_IGNORED_SINCE


def _looks_like_one(one: Held) -> bool:
    if _ended(one):
        return one.about_sp_api or _service(one) == "execute-api"
    return one.about_sp_api and _service(one) == "sts"


def _problem(arn: str, used: list[Held]) -> Problem:
    over = all(_ended(one) for one in used)
    first, user = used[0].key, one_line(user_name(arn), 80)
    title = f"IAM user {user} {'is' if over else 'may be'} left over from SP-API's signatures"
    said = [
        f"{describe(one.key)}: last request {day(one.last_use.at)}, to {_service(one) or 'an unknown service'}"
        for one in used
        if one.last_use
    ]
    return Problem(
        id=alert_id(ProblemKind.SP_API_SIGNER, arn),
        kind=ProblemKind.SP_API_SIGNER,
        severity=Severity.LOW,
        title=title,
        facts=(
            ("What", f"IAM user {user}"),
            ("Where", one_line(arn, 200)),
            ("Whose", whose(first)),
            ("So what", "SP-API has ignored AWS signatures since October 2023: a key for them can only be stolen."),
            ("Evidence", one_line("; ".join(said), 600)),
        ),
        next_step=SIGNER if over else PERHAPS_SIGNER,
        owner=first.owner,
        stage="over" if over else "perhaps",
    )
