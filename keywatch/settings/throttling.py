"""The tables of `keywatch.toml` about what calls are answered."""

from pydantic import Field

from keywatch.settings.table import Table


class Throttling(Table):
    """From when on it is told that a seller's calls are throttled."""

    window_days: int = Field(default=7, ge=1, le=31)
    """Today and the days before it, in UTC."""
    most_percent: float = Field(default=5, ge=0.1, lt=100)
    """Of the window's calls for a seller that may be answered 429."""
    least_calls: int = Field(default=200, ge=1)
    """Of fewer calls no share is told."""
