"""What a person has still to confirm. Pure."""

from collections.abc import Iterable, Iterator

from keywatch.alerts.words import one_line
from keywatch.model.alert import AlertId, Problem, ProblemKind
from keywatch.model.finding import Severity
from keywatch.policy.assess import Assessment, Word


def reminders(assessments: Iterable[Assessment], owner: str) -> Iterator[Problem]:
    """
    Yield a reminder of each obligation that is to be confirmed, now or soon.

    Args:
        assessments: of all obligations.
        owner: who is to see to it.
    """
    for row in assessments:
        if row.word in (Word.HOLDS, Word.NONE):
            continue
        item = row.obligation
        yield Problem(
            id=AlertId(f"{ProblemKind.ATTESTATION_DUE.value}:{item.id}"),
            kind=ProblemKind.ATTESTATION_DUE,
            severity=Severity.LOW,
            title=f"To be confirmed{' soon' if row.word is Word.LAPSES else ''}: {one_line(item.id, 80)}",
            facts=(
                ("What", one_line(item.title, 300)),
                ("Question", one_line(item.question, 300)),
                ("So what", "Amazon may ask how we know. What no machine can watch, a person has to look at."),
                ("Evidence", one_line("; ".join(row.reasons), 300)),
            ),
            next_step=f"Look, then: keywatch policy attest {item.id} --by YOUR-NAME --note WHAT-IT-RESTS-ON",
            owner=owner,
            stage=row.word.value,
        )
