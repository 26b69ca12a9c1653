"""
The one place that makes AWS clients, and that says in keywatch's words what AWS refused.

Credentials come from boto3's own chain, or from a named role assumed with them (`aws_session.py`), never from a
setting. Every client retries in `standard` or `adaptive` mode (botocore's default changed between releases) and has
timeouts (the defaults are 60 s).
https://docs.aws.amazon.com/boto3/latest/guide/retries.html
"""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from keywatch.model.errors import SourceDenied, SourceError, SourceMalformed, SourceUnreachable

if TYPE_CHECKING:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import ClientError
    from mypy_boto3_athena import AthenaClient
    from mypy_boto3_cloudtrail import CloudTrailClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_sts import STSClient

MARK = "keywatch"
"""Our role session name and user agent: what we do ourselves is never evidence that somebody uses a key."""

ASSUMING = "sts:AssumeRole"

_PRINCIPAL = re.compile(r"User: (arn:[\w:/+=,.@*-]{1,512}) is not authorized")
_CODE = re.compile(r"[A-Za-z0-9.:_-]{1,64}")
_CREDENTIALS = frozenset(
    {
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "SignatureDoesNotMatch",
        "AuthFailure",
        "InvalidAccessKeyId",
    }
)
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"})
_THROTTLED = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "TooManyRequestsException",
        "SlowDown",
        "BandwidthLimitExceeded",
        "LimitExceededException",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsAccess:
    """How one AWS account is reached."""

    region: str | None = "us-east-1"
    """None: what the environment or the profile says, else us-east-1."""
    profile: str | None = None
    """A profile of the AWS configuration files; None: boto3's default chain."""
    role_arn: str | None = None
    """A role to assume with those credentials, under the session name `keywatch`."""
    external_id: str | None = None
    endpoint_url: str | None = None
    """Where to send every request instead of AWS: a test server, a VPC endpoint."""
    attempts: int = 10
    """Tries of one request, the first one included, with exponential waits between them."""
    connect_timeout: float = 5
    """Seconds."""
    read_timeout: float = 30
    """Seconds between two reads, not for the whole answer."""
    connections: int = 10
    adaptive: bool = False
    """Whether all requests slow down together when AWS throttles some: for those who ask a lot."""
    addressing: Literal["auto", "path", "virtual"] = "auto"
    """Where a bucket's name stands in an S3 URL. `auto`: as AWS prefers it, and in the path for any other server."""
    anonymous: bool | None = False
    """Whether S3 is asked without a signature. None: only where there are no credentials to sign with."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom AWS takes us for."""

    account: str
    arn: str


class AwsClients:
    """
    The clients of one access, each made once.

    Clients may be shared between threads, boto3's sessions may not: making one holds a lock.
    """

    def __init__(self, who: str, access: AwsAccess, *, through: "AwsClients | None" = None) -> None:
        """
        Args:
            who: The source that asks: what errors begin with.
            access: How the account is reached.
            through: Whose credentials are our own. Many accounts share them, and the STS client that assumes their
                roles; None: boto3's own chain.
        """  # noqa: D205
        self.who = who
        self.access = access
        self._through = through
        self._lock = threading.Lock()
        self._session: boto3.Session | None = None
        self._athena: AthenaClient | None = None
        self._cloudtrail: dict[str, CloudTrailClient] = {}
        self._iam: IAMClient | None = None
        self._logs: CloudWatchLogsClient | None = None
        self._organizations: Any = None
        self._s3: S3Client | None = None
        self._secrets: dict[str, SecretsManagerClient] = {}
        self._parameters: dict[str, SSMClient] = {}
        self._sqs: SQSClient | None = None
        self._sts: STSClient | None = None

    def athena(self) -> "AthenaClient":
        with self._lock, asking(self.who, "aws configuration"):
            if self._athena is None:
                made, config = self._made(), self._config()
                self._athena = made.client("athena", endpoint_url=self.access.endpoint_url, config=config)
            return self._athena

    def cloudtrail(self, region: str) -> "CloudTrailClient":
        """CloudTrail of one Region: each knows what happened there alone."""
        with self._lock, asking(self.who, "aws configuration"):
            if region not in self._cloudtrail:
                made, config, url = self._made(), self._config(), self.access.endpoint_url
                self._cloudtrail[region] = made.client("cloudtrail", region, endpoint_url=url, config=config)
            return self._cloudtrail[region]

    def iam(self) -> "IAMClient":
        with self._lock, asking(self.who, "aws configuration"):
            if self._iam is None:
                self._iam = self._made().client("iam", endpoint_url=self.access.endpoint_url, config=self._config())
            return self._iam

    def organizations(self) -> Any:  # noqa: ANN401 - its stubs are not among our tools
        with self._lock, asking(self.who, "aws configuration"):
            if self._organizations is None:
                made = self._made()
                url, config = self.access.endpoint_url, self._config()
                self._organizations = made.client("organizations", endpoint_url=url, config=config)
            return self._organizations

    def logs(self) -> "CloudWatchLogsClient":
        with self._lock, asking(self.who, "aws configuration"):
            if self._logs is None:
                self._logs = self._made().client("logs", endpoint_url=self.access.endpoint_url, config=self._config())
            return self._logs

    def s3(self) -> "S3Client":
        with self._lock, asking(self.who, "aws configuration"):
            if self._s3 is None:
                self._s3 = self._made_s3()
            return self._s3

    def _made_s3(self) -> "S3Client":
        from botocore import UNSIGNED
        from botocore.config import Config

        session, anonymous = self._made(), self.access.anonymous
        if anonymous is None:
            anonymous = session.get_credentials() is None
        config = self._config().merge(Config(signature_version=UNSIGNED)) if anonymous else self._config()
        client = session.client("s3", endpoint_url=self.access.endpoint_url, config=config)
        profile_says = (client.meta.config.s3 or {}).get("addressing_style", "auto")  # type: ignore[attr-defined]
        if profile_says != "auto" or _is_aws(client.meta.endpoint_url):
            return client
        # The environment or a profile names a server of its own.
        config = config.merge(Config(s3={"addressing_style": "path"}))
        return session.client("s3", endpoint_url=self.access.endpoint_url, config=config)

    def sqs(self) -> "SQSClient":
        with self._lock, asking(self.who, "aws configuration"):
            if self._sqs is None:
                self._sqs = self._made().client("sqs", endpoint_url=self.access.endpoint_url, config=self._config())
            return self._sqs

    def secrets(self, region: str) -> "SecretsManagerClient":
        with self._lock, asking(self.who, "aws configuration"):
            if region not in self._secrets:
                self._secrets[region] = self._made().client(
                    "secretsmanager",
                    region_name=region,
                    endpoint_url=self.access.endpoint_url,
                    config=self._config(),
                )
            return self._secrets[region]

    def parameters(self, region: str) -> "SSMClient":
        with self._lock, asking(self.who, "aws configuration"):
            if region not in self._parameters:
                self._parameters[region] = self._made().client(
                    "ssm", region_name=region, endpoint_url=self.access.endpoint_url, config=self._config()
                )
            return self._parameters[region]

    def sts(self) -> "STSClient":
        with self._lock, asking(self.who, "aws configuration"):
            if self._sts is None:
                self._sts = self._sts_of(self._made())
            return self._sts

    def close(self) -> None:
        """Close the connections that are kept open. Clients that are used again open new ones."""
        with self._lock:
            clients = (self._athena, *self._cloudtrail.values(), self._iam, self._logs, self._organizations)
            regional = (*self._secrets.values(), *self._parameters.values())
            for client in (*clients, *regional, self._s3, self._sqs, self._sts):
                if client is not None:
                    client.close()

    @property
    def way_in(self) -> str:
        """The action that `identity` takes."""
        return ASSUMING if self.access.role_arn and self._through else "sts:GetCallerIdentity"

    def identity(self) -> Identity:
        """
        Ask AWS whom it takes us for.

        Raises:
            SourceError: the credentials are missing, wrong or expired, or AWS cannot be reached.
        """
        role = self.access.role_arn
        if role is not None and self._through is not None:
            # Whose role it is that was assumed need not be asked of each of a thousand accounts.
            with self._lock, asking(self.who, "aws configuration"):
                self._made()
            _, partition, _, _, account, resource = role.split(":", 5)
            name = resource.rpartition("/")[2]
            return Identity(account, f"arn:{partition}:sts::{account}:assumed-role/{name}/{MARK}")
        sts = self.sts()
        with asking(self.who, "sts:GetCallerIdentity"):
            answer = sts.get_caller_identity()
            return Identity(answer["Account"], answer["Arn"])

    def _made(self) -> "boto3.Session":
        """Return the session with its credentials; a role is assumed here, and again when that runs out."""
        if self._session is None:
            from keywatch.collect.aws_session import assumed, own

            access, through = self.access, self._through
            base = through.session() if through else own(access.profile, access.region)
            if access.role_arn is not None:
                sts = through.sts() if through else self._sts_of(base)
                with asking(self.who, ASSUMING):
                    base = assumed(base, sts, access.role_arn, session_name=MARK, external_id=access.external_id)
            self._session = base
        return self._session

    def session(self) -> "boto3.Session":
        """The session itself, for those whose credentials are ours."""
        with self._lock, asking(self.who, "aws configuration"):
            return self._made()

    def _sts_of(self, session: "boto3.Session") -> "STSClient":
        return session.client("sts", endpoint_url=self.access.endpoint_url, config=self._config())

    def _config(self) -> "Config":
        from botocore.config import Config

        config = Config(
            retries={
                "mode": "adaptive" if self.access.adaptive else "standard",
                "total_max_attempts": self.access.attempts,
            },
            connect_timeout=self.access.connect_timeout,
            read_timeout=self.access.read_timeout,
            max_pool_connections=self.access.connections,
            user_agent_extra=MARK,
            # What other servers make of checksums differs, and a scan needs none beyond the connection's own.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        style = self.access.addressing
        if style == "auto" and self.access.endpoint_url and not _is_aws(self.access.endpoint_url):
            style = "path"  # such a server rarely has a host name for each bucket
        return config if style == "auto" else config.merge(Config(s3={"addressing_style": style}))


def _is_aws(endpoint: str) -> bool:
    host = urlsplit(endpoint).hostname or ""
    return host.endswith((".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".amazonaws.eu"))


@contextmanager
def asking(who: str, action: str, principal: str | None = None) -> Iterator[None]:
    """
    Translate what boto3 raises inside the block; `action` is the IAM action it takes: `iam:ListUsers`.

    The message of an AWS error is not passed on: it may quote the signed request.

    Raises:
        SourceDenied: refused; the hint names the action to grant, and to whom if AWS said so.
        SourceUnreachable: no answer, throttled, down, or credentials that ran out.
        SourceMalformed: an answer or a request that makes no sense.
    """
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    try:
        yield
    except ClientError as error:
        raise _answered(who, action, principal, error) from None
    except ResponseParserError:
        raise SourceMalformed(f"{who}: the answer to {action} is not what AWS documents") from None
    except BotoCoreError as error:
        raise _unanswered(who, action, error) from None


def error_code(error: "ClientError") -> str:
    """The error code AWS gave, `NoSuchEntity`; a bare HTTP status where the answer had no body; empty if none."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    # Whoever answers in AWS's place could quote the request in it.
    return code if _CODE.fullmatch(code) else ""


def _answered(who: str, action: str, principal: str | None, error: "ClientError") -> SourceError:
    code = error_code(error)
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code in _CREDENTIALS:
        return SourceDenied(f"{who}: AWS does not accept our credentials ({code})", hint="check the credentials in use")
    if code in _EXPIRED:
        return SourceUnreachable(f"{who}: our AWS credentials have expired ({code})", hint="renew the session or login")
    if code in _THROTTLED or status == 429:  # noqa: PLR2004
        return SourceUnreachable(f"{who}: AWS throttles {action} ({code})", hint="it will be tried again next time")
    if status in (401, 403) or code.startswith(("AccessDenied", "UnauthorizedOperation")):
        return _refused(who, action, principal, error)
    if status >= 500:  # noqa: PLR2004
        return SourceUnreachable(f"{who}: AWS failed to answer {action} ({code}, HTTP {status})")
    return SourceMalformed(
        f"{who}: AWS answered {action} with {code or status}", hint="check the names in the settings"
    )


def _refused(who: str, action: str, principal: str | None, error: "ClientError") -> SourceDenied:
    said = _PRINCIPAL.search(str(error.response.get("Error", {}).get("Message", "")))
    whom = said[1] if said else principal or "the identity keywatch runs as"
    if error.operation_name == "AssumeRole":
        return SourceDenied(
            f"{who}: {action} was refused: there is no such role, or it does not trust us",
            hint=f"create the role, name {whom} in its trust policy, and allow {action} on it to {whom}",
        )
    return SourceDenied(f"{who}: {action} was refused", hint=f"allow {action} to {whom}")


def _unanswered(who: str, action: str, error: Exception) -> SourceError:
    from botocore import exceptions as aws

    kind = type(error).__name__
    if isinstance(error, aws.NoCredentialsError | aws.PartialCredentialsError | aws.ProfileNotFound):
        hint = "set AWS_PROFILE, AWS_ACCESS_KEY_ID or an instance role, as for the aws command"
        return SourceDenied(f"{who}: no AWS credentials to ask with ({kind})", hint=hint)
    if isinstance(error, aws.SSOTokenLoadError | aws.UnauthorizedSSOTokenError | aws.TokenRetrievalError):
        return SourceUnreachable(f"{who}: the AWS single sign-on session has expired ({kind})", hint="aws sso login")
    if isinstance(error, aws.ParamValidationError | aws.DataNotFoundError | aws.UnknownServiceError):
        return SourceMalformed(
            f"{who}: {action} cannot be asked like that ({kind})", hint="check the names in the settings"
        )
    return SourceUnreachable(f"{who}: {action} got no answer ({kind})", hint="check network, region and endpoint")
