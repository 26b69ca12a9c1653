"""
Whose the accessors in an audit log are: the log has an HMAC of each, which Vault makes of what it is given.

Only tokens that the inventory has are asked about, each once while keywatch runs. That takes the right to list
accessors, and `update` on `sys/audit-hash/<device>`, which lets nobody undo a hash.
https://developer.hashicorp.com/vault/api-docs/system/audit-hash
"""

import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Protocol

from keywatch.collect.vault import Fields
from keywatch.model.errors import SourceDenied, SourceError, SourceMalformed
from keywatch.model.key import Handle, HandleSpace
from keywatch.model.source import Skipped

_LIST = "auth/token/accessors"
_EVERY = timedelta(hours=1)
_AT_ONCE = 2_000
"""Accessors of one run that are asked about, at most: a large inventory is learnt over some runs."""
_TRIAL = "keywatch-check"


class Asked(Protocol):
    """What is needed of `keywatch.collect.vault.Vault`."""

    def list(self, path: str) -> tuple[str, ...]: ...
    def post(self, path: str, body: Fields) -> Fields | None: ...


class AccessorHashes:
    """What tokens of the inventory are called in one device's log. Shared by the runs of one source."""

    def __init__(
        self,
        vault: str,
        device: str,
        open_vault: Callable[[], Asked],
        wanted: Callable[[], frozenset[Handle]],
        *,
        now: Callable[[], datetime],
    ) -> None:
        """
        Args:
            vault: The Vault's name in the settings.
            device: The audit device's path, as `file`.
            open_vault: Connects to it. Raises `KeywatchError` where it cannot.
            wanted: What tokens of the inventory are known by.
            now: The clock.
        """  # noqa: D205
        self._vault = vault
        self._hash = f"sys/audit-hash/{device.strip('/')}"
        self._open = open_vault
        self._wanted = wanted
        self._now = now
        self._names: dict[str, tuple[Handle, ...]] = {}
        self._asked: set[Handle] = set()
        self._due: datetime | None = None
        self._trouble: tuple[Skipped, ...] = ()
        self._lock = threading.Lock()

    def names(self) -> tuple[dict[str, tuple[Handle, ...]], tuple[Skipped, ...]]:
        """Return what tokens are known by, by accessor as the log has it; and what keeps some of them from us."""
        with self._lock:
            now = self._now()
            if self._due is None or not self._due - _EVERY <= now < self._due:
                self._refresh(now)
            return dict(self._names), self._trouble

    def check(self) -> Iterator[str | Skipped]:
        """As `KeySource.check`."""
        try:
            vault = self._open()
        except SourceError as error:
            yield Skipped(f"Vault {self._vault}", error.message, error.hint)
            return
        for what, ask in (
            (f"list {_LIST}", lambda: vault.list(_LIST)),
            (f"update {self._hash}", lambda: vault.post(self._hash, {"input": _TRIAL})),
        ):
            try:
                ask()
                yield what
            except SourceError as error:
                yield self._missing(error)

    def _refresh(self, now: datetime) -> None:
        new = {handle for handle in self._wanted() if handle.space is HandleSpace.VAULT_ACCESSOR} - self._asked
        self._trouble, self._due = (), now + _EVERY
        if not new:
            return
        try:
            vault = self._open()
            mine = [(accessor, handle) for accessor in vault.list(_LIST) if (handle := self._handle(accessor)) in new]
            for accessor, handle in mine[:_AT_ONCE]:
                hashed = (vault.post(self._hash, {"input": accessor}) or {}).get("hash")
                if not isinstance(hashed, str) or not hashed:
                    raise SourceMalformed(f"Vault {self._vault} gives no hash of an accessor")
                self._asked.add(handle)
                # A device may have been told not to hash accessors.
                self._names[hashed] = self._names[accessor] = (handle,)
        except SourceError as error:
            self._trouble = (self._missing(error),)
            return
        if len(mine) > _AT_ONCE:
            self._due = now
            why = f"{len(mine) - _AT_ONCE:,} of them are not asked about yet"
            self._trouble = (Skipped("tokens by their accessors", why, "the next runs do"),)

    def _handle(self, accessor: str) -> Handle:
        # As the inventory of tokens has it.
        return Handle(HandleSpace.VAULT_ACCESSOR, f"{self._vault}/{sha256(accessor.encode()).hexdigest()[:32]}")

    def _missing(self, error: SourceError) -> Skipped:
        hint = f"give the token `list` and `sudo` on {_LIST}, and `update` on {self._hash}, or leave out `device`"
        return Skipped(
            "tokens by their accessors", error.message, hint if isinstance(error, SourceDenied) else error.hint
        )
