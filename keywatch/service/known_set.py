"""What the daemon's scans look for: the rules, and the values of the keys that are in the inventory now."""

import hashlib
import threading
from typing import TYPE_CHECKING, Protocol

from keywatch.correlate import correlate
from keywatch.detect.anchors import Anchors
from keywatch.model.key import HandleSpace, KeyKind
from keywatch.model.secret import Pepper
from keywatch.store import Store

if TYPE_CHECKING:
    from keywatch.model.key import Key


class Looks(Protocol):
    """What is asked of `keywatch.detect.engine.Detector`."""

    known: Anchors


class KnownSet:
    """Keeps a detector's idea of the values we hold up to date. Safe to share between threads."""

    def __init__(self, store: Store, detector: Looks, pepper: Pepper, *, ruleset: str) -> None:
        """
        Connect the parts; nothing is read yet.

        Args:
            store: has the inventory.
            detector: gets the values.
            pepper: opens their anchors.
            ruleset: `RuleSet.hash` of the detector's rules.
        """
        self._store = store
        self._detector = detector
        self._pepper = pepper
        self._ruleset = ruleset
        self._lock = threading.Lock()
        self._looked_for: tuple[tuple[Key, ...], int] = ((), 0)

    def refresh(self) -> str:
        """
        Let the detector look for what is in the inventory now, and return the hash of all that it looks for.

        The hash changes when a value comes that was never there, for then content must be read again; not when one
        goes, for then nothing new can be found. Without known values it is that of the rules. Of the values that a
        store shows, some are rotated every hour: for these content is read again once a day, and what is read first is
        looked through for all of them at once.
        """
        with self._lock:
            sightings = self._store.sightings()
            keys = tuple(filter(_matters, correlate(s.key for s in sightings if s.gone_at is None)))
            revision, epoch = self._store.values_stand()
            if (keys, revision) != self._looked_for:
                values = self._store.held_values() if revision else ()
                self._detector.known = Anchors(keys, self._pepper, values)
                self._looked_for = (keys, revision)
        ever = sorted({known.fingerprint.digest for sighting in sightings for known in sighting.key.known})
        ever += [f"values {epoch}"] if epoch else []
        if not ever:
            return self._ruleset
        return hashlib.sha256("\n".join([self._ruleset, *ever]).encode()).hexdigest()


def _matters(key: "Key") -> bool:
    """Whether a key has a value to look for, or tells what kind of key a value of its place is."""
    kept = any(handle.space is HandleSpace.VAULT for handle in key.handles)
    return bool(key.known) or (kept and key.kind is not KeyKind.OTHER)
