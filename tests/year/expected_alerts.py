"""
The oracle on alerts: what is wrong by its own verdicts, and what of that is news.

As in `tests.year.oracle`, nothing is shared with what it judges but the nouns.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from keywatch.model.finding import Severity
from keywatch.model.key import KeyKind, KeyStatus, SourceId
from tests.year.journal import Journal
from tests.year.oracle import DAY, Verdict

IAM = SourceId("aws-iam:prod")
LIVES = {KeyKind.LWA_CLIENT_SECRET: 180 * DAY, KeyKind.LWA_REFRESH_TOKEN: 365 * DAY}
LEFT = {"notice": 60 * DAY, "warning": 30 * DAY, "urgent": 14 * DAY, "critical": 5 * DAY}
"""Time left to live from which an alert is worse; with none left, it has lapsed."""
SEVERITY = {
    "good": Severity.LOW,
    "notice": Severity.LOW,
    "warning": Severity.MEDIUM,
    "urgent": Severity.HIGH,
    "critical": Severity.CRITICAL,
    "lapsed": Severity.CRITICAL,
}


@dataclass(frozen=True)
class Trouble:
    """One thing that is wrong: how far it has come, how bad it is, whose it is."""

    stage: str
    severity: Severity
    owner: str | None


def troubles(
    found: Mapping[int, Verdict], journal: Journal, now: datetime
) -> tuple[dict[str, Trouble], frozenset[str]]:
    """Return everything that is wrong, and the alerts of which nothing can be said now."""
    wrong: dict[str, Trouble] = {}
    open_: set[str] = set()
    for verdict in found.values():
        held = verdict.held
        if verdict.basis == "unknown" and verdict.level != "leftover":
            open_ |= {f"key-dying:{held.id}", f"key-never-used:{held.id}"}
        for name, trouble in _of_key(verdict, now):
            if held.unseen and not name.startswith(("key-dying:", "key-never-used:", "key-leftover:")):
                open_.add(name)
            else:
                wrong[name] = trouble
        if held.unseen:
            open_.add(f"key-expiring:{held.id}")
    for user, keys in _with_spare_keys(found.values(), now):
        # It is IAM's word that both are active.
        if any(IAM in verdict.held.hidden for verdict in keys):
            open_.add(f"spare-key:{user}")
        else:
            wrong[f"spare-key:{user}"] = Trouble("", Severity.LOW, keys[0].held.owner)
    for source, failing in journal.failing.items():
        if failing:
            wrong[f"source-blind:{source}"] = Trouble("blind", Severity.HIGH, None)
    return wrong, frozenset(open_ - wrong.keys())


def _of_key(verdict: Verdict, now: datetime) -> Iterator[tuple[str, Trouble]]:
    held, level = verdict.held, verdict.level
    if level == "leftover":
        yield f"key-leftover:{held.id}", Trouble(held.status.value, Severity.LOW, held.owner)
    elif verdict.basis == "never" and now - verdict.born >= 7 * DAY:
        yield f"key-never-used:{held.id}", Trouble(level, SEVERITY[level], held.owner)
    elif verdict.basis in ("proven", "attempt-only") and level != "good":
        yield f"key-dying:{held.id}", Trouble(level, SEVERITY[level], held.owner)
    life = LIVES.get(held.kind)
    if life is not None and held.status not in (KeyStatus.INACTIVE, KeyStatus.EXPIRED):
        left = verdict.born + life - now
        stages = [stage for stage, within in LEFT.items() if left <= within] + ["lapsed"] * (left <= timedelta(0))
        if stages:
            yield f"key-expiring:{held.id}", Trouble(stages[-1], SEVERITY[stages[-1]], held.owner)
    age = now - verdict.born
    if held.kind is KeyKind.AWS_ACCESS_KEY and level != "leftover" and age > 90 * DAY:
        very = age > 180 * DAY
        yield (
            f"key-old:{held.id}",
            Trouble("very old" if very else "old", Severity.MEDIUM if very else Severity.LOW, held.owner),
        )


def _with_spare_keys(found: Iterable[Verdict], now: datetime) -> Iterator[tuple[str, list[Verdict]]]:
    """The IAM users who have had two active keys for longer than a replacement takes; the oldest key first."""
    users: dict[str, list[Verdict]] = defaultdict(list)
    for verdict in found:
        held = verdict.held
        if held.kind is KeyKind.AWS_ACCESS_KEY and held.status is KeyStatus.ACTIVE and IAM in held.shown:
            users[held.shown[IAM].locations[0].place].append(verdict)
    for user, keys in users.items():
        keys.sort(key=lambda verdict: (verdict.born, verdict.held.id))
        if len(keys) > 1 and now - keys[-1].born > 14 * DAY:
            yield user, keys


@dataclass
class Alerts:
    """Every alert there ever was, as it was told last."""

    known: dict[str, Trouble] = field(default_factory=dict)
    firing: set[str] = field(default_factory=set)
    latest: datetime | None = None
    """When something was told last."""

    def judged_at(self, clock: datetime) -> datetime:
        """
        The instant as of which is judged: what the clock says, but not earlier than the last news.

        Else what was told before a clock was set back would be taken back, and told again.
        """
        return clock if self.latest is None else max(clock, self.latest)

    def news(
        self, wrong: Mapping[str, Trouble], undecided: frozenset[str], now: datetime
    ) -> list[tuple[str, str, str | None]]:
        """Return what must be told: the alert, what becomes of it, and whose it is."""
        told: list[tuple[str, str, str | None]] = []
        for name, trouble in wrong.items():
            before = self.known.get(name)
            if before is None:
                told.append((name, "fired", trouble.owner))
            elif name not in self.firing:
                told.append((name, "regressed", trouble.owner))
            elif (before.stage, before.severity) != (trouble.stage, trouble.severity):
                told.append((name, "changed", trouble.owner))
            self.known[name] = trouble
        for name in self.firing - wrong.keys() - undecided:
            told.append((name, "resolved", self.known[name].owner))
            self.firing.discard(name)
        self.firing |= wrong.keys()
        if told:
            self.latest = now
        return told
