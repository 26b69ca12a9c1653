"""`python -m benchmarks.cloudtrail.read FILE...`: what keywatch does with log files, without a bucket around them."""

import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from keywatch.collect.calls.cloudtrail_file import portions
from keywatch.collect.calls.cloudtrail_sessions import Tracer
from keywatch.collect.gunzip import Buffers, gunzip
from keywatch.model.call import Call, Outcome
from keywatch.model.key import HandleSpace, SourceId

LATEST = datetime(2030, 1, 1, tzinfo=UTC)
_PIECE = 1 << 20
"""As they come from S3."""


def calls(files: Iterable[str]) -> Iterator[Call]:
    """Yield the latest call of each key and outcome, as a run does."""
    tracer, buffers = Tracer(), Buffers()
    for name in files:
        data = Path(name).read_bytes()
        pieces = (data[at : at + _PIECE] for at in range(0, len(data), _PIECE))
        content = gunzip(pieces, most=512 << 20, buffers=buffers)
        for records, _ in portions(content):
            tracer.collect(records, LATEST)
        buffers.give(content)
    yield from tracer.take(SourceId("cloudtrail:benchmark"))


def main() -> None:
    """Print the latest success of each key that signed for itself or by a session."""
    for call in calls(sys.argv[1:]):
        if call.outcome is Outcome.SUCCESS and call.handle.space is HandleSpace.AWS_ACCESS_KEY_ID:
            print(call.handle.value, f"{call.at:%Y-%m-%dT%H:%M:%SZ}")


if __name__ == "__main__":
    main()
