"""
boto3 sessions that share what is heavy: the models of the services and botocore's own hooks, made once a process.

A session that loads them itself costs 90 ms and 10 MB, for each of an organisation's accounts; one that shares, 5 ms.
"""

import os
import threading
from copy import copy
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import boto3
    from botocore.hooks import HierarchicalEmitter
    from botocore.loaders import Loader
    from mypy_boto3_sts import STSClient

_DEFAULT_REGION = "us-east-1"
_MAKING = threading.Lock()


def own(profile: str | None, region: str | None) -> "boto3.Session":
    """
    Return a session with the credentials of boto3's own chain.

    Args:
        profile: of the AWS configuration files; None: the default chain.
        region: None: what the environment or the profile says, else us-east-1.
    """
    session = _session(profile, region or os.environ.get("AWS_REGION"))
    return session if session.region_name else _session(profile, _DEFAULT_REGION)


def assumed(
    base: "boto3.Session", sts: "STSClient", role_arn: str, *, session_name: str, external_id: str | None
) -> "boto3.Session":
    """
    Return a session with the credentials of a role, which renew themselves.

    The role is assumed at once, so that a refusal is told for what it is and not for the call that came first.

    Args:
        base: whose credentials assume it, and whose region is used.
        sts: a client of `base`.
        role_arn: the role.
        session_name: what AWS's records call us.
        external_id: what the role's trust policy may ask for.
    """
    from botocore.credentials import AssumeRoleCredentialFetcher, RefreshableCredentials
    from botocore.exceptions import NoCredentialsError

    credentials = base.get_credentials()
    if credentials is None:
        raise NoCredentialsError
    extra = {"RoleSessionName": session_name} | ({"ExternalId": external_id} if external_id else {})
    # The client renews the credentials it signs with by itself; those that botocore hands over need not be used.
    fetcher = AssumeRoleCredentialFetcher(lambda *_args, **_frozen: sts, credentials, role_arn, extra_args=extra)
    fetch = fetcher.fetch_credentials
    renewing = RefreshableCredentials.create_from_metadata(fetch(), refresh_using=fetch, method="assume-role")
    session = _session(None, base.region_name)
    # botocore offers no public way to give a session credentials that renew themselves.
    session._session._credentials = renewing  # type: ignore[attr-defined]  # noqa: SLF001
    return session


def _session(profile: str | None, region: str | None) -> "boto3.Session":
    import boto3
    from botocore.session import Session

    inner = Session(event_hooks=copy(_hooks()), include_builtin_handlers=False, profile=profile)
    # STS's global endpoint is one region far away, and fails with it.
    # https://docs.aws.amazon.com/sdkref/latest/guide/feature-sts-regionalized-endpoints.html
    inner.set_config_variable("sts_regional_endpoints", "regional")
    loader = _loader(str(inner.get_config_variable("data_path") or ""))
    inner.register_component("data_loader", loader)
    with _MAKING:
        session = boto3.Session(botocore_session=inner, region_name=region)
        # boto3 adds its own directory for each session that is made.
        loader.search_paths[:] = dict.fromkeys(loader.search_paths)
    return session


@cache
def _hooks() -> "HierarchicalEmitter":
    """Botocore's own hooks. To register them takes as long as all else of a session; to copy them does not."""
    from botocore.hooks import HierarchicalEmitter
    from botocore.session import Session

    hooks = HierarchicalEmitter()
    Session(event_hooks=hooks)
    return hooks


@cache
def _loader(data_path: str) -> "Loader":
    from botocore.loaders import create_loader

    return create_loader(data_path or None)
