"""
A small AWS on the loopback interface, for what moto does not do: throttle, refuse, page, LookupEvents, an old report.

It knows no service. What a request means and how an answer is written is read from botocore's own service models, with
moto's parsers and serialisers for them; a test says what is answered, one function an operation:

    aws = FakeAws()
    aws.on("iam", "ListUsers", lambda params, caller: {"Users": [], "IsTruncated": False})
    with aws:
        boto3.client("iam", endpoint_url=aws.url, region_name="us-east-1").list_users()
    assert aws.calls("ListUsers") == 1

`params` are the operation's own (`{"MaxItems": 5}`, instants in UTC), `caller` is who signed. A handler returns what
boto3 is to return, or raises (or returns) an `AwsFault`. An answer that AWS's model does not allow, or an operation
nobody handles, is a mistake of the test: it is refused, and the server tells of it when it stops.

`aws.fault` is asked before a handler is: `refusing(0.3)` refuses so many of all calls, always the same ones.
"""

import hashlib
import itertools
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Self

from botocore.utils import parse_timestamp
from botocore.validate import ParamValidator

from keywatch.demo.loopback import LoopbackServer, QuietHandler

if TYPE_CHECKING:
    from moto.core.request import Request


class AwsFault(Exception):
    """An error as AWS answers it."""

    def __init__(self, code: str, message: str = "it is a test", status: int = 400) -> None:
        super().__init__(code)
        self.code = code
        self.message = message
        self.status = status


@dataclass(frozen=True, slots=True)
class Caller:
    """Who signed a request: the scope of its credentials."""

    access_key_id: str
    """Empty: nobody did."""
    region: str
    service: str
    session_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, in the words of AWS's model."""

    service: str
    """As boto3 names it: `iam`."""
    operation: str
    params: dict[str, Any]
    caller: Caller
    time: int = 1
    """1: this caller asked this very thing for the first time."""


Handler = Callable[[dict[str, Any], Caller], "dict[str, Any] | AwsFault"]


class FakeAws:
    """All of AWS behind one address. Its public attributes may be changed while it runs."""

    def __init__(self, handlers: dict[tuple[str, str], Handler] | None = None) -> None:
        self.handlers = handlers if handlers is not None else {}
        """By service and operation: `("iam", "ListUsers")`."""
        self.fault: Callable[[Asked], AwsFault | None] = lambda _: None
        """What is answered instead; None: all is well."""
        self.asked: list[Asked] = []
        """Every request that was understood, refused ones too, in the order of their arrival."""
        self.mistakes: list[str] = []
        """What the test did wrong."""
        self._times: Counter[tuple[str, ...]] = Counter()
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._server = LoopbackServer(self._handler())
        self._server._server.socket.listen(128)  # many clients may come at once
        # A client that was killed is part of a test.
        self._server._server.handle_error = lambda *_: None  # type: ignore[method-assign]

    @property
    def url(self) -> str:
        return self._server.url

    def on(self, service: str, operation: str, handler: Handler) -> None:
        """Let `handler` answer `operation`."""
        self.handlers[service, operation] = handler

    def calls(self, operation: str | None = None, *, service: str | None = None) -> int:
        """How many requests arrived: all, or those for one operation."""
        return sum(operation in (None, a.operation) and service in (None, a.service) for a in self.asked)

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._server.stop()
        if self.mistakes and kind is None:
            raise AssertionError("; ".join(self.mistakes))

    def respond(self, method: str, url: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Answer one HTTP request: status, headers, body."""
        from moto.core.request import Request, determine_request_protocol
        from moto.core.routing import get_service_router
        from moto.core.serialize import SerializationContext, get_serializer_class
        from werkzeug.exceptions import HTTPException

        caller = _caller(headers)
        request = Request.from_primitives(method, url, headers, body)
        try:
            operation, path = get_service_router(caller.service).match(request)
        except HTTPException:
            return _error(self._mistaken(f"{method} {url}: no operation of {caller.service}"), "rest-xml")
        service = operation.service_model
        protocol = determine_request_protocol(service, headers.get("content-type"))
        asked = self._record(caller.service, operation.name, _params(request, operation, protocol, path), caller)
        result = self.fault(asked) or self._handled(asked)
        if isinstance(result, AwsFault):
            return _error(result, protocol)
        wrong = ParamValidator().validate(result, operation.output_shape) if operation.output_shape else None
        if wrong is not None and wrong.has_errors():
            told = f"{asked.service}:{asked.operation} answers: {wrong.generate_report()}"
            return _error(self._mistaken(told), protocol)
        context = SerializationContext(request_id=f"request-{next(self._numbers)}")
        answer = get_serializer_class(asked.service, protocol)(operation, context).serialize(result)
        content = answer["body"]
        return (
            answer["status_code"],
            {name: str(value) for name, value in answer["headers"].items()},
            content.encode() if isinstance(content, str) else content,
        )

    def _handled(self, asked: Asked) -> dict[str, Any] | AwsFault:
        handler = self.handlers.get((asked.service, asked.operation))
        if handler is None:
            return self._mistaken(f"nobody answers {asked.service}:{asked.operation}")
        try:
            return handler(asked.params, asked.caller)
        except AwsFault as fault:
            return fault
        except Exception as error:  # noqa: BLE001 - told when the server stops
            return self._mistaken(f"{asked.service}:{asked.operation}: {error!r}")

    def _record(self, service: str, operation: str, params: dict[str, Any], caller: Caller) -> Asked:
        same = (service, operation, repr(sorted(params.items())), caller.access_key_id, caller.region)
        with self._lock:
            self._times[same] += 1
            asked = Asked(service, operation, params, caller, self._times[same])
            self.asked.append(asked)
        return asked

    def _mistaken(self, text: str) -> AwsFault:
        with self._lock:
            self.mistakes.append(text)
        return AwsFault("MistakeOfTheTest", text)

    def _handler(self) -> type[QuietHandler]:
        fake = self

        class Http(QuietHandler):
            def do_POST(self) -> None:  # noqa: N802 - the name is http.server's
                headers = {name.lower(): value for name, value in self.headers.items()}
                url = f"http://{headers.get('host', 'localhost')}{self.path}"
                status, answered, body = fake.respond(self.command, url, headers, self.body())
                self.send_response_only(status)
                for name, value in answered.items():
                    if name.lower() != "content-length":
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)
                self.wfile.flush()

            do_GET = do_HEAD = do_PUT = do_DELETE = do_POST  # noqa: N815

        return Http


def refusing(
    share: float, *, code: str = "Throttling", status: int = 400, seed: int = 1
) -> Callable[[Asked], AwsFault | None]:
    """
    Refuse `share` (0 to 1) of all requests: the same ones in each run, whatever the order in which threads ask.

    Each repetition of a request is drawn anew.
    """
    bound = share * 2**32

    def drawn(asked: Asked) -> AwsFault | None:
        params = repr(sorted(asked.params.items()))
        text = f"{seed}/{asked.service}/{asked.operation}/{asked.caller.access_key_id}/{params}/{asked.time}"
        number = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest())
        return AwsFault(code, "Rate exceeded", status) if number < bound else None

    return drawn


def _caller(headers: dict[str, str]) -> Caller:
    # AWS4-HMAC-SHA256 Credential=<key id>/<day>/<region>/<service>/aws4_request, SignedHeaders=..., Signature=...
    scope = headers.get("authorization", "").partition("Credential=")[2].partition(",")[0].split("/")
    if len(scope) != 5:
        return Caller("", "us-east-1", "s3")  # what may be asked without a signature
    return Caller(scope[0], scope[2], scope[3], headers.get("x-amz-security-token", ""))


def _params(request: "Request", operation: Any, protocol: str, path: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401
    from moto.core.parse import PROTOCOL_PARSERS

    parsed: dict[str, Any] = PROTOCOL_PARSERS[protocol](operation, timestamp_parser=_instant).parse(
        {
            "method": request.method,
            "values": request.values,
            "headers": request.headers,
            "body": request.data,
            "url_params": path,
            "url_path": request.path,
        }
    )
    return {name: value for name, value in parsed.items() if value is not None}


def _instant(value: str) -> datetime:
    at: datetime = parse_timestamp(value)
    return at.astimezone(UTC)


@cache
def _error_body(code: str, message: str, protocol: str) -> bytes:
    import json
    from xml.sax.saxutils import escape

    if protocol == "json":
        return json.dumps({"__type": code, "message": message}).encode()
    inner = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
    if protocol == "rest-xml":
        return f"<Error>{inner}</Error>".encode()
    return f"<ErrorResponse><Error><Type>Sender</Type>{inner}</Error></ErrorResponse>".encode()


def _error(fault: AwsFault, protocol: str) -> tuple[int, dict[str, str], bytes]:
    kind = "application/x-amz-json-1.1" if protocol == "json" else "text/xml"
    return fault.status, {"Content-Type": kind}, _error_body(fault.code, fault.message, protocol)
