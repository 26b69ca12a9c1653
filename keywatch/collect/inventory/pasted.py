"""
Secrets where only their whereabouts belong: what somebody pasted into a table or a sheet is refused, and never shown.

This is a fence at a door, not the scanner: a few shapes that nothing else has. What is refused is named by its kind.
"""

import re

NEVER_HERE = frozenset(
    """
    access_token auth_token client_secret lwa_client_secret lwa_refresh_token lwa_secret mws_auth_token password
    private_key refresh_token secret secret_access_key secret_key seller_secret token value aws_secret_access_key
    """.split()  # noqa: SIM905 - a page of names reads better as words
)
"""Names of columns and settings that hold a value, as `plain_name` makes them."""
INSTEAD = "keep it in Vault or Secrets Manager, and say where in `vault` or `aws`"
"""What to do with a value."""

_SHAPES = (
    ("one of Amazon's tokens", re.compile(r"Atz[a-z](?:\||%7C|\\u007C|&#124;)|Atz\.sprdt", re.IGNORECASE)),
    ("an LWA client secret", re.compile(r"amzn1\.oa2-cs\.")),
    ("an MWS token", re.compile(r"amzn\.mws\.[0-9a-f]{8}")),
    ("what looks like an LWA client secret", re.compile(r"(?<![0-9A-Za-z])[0-9a-f]{64}(?![0-9A-Za-z])")),
    ("a private key", re.compile(r"-----BEGIN ")),
    ("a token", re.compile(r"\b(?:hv[sbr]\.|xox[a-z]-|gh[a-z]_)[A-Za-z0-9_-]{16}")),
)
_ANY = re.compile(
    r"atz|oa2-cs|mws\.|begin |[0-9a-f]{64}|hv[sbr]\.|xox[a-z]-|gh[a-z]_|[a-z0-9/+]{40}", re.IGNORECASE | re.ASCII
)
"""A part of each of them: most text has none, and sheets have a million cells."""
_AWS_SECRET = re.compile(r"(?<![A-Za-z0-9/+=])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])")


def secret_in(text: str, *, place: bool = False) -> str | None:
    """
    Say what kind of secret stands in `text`, for a person; None: none that is known by its shape.

    Args:
        text: of one cell or setting.
        place: whether it should be a path or an ARN, which may be as long and as mixed as an AWS secret key.
    """
    if not _ANY.search(text):
        return None
    for kind, shape in _SHAPES:
        if shape.search(text):
            return kind
    return "what looks like an AWS secret key" if not place and any(map(_mixed, _AWS_SECRET.findall(text))) else None


def _mixed(text: str) -> bool:
    """Whether it has capitals, small letters and digits, as chance makes them and words do not."""
    return any(map(str.isupper, text)) and any(map(str.islower, text)) and any(map(str.isdigit, text))


def plain_name(text: str) -> str:
    """Return a column's or setting's name as it is compared: `Refresh Token` is `refresh_token`."""
    return re.sub(r"[\s\-]+", "_", text.strip().casefold())
