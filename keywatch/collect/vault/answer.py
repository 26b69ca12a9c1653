"""One answer of Vault's, read whole within bounds of size and time."""

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from keywatch.model.source import Json

if TYPE_CHECKING:
    import requests

Fields: TypeAlias = dict[str, Json]

LARGEST = 256 << 20
"""Bytes. A folder of a million names is some 60 MB."""
LONGEST = 300.0
"""Seconds for one answer, however steadily it drips."""
_BLOCK = 1 << 16


class Unending(Exception):
    """The answer is larger than any that Vault gives, or takes longer."""


class BrokenOff(Exception):
    """The answer began, and did not go on."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. The body may hold secrets, and is in no repr."""

    status: int
    body: bytes = field(repr=False, default=b"")
    retry_after: float | None = None
    """Seconds that Vault asks to wait, where it says so."""

    def fields(self) -> Fields | None:
        """The JSON object in the body. None: it is something else, as a login page."""
        try:
            parsed = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        return parsed if isinstance(parsed, dict) else None

    def errors(self) -> tuple[str, ...] | None:
        """What Vault says went wrong; for comparing, never for showing, as it may quote a path. None: no list of it."""
        told = (self.fields() or {}).get("errors")
        return tuple(str(error) for error in told) if isinstance(told, list) else None


def whole(response: "requests.Response") -> Answer:
    """
    Read a response to its end.

    Raises:
        Unending: it has none within the bounds.
        BrokenOff: the connection was lost on the way.
    """
    from requests import exceptions

    end, body = time.monotonic() + LONGEST, bytearray()
    with response:
        try:
            for block in response.iter_content(_BLOCK):
                body += block
                if len(body) > LARGEST or time.monotonic() > end:
                    raise Unending
        except (exceptions.ChunkedEncodingError, exceptions.ConnectionError, exceptions.ContentDecodingError):
            raise BrokenOff from None
    return Answer(response.status_code, bytes(body), _seconds(response.headers.get("Retry-After")))


def _seconds(text: str | None) -> float | None:
    """A number of seconds, which is the form that Vault uses; a date is not made one of."""
    try:
        return min(max(float(text), 0.0), 1e6) if text else None
    except ValueError:
        return None
