"""A log such as a service writes: requests, JSON, an application's lines, and much that only looks like a secret."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from random import Random

from benchmarks.detection.values import ALNUM, BASE64, HEX, Values
from benchmarks.follow.lines import SEED, lines

LEAK_EVERY = 20_000
"""Lines from one leaked pair of AWS to the next; the other lines leak refresh tokens by themselves."""
_SPEAKING = (
    'level=info msg="token refreshed" user={user} expires_in=3600 token_type=bearer request_id={uuid}',
    'level=warn msg="invalid api key" key=****{tail} client={user} trace={hex}',
    '{{"event": "login", "user": "{user}", "password": "[FILTERED]", "session": "{uuid}", "ip": "10.0.0.9"}}',
    '"GET /oauth/callback?state={hex}&scope=orders HTTP/2" 302 0 "https://login.example.com/" "Mozilla/5.0"',
    '{{"headers": {{"authorization": "Bearer ***", "etag": "\\"{hex}\\"", "digest": "{base64}=="}}, "status": 200}}',
    "SELECT id, email, password_hash FROM users WHERE email = '{user}' AND deleted_at IS NULL -- 3 ms",
    "pulled image registry.example.com/orders/api@sha256:{hex}{hex} in 2.1 s, secret orders-db mounted",
    "set-cookie: sid={alnum}; Path=/; HttpOnly; Secure; SameSite=Lax",
)


def write(path: Path, size: int) -> None:
    """Write about `size` bytes, the same each time."""
    endless = _lines()
    with path.open("wb") as file:
        while file.tell() < size:
            file.writelines(islice(endless, 1000))


def _lines() -> Iterator[bytes]:
    dice, values = Random(SEED), Values(SEED)  # noqa: S311 - no secrets
    for number, line in enumerate(lines("web+json+application"), 1):
        yield line
        if number % 5 == 0:
            yield f"2026-11-27T10:{number // 60 % 60:02}:{number % 60:02}Z {_speaking(dice, values)}\n".encode()
        if number % LEAK_EVERY == 0:
            pair = f"AWS_ACCESS_KEY_ID={values.key_id()} AWS_SECRET_ACCESS_KEY={values.aws_secret()}"
            yield f"2026-11-27T10:00:00Z environment of the worker: {pair}\n".encode()


def _speaking(dice: Random, values: Values) -> str:
    digits = values.of(HEX, 32)
    return dice.choice(_SPEAKING).format(
        user=f"ada.{dice.randrange(10_000)}@example.com",
        uuid=f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}",
        hex=digits,
        tail=digits[:4],
        base64=values.of(BASE64, 22),
        alnum=values.of(ALNUM, 26),
    )
