"""From what the store remembers of Vaults to what is wrong with who may read in them, and what is missing from them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from keywatch.alerts.held import Held
from keywatch.alerts.need_to_know import NeedLimits, WatchedVault, need_to_know, readers_of
from keywatch.alerts.readers import ReadersOf
from keywatch.alerts.strays import MustHold, Whole, strays
from keywatch.model.access import KeyReaders
from keywatch.model.alert import AlertId, Problem
from keywatch.model.key import Key, KeyId, SourceId
from keywatch.settings.vault_inventory import MustBeInVault, NeedToKnow
from keywatch.store import SourceState, Store, StoredAccess

_IAM = "aws-iam:"
_KV = ("vault-kv1:", "vault-kv2:", "vault-aws:")


class VaultWatch:
    """Looks at Vaults for a person's settings. What it worked out of who may read is kept until that is read anew."""

    def __init__(self, need: NeedToKnow | None = None, must: MustBeInVault | None = None) -> None:
        need, must = need or NeedToKnow(), must or MustBeInVault()
        self._limits = NeedLimits(
            most_readers=need.most_readers, kinds=frozenset(need.kinds), excused=tuple(need.excused)
        )
        self._must = MustHold(kinds=frozenset(must.kinds), applications=must.applications, excepted=must.except_keys)
        self._stored: dict[SourceId, StoredAccess] = {}
        self._readers: dict[SourceId, tuple[datetime, ReadersOf]] = {}

    def problems(
        self, store: Store, held: Sequence[Held], sources: Collection[SourceId]
    ) -> tuple[list[Problem], frozenset[AlertId]]:
        """
        Return what is wrong, and the alerts that must stay as they are because nothing can be said of them now.

        Args:
            store: what is known.
            held: every key in the inventory.
            sources: what is configured to be read.
        """
        states = {state.source: state for state in store.sources()}
        wrong, undecided = need_to_know(held, self._watched(store, states), self._limits)
        missing, unknown = strays(held, whole(states, held, sources), self._must)
        return wrong + missing, undecided | unknown

    def readers(self, store: Store, keys: Iterable[Key]) -> dict[KeyId, KeyReaders]:
        """Say of each key that a Vault holds who may read it there, where that is known."""
        watched = self._watched(store, {state.source: state for state in store.sources()})
        found = ((key.id, readers_of(key, watched)) for key in keys)
        return {name: readers for name, readers in found if readers is not None}

    def _watched(self, store: Store, states: Mapping[SourceId, SourceState]) -> list[WatchedVault]:
        self._stored = store.accesses(self._stored)
        watched: list[WatchedVault] = []
        for source, stored in sorted(self._stored.items()):
            known = self._readers.get(source)
            if known is None or known[0] != stored.read_at:
                known = self._readers[source] = (stored.read_at, ReadersOf(stored.access))
            state = states.get(source)
            watched.append(WatchedVault(readers=known[1], stale=state is None or state.failing_since is not None))
        return watched


def whole(states: Mapping[SourceId, SourceState], held: Iterable[Held], sources: Collection[SourceId]) -> Whole:
    """Say which AWS accounts, and whether all Vaults, were read whole the last time."""
    accounts: dict[SourceId, str] = {}
    for one in held:
        for location in one.key.locations:
            if location.source.startswith(_IAM) and one.key.account:
                accounts[location.source] = one.key.account
    read: dict[str, datetime] = {}
    for source, state in states.items():
        account = source.partition("/")[2] or accounts.get(source)
        fleet = states.get(SourceId(source.partition("/")[0]), state)
        if source.startswith(_IAM) and account and fleet.failing_since is None and (began := _whole(state)):
            read[account] = began
    stores = [source for source in sources if source.startswith(_KV)]
    begun = [_whole(states[source]) if source in states else None for source in stores]
    known = [moment for moment in begun if moment is not None]
    return Whole(accounts=read, vaults=min(known) if known and len(known) == len(stores) else None)


def _whole(state: SourceState) -> datetime | None:
    """When the last reading began; None: it was not whole, or another is under way."""
    if state.failing_since is not None or state.skipped_total or state.last_success is None:
        return None
    began = state.last_started
    return began if began is not None and began <= state.last_success else None
