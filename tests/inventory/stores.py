"""Secrets Manager and Parameter Store with what a test puts into them, one entry a page, for the loopback AWS."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from keywatch.model.key import Key
from keywatch.model.source import Skipped
from tests.aws.server import Asked, AwsFault, Caller, FakeAws

ACCOUNT = "111122223333"
ROLE = f"arn:aws:sts::{ACCOUNT}:assumed-role/keywatch/keywatch"
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
DAY = timedelta(days=1)
KEY_ID = "AKIA" + "KEYWATCHTEST" + "AAAA"
HERE, THERE = "eu-west-1", "us-east-1"


MADE = NOW - 2000 * DAY
USER = {"Path": "/", "UserName": "spapi", "UserId": "AIDA" + "A" * 17, "Arn": f"arn:aws:iam::{ACCOUNT}:user/spapi"}
KEY = {"UserName": "spapi", "AccessKeyId": KEY_ID, "Status": "Active", "CreateDate": MADE}
USED = {"LastUsedDate": NOW - 1500 * DAY, "ServiceName": "execute-api", "Region": "us-east-1"}
IAM: dict[str, dict[str, Any] | AwsFault] = {
    "ListUsers": {"Users": [USER | {"CreateDate": MADE}], "IsTruncated": False},
    "ListAccessKeys": {"AccessKeyMetadata": [KEY], "IsTruncated": False},
    "ListUserTags": {"Tags": [], "IsTruncated": False},
    "GetAccountSummary": {"SummaryMap": {}},
    "GetAccessKeyLastUsed": {"UserName": "spapi", "AccessKeyLastUsed": USED},
    "GenerateCredentialReport": {"State": "STARTED"},
    "GetCredentialReport": AwsFault("ReportNotPresent", status=410),
}
"""IAM of an account with one user and one key, last used before SP-API ignored signatures; and no report yet."""


@dataclass
class Account:
    """What one account keeps, by region."""

    secrets: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    versions: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """By the ARN of the secret."""
    parameters: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    """By the name of the parameter."""
    refused: set[tuple[str, str]] = field(default_factory=set)
    """Operation and region (or "" for all) that may not be asked."""
    gone: set[str] = field(default_factory=set)
    """What is listed, but was deleted since."""

    def serve(self) -> FakeAws:
        server = FakeAws()
        server.on("sts", "GetCallerIdentity", lambda _params, _caller: {"Account": ACCOUNT, "Arn": ROLE, "UserId": "x"})
        server.on("secretsmanager", "ListSecrets", self._listed("secrets", "SecretList"))
        server.on("secretsmanager", "ListSecretVersionIds", self._versions)
        server.on("ssm", "DescribeParameters", self._listed("parameters", "Parameters"))
        server.on("ssm", "ListTagsForResource", self._tags)
        for operation, answer in IAM.items():
            server.on("iam", operation, lambda _params, _caller, answer=answer: answer)  # type: ignore[misc]
        server.fault = self._fault
        return server

    def _fault(self, asked: Asked) -> AwsFault | None:
        if not self.refused & {(asked.operation, asked.caller.region), (asked.operation, "")}:
            return None
        said = f"User: {ROLE} is not authorized to perform: {asked.service}:{asked.operation} on resource: x"
        return AwsFault("AccessDeniedException", said)

    def _listed(self, kept: str, name: str) -> Callable[..., dict[str, Any]]:
        def listed(params: dict[str, Any], caller: Caller) -> dict[str, Any]:
            entries = getattr(self, kept).get(caller.region, [])
            # Each entry is followed by a page without any.
            page = int(params.get("NextToken", "0"))
            shown = entries[page // 2 : page // 2 + 1] if page % 2 == 0 else []
            more = {"NextToken": str(page + 1)} if page + 1 < 2 * len(entries) else {}
            return {name: shown} | more

        return listed

    def _versions(self, params: dict[str, Any], _: Caller) -> dict[str, Any]:
        secret = params["SecretId"]
        if secret in self.gone or secret not in self.versions:
            raise AwsFault("ResourceNotFoundException")
        versions = self.versions[secret]
        page = int(params.get("NextToken", "0"))
        more = {"NextToken": str(page + 1)} if page + 1 < len(versions) else {}
        return {"Versions": versions[page : page + 1]} | more

    def _tags(self, params: dict[str, Any], _: Caller) -> dict[str, Any]:
        assert params["ResourceType"] == "Parameter"
        name = params["ResourceId"]
        if name in self.gone or name == "keywatch-check-nobody":
            raise AwsFault("InvalidResourceId")
        return {"TagList": [{"Key": tag, "Value": value} for tag, value in self.tags.get(name, {}).items()]}


def arn(name: str, region: str = HERE) -> str:
    """The ARN of a secret, with the six characters that AWS adds to its name."""
    return f"arn:aws:secretsmanager:{region}:{ACCOUNT}:secret:{name}-aBcDeF"


def secret(name: str, *, region: str = HERE, tags: dict[str, str] | None = None, **more: object) -> dict[str, Any]:
    """An entry of ListSecrets: made a hundred days ago, and never changed."""
    told = [{"Key": tag, "Value": value} for tag, value in (tags or {}).items()]
    made = NOW - 100 * DAY
    return {"ARN": arn(name, region), "Name": name, "CreatedDate": made, "LastChangedDate": made, "Tags": told} | more


def version(name: str, age: int, *stages: str) -> dict[str, Any]:
    """A version of a secret, `age` days old."""
    return {"VersionId": name.ljust(32, "-"), "VersionStages": list(stages), "CreatedDate": NOW - age * DAY}


def parameter(name: str, kind: str = "SecureString", **more: object) -> dict[str, Any]:
    """An entry of DescribeParameters: last changed ten days ago."""
    place = f"arn:aws:ssm:{HERE}:{ACCOUNT}:parameter/{name.lstrip('/')}"
    return {"Name": name, "ARN": place, "Type": kind, "LastModifiedDate": NOW - 10 * DAY, "Version": 1} | more


def parted(items: "list[Key | Skipped]") -> tuple[dict[str, Key], list[Skipped]]:
    """Keys by name, and what was skipped."""
    keys = [item for item in items if isinstance(item, Key)]
    assert len(keys) == len({key.id for key in keys})
    return {key.name: key for key in keys}, [item for item in items if isinstance(item, Skipped)]
