"""
What keywatch remembers between two runs, in one SQLite database.

Start at `Store.open`. Nothing in here ever sees a plaintext: the records that come in hold none.
"""

from keywatch.store.access import StoredAccess
from keywatch.store.calls import CallRecords
from keywatch.store.findings import FindingRecords, StoredFinding
from keywatch.store.inventory import Change, InventoryRecords, KeyChange, Sighting
from keywatch.store.jobs import JobRun
from keywatch.store.sources import SourceRecords, SourceState
from keywatch.store.store import Store

__all__ = [
    "CallRecords",
    "Change",
    "FindingRecords",
    "InventoryRecords",
    "JobRun",
    "KeyChange",
    "Sighting",
    "SourceRecords",
    "SourceState",
    "Store",
    "StoredAccess",
    "StoredFinding",
]
