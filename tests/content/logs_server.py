"""A small CloudWatch Logs on the loopback interface, for what moto cannot do: empty pages, throttling, a refusal."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from keywatch.demo.loopback import LoopbackServer, QuietHandler

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Event:
    """One event."""

    stream: str
    at: int
    message: str
    id: str


class FakeLogs:
    """Groups of events in memory, and what is to go wrong with them."""

    def __init__(self) -> None:
        self.groups: dict[str, list[Event]] = {}
        self.page = 3
        self.empty = 0
        """Pages without an event before each that has some."""
        self.fault: Callable[[str, dict[str, Any]], str | None] = lambda _action, _request: None
        """Returns the error code of an answer; None: all is well."""
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self._server = LoopbackServer(self._handler())

    @property
    def url(self) -> str:
        return self._server.url

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()

    def _handler(self) -> type[QuietHandler]:
        fake = self

        class Handler(QuietHandler):
            def do_POST(self) -> None:  # noqa: N802 - the name is http.server's
                action = self.headers["X-Amz-Target"].partition(".")[2]
                request = json.loads(self.body())
                fake.asked.append((action, request))
                code = fake.fault(action, request)
                if code is not None:
                    self.answer(400, json.dumps({"__type": code, "message": "it is a test"}).encode(), _JSON)
                    return
                answer = fake._groups(request) if action == "DescribeLogGroups" else fake._events(request)
                if answer is None:
                    self.answer(400, b'{"__type": "ResourceNotFoundException"}', _JSON)
                else:
                    self.answer(200, json.dumps(answer).encode(), _JSON)

        return Handler

    def _groups(self, request: dict[str, Any]) -> dict[str, Any]:
        names = sorted(name for name in self.groups if name.startswith(request.get("logGroupNamePrefix", "")))
        first = int(request.get("nextToken", 0))
        answer: dict[str, Any] = {
            "logGroups": [{"logGroupName": name, "arn": f"{arn(name)}:*"} for name in names[first : first + 2]]
        }
        return answer | ({"nextToken": str(first + 2)} if first + 2 < len(names) else {})

    def _events(self, request: dict[str, Any]) -> dict[str, Any] | None:
        name = request.get("logGroupName") or request["logGroupIdentifier"].rpartition(":")[2]
        if name not in self.groups:
            return None
        start, end = request["startTime"], request["endTime"]
        events = [event for event in self.groups[name] if start <= event.at <= end]
        first, empty = map(int, request.get("nextToken", f"0/{self.empty}").split("/"))
        if empty:
            return {"events": [], "nextToken": f"{first}/{empty - 1}"}
        page = events[first : first + self.page]
        answer: dict[str, Any] = {
            "events": [
                {"logStreamName": e.stream, "timestamp": e.at, "message": e.message, "eventId": e.id} for e in page
            ]
        }
        behind = first + self.page
        return answer | ({"nextToken": f"{behind}/{self.empty}"} if behind < len(events) else {})


_JSON = "application/x-amz-json-1.1"


def arn(name: str, account: str = "111122223333") -> str:
    """A log group's ARN."""
    return f"arn:aws:logs:us-east-1:{account}:log-group:{name}"
