"""
The regions of SP-API, each with its own host, quotas, developer accounts and authorisations.

https://developer-docs.amazon.com/sp-api/docs/sp-api-endpoints
"""

from collections.abc import Mapping

REGIONS = ("na", "eu", "fe")
"""North America, Europe, the Far East."""

_WRITTEN: Mapping[str, str] = {
    "us-east-1": "na",
    "eu-west-1": "eu",
    "us-west-2": "fe",
    "north america": "na",
    "europe": "eu",
    "far east": "fe",
}
"""Other ways to write them."""


def region_named(text: str) -> str | None:
    """Return the region that a person means by `text`: `eu`, `EU`, `Europe`, `eu-west-1`. None: it is none."""
    plain = " ".join(text.casefold().replace("_", " ").split())
    return plain if plain in REGIONS else _WRITTEN.get(plain)
