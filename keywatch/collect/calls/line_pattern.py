"""
Request logs that are text: one pattern a layout, with a named group for each thing a line says.

The layouts that come with keywatch are those of proxies in front of SP-API, and of the HTTP clients that SP-API
libraries are made of, whose log says what they asked and were answered:

- nginx's `combined`, with `$host` behind it where it was added: https://nginx.org/en/docs/http/ngx_http_log_module.html
- Envoy's default: https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage
- AWS ALB: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-access-logs.html
- urllib3 at DEBUG, and so requests, Amazon's Python SDK, and python-amazon-sp-api before it went over to httpx:
  https://urllib3.readthedocs.io/en/stable/user-guide.html
- httpx at INFO, and so python-amazon-sp-api: https://www.python-httpx.org/logging/
- OkHttp's interceptor, on the client of Amazon's Java SDK:
  https://github.com/square/okhttp/tree/master/okhttp-logging-interceptor
- Guzzle's log middleware with any of its formats, and its exceptions, and so Amazon's PHP SDK and
  jlevers/selling-partner-api: https://docs.guzzlephp.org/en/stable/handlers-and-middleware.html
- axios-logger, and so `logging` of @sp-api-sdk: https://github.com/hg-pyun/axios-logger
- HttpClient of .NET with scopes in one line: https://learn.microsoft.com/en-us/dotnet/core/extensions/httpclient-factory

What amazon-sp-api of Node and FikaAmazonAPI print when they debug is no log of requests: the one says no status, the
other takes a page for each call, and both print tokens or what belongs to buyers.

Patterns are RE2's: whatever a line holds, they take time in proportion to its length.
"""

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from keywatch.model.source import Json

if TYPE_CHECKING:
    from collections.abc import Mapping

    import re2

GROUPS = frozenset({"time", "status", "application", "seller", "client_id", "host", "method", "path", "error"})
"""What a pattern can name: the fields of a JSON line."""
_NEEDED = frozenset({"time", "status"})
_LONGEST = 2000
"""Characters of a pattern."""
_UNANSWERED = frozenset({"0", "-", "000"})
"""What stands for the status of a request that got no answer."""
_TIME = r"(?P<time>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?: ?(?:Z|[+-]\d\d:?\d\d))?)"
_CALL = r'"(?P<method>[A-Z]+) (?P<path>[^ "]+)[^"]*"'
_COLOUR = r"(?:\x1b\[[0-9;]*m)*"
_AXIOS = (
    rf"{_COLOUR}(?P<method>[A-Z]+){_COLOUR} (?P<path>https?://\S+) "
    r"(?:\{.*?\} )?(?P<status>\d{3})\b(?P<error>.*)"
)


@dataclass(frozen=True, slots=True)
class LinePattern:
    """How a line of text is read."""

    pattern: str
    sparse: bool = False
    """Whether lines that do not match are other things that the program has to say; else they are broken."""
    other: str | None = None
    """A second form that such lines have, tried where the first does not match."""

    def check(self) -> None:
        """
        See that it can be used.

        Raises:
            ValueError: it cannot, and why.
        """
        if len(self.pattern) > _LONGEST:
            raise ValueError(f"has more than {_LONGEST} characters")
        named = {name.decode() for name in _compiled(self.pattern).groupindex}
        if missing := _NEEDED - named:
            raise ValueError(f"names no group {' and no group '.join(sorted(missing))}: write (?P<time>…)")
        if unknown := named - GROUPS:
            raise ValueError(f"names groups that mean nothing: {', '.join(sorted(unknown))}")

    def record(self, line: bytes) -> dict[str, Json] | None:
        """
        Return what the line says, under the names of `GROUPS`. None: it says nothing of a request that was answered.

        Raises:
            ValueError: it is not such a line.
        """
        found = _compiled(self.pattern).search(line)
        if found is None and self.other is not None:
            found = _compiled(self.other).search(line)
        if found is None:
            if self.sparse:
                return None
            raise ValueError("not of the log's format")
        said: Mapping[bytes, bytes | None] = found.groupdict()
        record: dict[str, Json] = {
            name.decode(): value.decode("utf-8", "replace") for name, value in said.items() if value
        }
        return None if record.get("status") in _UNANSWERED else record


@cache
def _compiled(pattern: str) -> "re2._Regexp[bytes]":
    import re2

    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern.encode(), options)
    except re2.error as error:
        said = error.args[0] if error.args else "not a pattern"
        raise ValueError(said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)) from None


LAYOUTS = {
    "nginx": LinePattern(
        r"^\S+ \S+ .*?\[(?P<time>[^\]]+)\] " + _CALL + r" (?P<status>\d+)"
        r'(?: \S+ "[^"]*" "[^"]*"(?: "?(?P<host>[A-Za-z0-9.-]+)"?\s*$)?)?'
    ),
    "envoy": LinePattern(
        r"^\[(?P<time>[^\]]+)\] " + _CALL + r' (?P<status>\d+) .*"[^"]*" "[^"]*" "[^"]*" "(?P<host>[^"]*)" "[^"]*"'
    ),
    "alb": LinePattern(r"^[a-z0-9]+ (?P<time>\S+) \S+ \S+ \S+ \S+ \S+ \S+ \S+ (?P<status>\d+|-) \S+ \S+ " + _CALL),
    "urllib3": LinePattern(
        rf"(?:{_TIME}.*?)?https?://(?P<host>[A-Za-z0-9.-]+):\d+ "
        r'"(?P<method>[A-Z]+) (?P<path>\S+) HTTP/[\d.]+" (?P<status>\d+)',
        sparse=True,
    ),
    "httpx": LinePattern(
        rf'(?:{_TIME}.*?)?HTTP Request: (?P<method>[A-Z]+) (?P<path>https?://\S+) "HTTP/[\d.]+ (?P<status>\d+)',
        sparse=True,
    ),
    "okhttp": LinePattern(
        rf"(?:{_TIME}.*?)?<-- (?P<status>\d+) (?:[A-Za-z ]*? )?(?P<path>https?://\S+) \(\d+ms", sparse=True
    ),
    "guzzle": LinePattern(
        r'\[(?P<time>\d[^\]]*)\].*?"?(?P<method>[A-Z]+) (?P<path>(?:https?:/)?/[^ "]*) HTTP/[\d.]+"? '
        r"(?P<status>\d{3})\b(?P<error>.*)",
        sparse=True,
        other=rf"{_TIME}.*?(?:Client|Server) error: `(?P<method>[A-Z]+) (?P<path>https?://[^ `]+)` resulted in a "
        r"`(?P<status>\d{3})[^`]*` response(?P<error>.*)",
    ),
    "axios": LinePattern(
        rf"\[(?:Response|Error)\]{_COLOUR} {_TIME} {_AXIOS}",
        sparse=True,
        other=rf"(?:{_TIME}.*?)?\[(?:Response|Error)\]{_COLOUR} {_AXIOS}",
    ),
    "dotnet": LinePattern(
        # The last of a request's lines: the handlers inside say the same, with another scope in between.
        rf"(?:{_TIME}.*?)?=> HTTP (?P<method>[A-Z]+) (?P<path>https?://\S+).*?"
        r"End processing HTTP request after [\d.]+ms - (?P<status>\d{3})\b",
        sparse=True,
    ),
}
"""By the name that a configuration gives them."""
