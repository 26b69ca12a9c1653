"""What is in the stand-in's workspace, and what Slack's methods do with it."""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from keywatch.demo.slack_view import faults

SCOPES = frozenset({"chat:write", "chat:write.public", "channels:history", "channels:read"})
"""What the app may do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackMessage:
    """A message in a channel, as it is now."""

    channel: str
    """Its name, `#keys`."""
    channel_id: str
    ts: str
    text: str
    blocks: tuple[dict[str, Any], ...]
    metadata: dict[str, Any] | None = None
    thread_ts: str | None = None
    """The message it is a reply to."""
    edits: int = 0

    @property
    def delivery(self) -> str | None:
        """The id keywatch put into its metadata."""
        payload = (self.metadata or {}).get("event_payload") or {}
        value: str | None = payload.get("id")
        return value


class Trouble(Enum):
    """A way for Slack to fail."""

    THROTTLED = "429 with Retry-After"
    BROKEN = "500, and nothing is stored"
    LOST = "the message is stored, and the connection closes without an answer"
    DROPPED = "the connection closes, and nothing is stored"
    REFUSED = "200 with the error code that was asked for"
    HELD = "the message is stored, and the answer waits until `release`"


@dataclass(frozen=True, slots=True)
class Fault:
    """How the next call of a method fails; None: of any method."""

    trouble: Trouble
    method: str | None
    retry_after: str
    error: str


class _Refused(Exception):
    def __init__(self, code: str, **details: object) -> None:
        super().__init__(code)
        self.answer = {"ok": False, "error": code, **details}


@dataclass(slots=True)
class Workspace:
    """What is in it, and what its methods do; one lock over all of it."""

    token: str
    webhook: str
    channels: dict[str, str]
    """Id by name."""
    clock: Callable[[], float]
    scopes: set[str]
    lock: threading.RLock = field(default_factory=threading.RLock)
    messages: list[SlackMessage] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    faults: deque[Fault] = field(default_factory=deque)
    released: threading.Event = field(default_factory=threading.Event)
    on_message: Callable[[SlackMessage], None] | None = None
    last_ts: float = 0.0

    def _stamp(self) -> str:
        self.last_ts = max(self.clock(), self.last_ts + 0.000_001)
        return f"{self.last_ts:.6f}"

    def answer(
        self, method: str, arguments: dict[str, Any], authorization: str | None
    ) -> tuple[dict[str, Any], SlackMessage | None]:
        """Do what `method` does, and return Slack's answer, with the message that was posted or edited by it."""
        try:
            with self.lock:
                if method == "webhook":
                    return self._webhook(arguments)
                self._authenticate(authorization)
                return self._method(method)(arguments)
        except _Refused as refused:
            return refused.answer, None

    def fault(self, method: str) -> Fault | None:
        """Note a call of `method`, and return how it is to fail."""
        with self.lock:
            self.calls.append(method)
            found = next((one for one in self.faults if one.method in {None, method}), None)
            if found is not None:
                self.faults.remove(found)
        return found

    def _method(self, name: str) -> Callable[[dict[str, Any]], tuple[dict[str, Any], SlackMessage | None]]:
        return {
            "auth.test": self._auth,
            "chat.postMessage": self._post,
            "chat.update": self._update,
            "conversations.history": self._history,
            "conversations.replies": self._replies,
            "conversations.list": self._list,
        }.get(name, self._unknown)

    def _unknown(self, _arguments: dict[str, Any]) -> tuple[dict[str, Any], None]:
        raise _Refused("unknown_method")

    def _webhook(self, arguments: dict[str, Any]) -> tuple[dict[str, Any], SlackMessage]:
        message = self._store(next(iter(self.channels)), arguments)
        return {"ok": True}, message

    def _auth(self, _arguments: dict[str, Any]) -> tuple[dict[str, Any], None]:
        return {"ok": True, "team": "Example Ltd", "user": "keywatch", "user_id": "U000EXAMPLE"}, None

    def _post(self, arguments: dict[str, Any]) -> tuple[dict[str, Any], SlackMessage]:
        self._need("chat:write")
        message = self._store(self._channel(arguments, by_name=True), arguments)
        return {"ok": True, "channel": message.channel_id, "ts": message.ts, "message": _json(message)}, message

    def _update(self, arguments: dict[str, Any]) -> tuple[dict[str, Any], SlackMessage]:
        self._need("chat:write")
        name = self._channel(arguments)
        for index, old in enumerate(self.messages):
            if (old.channel, old.ts) == (name, arguments.get("ts")):
                text, blocks = _content(arguments)
                metadata = arguments.get("metadata", old.metadata)
                new = replace(old, text=text, blocks=blocks, metadata=metadata, edits=old.edits + 1)
                self.messages[index] = new
                return {"ok": True, "channel": new.channel_id, "ts": new.ts, "text": text}, new
        raise _Refused("message_not_found")

    def _history(self, arguments: dict[str, Any]) -> tuple[dict[str, Any], None]:
        self._need("channels:history")
        name, oldest = self._channel(arguments), float(arguments.get("oldest") or 0)
        shown = [one for one in self.messages if one.channel == name and one.thread_ts is None]
        return self._page(
            [_json(one) for one in reversed(shown) if float(one.ts) > oldest], "messages", arguments
        ), None

    def _replies(self, arguments: dict[str, Any]) -> tuple[dict[str, Any], None]:
        self._need("channels:history")
        name, parent = self._channel(arguments), arguments.get("ts")
        shown = [one for one in self.messages if one.channel == name and parent in {one.ts, one.thread_ts}]
        if not shown:
            raise _Refused("thread_not_found")
        return self._page([_json(one) for one in shown], "messages", arguments), None

    def _list(self, arguments: dict[str, Any]) -> tuple[dict[str, Any], None]:
        self._need("channels:read")
        rows = [{"id": identity, "name": name.removeprefix("#")} for name, identity in self.channels.items()]
        return self._page(rows, "channels", arguments), None

    def _page(self, rows: list[dict[str, Any]], name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        start = int(arguments.get("cursor") or 0)
        end = start + int(arguments.get("limit") or 100)
        if name == "messages" and arguments.get("include_all_metadata") not in {"1", "true", True}:
            rows = [{key: value for key, value in row.items() if key != "metadata"} for row in rows]
        more = str(end) if end < len(rows) else ""
        return {"ok": True, name: rows[start:end], "response_metadata": {"next_cursor": more}}

    def _authenticate(self, authorization: str | None) -> None:
        if authorization != f"Bearer {self.token}":
            raise _Refused("invalid_auth")

    def _need(self, scope: str) -> None:
        if scope not in self.scopes:
            raise _Refused("missing_scope", needed=scope, provided=",".join(sorted(self.scopes)))

    def _channel(self, arguments: dict[str, Any], *, by_name: bool = False) -> str:
        asked = arguments.get("channel")
        for name, identity in self.channels.items():
            if asked == identity or (by_name and asked in {name, name.removeprefix("#")}):
                return name
        raise _Refused("channel_not_found")

    def _store(self, channel: str, arguments: dict[str, Any]) -> SlackMessage:
        text, blocks = _content(arguments)
        message = SlackMessage(
            channel=channel,
            channel_id=self.channels[channel],
            ts=self._stamp(),
            text=text,
            blocks=blocks,
            metadata=arguments.get("metadata"),
            thread_ts=arguments.get("thread_ts"),
        )
        self.messages.append(message)
        return message


def _content(arguments: dict[str, Any]) -> tuple[str, tuple[dict[str, Any], ...]]:
    text, blocks = str(arguments.get("text") or ""), arguments.get("blocks") or []
    if not text and not blocks:
        raise _Refused("no_text")
    if len(text) > 40_000:
        raise _Refused("msg_too_long")
    if found := faults(blocks):
        code = "msg_blocks_too_long" if "blocks too long" in found else "invalid_blocks"
        raise _Refused(code, response_metadata={"messages": found})
    return text, tuple(blocks)


def _json(message: SlackMessage) -> dict[str, Any]:
    shown: dict[str, Any] = {"type": "message", "ts": message.ts, "text": message.text, "blocks": list(message.blocks)}
    if message.thread_ts:
        shown["thread_ts"] = message.thread_ts
    if message.metadata:
        shown["metadata"] = message.metadata
    return shown
