"""The demo's logs: what people write to a help desk, and what an application notes of its requests to Amazon."""

import json
import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from keywatch.model.secret import Secret

PARIS, BERLIN = "A1DEMOPARIS00", "A2DEMOBERLIN0"
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def invented(length: int) -> str:
    """Random letters and digits; with the right length they look like a key, and no provider knows them."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def invented_client_secret() -> Secret:
    """What an LWA client secret looks like."""
    return Secret(f"amzn1.oa2-cs.v1.{secrets.token_hex(32)}".encode())


def invented_refresh_token() -> Secret:
    """What a seller's refresh token looks like."""
    return Secret(f"Atzr|Iw{invented(220)}".encode())


class HelpDesk:
    """A help desk's log, rotated as logrotate does it: renamed, and begun anew."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ticket = 4711
        path.parent.mkdir(parents=True, exist_ok=True)

    def write(self, at: datetime, text: str) -> None:
        """Append one message of a seller."""
        self._ticket += 1
        with self.path.open("a", encoding="utf-8") as file:
            file.write(f"{at:%Y-%m-%d %H:%M:%S} ticket={self._ticket} from=seller message={text}\n")

    def rotate(self) -> None:
        """Rename the log, and begin a new one."""
        self.path.replace(self.path.with_name(self.path.name + ".1"))
        self.path.touch()


def write_requests(path: Path, now: datetime) -> None:
    """Write what the application asked of Amazon in a hundred days: Berlin every day, Paris not for eleven weeks."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(line) + "\n" for line in _requests(now))


def _requests(now: datetime) -> Iterator[dict[str, object]]:
    for back in range(100, -1, -1):
        at = now - timedelta(days=back)
        yield _request(at, BERLIN, 200)
        # Paris took its permission back: since then Amazon refuses, which no dashboard of status 5xx shows.
        yield _request(at, PARIS, 200 if back >= 77 else 403)


def _request(at: datetime, seller: str, status: int) -> dict[str, object]:
    return {
        "ts": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "app": "orders",
        "seller_id": seller,
        "host": "sellingpartnerapi-eu.amazon.com",
        "method": "GET",
        "path": "/orders/v0/orders",
        "status": status,
    }
