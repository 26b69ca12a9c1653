"""What is told of a value that is found because we hold it: one rule, in the words of the key's kind."""

from functools import cache

from keywatch.detect.rule import Rule
from keywatch.model.finding import Confidence, RuleInfo, Severity
from keywatch.model.key import KeyKind

KNOWN_SECRET = "known-secret"  # noqa: S105 - the id of a rule
_SPECIFICITY = 1000
"""Above every rule's that goes by the looks of a value."""

_KINDS = {
    KeyKind.AWS_ACCESS_KEY: ("aws", "The secret of an AWS access key"),
    KeyKind.LWA_CLIENT_SECRET: ("lwa", "An LWA client secret"),
    KeyKind.LWA_REFRESH_TOKEN: ("lwa", "A seller's refresh token"),
    KeyKind.MWS_KEY: ("mws", "An MWS key"),
    KeyKind.VAULT_TOKEN: ("vault", "A Vault token"),
    KeyKind.OTHER: ("known", "A secret"),
}


@cache
def known_rule(kind: KeyKind) -> Rule:
    """Return the rule that tells of a value of a key of this kind."""
    category, what = _KINDS[kind]
    return Rule(
        info=RuleInfo(
            id=KNOWN_SECRET,
            description=f"{what} that is in the inventory, recognised by its value",
            category=category,
            severity=Severity.CRITICAL,
            confidence=Confidence.HIGH,
            remedy="It is a key we hold: replace it where it is issued, put the new value into its proper place only,"
            " then remove this copy; deleting it here first helps nobody, for who has read it has it.",
        ),
        specificity=_SPECIFICITY,
    )
