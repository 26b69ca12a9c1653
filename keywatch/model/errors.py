"""
What can go wrong, as types: a message that says what failed and where, and a hint that says what to do next.

    KeywatchError
    ├── UsageError              the command was called wrongly
    ├── ConfigError             a setting is wrong: file, line, key, what it should be
    ├── StoreError              the state directory or database cannot be used
    │   └── AlreadyRunning      another daemon holds it
    ├── SourceError             a source could not be read: its keys' standings become unknown
    │   ├── SourceDenied        it answered: not allowed
    │   ├── SourceUnreachable   it did not answer, or answered that it cannot now
    │   └── SourceMalformed     it answered with something that is not what it should be
    ├── RuleError               a detection rule cannot be used
    ├── ScanError               a target could not be scanned, or not to its end
    └── DeliveryError           a message was not delivered
        ├── DeliveryRefused     and will not be, however often it is tried
        └── DeliveryUncertain   or perhaps it was: the answer was lost

Neither message nor hint ever holds a secret: they are printed, logged and sent to Slack. Only `keywatch.cli` prints
one or exits on it.
"""

from datetime import timedelta


class KeywatchError(Exception):
    """The root of every error this project raises on purpose."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(KeywatchError):
    """The command was called in a way it cannot follow."""


class ConfigError(KeywatchError):
    """A setting is wrong. The message names file, line and key."""


class StoreError(KeywatchError):
    """The state directory or its database cannot be used."""


class AlreadyRunning(StoreError):
    """Another daemon holds this state directory."""


class SourceError(KeywatchError):
    """A source could not be read. Its keys' standings become unknown; the other sources go on."""


class SourceDenied(SourceError):
    """The source answered, and refused. The hint names the missing permission."""


class SourceUnreachable(SourceError):
    """The source did not answer, or said that it cannot answer now: sealed, throttled, down."""


class SourceMalformed(SourceError):
    """The source answered with something other than what its documentation promises."""


class RuleError(KeywatchError):
    """A detection rule cannot be used. The message names file, rule id and reason."""


class ScanError(KeywatchError):
    """A target could not be scanned, or not to its end: never to be taken for clean."""


class DeliveryError(KeywatchError):
    """A message was not delivered, and it is worth trying again."""

    def __init__(self, message: str, *, hint: str | None = None, retry_after: timedelta | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after
        """How long the receiver asked us to wait; None if it did not say."""


class DeliveryRefused(DeliveryError):
    """The receiver will not take this message, however often it is tried: a revoked token, a missing channel."""


class DeliveryUncertain(DeliveryError):
    """The request left and the answer was lost: the message may or may not have arrived."""
