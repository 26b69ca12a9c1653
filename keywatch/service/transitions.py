"""What has become of keys, told in the log: a person asks there when a key began to be missing."""

from collections.abc import Iterable

import structlog

from keywatch.alerts.key_problems import describe
from keywatch.model.key import SourceId
from keywatch.store import KeyChange

_log = structlog.get_logger(__name__)


def tell(source: SourceId, changes: Iterable[KeyChange]) -> None:
    """Log each change: which key, what has become of it, and where it is or was."""
    for seen in changes:
        place = seen.key.locations[0].place if seen.key.locations else None
        _log.info("key_changed", source=source, transition=seen.change.value, what=describe(seen.key), path=place)
