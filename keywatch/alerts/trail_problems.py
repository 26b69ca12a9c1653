"""What is wrong when somebody removes or changes what keywatch reads. Pure."""

from collections.abc import Iterable, Iterator

from keywatch.alerts.words import count, one_line
from keywatch.model.alert import AlertId, Problem, ProblemKind
from keywatch.model.call import Coverage
from keywatch.model.finding import Severity

_SHOWN = 3


def trail_problems(coverages: Iterable[Coverage]) -> Iterator[Problem]:
    """Yield one problem for each source of which something was removed or changed."""
    for coverage in coverages:
        if not coverage.altered:
            continue
        number = len(coverage.altered)
        newest = [one_line(each, 300) for each in coverage.altered[: -_SHOWN - 1 : -1]]
        more = f"; and {number - _SHOWN} more before" if number > _SHOWN else ""
        source = one_line(coverage.source, 120)
        yield Problem(
            id=AlertId(f"{ProblemKind.TRAIL_ALTERED.value}:{coverage.source}"),
            kind=ProblemKind.TRAIL_ALTERED,
            severity=Severity.HIGH,
            title=f"log files of {source} were removed or altered",
            facts=(
                ("What", f"{count(number, 'place')} where {source} is not as CloudTrail signed it"),
                ("So what", "It may hide what a key was used for; silence before it proves nothing."),
                ("Evidence", f"{'; '.join(newest)}{more}"),
            ),
            next_step="Find out who can write to the bucket and who stopped the trail or its validation, and whether a "
            "rule of the bucket's life cycle removes files too early; compare with `aws cloudtrail validate-logs`.",
            # Worth telling again when there is twice as much of it.
            stage=f"altered {number.bit_length()}",
        )
