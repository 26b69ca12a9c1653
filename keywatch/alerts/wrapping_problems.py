"""What is wrong when a secret that was wrapped for keywatch may have been taken by somebody else. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from keywatch.alerts.words import minute, one_line
from keywatch.model.alert import AlertId, Problem, ProblemKind
from keywatch.model.finding import Severity


@dataclass(frozen=True, slots=True)
class Intercepted:
    """A wrapping token that did not give the secret id it was made for."""

    vault: str
    """Its name in the settings."""
    at: datetime
    """When it was noticed."""
    why: str


def wrapping_problems(found: Iterable[Intercepted]) -> Iterator[Problem]:
    """Return one problem a Vault. It ends when a token that was delivered later gives its secret id."""
    for one in found:
        vault = one_line(one.vault, 80)
        yield Problem(
            id=AlertId(f"{ProblemKind.UNWRAP_FAILED.value}:{one.vault}"),
            kind=ProblemKind.UNWRAP_FAILED,
            severity=Severity.HIGH,
            title=f"The secret id that was wrapped for keywatch in Vault {vault} may be in other hands",
            facts=(
                ("What", f"the wrapping token of keywatch's AppRole secret id in Vault {vault}"),
                ("So what", "Whoever unwrapped it can log in to Vault as keywatch; keywatch itself cannot any more."),
                ("Evidence", f"{one_line(one.why, 300)} (noticed {minute(one.at)})"),
            ),
            next_step=(
                "Look in Vault's audit log who asked for sys/wrapping/unwrap. If it was not a deployment of yours, "
                "revoke that secret id by its accessor. Then deliver a new wrapped one. A token that merely ran out "
                "before keywatch was started looks the same."
            ),
            stage=minute(one.at),
        )
