"""A small S3 on the loopback interface, for what moto cannot do: break off, throttle, redirect, refuse one object."""

import hashlib
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self
from urllib.parse import parse_qs, quote, unquote, urlsplit

from keywatch.demo.loopback import LoopbackServer, QuietHandler

if TYPE_CHECKING:
    from collections.abc import Callable

BUCKET = "bucket"


@dataclass
class Fault:
    """What goes wrong with one request."""

    status: int = 0
    """Answer with this status and `code`; 0: answer rightly."""
    code: str = ""
    message: str = "it is a test"
    after: int | None = None
    """Close the connection after as many bytes of the body."""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Asked:
    """One request."""

    key: str
    """Empty: the bucket is listed."""
    query: dict[str, str]
    headers: dict[str, str]

    @property
    def region(self) -> str:
        """The region that the signature is for."""
        return self.headers.get("authorization", "").split("/")[2]


class FakeS3:
    """Objects in memory, and what is to go wrong with them."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.classes: dict[str, str] = {}
        self.fault: Callable[[Asked], Fault | None] = lambda _: None
        self.before: Callable[[Asked], None] = lambda _: None
        self.ignores_ranges = False
        self.asked: list[Asked] = []
        self._lock = threading.Lock()
        self._server = LoopbackServer(self._handler())
        # A client that was killed is part of a test.
        self._server._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        self._order: list[str] = []

    @property
    def url(self) -> str:
        return self._server.url

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()

    def got(self) -> list[str]:
        """Keys whose content was asked for, sorted."""
        return sorted(asked.key for asked in self.asked if asked.key)

    def _handler(self) -> type[QuietHandler]:
        fake = self

        class Handler(QuietHandler):
            def do_GET(self) -> None:  # noqa: N802 - the name is http.server's
                parts = urlsplit(self.path)
                key = unquote(parts.path[len(BUCKET) + 2 :])
                query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
                asked = Asked(key, query, {name.lower(): value for name, value in self.headers.items()})
                with fake._lock:
                    fake.asked.append(asked)
                fake.before(asked)
                fault = fake.fault(asked) or Fault()
                if fault.status:
                    body = f"<Error><Code>{fault.code}</Code><Message>{fault.message}</Message></Error>".encode()
                    self.reply(fault.status, body, fault.headers | {"Content-Type": "application/xml"})
                elif key:
                    self.give(asked, fault)
                else:
                    self.reply(200, fake._listing(query), {"Content-Type": "application/xml"})

            def give(self, asked: Asked, fault: Fault) -> None:
                data = fake.objects.get(asked.key)
                if data is None:
                    self.reply(404, b"<Error><Code>NoSuchKey</Code></Error>", {})
                    return
                etag = _etag(data)
                if asked.headers.get("if-match", etag) != etag:
                    self.reply(412, b"<Error><Code>PreconditionFailed</Code></Error>", {})
                    return
                wanted = asked.headers.get("range", "")
                status, headers = 200, {"ETag": etag}
                if wanted and not fake.ignores_ranges:
                    first, _, last = wanted.removeprefix("bytes=").partition("-")
                    end = min(int(last) + 1 if last else len(data), len(data))
                    headers["Content-Range"] = f"bytes {first}-{end - 1}/{len(data)}"
                    status, data = 206, data[int(first) : end]
                self.reply(status, data, headers, fault.after)

            def reply(self, status: int, body: bytes, headers: dict[str, str], after: int | None = None) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body if after is None else body[:after])
                self.wfile.flush()
                self.close_connection = after is not None

        return Handler

    def _listing(self, query: dict[str, str]) -> bytes:
        if len(self._order) != len(self.objects):
            self._order = sorted(self.objects, key=str.encode)
        token = bytes.fromhex(query.get("continuation-token", "")).decode()
        after = token or query.get("start-after", "")
        prefix, most = query.get("prefix", ""), int(query.get("max-keys", "1000"))
        keys: list[str] = []
        for key in self._order[self._behind(after) :]:
            if key.startswith(prefix):
                if len(keys) > most:
                    break
                keys.append(key)
        return _page(keys[:most], self.objects, self.classes, more=len(keys) > most)

    def _behind(self, after: str) -> int:
        low, high = 0, len(self._order)
        while low < high:
            middle = (low + high) // 2
            if self._order[middle].encode() <= after.encode():
                low = middle + 1
            else:
                high = middle
        return low


def _etag(data: bytes) -> str:
    return f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'


def _page(keys: list[str], objects: dict[str, bytes], classes: dict[str, str], *, more: bool) -> bytes:
    items = "".join(
        f"<Contents><Key>{quote(key)}</Key><ETag>{_etag(objects[key])}</ETag><Size>{len(objects[key])}</Size>"
        f"<LastModified>2026-11-01T00:00:00.000Z</LastModified>"
        f"<StorageClass>{classes.get(key, 'STANDARD')}</StorageClass></Contents>"
        for key in keys
    )
    token = f"<NextContinuationToken>{keys[-1].encode().hex()}</NextContinuationToken>" if more else ""
    truncated = str(more).lower()
    return (
        f"<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>{truncated}</IsTruncated>{items}{token}"
        f"</ListBucketResult>"
    ).encode()
