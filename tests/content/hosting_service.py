"""A stand-in for the listings of GitHub and GitLab, as their documentation describes them."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

from keywatch.collect.content.hosting.api import Patience
from keywatch.collect.content.hosting.github import GitHub
from keywatch.collect.content.hosting.gitlab import GitLab
from keywatch.demo.loopback import LoopbackServer, QuietHandler
from keywatch.model.secret import Secret

TOKEN = "invented" + "-token-of-nobody"
NOW = 1_800_000_000.0
PER_PAGE = 3


@dataclass
class Service:
    """GitHub's and GitLab's listing, as their documentation describes it, with three entries a page."""

    repositories: list[dict[str, object]] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str], object]] = field(default_factory=list)
    """What is answered before anything else, one after the other."""
    headers: dict[str, str] = field(default_factory=dict)
    """With every listing."""
    token: str = TOKEN
    scopes: tuple[str, ...] = ("read_api", "read_repository")
    link_to: str = ""
    """Where the next page is said to be, whatever is true."""
    seen: list[tuple[str, str | None]] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    url: str = ""

    def answer(self, path: str, authorization: str | None) -> tuple[int, dict[str, str], object]:
        self.seen.append((path, authorization))
        if self.answers:
            return self.answers.pop(0)
        if self.token and authorization != f"Bearer {self.token}":
            return 401, {}, {"message": "Bad credentials"}
        parts = urlsplit(path)
        if parts.path == "/api/v4/personal_access_tokens/self":
            return 200, {}, {"scopes": list(self.scopes), "expires_at": "2027-01-31"}
        places = ("/api/v3/orgs/acme/repos", "/api/v3/users/ann/repos", "/api/v4/groups/acme/back/projects")
        if unquote(parts.path) not in places:
            return 404, {}, {"message": "Not Found"}
        query = parse_qs(parts.query)
        page = int(query.get("page", ["1"])[0])
        start = (page - 1) * PER_PAGE
        headers = dict(self.headers)
        if self.link_to:
            headers["Link"] = f'<{self.link_to}>; rel="next"'
        elif start + PER_PAGE < len(self.repositories):
            headers["Link"] = f'<{self.url}{parts.path}?page={page + 1}>; rel="next", <{self.url}/x>; rel="last"'
        return 200, headers, self.repositories[start : start + PER_PAGE]

    @property
    def patience(self) -> Patience:
        return Patience(total=1000, sleep=self.slept.append, now=lambda: NOW)

    def github(self, owner: str = "acme", token: str = TOKEN) -> GitHub:
        return GitHub(owner, _given(token), base_url=self.url, patience=self.patience)

    def gitlab(self, owner: str = "acme/back", token: str = TOKEN) -> GitLab:
        return GitLab(owner, _given(token), base_url=self.url, patience=self.patience)


def _given(token: str) -> Callable[[], Secret] | None:
    return (lambda: Secret(token.encode())) if token else None


def running(service: Service) -> LoopbackServer:
    class Handler(QuietHandler):
        def do_GET(self) -> None:  # noqa: N802 - http.server's name
            status, headers, body = service.answer(self.path, self.headers.get("Authorization"))
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    return LoopbackServer(Handler)
