"""`python -m benchmarks.audit.read FILE`: what keywatch does with an audit log: the reader as the daemon has it."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime

from keywatch.collect.calls.vault_audit import VaultAuditLog
from keywatch.collect.calls.vault_audit_names import VaultNames
from keywatch.collect.tail import Follower
from keywatch.model.call import Call
from keywatch.model.key import HandleSpace
from keywatch.model.secret import Pepper

NOW = datetime(2026, 11, 27, tzinfo=UTC)


def calls(path: str) -> Iterator[Call]:
    """Yield what a first run tells the store, batch by batch."""
    lines = Follower(path, Pepper(bytes(range(Pepper.SIZE))))
    tokens = {f"application-{number}": f"token of application {number}" for number in range(20)}
    log = VaultAuditLog("benchmark", lines, now=lambda: NOW, names=VaultNames(vault="prod", tokens=tokens))
    for batch in log.read({}):
        yield from (item for item in batch.evidence if isinstance(item, Call))


def main() -> None:
    """Print the last read of each secret."""
    last: dict[str, str] = {}
    for call in calls(sys.argv[1]):
        if call.handle.space is HandleSpace.VAULT:
            at = f"{call.at:%Y-%m-%dT%H:%M:%S}"
            last[call.handle.value] = max(at, last.get(call.handle.value, ""))
    for secret, at in last.items():
        print(secret.removeprefix("prod/"), at)


if __name__ == "__main__":
    main()
