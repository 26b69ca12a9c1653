"""Request logs that are text: those of proxies and of real HTTP clients, and patterns of one's own."""

# ruff: noqa: E501 - a line of a log is as long as it is

import io
import logging
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest
import requests

from keywatch.collect.calls.line_pattern import LAYOUTS, LinePattern
from keywatch.collect.calls.request_line import Request, RequestLayout, read_line
from keywatch.collect.calls.request_log import RequestLog
from keywatch.collect.tail import Follower
from keywatch.model.answer import Answer
from keywatch.model.call import Call, Outcome
from keywatch.model.secret import Pepper

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
HOST = "sellingpartnerapi-eu.amazon.com"
PATH = "/orders/v0/orders?NextToken=x"
AT = datetime(2026, 11, 27, 11, 30, tzinfo=UTC)
"""When the calls in the lines below were made."""
AGENT = '"-" "orders/1.0 (Language=Python/3.12; x=\\"y\\")"'
NGINX = f'10.0.0.1 - - [27/Nov/2026:12:30:00 +0100] "GET {PATH} HTTP/1.1" 200 512 "-" "orders/1.0"'
ENVOY = (
    f'[2026-11-27T11:30:00.000Z] "GET {PATH} HTTP/1.1" 200 - 0 512 61 60 "10.0.0.1" "orders/1.0" '
    f'"5d1c0a58-66f1-4e51-a1c6-7f6f3a9a1b11" "{HOST}" "52.94.1.1:443"'
)
ISTIO = ENVOY.replace(" 200 - 0", ' 200 - via_upstream - "-" 0') + " outbound|443||sp-api 10.0.0.9:1 52.94.1.1:443 - -"
ALB = (
    "https 2026-11-27T11:30:00.000000Z app/egress/50dc6c495c0c9188 10.0.0.1:2817 52.94.1.1:443 0.086 0.048 0.037 "
    f'200 200 0 57 "GET https://{HOST}:443{PATH} HTTP/1.1" "orders/1.0" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 arn:aws:x '
    '"Root=1-58337281-1d84f3d73c47ec4e58577259" "-" "-" 1 2026-11-27T11:29:59.000000Z "forward" "-" "-"'
)


def read(line: str, name: str, **layout: object) -> Request | None:
    return read_line(line.encode(), RequestLayout(pattern=LAYOUTS[name], application="orders", **layout), NOW)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("nginx", f"{NGINX} {HOST}"),
        ("nginx", f'{NGINX} "{HOST}"'),
        ("nginx", NGINX.replace(PATH, f"https://{HOST}{PATH}")),
        ("envoy", ENVOY),
        ("envoy", ISTIO),
        ("alb", ALB),
        ("okhttp", f"2026-11-27 11:30:00.000 INFO OkHttp - <-- 200 OK https://{HOST}{PATH} (61ms, 512-byte body)"),
        ("okhttp", f"2026-11-27T11:30:00Z <-- 200 https://{HOST}{PATH} (61ms)"),
        ("guzzle", f'[2026-11-27T11:30:00+00:00] "GET https://{HOST}{PATH} HTTP/1.1" 200'),
        ("guzzle", f"[2026-11-27T11:30:00.000000+00:00] sp-api.INFO: GET https://{HOST}{PATH} HTTP/1.1 200 [] []"),
        ("axios", f'[sp-api-sdk/eu][Response] 2026-11-27T12:30:00+0100 GET https://{HOST}{PATH} 200 {{"x-amzn-requestid":"1"}}'),
        ("axios", f'[Axios][Response] 2026-11-27T12:30:00+0100 GET https://{HOST}{PATH} {{"a":1}} 200:OK {{"payload":{{}}}}'),
        ("axios", f"\x1b[32m[Axios][Response]\x1b[39m 2026-11-27T12:30:00+0100 \x1b[33mGET\x1b[39m https://{HOST}{PATH} 200:OK"),
        ("axios", f"2026-11-27T11:30:00.000Z info: [sp-api-sdk/eu][Response] GET https://{HOST}{PATH} 200"),
        ("dotnet", f"2026-11-27T11:30:00Z info: System.Net.Http.HttpClient.SpApi.LogicalHandler[101] => SpanId:1 => HTTP GET https://{HOST}{PATH} => OrdersService End processing HTTP request after 187.1ms - 200"),
    ],
)  # fmt: skip
def test_a_line_of_each_layout_is_a_successful_call(name: str, line: str) -> None:
    """At its time, and without its query."""
    request = read(line, name)
    assert request is not None
    assert (request.at, request.outcome) == (AT, Outcome.SUCCESS)
    assert (request.action or "").endswith("/orders/v0/orders")
    refused = read(line.replace(" 200", " 429"), name)
    assert refused is not None
    assert refused.outcome is Outcome.FAILURE
    sandbox = read(line.replace(HOST, f"sandbox.{HOST}"), name)
    assert sandbox is not None
    assert sandbox.outcome is None


def test_a_line_without_a_host_is_taken_for_sp_api_only_where_that_is_said() -> None:
    """Nginx's usual log has none."""
    assert read(NGINX, "nginx").outcome is None  # type: ignore[union-attr]
    assert read(NGINX, "nginx", assume_sp_api=True).outcome is Outcome.SUCCESS  # type: ignore[union-attr]


def test_guzzles_usual_format_has_no_host() -> None:
    """Its log middleware writes Apache's common format unless it is told otherwise."""
    line = f'web-1 GuzzleHttp/7 - [27/Nov/2026:11:30:00 +0000] "GET {PATH} HTTP/1.1" 200 512'
    assert read(line, "guzzle").outcome is None  # type: ignore[union-attr]
    request = read(line, "guzzle", assume_sp_api=True)
    assert request is not None
    assert (request.at, request.outcome, request.action) == (AT, Outcome.SUCCESS, "GET /orders/v0/orders")


TOKEN_URL = "https://api.amazon.com/auth/o2/token"
GRANT = '{"error_description":"The request has an invalid grant parameter","error":"invalid_grant"}'


@pytest.mark.parametrize(
    ("name", "line", "answer"),
    [
        ("guzzle", f"[2026-11-27 11:30:00] production.ERROR: Client error: `POST {TOKEN_URL}` resulted in a `400 Bad Request` response: {GRANT}", Answer.INVALID_GRANT),
        ("guzzle", f"[2026-11-27 11:30:00] production.ERROR: Client error: `POST {TOKEN_URL}` resulted in a `401 Unauthorized` response:", Answer.INVALID_CLIENT),
        ("guzzle", f"[2026-11-27T11:30:00+00:00] POST {TOKEN_URL} HTTP/1.1 400 {GRANT}", Answer.INVALID_GRANT),
        ("guzzle", f"[2026-11-27 11:30:00] app.ERROR: Client error: `GET https://{HOST}/orders` resulted in a `429 Too Many Requests` response", Answer.THROTTLED),
        ("axios", f"[Axios][Error] 2026-11-27T11:30:00+0000 POST {TOKEN_URL} 400:Bad Request {GRANT}", Answer.INVALID_GRANT),
        ("httpx", f'2026-11-27 11:30:00,000 INFO httpx: HTTP Request: POST {TOKEN_URL} "HTTP/1.1 401 Unauthorized"', Answer.INVALID_CLIENT),
        ("urllib3", '2026-11-27 11:30:00,000 DEBUG urllib3.connectionpool: https://api.amazon.com:443 "POST /auth/o2/token HTTP/1.1" 400 78', Answer.NOT_EXCHANGED),
        ("okhttp", f"2026-11-27 11:30:00.000 INFO OkHttp - <-- 401 Unauthorized {TOKEN_URL} (80ms)", Answer.INVALID_CLIENT),
        ("dotnet", f"2026-11-27T11:30:00Z info: x[101] => HTTP POST {TOKEN_URL} End processing HTTP request after 80ms - 401", Answer.INVALID_CLIENT),
        ("nginx", NGINX.replace(f"GET {PATH}", "POST /auth/o2/token").replace(" 200 ", " 401 ") + " api.amazon.com", Answer.INVALID_CLIENT),
        ("envoy", ENVOY.replace(f"GET {PATH}", "POST /auth/o2/token").replace(" 200 ", " 400 ").replace(HOST, "api.amazon.com"), Answer.NOT_EXCHANGED),
        ("alb", ALB.replace(f"GET https://{HOST}:443{PATH}", "POST https://api.amazon.com:443/auth/o2/token").replace("200 200", "401 401"), Answer.INVALID_CLIENT),
    ],
)  # fmt: skip
def test_what_a_token_was_refused_for_is_read_where_the_log_says_it(name: str, line: str, answer: Answer) -> None:
    """A wrong client secret by its status alone, a revoked grant by the body, as far as it is logged."""
    request = read(line, name)
    assert request is not None
    assert (request.at, request.answer, request.outcome) == (AT, answer, Outcome.FAILURE)


def test_a_line_of_the_request_and_those_of_inner_handlers_are_passed_over() -> None:
    """Each call counts once."""
    for name, line in (
        ("axios", f"[Axios][Request] 2026-11-27T11:30:00+0000 GET https://{HOST}{PATH}"),
        ("dotnet", f"11:30:00 info: x[100] => HTTP GET https://{HOST}{PATH} Start processing HTTP request GET https://{HOST}{PATH}"),
        ("dotnet", f"11:30:00 info: x[101] => HTTP GET https://{HOST}{PATH} Received HTTP response headers after 80ms - 200"),
        ("okhttp", f"2026-11-27 11:30:00 INFO OkHttp - --> GET https://{HOST}{PATH} http/1.1"),
        ("guzzle", "[2026-11-27 11:30:00] production.INFO: 12 orders of seller A1 imported"),
    ):  # fmt: skip
        assert read(line, name) is None


def test_a_request_without_an_answer_is_no_call() -> None:
    """Envoy writes 0, a load balancer a dash."""
    assert read(ENVOY.replace(" 200 ", " 0 "), "envoy") is None
    assert read(ALB.replace(" 200 200 ", " 502 - "), "alb") is None


@pytest.fixture(scope="module")
def proxy() -> Iterator[str]:
    class Amazon(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Amazon) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("name", ["urllib3", "httpx"])
def test_what_a_real_client_logs_is_understood(proxy: str, name: str) -> None:
    """As the library itself writes it, behind the time that Python's logging puts there; the rest is passed over."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    loggers = [logging.getLogger(of) for of in ("urllib3", "httpx", "httpcore")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)
    before = datetime.now().astimezone() - timedelta(seconds=1)
    try:
        if name == "urllib3":
            requests.get(f"http://{HOST}{PATH}", proxies={"http": proxy}, timeout=20)
        else:
            with httpx.Client(proxy=proxy) as client:
                client.get(f"http://{HOST}{PATH}")
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.removeHandler(handler)
            logger.setLevel(level)
    # urllib3 names the proxy as the host where it speaks plain HTTP to it.
    text = written.getvalue().replace(proxy, f"https://{HOST}:443").replace(f'"GET http://{HOST}', '"GET ')
    layout = RequestLayout(pattern=LAYOUTS[name], application="orders", zone=before.tzinfo or UTC)
    read_lines = [read_line(line.encode(), layout, datetime.now(UTC)) for line in text.splitlines()]
    (request,) = [request for request in read_lines if request is not None]
    assert request.outcome is Outcome.SUCCESS
    assert before <= request.at <= datetime.now(UTC)
    assert request.action == "GET /orders/v0/orders"


def test_times_without_a_zone_are_in_the_configured_one_and_never_later_than_is_certain() -> None:
    """When the clocks go back an hour stands there twice: the earlier one counts."""
    line = "2026-10-25 02:30:00,123 https://" + HOST + ':443 "GET /x HTTP/1.1" 200 None'
    request = read(line, "urllib3", zone=ZoneInfo("Europe/Berlin"))
    assert request is not None
    assert request.at == datetime(2026, 10, 25, 0, 30, 0, 123000, tzinfo=UTC)


def test_a_pattern_of_ones_own_names_what_it_needs() -> None:
    """Application and seller too, where a line says them."""
    pattern = LinePattern(r"^(?P<time>\S+) \[(?P<application>\w+)/(?P<seller>\w+)\] (?P<status>\d+) (?P<path>\S+)$")
    pattern.check()
    line = f"1795779000 [prices/A2EXAMPLE] 204 https://{HOST}/x"
    request = read_line(line.encode(), RequestLayout(pattern=pattern), NOW)
    assert request is not None
    assert (request.application, request.seller, request.outcome) == ("prices", "A2EXAMPLE", Outcome.SUCCESS)
    with pytest.raises(ValueError, match="not of the log's format"):
        read_line(b"something else", RequestLayout(pattern=pattern), NOW)


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("(?P<time>x", "missing"),
        ("(?P<time>x)", "names no group status"),
        ("x", "names no group status and no group time"),
        ("(?P<time>x)(?P<status>y)(?P<user>z)", "groups that mean nothing: user"),
        (r"(?P<time>x)(?P<status>y)\1", "invalid"),
        ("(?P<time>x)(?P<status>y)" + "z" * 2000, "more than 2000"),
    ],
)
def test_a_pattern_that_cannot_be_used_is_refused_with_a_reason(pattern: str, said: str) -> None:
    """When the configuration is read, not when the log is."""
    with pytest.raises(ValueError, match=said):
        LinePattern(pattern).check()


def test_a_programs_log_is_followed_for_its_requests(tmp_path: Path) -> None:
    """What else it says is no broken line; before the first request nothing is covered."""
    log = tmp_path / "app.log"
    log.write_text("2026-11-27 11:00:00 INFO starting\n")
    pepper = Pepper(bytes(Pepper.SIZE))
    layout = RequestLayout(pattern=LAYOUTS["urllib3"], application="orders")
    source = RequestLog("orders", Follower(str(log), pepper), now=lambda: NOW, layout=layout)
    batches = list(source.read({}))
    assert batches[-1].coverage.since is None
    with log.open("a") as file:
        file.write(f'2026-11-27 11:30:00,000 DEBUG urllib3: https://{HOST}:443 "GET /x HTTP/1.1" 200 None\nTraceback\n')
    batches = list(source.read(batches[-1].cursor))
    calls = [call for batch in batches for call in batch.evidence if isinstance(call, Call)]
    assert [(call.at, call.outcome) for call in calls] == [(AT, Outcome.SUCCESS)]
    assert [item for batch in batches for item in batch.skipped] == []
    assert batches[-1].coverage.since == AT
