"""Keys that are older than they should be, and users that have one more than they need. Pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from keywatch.alerts.held import Held, Limits, Verdict, alert_id, by_user
from keywatch.alerts.key_problems import describe, where, whose
from keywatch.alerts.playbook import DROP_ONE, REPLACE_IT
from keywatch.alerts.words import count, day, one_line
from keywatch.model.alert import Problem, ProblemKind
from keywatch.model.finding import Severity
from keywatch.model.key import HandleSpace, Key

_WHY = "Whoever copied it once can still use it, and nobody knows who has."


def old_keys(held: Sequence[Held], now: datetime, limits: Limits) -> Iterator[Verdict]:
    """Judge each key that has a limit by its age, which is at least the time since it was first seen."""
    for one in held:
        key, limit = one.key, limits.rotate_after.get(one.key.kind)
        # A root key is to be removed, not replaced, and so is what is left over.
        if limit is None or key.created_at is None or not one.in_use or _is_root(key):
            continue
        age = now - key.created_at
        if age <= limit:
            continue
        name = alert_id(ProblemKind.KEY_OLD, key.id)
        if one.unseen:
            yield name
            continue
        very = age > 2 * limit
        yield Problem(
            id=name,
            kind=ProblemKind.KEY_OLD,
            severity=Severity.MEDIUM if very else Severity.LOW,
            title=f"{describe(key)}: older than {count((2 * limit if very else limit).days, 'day')}",
            facts=(
                ("What", describe(key)),
                ("Where", where(key)),
                ("Whose", whose(key)),
                ("So what", _WHY),
                ("Evidence", f"it was there on {day(key.created_at)}; the limit is {count(limit.days, 'day')}"),
            ),
            next_step=REPLACE_IT[key.kind],
            owner=key.owner,
            stage="very old" if very else "old",
        )


def spare_keys(held: Sequence[Held], now: datetime, limits: Limits) -> Iterator[Verdict]:
    """Find the IAM users that have had two active keys for longer than it takes to replace one by the other."""
    for arn, keys in by_user(held).items():
        youngest = keys[-1].key.created_at
        if user_name(arn) in limits.excused_users:
            continue
        if len(keys) < 2 or youngest is None or now - youngest <= limits.spare_after:  # noqa: PLR2004
            continue
        name = alert_id(ProblemKind.SPARE_KEY, arn)
        # That both are active is the word of whoever shows the user, whatever a store shows of its copy.
        if any(place.source in one.hidden for one in keys for place in one.users):
            yield name
            continue
        first = keys[0].key
        yield Problem(
            id=name,
            kind=ProblemKind.SPARE_KEY,
            severity=Severity.LOW,
            title=f"IAM user {one_line(user_name(arn), 80)} has {count(len(keys), 'active access key')}",
            facts=(
                ("What", "; ".join(_with_use(one) for one in keys)),
                ("Where", one_line(arn, 200)),
                ("Whose", whose(first)),
                (
                    "So what",
                    "A second key is for the days of a replacement. One of two is not missed when it is stolen.",
                ),
                ("Evidence", f"the younger one was there on {day(youngest)}"),
            ),
            next_step=DROP_ONE,
            owner=first.owner,
        )


def user_name(arn: str) -> str:
    """The name at the end of a user's ARN, without the path before it."""
    return arn.rpartition("/")[2]


def _with_use(one: Held) -> str:
    used = max((at for at in (one.standing.last_success, one.standing.last_attempt) if at), default=None)
    return f"{describe(one.key)}, {f'last used {day(used)}' if used else 'no use of it is known'}"


def _is_root(key: Key) -> bool:
    return any(handle.space is HandleSpace.AWS_ROOT for handle in key.handles)
