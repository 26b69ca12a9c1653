"""What is wrong with how keys are kept, beside the baseline. Pure; the clock is an argument."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import TypeAlias

from keywatch.alerts.held import Held, Limits, Verdict
from keywatch.alerts.key_hygiene import old_keys, spare_keys
from keywatch.alerts.signers import signers
from keywatch.alerts.store_hygiene import late_rotations, plain_parameters
from keywatch.model.alert import AlertId, Problem, ProblemKind

_Check: TypeAlias = Callable[[Sequence[Held], datetime, Limits], Iterator[Verdict]]

CHECKS: dict[ProblemKind, _Check] = {
    ProblemKind.KEY_OLD: old_keys,
    ProblemKind.SPARE_KEY: spare_keys,
    ProblemKind.SP_API_SIGNER: signers,
    ProblemKind.ROTATION_LATE: late_rotations,
    ProblemKind.PLAIN_PARAMETER: plain_parameters,
}
"""Each kind of problem, and who looks for it."""


def hygiene(held: Iterable[Held], *, now: datetime, limits: Limits) -> tuple[list[Problem], frozenset[AlertId]]:
    """
    Return what is wrong, and the alerts that must stay as they are because nothing can be said of them now.

    Args:
        held: every key in the inventory.
        now: aware UTC.
        limits: what a person configured.
    """
    keys = list(held)
    problems: dict[AlertId, Problem] = {}
    undecided: set[AlertId] = set()
    for kind, check in CHECKS.items():
        if kind in limits.leave_out:
            continue
        for verdict in check(keys, now, limits):
            if isinstance(verdict, Problem):
                problems.setdefault(verdict.id, verdict)
            else:
                undecided.add(verdict)
    return list(problems.values()), frozenset(undecided - problems.keys())
