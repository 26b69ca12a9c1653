"""
What a token may do, as Vault itself says it: what is missing, and what is too much.

`sys/capabilities-self` tries nothing and is allowed by Vault's default policy.
https://developer.hashicorp.com/vault/api-docs/system/capabilities-self
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from keywatch.collect.vault import Vault
from keywatch.model.errors import SourceDenied
from keywatch.model.source import Excess, Skipped

_NONE = frozenset({"deny"})
_NAMES = frozenset({"list", "scan"})
"""Shows names, not values; policies grant it beside `read`."""
_ALL = "root"


@dataclass(frozen=True, slots=True)
class Right:
    """What is needed on one path. To change anything there is too much, and so is to read where nothing is needed."""

    path: str
    needed: frozenset[str]
    purpose: str
    """For a person: `values, once each`."""
    may: frozenset[str] = frozenset()
    """What is harmless, and not needed."""


def rights(vault: Vault, wanted: Sequence[Right]) -> Iterator[str | Skipped]:
    """
    Compare what a token may do with what it needs.

    Raises:
        SourceError: Vault cannot be asked.
    """
    try:
        told = vault.post("sys/capabilities-self", {"paths": [right.path for right in wanted]}) or {}
    except SourceDenied:
        hint = "let it have Vault's default policy, or `update` on sys/capabilities-self"
        yield Skipped("what the token may do", "Vault does not tell", hint)
        return
    allowed = {right: _capabilities(told.get(right.path)) for right in wanted}
    if any(_ALL in capabilities for capabilities in allowed.values()):
        yield Excess("the token", "is one of root, which may do everything", "make one with a policy of config/vault/")
        return
    for right, capabilities in allowed.items():
        if lacking := sorted(right.needed - capabilities):
            hint = f"give the token `{', '.join(lacking)}` on {right.path} in its policy"
            yield Skipped(right.path, f"{', '.join(lacking)} is not allowed, for {right.purpose}", hint)
        elif right.needed:
            yield f"{', '.join(sorted(right.needed))} {right.path}"
        harmless = _NONE | _NAMES | right.may | ({"read"} if right.needed else set())
        if extra := sorted(capabilities - harmless):
            hint = f"take `{', '.join(extra)}` on {right.path} out of its policies"
            yield Excess(right.path, f"{', '.join(extra)} is allowed, and not needed", hint)


def _capabilities(told: object) -> frozenset[str]:
    return frozenset(map(str, told)) if isinstance(told, list) else _NONE
