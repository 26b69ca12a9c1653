"""What is kept of a value we hold, so that a scan finds it again although no rule knows its shape."""

from dataclasses import dataclass, field

from keywatch.model.secret import Fingerprint


@dataclass(frozen=True, slots=True, order=True)
class KnownSecret:
    """A fingerprint, and the anchor of its value, which only the pepper opens."""

    fingerprint: Fingerprint
    sealed: str
    """The anchor as `Pepper.seal` leaves it, hexadecimal; of one length whatever the value is."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """A few bytes from inside a value, and where they stand in it. In memory only: it is a part of a secret."""

    text: bytes = field(repr=False)
    offset: int = field(repr=False)
    """Bytes of the value before it."""
    length: int = field(repr=False)
    """Bytes of the whole value."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a value is not looked for wherever it may stand. It says nothing of the value."""

    why: str
    """For a person, after `the value`: `is shorter than …`."""
