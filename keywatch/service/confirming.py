"""What scans find, compared with the values that a Vault has handed out, which it does not show to us."""

import threading
from typing import TYPE_CHECKING

import structlog

from keywatch.model.errors import SourceError
from keywatch.model.finding import Confidence, Match
from keywatch.model.key import SourceId
from keywatch.model.secret import Fingerprint, Pepper, Secret
from keywatch.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable

    from keywatch.collect.inventory.vault_oracle import VaultOracle

_log = structlog.get_logger(__name__)
_MOST = 1000
"""Values that wait to be asked about; what comes while so many wait is asked about when it is scanned again."""
_SHORTEST, _LONGEST = 8, 16 << 10


class Confirming:
    """
    Notes what is found, and asks Vaults for its hash. Safe to share between threads.

    What waits is plaintext, so it is in memory only, and little. What a seller sent is never asked about.
    """

    def __init__(self, store: Store, pepper: Pepper, oracles: "dict[SourceId, Callable[[], VaultOracle]]") -> None:
        """
        Args:
            store: remembers what was asked, and what was handed out.
            pepper: makes fingerprints.
            oracles: by audit log, how its Vault is asked.
        """  # noqa: D205
        self._store = store
        self._pepper = pepper
        self._oracles = oracles
        self._lock = threading.Lock()
        self._waiting: dict[Fingerprint, Secret] = {}

    def note(self, match: Match) -> None:
        """Take what was found, if it may be a value of a Vault."""
        sure = match.confidence is not Confidence.SLIGHT and match.rule.category != "seller"
        if not self._oracles or not sure or not _SHORTEST <= len(match.secret) <= _LONGEST:
            return
        with self._lock:
            if len(self._waiting) < _MOST:
                self._waiting[self._pepper.fingerprint(match.secret)] = match.secret

    def ask(self) -> bool:
        """
        Ask each Vault about what waits.

        Returns:
            Whether all could be asked; what could not is asked about next time.
        """
        with self._lock:
            waiting, self._waiting = self._waiting, {}
        well = True
        for source, oracle in self._oracles.items() if waiting else ():
            try:
                self._ask(source, oracle(), waiting)
            except SourceError as error:
                well = False
                _log.warning("values_not_compared", source=source, error=error.message, hint=error.hint)
        if not well:
            with self._lock:
                self._waiting = {**waiting, **self._waiting}
        return well

    def _ask(self, source: SourceId, oracle: "VaultOracle", waiting: dict[Fingerprint, Secret]) -> None:
        for fingerprint in sorted(self._store.unasked(source, waiting)):
            digest = oracle.hashed(waiting[fingerprint])
            if digest is not None:
                self._store.save_asked(source, fingerprint, digest)
