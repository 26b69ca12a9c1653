"""A log that shows secrets which it should hash. Pure."""

from collections.abc import Iterable, Iterator
from datetime import timedelta

from keywatch.alerts.playbook import UNHASHED, UNHASHED_FIELDS
from keywatch.alerts.words import minute, one_line
from keywatch.model.alert import AlertId, Problem, ProblemKind
from keywatch.model.call import Coverage, Exposed
from keywatch.model.finding import Severity

OVER = timedelta(days=7)
"""How long nothing may have been written in the clear until it is over."""
_SHOWN = 6


def log_problems(coverages: Iterable[Coverage]) -> Iterator[Problem]:
    """Yield one problem for each log that has shown something lately, up to when it was read."""
    for coverage in coverages:
        until = coverage.until
        shown = [item for item in coverage.exposed if until is None or item.until > until - OVER]
        if shown:
            yield _problem(coverage, shown)


def _problem(coverage: Coverage, shown: list[Exposed]) -> Problem:
    everything = [item for item in shown if not item.fields]
    told = everything or sorted(shown, key=lambda item: item.since)
    where = one_line(coverage.source, 120)
    what = "tokens and secrets" if everything else "fields of secrets"
    return Problem(
        id=AlertId(f"{ProblemKind.LOG_IN_CLEAR.value}:{coverage.source}"),
        kind=ProblemKind.LOG_IN_CLEAR,
        severity=Severity.CRITICAL if everything else Severity.HIGH,
        title=f"{where}: {what} are written to the audit log in the clear",
        facts=(
            ("What", "nothing in it is hashed" if everything else "; ".join(_fields(item) for item in told[:_SHOWN])),
            ("Where", "; ".join(dict.fromkeys(one_line(item.where, 200) for item in told[:_SHOWN]))),
            ("So what", _SO_WHAT),
            ("Evidence", f"first {minute(min(i.since for i in told))}, last {minute(max(i.until for i in told))}"),
        ),
        next_step=UNHASHED if everything else UNHASHED_FIELDS,
        stage="everything" if everything else "fields",
    )


_SO_WHAT = "Whoever can read the log, or a copy of it, has what is in it; and logs are copied to many places."


def _fields(item: Exposed) -> str:
    names = ", ".join(one_line(name, 60) for name in item.fields[:_SHOWN])
    more = len(item.fields) - _SHOWN
    return f"in {one_line(item.mount, 80)}: {names}{f' and {more} more' if more > 0 else ''}"
