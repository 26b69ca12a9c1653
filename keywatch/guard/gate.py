"""What both middlewares have in common: the settings, and whether a request may go on."""

from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

from keywatch.guard.answer import REFUSED, Words, accepts, rendered
from keywatch.guard.inspection import Guard, Inspection

App = TypeVar("App")

LARGEST = 10 << 20
"""Bytes of a body that is looked at."""
_TEXT = "text/plain; charset=utf-8"


class Refusal(NamedTuple):
    """The answer to a request that does not go on."""

    status: int
    content_type: str
    body: bytes


class Gate(Generic[App]):
    """
    Looks at the body of each request before the application does.

    A body with a secret is refused, or goes on without it. One that cannot be looked at (too long, compressed) is
    refused too: a path whose uploads are of another kind is left out by `guards`.
    """

    def __init__(
        self,
        app: App,
        guard: Guard | None = None,
        *,
        redact: bool = False,
        words: Words | None = None,
        largest: int = LARGEST,
        guards: Callable[[str], bool] = lambda _: True,
        noticed: Callable[[str, Inspection], None] = lambda _path, _seen: None,
    ) -> None:
        """
        Args:
            app: the application.
            guard: what looks; None for one with the packaged rules.
            redact: let a request go on without the secret, where all of it can be taken out, instead of refusing it.
            words: what the sender is told.
            largest: bytes of a body; a longer one is refused with 413.
            guards: tells of a request's path whether it is looked at.
            noticed: is told of each request in which something was found, to count it.
        """  # noqa: D205
        self._app = app
        self._guard = guard or Guard()
        self._redact = redact
        self._words = words or Words()
        self._largest = largest
        self._guards = guards
        self._noticed = noticed

    def _passed(self, path: str, body: bytes | None, header: Callable[[str], str]) -> bytes | Refusal:
        """
        Return the body that may go on, the very same where nothing is wrong with it; or the refusal.

        Args:
            path: where the request goes.
            body: None: it is too long.
            header: gives a header of the request by its name in lower case; empty if there is none.
        """
        if body is None:
            return Refusal(413, _TEXT, b"too long to be looked at\n")
        if not body:
            return body
        if header("content-encoding").lower() not in ("", "identity"):
            return Refusal(415, _TEXT, b"compressed: send it as it is\n")
        seen = self._guard.inspect(body, header("content-type"))
        if seen.found:
            self._noticed(path, seen)
        if accepts(seen, redact=self._redact):
            return seen.body
        return Refusal(REFUSED, *rendered(seen, self._words, header("accept")))
