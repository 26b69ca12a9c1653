"""
A loopback stand-in for the part of IAM and STS that moto does not play truthfully.

It pages, refuses, throttles, has root keys, and its last-used dates are what it was told. The answers follow botocore's
service model (the query protocol: a form in, XML out).
https://docs.aws.amazon.com/IAM/latest/APIReference/API_Operations.html
"""

import base64
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from keywatch.demo.loopback import LoopbackServer, QuietHandler
from keywatch.model.time import to_rfc3339


@dataclass(slots=True, kw_only=True)
class DemoKey:
    """An access key as IAM would show it."""

    id: str
    created_at: datetime
    status: str = "Active"
    used_at: datetime | None = None
    service: str = "N/A"
    region: str = "N/A"


@dataclass(slots=True, kw_only=True)
class DemoUser:
    """An IAM user."""

    name: str
    keys: list[DemoKey] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    deleted: bool = False
    """Listed, but gone by the time anybody asks for more: IAM is eventually consistent."""


class IamServer(LoopbackServer):
    """IAM and STS for one invented account; its public attributes may be changed while it runs."""

    def __init__(self, account: str = "111122223333", users: tuple[DemoUser, ...] = (), page: int = 100) -> None:
        self.account = account
        self.users = list(users)
        self.page = page
        self.root_keys = False
        self.report_at: datetime | None = None
        """When the credential report was made; None: just now."""
        self.refused: set[tuple[str, str]] = set()
        """Action and user name; the empty name refuses the action to everybody."""
        self.errors: list[tuple[int, str]] = []
        """HTTP status and code of the next answers, used up one by one."""
        self.body: bytes | None = None
        """Instead of every answer."""
        self.asked: Counter[str] = Counter()
        self.sessions: list[str] = []
        """RoleSessionName of each AssumeRole."""
        super().__init__(_handler(self))

    def arn(self, user: str) -> str:
        return f"arn:aws:iam::{self.account}:user/{user}"

    def respond(self, form: dict[str, str]) -> tuple[int, str]:
        """Answer one request of the query protocol: HTTP status and XML."""
        action, name = form.get("Action", ""), form.get("UserName", "")
        self.asked[action] += 1
        if self.errors:
            status, code = self.errors.pop(0)
            return status, _error(code, "invented")
        if {(action, ""), (action, name)} & self.refused:
            return 403, _error(
                "AccessDenied", f"User: {self.arn('keywatch')} is not authorized to perform: iam:{action}"
            )
        answer = getattr(self, f"_{action}", None)
        if answer is None:
            return 400, _error("InvalidAction", action)
        try:
            return 200, f"<{action}Response><{action}Result>{answer(form)}</{action}Result></{action}Response>"
        except LookupError:
            return 404, _error("NoSuchEntity", "The user or key cannot be found.")

    def _GetCallerIdentity(self, _: dict[str, str]) -> str:  # noqa: N802 - named for the action
        arn = self.arn("keywatch")
        return f"<Arn>{arn}</Arn><UserId>AIDAEXAMPLE</UserId><Account>{self.account}</Account>"

    def _AssumeRole(self, form: dict[str, str]) -> str:  # noqa: N802
        self.sessions.append(form["RoleSessionName"])
        return (
            "<Credentials><AccessKeyId>ASIAEXAMPLE</AccessKeyId><SecretAccessKey>example</SecretAccessKey>"
            "<SessionToken>example</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>"
        )

    def _ListUsers(self, form: dict[str, str]) -> str:  # noqa: N802
        rows = [
            f"<member><UserName>{u.name}</UserName><Arn>{self.arn(u.name)}</Arn>{_USER}</member>" for u in self.users
        ]
        return self._paged("Users", rows, form)

    def _ListAccessKeys(self, form: dict[str, str]) -> str:  # noqa: N802
        rows = [
            f"<member><UserName>{form['UserName']}</UserName><AccessKeyId>{key.id}</AccessKeyId>"
            f"<Status>{key.status}</Status><CreateDate>{to_rfc3339(key.created_at)}</CreateDate></member>"
            for key in self._user(form).keys
        ]
        return self._paged("AccessKeyMetadata", rows, form)

    def _ListUserTags(self, form: dict[str, str]) -> str:  # noqa: N802
        tags = self._user(form).tags.items()
        rows = [f"<member><Key>{escape(key)}</Key><Value>{escape(value)}</Value></member>" for key, value in tags]
        return self._paged("Tags", rows, form)

    def _GetAccountSummary(self, _: dict[str, str]) -> str:  # noqa: N802
        value = int(self.root_keys)
        return f"<SummaryMap><entry><key>AccountAccessKeysPresent</key><value>{value}</value></entry></SummaryMap>"

    def _GetAccessKeyLastUsed(self, form: dict[str, str]) -> str:  # noqa: N802
        found = [
            (user.name, key)
            for user in self.users
            if not user.deleted
            for key in user.keys
            if key.id == form["AccessKeyId"]
        ]
        owner, key = found[0]
        date = f"<LastUsedDate>{to_rfc3339(key.used_at)}</LastUsedDate>" if key.used_at else ""
        used = f"{date}<ServiceName>{key.service}</ServiceName><Region>{key.region}</Region>"
        return f"<UserName>{owner}</UserName><AccessKeyLastUsed>{used}</AccessKeyLastUsed>"

    def _GenerateCredentialReport(self, _: dict[str, str]) -> str:  # noqa: N802
        return "<State>COMPLETE</State>"

    def _GetCredentialReport(self, _: dict[str, str]) -> str:  # noqa: N802
        report = base64.b64encode(credential_report(self.users).encode()).decode()
        at = to_rfc3339(self.report_at or datetime.now(UTC))
        return f"<Content>{report}</Content><ReportFormat>text/csv</ReportFormat><GeneratedTime>{at}</GeneratedTime>"

    def _user(self, form: dict[str, str]) -> DemoUser:
        return {user.name: user for user in self.users if not user.deleted}[form["UserName"]]

    def _paged(self, name: str, rows: list[str], form: dict[str, str]) -> str:
        start = int(form.get("Marker", "0"))
        end = start + min(self.page, int(form.get("MaxItems", self.page)))
        more = f"<IsTruncated>true</IsTruncated><Marker>{end}</Marker>" if end < len(rows) else ""
        return f"<{name}>{''.join(rows[start:end])}</{name}>{more or '<IsTruncated>false</IsTruncated>'}"


def credential_report(users: list[DemoUser]) -> str:
    """The report on `users`, with the columns that speak of access keys."""
    slots = [f"access_key_{n}_{name}" for n in (1, 2) for name in _SLOT]
    rows = [["user", "arn", *slots]]
    for user in users:
        cells = [cell for key in user.keys[:2] for cell in _cells(key)]
        rows.append([user.name, "arn", *cells, *["false", "N/A", "N/A", "N/A", "N/A"] * (2 - len(user.keys[:2]))])
    return "\n".join(",".join(row) for row in rows)


def _cells(key: DemoKey) -> list[str]:
    used = to_rfc3339(key.used_at) if key.used_at else "N/A"
    return [str(key.status == "Active").lower(), to_rfc3339(key.created_at), used, key.region, key.service]


_SLOT = ("active", "last_rotated", "last_used_date", "last_used_region", "last_used_service")
_USER = "<Path>/</Path><UserId>AIDAEXAMPLE</UserId><CreateDate>2024-01-01T00:00:00Z</CreateDate>"


def _error(code: str, message: str) -> str:
    inner = f"<Type>Sender</Type><Code>{code}</Code><Message>{message}</Message>"
    return f"<ErrorResponse><Error>{inner}</Error></ErrorResponse>"


def _handler(server: IamServer) -> type[QuietHandler]:
    class Handler(QuietHandler):
        def do_POST(self) -> None:  # noqa: N802 - the name is http.server's
            form = {name: values[0] for name, values in parse_qs(self.body().decode()).items()}
            status, xml = server.respond(form)
            self.answer(status, xml.encode() if server.body is None else server.body, "text/xml")

    return Handler
