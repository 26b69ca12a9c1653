"""A call that is told again after `kill -9` of keywatch: known if it was kept, taken if it was not."""

import json
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from keywatch.collect.calls.reported import Received, ReportedCalls
from keywatch.model.key import SourceId
from keywatch.model.secret import Secret
from keywatch.store import Store

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
REPORTED = SourceId("reported:orders")
DYING = """
import os, signal, sys
from pathlib import Path
from sqlalchemy.engine.default import DefaultDialect
from keywatch.store import Store
from tests.service.test_reported_again import take
commit = DefaultDialect.do_commit
def dying(self, connection):
    if sys.argv[2] == "after":
        commit(self, connection)
    os.kill(os.getpid(), signal.SIGKILL)
with Store.open(Path(sys.argv[1])) as store:
    save = store.save_calls
    def save_and_die(*batch):
        DefaultDialect.do_commit = dying
        save(*batch)
    store.save_calls = save_and_die
    take(store)
"""


def take(store: Store) -> Received:
    """Take the one report, as the server does."""
    source = ReportedCalls("orders", token=lambda: Secret(b"t" * 16), now=lambda: NOW)
    calls = [
        {
            "id": f"{number}",
            "time": NOW.isoformat(),
            "status": status,
            "application": "orders",
            "seller": "A1EXAMPLE",
            "host": "sellingpartnerapi-eu.amazon.com",
        }
        for number, status in enumerate((200, 200, 429))
    ]
    body = json.dumps({"calls": calls}).encode()
    received = source.receive(body, store.cursor(source.id), known=lambda ids: store.reported(source.id, ids))
    store.save_calls(source.id, received.batch, NOW)
    return received


@pytest.mark.parametrize(("when", "repeated"), [("before", 0), ("after", 3)])
def test_what_was_kept_is_known_and_what_was_not_is_taken(tmp_path: Path, when: str, repeated: int) -> None:
    """The ids are in the commit of what they stand for: nothing is counted twice, and nothing is lost."""
    died = subprocess.run([sys.executable, "-c", DYING, str(tmp_path), when], timeout=60, check=False)
    assert died.returncode == -signal.SIGKILL
    for again in (repeated, 3):
        with Store.open(tmp_path) as store:
            received = take(store)
            assert (received.repeated, received.accepted) == (again, 3 - again)
            counts = [tuple(one.total) for one in store.answered_since(0)]
            assert counts == [(3, 1)] * 2
            # Of success and of failure: the application, the seller, and the seller in that region.
            assert len(store.evidence()) == 6
