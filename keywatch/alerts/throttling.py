"""
Of a window's calls, the share that SP-API answered with 429: by seller, as quotas are. Pure.

https://developer-docs.amazon.com/sp-api/docs/usage-plans-and-rate-limits
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from keywatch.alerts.subject import Subject, Subjects
from keywatch.alerts.words import day, one_line
from keywatch.model.alert import AlertId, Problem, ProblemKind
from keywatch.model.answer import Counted, DayCount
from keywatch.model.call import Coverage
from keywatch.model.finding import Severity
from keywatch.model.key import Handle, Key, SourceId

_STEADY = 0.8
"""What was told is over below so much of the limit, so that a share at the limit is told once."""
_OBEY = (
    "Follow the header x-amzn-RateLimit-Limit of the answers, queue calls by seller and operation, wait longer after "
    "each 429. Ask for many things in one call where an operation does that (reports, batches, notifications)."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ThrottlingRules:
    """From when on it is told."""

    days: int = 7
    """The window: today and the days before it, in UTC."""
    most: float = 0.05
    """The share of the calls that may be answered 429."""
    least_calls: int = 200
    """Of fewer calls no share is told."""

    def first_day(self, now: datetime) -> int:
        """The first day of the window, as an ordinal."""
        return now.toordinal() - self.days + 1


def throttled(
    counted: Iterable[Counted],
    keys: Iterable[Key],
    coverages: Iterable[Coverage],
    *,
    rules: ThrottlingRules,
    now: datetime,
    firing: Collection[AlertId],
) -> tuple[list[Problem], frozenset[AlertId]]:
    """
    Return the sellers whose share is too high, and the alerts of which nothing can be said since a source is blind.

    An application is told in their place where its calls do not say for which seller they are.

    Args:
        counted: the calls of the window.
        keys: the inventory.
        coverages: what each call source has read.
        rules: the window and the limit.
        now: aware UTC.
        firing: alerts that are told now.
    """
    subjects, seen = Subjects(keys), {coverage.source: coverage for coverage in coverages}
    first = rules.first_day(now)
    found: dict[Handle, dict[SourceId, DayCount]] = defaultdict(dict)
    named: dict[Handle, Subject] = {}
    for one in counted:
        subject = subjects.of(one.handle)
        named.setdefault(subject.handle, subject)
        mine = found[subject.handle]
        # One source may know an application by its name and by its client id.
        mine[one.source] = one.total.joined(mine[one.source]) if one.source in mine else one.total
    by_seller = {subject.application for subject in named.values() if subject.seller is not None}
    problems: list[Problem] = []
    blind: set[AlertId] = set()
    for handle, sources in found.items():
        subject = named[handle]
        if subject.seller is None and subject.application in by_seller:
            continue
        id_ = _id(subject)
        total = _sum(sources.values())
        limit = rules.most * (_STEADY if id_ in firing else 1)
        if total.calls >= rules.least_calls and total.throttled > limit * total.calls:
            lines = (_line(source, count, seen.get(source), first) for source, count in sorted(sources.items()))
            span = f"from {day(date.fromordinal(first))} to {day(now)}, UTC"
            problems.append(_problem(subject, total, f"{span}: {'; '.join(lines)}", rules))
        elif any((coverage := seen.get(source)) is not None and coverage.blind for source in sources):
            blind.add(id_)
    return problems, frozenset(blind)


def _sum(counts: Iterable[DayCount]) -> DayCount:
    total = DayCount(0, 0)
    for one in counts:
        total = total.joined(one)
    return total


def _id(subject: Subject) -> AlertId:
    return AlertId(f"{ProblemKind.SELLER_THROTTLED.value}:{subject.handle}")


def _problem(subject: Subject, total: DayCount, evidence: str, rules: ThrottlingRules) -> Problem:
    share = total.throttled / total.calls
    return Problem(
        id=_id(subject),
        kind=ProblemKind.SELLER_THROTTLED,
        severity=Severity.LOW,
        title=f"{subject.title}: {share:.1%} of its calls are throttled",
        facts=(
            ("What", f"{total.throttled:,} of {total.calls:,} calls were answered 429; up to {rules.most:.1%} may be"),
            ("Whose", one_line(f"{subject.owner or 'no owner is known'}, {subject.title}")),
            ("So what", "The policy asks for applications that keep to the quotas which each seller has."),
            ("Evidence", one_line(evidence, 600)),
        ),
        next_step=_OBEY,
        owner=subject.owner,
        stage=f"over x{_doublings(share, rules.most)}",
    )


def _doublings(share: float, limit: float) -> int:
    """How many times the limit it is, in doublings: to be told again."""
    times = 1
    while share >= 2 * times * limit and times < 1 << 10:
        times *= 2
    return times


def _line(source: SourceId, count: DayCount, coverage: Coverage | None, first: int) -> str:
    """What one source counted, and what of the window it did not see."""
    said = f"{one_line(source, 80)} counted {count.throttled:,} of {count.calls:,}"
    if coverage is None or coverage.since is None:
        return said
    parts = []
    if coverage.since > datetime.combine(date.fromordinal(first), time(), tzinfo=UTC):
        parts.append(f"has seen calls since {day(coverage.since)} only")
    if coverage.blind:
        parts.append("cannot be read now")
    return f"{said} ({' and '.join(parts)})" if parts else said
