"""
A stand-in for Slack: the few Web API methods keywatch calls, an incoming webhook, and the ways in which they fail.

It answers as https://docs.slack.dev/reference/methods says, and is as strict: it wants the token, the scopes, an id
where Slack wants an id, and blocks within Slack's limits.
"""

import json
import secrets
import time
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, ClassVar
from urllib.parse import parse_qsl

from keywatch.demo.loopback import LoopbackServer, QuietHandler
from keywatch.demo.slack_view import view
from keywatch.demo.slack_workspace import SCOPES, Fault, SlackMessage, Trouble, Workspace

__all__ = ["SCOPES", "SlackMessage", "SlackServer", "Trouble", "render"]


def render(message: SlackMessage) -> str:
    """Return a message as a person would see it in Slack, for a terminal."""
    note = " (reply)" if message.thread_ts else " (edited)" if message.edits else ""
    return f"[Slack {message.channel}{note}]\n{view(message.blocks) or message.text}\n"


class SlackServer(LoopbackServer):
    """A workspace on the loopback interface."""

    def __init__(
        self,
        channels: Sequence[str] = ("#keys",),
        *,
        token: str | None = None,
        on_message: Callable[[SlackMessage], None] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """
        Make a workspace; it answers from `start` on.

        Args:
            channels: names that exist; the webhook posts into the first one.
            token: of the bot; None makes one.
            on_message: called with each message, and with each edited one, from the server's threads.
            clock: seconds since 1970, for the messages' stamps.
        """
        ids = {name: f"C{number:09d}" for number, name in enumerate(channels, 1)}
        # Not in one piece, lest a scanner take this line for a token.
        made = "-".join(["xoxb", "example", secrets.token_hex(8)])
        hook = f"/services/T000EXAMPLE/B000EXAMPLE/{secrets.token_hex(8)}"
        self._state = Workspace(
            token=token or made, webhook=hook, channels=ids, clock=clock, scopes=set(SCOPES), on_message=on_message
        )
        super().__init__(type("Handler", (_Handler,), {"state": self._state}))

    @property
    def token(self) -> str:
        return self._state.token

    @property
    def api_url(self) -> str:
        """The base URL for slack_sdk."""
        return f"{self.url}/api/"

    @property
    def webhook_url(self) -> str:
        return f"{self.url}{self._state.webhook}"

    @property
    def scopes(self) -> set[str]:
        """What the app may do. Remove `channels:history` to have reading back answered with `missing_scope`."""
        return self._state.scopes

    @property
    def messages(self) -> list[SlackMessage]:
        """Every message, edited ones as they are now, in the order in which they were posted."""
        with self._state.lock:
            return list(self._state.messages)

    @property
    def calls(self) -> list[str]:
        """The methods that were called, refused ones too."""
        with self._state.lock:
            return list(self._state.calls)

    def fail(
        self,
        trouble: Trouble,
        *,
        times: int = 1,
        method: str | None = None,
        retry_after: str = "30",
        error: str = "internal_error",
    ) -> None:
        """
        Let the next calls fail.

        Args:
            trouble: how.
            times: how many of them.
            method: only calls of this method (`webhook` for the webhook); None for any.
            retry_after: the header's text.
            error: the code, for `Trouble.REFUSED`.
        """
        with self._state.lock:
            self._state.faults.extend([Fault(trouble, method, retry_after, error)] * times)

    def forgive(self) -> None:
        """Let nothing more fail than has failed already."""
        with self._state.lock:
            self._state.faults.clear()

    def release(self) -> None:
        """Let the answers that are held go."""
        self._state.released.set()

    def stop(self) -> None:
        self.release()
        super().stop()


class _Handler(QuietHandler):
    state: ClassVar[Workspace]

    def do_GET(self) -> None:  # noqa: N802 - the name is http.server's
        self._serve()

    def do_POST(self) -> None:  # noqa: N802 - the name is http.server's
        self._serve()

    def _serve(self) -> None:
        path, _, query = self.path.partition("?")
        body = self.body()
        method = "webhook" if path == self.state.webhook else path.removeprefix("/api/")
        fault = self.state.fault(method)
        if fault is not None and self._refuse(fault, method):
            return
        answer, event = self.state.answer(method, self._arguments(body, query), self.headers.get("Authorization"))
        if event is not None and self.state.on_message is not None:
            self.state.on_message(event)
        if fault is not None and fault.trouble is Trouble.LOST:
            self.close_connection = True
            return
        if fault is not None and fault.trouble is Trouble.HELD:
            self.state.released.wait()
        self._send(method, answer)

    def _refuse(self, fault: Fault, method: str) -> bool:
        match fault.trouble:
            case Trouble.THROTTLED:
                self.send_response(HTTPStatus.TOO_MANY_REQUESTS)
                self.send_header("Retry-After", fault.retry_after)
                self.send_header("Content-Length", "0")
                self.end_headers()
            case Trouble.BROKEN:
                self.answer(HTTPStatus.INTERNAL_SERVER_ERROR, b"<html>Something went wrong</html>", "text/html")
            case Trouble.DROPPED:
                self.close_connection = True
            case Trouble.REFUSED:
                self._send(method, {"ok": False, "error": fault.error})
            case _:
                return False
        return True

    def _arguments(self, body: bytes, query: str) -> dict[str, Any]:
        if self.headers.get_content_type() == "application/json" and body:
            loaded = json.loads(body)
            return loaded if isinstance(loaded, dict) else {}
        return dict(parse_qsl(query)) | dict(parse_qsl(body.decode("utf-8", "replace")))

    def _send(self, method: str, answer: dict[str, Any]) -> None:
        if method == "webhook":
            code = str(answer.get("error") or "ok")
            self.answer(HTTPStatus.OK if answer["ok"] else HTTPStatus.BAD_REQUEST, code.encode(), "text/html")
        else:
            body = json.dumps(answer).encode()
            self.send_response(HTTPStatus.OK)
            self.send_header("X-OAuth-Scopes", ",".join(sorted(self.state.scopes)))
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()
