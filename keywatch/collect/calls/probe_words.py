"""What a probe needs of a stored secret, found by the names that people give to it; and how a Call tells of a probe."""

import re
from collections.abc import Mapping

from keywatch.collect.lwa import API_PATH, TOKEN_PATH
from keywatch.model.secret import Secret

ASKED = f"GET {API_PATH}"
EXCHANGED = f"POST {TOKEN_PATH}"
_CLIENT_SECRETS = frozenset({"clientsecret", "lwaclientsecret", "appclientsecret", "spapiclientsecret", "lwasecret"})
_REFRESH_TOKENS = frozenset({"refreshtoken", "lwarefreshtoken", "spapirefreshtoken"})
_CLIENT_IDS = frozenset({"clientid", "lwaappid", "lwaclientid", "appclientid", "spapiclientid"})
_CLIENT_SECRET = re.compile(rb"amzn1\.oa2-cs\.v1\.[0-9a-f]{64}|[0-9a-f]{64}")
_REFRESH_TOKEN = re.compile(rb"Atzr\|[A-Za-z0-9_=./+-]{10,4000}")
_CLIENT_ID = re.compile(rb"amzn1\.application-oa2-client\.[0-9a-f]{16,64}")


def refused(called: str, why: str) -> str:
    """Return the action of a call that was refused, with Amazon's word for it."""
    return f"{called}: {why}" if why else called


def refusal(action: str | None) -> str:
    """Return Amazon's word out of it again."""
    return (action or "").partition(": ")[2]


def client_secret(values: Mapping[str, Secret], field: str | None) -> Secret:
    """
    Return the client secret that is among `values`.

    Raises:
        ValueError: none is, or nobody can tell which; the text shows no value.
    """
    return _like(_picked(values, field, _CLIENT_SECRETS), _CLIENT_SECRET, "an LWA client secret")


def refresh_token(values: Mapping[str, Secret], field: str | None) -> Secret:
    """
    Return the refresh token that is among `values`.

    Raises:
        ValueError: none is, or nobody can tell which; the text shows no value.
    """
    return _like(_picked(values, field, _REFRESH_TOKENS), _REFRESH_TOKEN, "a refresh token")


def client_id(values: Mapping[str, Secret]) -> str | None:
    """Return the client id that stands beside a client secret, if one does."""
    for name, value in values.items():
        text = value.reveal().strip()
        if _plain(name) in _CLIENT_IDS and _CLIENT_ID.fullmatch(text):
            return text.decode("ascii")
    return None


def _picked(values: Mapping[str, Secret], field: str | None, usual: frozenset[str]) -> Secret:
    if field is not None:
        if field not in values:
            raise ValueError(f"has no field {field}")
        return values[field]
    found = [value for name, value in values.items() if _plain(name) in usual] or list(values.values())
    if len(found) != 1:
        raise ValueError("has several fields: add #field to where it is kept")
    return found[0]


def _like(value: Secret, form: "re.Pattern[bytes]", what: str) -> Secret:
    """Insist that a value is what it should be: anything else is shown to nobody."""
    text = value.reveal().strip()
    if not form.fullmatch(text):
        raise ValueError(f"does not hold {what}")
    return Secret(text)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())
