"""
AWS IAM: a request that proves who we are to AWS, signed here and sent by Vault. There is no secret to deliver.

https://developer.hashicorp.com/vault/docs/auth/aws#iam-auth-method
https://developer.hashicorp.com/vault/api-docs/auth/aws#login
"""

import base64
import json
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from keywatch.collect.aws import AwsAccess, AwsClients, asking
from keywatch.collect.vault.door import Door
from keywatch.collect.vault.lease import Lease
from keywatch.collect.vault.login import Login
from keywatch.model.errors import SourceDenied

if TYPE_CHECKING:
    from botocore.credentials import Credentials

    from keywatch.collect.vault.answer import Fields
    from keywatch.model.secret import Secret

SERVER_ID = "X-Vault-AWS-IAM-Server-ID"
_BODY = "Action=GetCallerIdentity&Version=2011-06-15"
_GLOBAL = "https://sts.amazonaws.com/"
_HOME = "us-east-1"
"""The Region in whose name STS's global endpoint is asked."""


class AwsIam:
    """Log in as the AWS identity that keywatch runs as, or as a role that it assumes."""

    name = "AWS"
    managed = True
    locks_out = False

    def __init__(
        self,
        *,
        role: str,
        mount: str = "aws",
        access: AwsAccess | None = None,
        server_id: str | None = None,
        sts_url: str | None = None,
    ) -> None:
        """
        Args:
            role: Vault's role, not AWS's.
            mount: Where the method is mounted, below `auth/`.
            access: Whose credentials sign, and in which Region's name.
            server_id: What Vault is called in its `iam_server_id_header_value`: a request signed for one Vault is
                then of no use to another.
            sts_url: The address that the request is signed for: that of Vault's `sts_endpoint`. None: the Region's
                own, and AWS's global one for us-east-1.
        """  # noqa: D205
        self._role = role
        self._mount = mount
        self._access = access or AwsAccess()
        self._server_id = server_id
        region = self._access.region or _HOME
        self._region = region
        self._sts_url = sts_url or (_GLOBAL if region == _HOME else _regional(region))

    def log_in(self, door: Door) -> Lease:
        clients = AwsClients(door.who, self._access)
        with asking(door.who, "aws configuration"):
            credentials = clients.session().get_credentials()
            if credentials is None:
                hint = "set AWS_PROFILE, AWS_ACCESS_KEY_ID or an instance role, as for the aws command"
                raise SourceDenied(f"{door.who}: no AWS credentials to log in to Vault with", hint=hint)
            headers = self._signed(credentials)
        body: Fields = {
            "role": self._role,
            "iam_http_request_method": "POST",
            "iam_request_url": _base64(self._sts_url),
            "iam_request_body": _base64(_BODY),
            "iam_request_headers": _base64(json.dumps(headers)),
        }
        hint = (
            f"the role `{self._role}` should be bound to the ARN that `aws sts get-caller-identity` shows; Region and "
            "`server_id` should be as Vault's auth/aws/config/client has them; this machine's clock should be right"
        )
        return door.log_in(self.name, self._mount, body, hint)

    def proof(self) -> "Secret | None":
        return None

    def _signed(self, credentials: "Credentials") -> dict[str, str]:
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest

        headers = {
            "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
            "Host": urlsplit(self._sts_url).netloc,
        }
        if self._server_id is not None:
            headers[SERVER_ID] = self._server_id
        request = AWSRequest("POST", self._sts_url, headers, _BODY)
        SigV4Auth(credentials.get_frozen_credentials(), "sts", self._region).add_auth(request)
        return {name: str(value) for name, value in request.headers.items()}


def _regional(region: str) -> str:
    return f"https://sts.{region}.amazonaws.com{'.cn' if region.startswith('cn-') else ''}/"


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


_: type[Login] = AwsIam
