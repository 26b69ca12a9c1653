"""Invented log lines: a web server's, an application's as JSON, requests to selling-partner hosts, stack traces."""

import json
import random
from collections.abc import Iterator

from benchmarks.detection.values import Values

SEED = 20261127
LEAK_EVERY = 10_000
"""Lines from one leaked secret to the next."""
_HOST = "sellingpartnerapi-eu.amazon.com"
_PATHS = ("/orders/v0/orders", "/catalog/2022-04-01/items", "/feeds/2021-06-30/feeds", "/static/app.js", "/health")
_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0"
_WORDS = ("order", "shipment", "invoice", "label", "worker", "retry", "queue", "batch", "page", "seller")


def lines(kind: str) -> Iterator[bytes]:
    """Yield lines without end; `kind` is web, json, requests, application, or several of them joined by `+`."""
    dice = random.Random(SEED)  # noqa: S311 - log lines, not secrets
    values = Values(SEED)
    kinds = {"web": _web, "json": _json, "requests": _request, "application": _application}
    makers = [kinds[name] for name in kind.split("+")]
    number = 0
    while True:
        number += 1
        moment = (
            f"2026-11-{1 + number // 400_000 % 28:02}T{number // 9000 % 24:02}:{number // 150 % 60:02}:{number % 60:02}"
        )
        line = makers[number % len(makers)](dice, moment, number)
        if number % LEAK_EVERY == 0:
            token = values.refresh_token()
            line = (
                f'{line[:-1]}, "refresh_token": "{token}"}}' if line.endswith("}") else f"{line} refresh_token={token}"
            )
        yield line.encode() + b"\n"


def text(size: int, kind: str) -> bytes:
    """Return about `size` bytes of whole lines."""
    parts, total = [], 0
    for line in lines(kind):
        parts.append(line)
        total += len(line)
        if total >= size:
            break
    return b"".join(parts)


def _address(dice: random.Random) -> str:
    return f"10.{dice.randrange(256)}.{dice.randrange(256)}.{dice.randrange(1, 255)}"


def _id(dice: random.Random) -> str:
    digits = f"{dice.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _web(dice: random.Random, moment: str, number: int) -> str:
    path = f"{dice.choice(_PATHS)}?page={number % 90}&id={dice.getrandbits(40)}"
    return f'{_address(dice)} - - [{moment}+00:00] "GET {path} HTTP/1.1" 200 {dice.randrange(90_000)} "-" "{_AGENT}"'


def _json(dice: random.Random, moment: str, number: int) -> str:
    record = {
        "time": f"{moment}.{number % 1000:03}Z",
        "level": dice.choice(("info", "info", "info", "warning")),
        "logger": f"orders.{dice.choice(_WORDS)}",
        "event": f"{dice.choice(_WORDS)}_{dice.choice(_WORDS)}",
        "trace_id": f"{dice.getrandbits(128):032x}",
        "order_id": f"{dice.randrange(1000):03}-{dice.randrange(10**7):07}-{dice.randrange(10**7):07}",
        "took_ms": dice.randrange(900),
    }
    return json.dumps(record)


def _request(dice: random.Random, moment: str, number: int) -> str:
    record = {
        "time": f"{moment}Z",
        "status": dice.choice((200, 200, 200, 429)),
        "application": "orders",
        "seller": f"A{number % 977:05}EXAMPLE",
        "host": _HOST,
        "method": "GET",
        "path": f"{_PATHS[number % 3]}?NextToken={dice.getrandbits(160):x}",
        "request_id": _id(dice),
    }
    return json.dumps(record)


def _application(dice: random.Random, moment: str, number: int) -> str:
    head = f"{moment},{number % 1000:03} INFO [{_id(dice)}] orders.{dice.choice(_WORDS)}"
    if number % 97 == 0:
        frames = "\n".join(
            f'  File "/srv/orders/{dice.choice(_WORDS)}.py", line {dice.randrange(900)}, in {dice.choice(_WORDS)}\n'
            f"    self.{dice.choice(_WORDS)}({dice.choice(_WORDS)}, timeout={dice.randrange(60)})"
            for _ in range(8)
        )
        return f"{head} failed\nTraceback (most recent call last):\n{frames}\nTimeoutError: {dice.choice(_WORDS)}"
    return (
        f"{head}: {dice.choice(_WORDS)} {dice.randrange(10**6)} {dice.choice(_WORDS)} done in {dice.randrange(900)} ms"
    )
