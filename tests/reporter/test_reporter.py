"""The reporter inside a program: what it tells, and that no trouble of it is ever the program's."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import aiohttp
import boto3
import httpx
import pytest
import requests

from keywatch import reporter as module
from keywatch.reporter import Reporter
from tests.aws.server import AwsFault, FakeAws

SP_API = "http://sellingpartnerapi-eu.amazon.com/orders/v0/orders/902-1?CreatedAfter=x"
TOKEN = "t" * 20


class Keywatch:
    """Takes reports, and answers with the status it is told to."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.reports: list[dict[str, Any]] = []
        self.statuses: list[int] = []
        """Of the next answers; then 200."""
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                report = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                assert self.headers["Authorization"] == f"Bearer {TOKEN}"
                owner.reports.append(report)
                status = owner.statuses.pop(0) if owner.statuses else 200
                if status == 200:
                    owner.calls += report["calls"]
                self.send_response(status)
                if status == 307:
                    self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()


@pytest.fixture
def keywatch() -> Iterator[Keywatch]:
    server = Keywatch()
    yield server
    server.server.shutdown()
    server.server.server_close()


@pytest.fixture
def reporter(keywatch: Keywatch) -> Iterator[Reporter]:
    """One that sends when it is told to."""
    made = Reporter(keywatch.url, TOKEN, application="orders", interval=3600)
    yield made
    made.close()


REFUSALS = {
    "grant": (400, {"error": "invalid_grant", "error_description": "canary of a buyer"}),
    "client": (401, {"error": "invalid_client"}),
    "odd": (400, {"error": "Canary of a buyer"}),
    "list": (403, [1]),
    "denied": (403, {"errors": [{"code": "Unauthorized", "message": "canary", "details": ""}]}),
    "revoked": (
        403,
        {
            "errors": [
                {"code": "Unauthorized", "details": "The access token you provided is revoked, malformed or invalid."}
            ]
        },
    ),
}
"""What stands in a path, and the answer to it."""


class Amazon(BaseHTTPRequestHandler):
    """A proxy that answers for every host: what real clients believe to be SP-API."""

    def do_GET(self) -> None:
        status, body = next((said for word, said in REFUSALS.items() if word in self.path), (200, {}))
        text = json.dumps(body).encode()
        self.send_response(429 if "slow" in self.path else status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def proxy() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Amazon) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def by_requests(reporter: Reporter, proxy: str, urls: list[str]) -> None:
    with requests.Session() as session:
        session.proxies = {"http": proxy}
        session.hooks["response"].append(reporter.requests_hook)
        for url in urls:
            assert session.get(url, timeout=20).json() is not None


def by_httpx(reporter: Reporter, proxy: str, urls: list[str]) -> None:
    with httpx.Client(proxy=proxy, event_hooks={"response": [reporter.httpx_hook]}) as client:
        for url in urls:
            assert client.get(url).json() is not None


def by_async_httpx(reporter: Reporter, proxy: str, urls: list[str]) -> None:
    async def main() -> None:
        hooks = {"response": [reporter.httpx_async_hook]}
        async with httpx.AsyncClient(proxy=proxy, event_hooks=hooks) as client:
            for url in urls:
                assert (await client.get(url)).json() is not None

    asyncio.run(main())


def by_aiohttp(reporter: Reporter, proxy: str, urls: list[str]) -> None:
    async def main() -> None:
        async with aiohttp.ClientSession(trace_configs=[reporter.aiohttp_trace()]) as session:
            for url in urls:
                async with session.get(url, proxy=proxy) as answer:
                    assert json.loads(await answer.read()) is not None

    asyncio.run(main())


@pytest.mark.parametrize("ask", [by_requests, by_httpx, by_async_httpx, by_aiohttp])
def test_a_clients_calls_are_told_by_its_hook(keywatch: Keywatch, reporter: Reporter, proxy: str, ask: Any) -> None:  # noqa: ANN401
    """For the seller of the moment; alike ones as one; other hosts, the sandbox, queries and headers never."""
    sandbox = SP_API.replace("http://", "http://sandbox.")
    with reporter.selling("A2EXAMPLE"):
        ask(reporter, proxy, [SP_API, SP_API.replace("902-1", "902-2"), sandbox, "http://example.com/slow"])
    ask(reporter, proxy, ["http://api.amazon.com/auth/o2/token", SP_API + "&slow"])
    assert reporter.flush(20)
    told = [{name: value for name, value in call.items() if name not in ("id", "time")} for call in keywatch.calls]
    eu = {"application": "orders", "host": "sellingpartnerapi-eu.amazon.com", "method": "GET"}
    path = "/orders/v0/orders/902-"
    assert told == [
        {**eu, "seller": "A2EXAMPLE", "status": 200, "path": path + "2", "count": 2},
        {**eu, "host": "api.amazon.com", "status": 200, "path": "/auth/o2/token", "count": 1},
        {**eu, "status": 429, "path": path + "1", "count": 1},
    ]


@pytest.mark.parametrize("ask", [by_requests, by_httpx, by_async_httpx, by_aiohttp])
def test_why_a_call_was_refused_is_told_in_a_word(keywatch: Keywatch, reporter: Reporter, proxy: str, ask: Any) -> None:  # noqa: ANN401
    """Amazon's word for it, or ours; never what the body says otherwise. The caller reads the body as ever."""
    token = "http://api.amazon.com/auth/o2/token?"
    ask(reporter, proxy, [token + word for word in ("grant", "client", "odd")])
    ask(reporter, proxy, [SP_API + "&" + word for word in ("denied", "revoked", "list")])
    assert reporter.flush(20)
    assert "anary" not in json.dumps(keywatch.reports)
    assert sorted((call["status"], call.get("error", ""), call["count"]) for call in keywatch.calls) == [
        (400, "", 1),
        (400, "invalid_grant", 1),
        (401, "invalid_client", 1),
        (403, "", 2),
        (403, "token-revoked", 1),
    ]


def test_what_a_caller_reads_piece_by_piece_is_left_to_it(keywatch: Keywatch, reporter: Reporter, proxy: str) -> None:
    """Its first piece is there when the hook has been; the status is told all the same."""
    with requests.Session() as session:
        session.proxies = {"http": proxy}
        session.hooks["response"].append(reporter.requests_hook)
        with session.get("http://api.amazon.com/auth/o2/token?grant", stream=True, timeout=20) as answer:
            assert json.loads(answer.raw.read())["error"] == "invalid_grant"
    assert reporter.flush(20)
    assert [(call["status"], call.get("error")) for call in keywatch.calls] == [(400, None)]


def test_an_access_key_is_told_by_its_boto3_client(keywatch: Keywatch, reporter: Reporter, aws_url: str) -> None:
    """The id that signed, and what it did; a session's id is nobody's key."""
    for access_key in ("AKIA" + "Q" * 16, "ASIA" + "Q" * 16):
        client = boto3.client(
            "iam", "eu-west-1", endpoint_url=aws_url, aws_access_key_id=access_key, aws_secret_access_key="x"
        )
        reporter.watch(client)
        client.list_users()
        with pytest.raises(client.exceptions.NoSuchEntityException):
            client.get_user(UserName="nobody")
    assert reporter.flush(20)
    assert [(call["key"], call["outcome"], call["action"]) for call in keywatch.calls] == [
        ("AKIA" + "Q" * 16, "success", "iam:ListUsers"),
        ("AKIA" + "Q" * 16, "failure", "iam:GetUser"),
    ]


def test_a_key_that_aws_does_not_accept_is_told_with_its_code(keywatch: Keywatch, reporter: Reporter) -> None:
    """What a program learns before anybody else: its key is gone."""
    with FakeAws() as aws:
        aws.on("sts", "GetCallerIdentity", lambda *_: AwsFault("InvalidClientTokenId", "canary", 403))
        client = boto3.client(
            "sts", "eu-west-1", endpoint_url=aws.url, aws_access_key_id="AKIA" + "Q" * 16, aws_secret_access_key="x"
        )
        reporter.watch(client)
        with pytest.raises(client.exceptions.ClientError):
            client.get_caller_identity()
    assert reporter.flush(20)
    assert [(call["outcome"], call["error"]) for call in keywatch.calls] == [("failure", "InvalidClientTokenId")]
    assert "canary" not in json.dumps(keywatch.reports)


def test_what_was_not_taken_is_sent_again_under_the_same_id(keywatch: Keywatch, reporter: Reporter) -> None:
    """And no redirect is followed: the token is for keywatch alone."""
    keywatch.statuses = [503, 401, 307]
    reporter.call(status=200, host="h")
    assert [reporter.flush(20) for _ in keywatch.statuses.copy()] == [False] * 3
    reporter.call(status=500, host="h")
    assert reporter.flush(20)
    ids = [call["id"] for report in keywatch.reports for call in report["calls"]]
    assert len(set(ids[:4])) == 1
    assert [call["status"] for call in keywatch.calls] == [200, 500]


def test_a_report_that_is_refused_for_good_does_not_block_the_next(
    keywatch: Keywatch, reporter: Reporter, caplog: pytest.LogCaptureFixture
) -> None:
    """It is lost, and that is said once."""
    keywatch.statuses = [400, 400]
    for status in (200, 201):
        reporter.call(status=status)
        assert reporter.flush(20)
    assert len(caplog.records) == 1
    reporter.call(status=202)
    assert reporter.flush(20)
    assert [call["status"] for call in keywatch.calls] == [202]


def test_what_is_too_much_drops_the_oldest_and_tells(keywatch: Keywatch) -> None:
    """Kinds of calls are bounded, not calls: the oldest kind goes, with its count, and the loss is told."""
    reporter = Reporter(keywatch.url, TOKEN, interval=3600, most=3)
    keywatch.statuses = [503]
    reporter.flush(20)
    for seller in "ABBCADE":
        reporter.call(status=200, seller=seller)
    assert reporter.flush(20)
    assert {call["seller"]: call["count"] for call in keywatch.calls} == {"A": 2, "D": 1, "E": 1}
    assert keywatch.reports[-1]["dropped"] == 3
    assert reporter.flush(20)
    assert keywatch.reports[-1] == {"calls": [], "dropped": 0}
    reporter.close()


def test_many_kinds_go_in_several_reports(keywatch: Keywatch, reporter: Reporter) -> None:
    """Each small enough for keywatch to take."""
    for seller in range(1201):
        reporter.call(status=200, seller=str(seller))
    assert reporter.flush(20)
    assert [len(report["calls"]) for report in keywatch.reports] == [500, 500, 201]


def test_nobody_there_is_nobodys_trouble(caplog: pytest.LogCaptureFixture) -> None:
    """The caller sees nothing of it; the log has one line."""
    reporter = Reporter("http://127.0.0.1:1", lambda: TOKEN, interval=3600)
    for _ in range(3):
        reporter.call(status=200)
        assert not reporter.flush(20)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert TOKEN not in caplog.text
    reporter.requests_hook(object())
    reporter.httpx_hook(None)
    reporter.call(status=200, path=object())  # type: ignore[arg-type]
    reporter._closed = True


@pytest.mark.parametrize("url", ["127.0.0.1:9470", "ftp://x", "http://x/v1/calls", ""])
def test_an_address_that_is_none_is_refused_at_once(url: str) -> None:
    """Before anything is lost to it."""
    with pytest.raises(ValueError, match="not the address of a keywatch"):
        Reporter(url, TOKEN)


def test_the_file_works_alone(keywatch: Keywatch, tmp_path: Path) -> None:
    """Copied into a program, with nothing installed; what is left is sent when the program ends, in a child too."""
    shutil.copy(module.__file__, tmp_path / "reporter.py")
    program = f"""
import os, sys
sys.path.insert(0, {str(tmp_path)!r})
from reporter import Reporter
reporter = Reporter({keywatch.url!r}, {TOKEN!r}, interval=3600)
reporter.call(status=200, seller="parent")
if os.fork() == 0:
    reporter.call(status=200, seller="child")
    sys.exit()
os.wait()
"""
    subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], check=True, timeout=60, env={"PATH": os.environ["PATH"]}
    )
    assert sorted(call["seller"] for call in keywatch.calls) == ["child", "parent"]
