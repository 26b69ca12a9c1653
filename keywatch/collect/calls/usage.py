"""Uses of keys, gathered while calls are read: a handful of rows come of a million calls."""

from collections.abc import Iterator

from keywatch.model.key import Handle, SourceId
from keywatch.model.usage import MOST, Origin, Spell, Usage, add, bounded

_SLACK = 2
"""How far over the bound a key may be before it is brought back."""


class Uses:
    """What is known of each key's uses since the last `take`; of each key as much as `model.usage` allows."""

    def __init__(self) -> None:
        self._spells: dict[Handle, dict[Origin, Spell]] = {}

    def add(self, handle: Handle, origin: Origin, spell: Spell) -> None:
        spells = self._spells.setdefault(handle, {})
        add(spells, origin, spell)
        if len(spells) > _SLACK * MOST:
            self._spells[handle] = bounded(spells)

    def take(self, source: SourceId) -> Iterator[Usage]:
        """Yield what was gathered, and forget it."""
        gathered, self._spells = self._spells, {}
        for handle, spells in gathered.items():
            for origin, spell in bounded(spells).items():
                yield Usage(handle=handle, source=source, origin=origin, spell=spell)
