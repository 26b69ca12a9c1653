"""The guard in front of real applications: Starlette, asked by httpx, and WSGI as the standard library checks it."""

import asyncio
import io
import json
from typing import Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from keywatch.detect.engine import Detector
from keywatch.detect.rules import packaged
from keywatch.guard import Guard, GuardASGI, GuardWSGI, Inspection
from tests.guard.test_inspection import KEY, LETTERS


@pytest.fixture(scope="module")
def guard(rules_cache: object) -> Guard:
    return Guard(Detector(packaged(), cache_dir=rules_cache, honour_comments=False))  # type: ignore[arg-type]


async def echo(request: Request) -> PlainTextResponse:
    return PlainTextResponse(f"{request.headers.get('content-length')}:{(await request.body()).decode()}")


APPLICATION = Starlette(routes=[Route("/{rest:path}", echo, methods=["GET", "POST"])])


def by_asgi(guard: Guard, path: str, body: bytes, headers: dict[str, str], **options: Any) -> tuple[int, str]:  # noqa: ANN401
    async def main() -> httpx.Response:
        app = GuardASGI(APPLICATION, guard, **options)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://app") as client:
            return await client.request("POST" if body else "GET", path, content=body, headers=headers)

    answer = asyncio.run(main())
    return answer.status_code, answer.text


def by_wsgi(guard: Guard, path: str, body: bytes, headers: dict[str, str], **options: Any) -> tuple[int, str]:  # noqa: ANN401
    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:  # noqa: ANN401
        length = environ.get("CONTENT_LENGTH") or "0"
        read = environ["wsgi.input"].read(int(length))
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [f"{length}:".encode() + read]

    environ: dict[str, Any] = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SCRIPT_NAME": "",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
    }
    for name, value in headers.items():
        plain = name.upper().replace("-", "_")
        environ[plain if plain == "CONTENT_TYPE" else f"HTTP_{plain}"] = value
    setup_testing_defaults(environ)
    said: list[str] = []
    answer = validator(GuardWSGI(application, guard, **options))(environ, lambda status, *_: said.append(status))  # type: ignore[arg-type]
    try:
        text = b"".join(answer).decode()
    finally:
        answer.close()  # type: ignore[attr-defined]
    return int(said[0][:3]), text


@pytest.fixture(params=[by_asgi, by_wsgi])
def ask(request: pytest.FixtureRequest) -> Any:  # noqa: ANN401
    return request.param


JSON = {"Content-Type": "application/json", "Accept": "application/json"}
BAD = json.dumps({"message": LETTERS["English"]}).encode()


def test_a_clean_request_passes_unchanged(guard: Guard, ask: Any) -> None:  # noqa: ANN401
    """To the byte, and to the length."""
    body = b'{"message" :  "hello"}'
    assert ask(guard, "/tickets", body, JSON) == (200, f"{len(body)}:{body.decode()}")


def test_a_secret_is_refused_with_what_to_do(guard: Guard, ask: Any) -> None:  # noqa: ANN401
    """The application never sees it; the answer is JSON for programs and a sentence for people."""
    noticed: list[tuple[str, Inspection]] = []
    status, text = ask(guard, "/tickets", BAD, JSON, noticed=lambda *told: noticed.append(told))
    assert (status, json.loads(text)["verdict"]) == (422, "seller-secret")
    status, text = ask(guard, "/tickets", BAD, JSON | {"Accept": "text/html"})
    assert "Amazon does not allow us to accept that" in text
    assert KEY not in text
    assert [(path, seen.verdict.value) for path, seen in noticed] == [("/tickets", "seller-secret")]


def test_or_goes_on_without_it(guard: Guard, ask: Any) -> None:  # noqa: ANN401
    """With the length that it has now."""
    status, text = ask(guard, "/tickets", BAD, JSON, redact=True)
    length, _, body = text.partition(":")
    assert (status, int(length)) == (200, len(body))
    assert json.loads(body)["message"].splitlines()[1] == "here is my secret key: [removed]"


def test_what_cannot_be_looked_at_does_not_pass(guard: Guard, ask: Any) -> None:  # noqa: ANN401
    """Too long, or compressed; where that is usual, the path is left out."""
    assert ask(guard, "/tickets", BAD, JSON, largest=10)[0] == 413
    assert ask(guard, "/tickets", b"x" * 10, JSON | {"Content-Encoding": "gzip"})[0] == 415
    assert ask(guard, "/videos", BAD, JSON, largest=10, guards=lambda path: path != "/videos")[0] == 200


def test_a_request_without_a_body_is_none_of_its_business(guard: Guard) -> None:
    """Nothing is read ahead of the application's wishes."""
    assert by_asgi(guard, "/", b"", {}) == (200, "None:")


def test_half_a_request_never_reaches_the_application(guard: Guard) -> None:
    """Who hangs up in the middle has sent nothing: the rest is not taken for a request without a body."""
    messages: list[dict[str, Any]] = [
        {"type": "http.request", "body": BAD[:20], "more_body": True},
        {"type": "http.disconnect"},
    ]
    reached: list[object] = []

    async def application(*call: object) -> None:
        reached.append(call)

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    async def send(message: object) -> None:
        reached.append(message)

    scope = {"type": "http", "path": "/tickets", "headers": []}
    asyncio.run(GuardASGI(application, guard)(scope, receive, send))
    assert (reached, messages) == ([], [])
