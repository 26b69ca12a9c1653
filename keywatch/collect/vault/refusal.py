"""What Vault's refusals mean, in words that say what to do. Pure."""

from keywatch.collect.vault.answer import Answer
from keywatch.model.errors import SourceDenied, SourceError, SourceMalformed, SourceUnreachable

NOT_FOUND = 404
_PLAIN = frozenset({200, 204, NOT_FOUND})
_BUSY = frozenset({412, 429, 500, 502, 504})
"""Worth a short wait: eventual consistency (412), a rate-limit quota, a node that hands over."""
_CAPABILITY = {"GET": "read", "LIST": "list", "POST": "update", "SCAN": "scan"}
_STATES = {
    429: "is a standby that does not answer",
    472: "is a disaster-recovery secondary",
    473: "is a performance standby",
    501: "is not initialised",
    503: "is sealed or under maintenance",
}
_STATE_HINTS = {501: "initialise it, or correct the address", 503: "unseal it"}
_OTHER_NODE = "point the address at the active node"


class VaultBusy(SourceUnreachable):
    """Vault, or the way to it, asks for patience: worth another try within this run."""

    def __init__(self, message: str, *, hint: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after
        """Seconds that it asked us to wait; None if it did not say."""


class VaultRefused(SourceDenied):
    """The token may not do this; or it is none any more, which Vault says in the same words."""


def refusal(who: str, answer: Answer, what: str) -> SourceError | None:  # noqa: PLR0911
    """
    Return what an answer other than a plain one means.

    Args:
        who: the source that asked; the message begins with it.
        answer: what came back.
        what: verb and path of the request.
    """
    status = answer.status
    if status in _PLAIN:
        return None
    if status in (401, 403) and answer.errors() is None:
        return strange(who, what)
    if status in (401, 403):
        verb, _, path = what.partition(" ")
        hint = f"give the token `{_CAPABILITY.get(verb, 'update')}` on {path} in its policy"
        return VaultRefused(f"{who}: {what} was refused", hint=hint)
    if 300 <= status < 400:  # noqa: PLR2004
        hint = "set the address of the active node or of the load balancer: redirects are not followed"
        return SourceUnreachable(f"{who}: Vault redirects to another address", hint=hint)
    # Here 429 is a rate-limit quota; only from sys/health does it mean a standby.
    if status in _BUSY:
        return _busy(who, answer, what)
    if (state := bad_state(who, status)) is not None:
        return state
    if status > 500:  # noqa: PLR2004
        return SourceUnreachable(f"{who}: Vault failed to answer {what} (HTTP {status})")
    return SourceMalformed(f"{who}: Vault answered {what} with HTTP {status}", hint="check the settings")


def strange(who: str, what: str) -> SourceMalformed:
    """Return what it means that an answer is none of Vault's."""
    hint = "is this address really Vault's, without a login page in front of it?"
    return SourceMalformed(f"{who}: the answer to {what} is not Vault's", hint=hint)


def bad_state(who: str, status: int) -> SourceUnreachable | None:
    """Return what a status of sys/health says of the node; None: it can serve."""
    if status not in _STATES:
        return None
    return SourceUnreachable(f"{who}: Vault {_STATES[status]}", hint=_STATE_HINTS.get(status, _OTHER_NODE))


def _busy(who: str, answer: Answer, what: str) -> VaultBusy:
    wait, hint = answer.retry_after, None
    asks = f", and asks to wait {wait:g} s" if wait else ""
    if answer.status == 429:  # noqa: PLR2004
        hint = "a rate-limit quota (sys/quotas/rate-limit) is too small for keywatch's walks: raise it for this address"
    return VaultBusy(f"{who}: Vault is too busy for {what} (HTTP {answer.status}){asks}", hint=hint, retry_after=wait)
