"""From where and by what the keys in CloudTrail records are used."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime

from keywatch.collect.calls.cloudtrail_tally import Signer
from keywatch.collect.calls.usage import Uses
from keywatch.model.key import Handle, HandleSpace, SourceId
from keywatch.model.source import Json
from keywatch.model.usage import Origin, Spell, Usage, add, bounded, hour_of

_SESSIONS = 5_000
_ROOTS = 1_000
_A_SESSION = 8
"""Origins of a session that waits for its maker: few, for all of them travel in the cursor."""
_PARTS = 6


class CloudTrailUses:
    """
    Uses of long-lived keys, those by the sessions they made included.

    The principal is left out: a key has one user, and the roles that a program takes on are not other people.
    """

    def __init__(self, maker: Callable[[str], str | None]) -> None:
        """
        Begin with nothing.

        Args:
            maker: Finds the long-lived key behind an id; None while it is not known.
        """
        self._maker = maker
        self._uses = Uses()
        self._waiting: dict[str, dict[Origin, Spell]] = {}
        """By session, while nobody knows who made it."""
        self._roots: dict[str, str] = {}
        """Ids by which root signed, and its account."""

    def add(
        self,
        signers: Iterable[tuple[str, str | None, Signer]],
        spells: Callable[[Mapping[int, int]], dict[Origin, Spell]],
    ) -> None:
        """
        Give what was counted to the keys it belongs to, as far as that is known.

        Args:
            signers: Who signed, the key behind it, and what was done.
            spells: Says what the codes mean by which calls are counted.
        """
        counted: dict[tuple[str, str | None], dict[int, int]] = {}
        for signer, key, mine in signers:
            if mine.root and len(self._roots) < _ROOTS:
                self._roots[signer] = mine.root
            if key is None:
                for origin, spell in spells(mine.calls).items():
                    self._hold(signer, origin, spell)
                continue
            # Put together by their codes, as a key has many sessions that do the same.
            known = counted.get((key, mine.root))
            if known is None:
                counted[key, mine.root] = mine.calls
                continue
            for code, number in mine.calls.items():
                known[code] = known.get(code, 0) + number
        for (key, root), calls in counted.items():
            found = spells(calls)
            for handle in handles(key, root):
                for origin, spell in found.items():
                    self._uses.add(handle, origin, spell)

    def take(self, source: SourceId) -> Iterator[Usage]:
        """Yield the uses of long-lived keys since the last time, and forget them."""
        self._release()
        self._roots = {signer: account for signer, account in self._roots.items() if signer in self._waiting}
        return self._uses.take(source)

    def forget(self, before: datetime) -> None:
        """Drop sessions that were last heard of before an instant."""
        self._release()
        hour = hour_of(before)
        self._waiting = {
            session: spells
            for session, spells in self._waiting.items()
            if max(spell.last for spell in spells.values()) >= hour
        }

    def to_json(self) -> dict[str, Json]:
        """Sessions that wait; the rest was taken."""
        return {
            session: [
                [*origin[:2], spell.first, spell.last, spell.calls, f"{spell.hours:x}", *root]
                for origin, spell in spells.items()
            ]
            for session, spells in self._waiting.items()
            for root in [[self._roots[session]] if session in self._roots else []]
        }

    def load(self, saved: Json) -> None:
        """Take up what `to_json` gave. What is not that is left out: it costs a use, not the run."""
        for session, rows in (saved if isinstance(saved, Mapping) else {}).items():
            for row in rows if isinstance(rows, list) else ():
                if not isinstance(row, list) or len(row) not in (_PARTS, _PARTS + 1):
                    continue
                network, agent, *numbers, hours = row[:_PARTS]
                try:
                    first, last, count = (int(str(number)) for number in numbers)
                    spell = Spell(first, last, count, 0).joined(Spell(first, last, 0, int(str(hours), 16)))
                except ValueError:
                    continue
                self._hold(session, Origin(str(network), str(agent)), spell)
                if row[_PARTS:]:
                    self._roots[session] = str(row[_PARTS])

    def _release(self) -> None:
        """Give what sessions did to the keys that made them, where that has become known."""
        for session in list(self._waiting):
            key = self._maker(session)
            if key is not None:
                for origin, spell in self._waiting.pop(session).items():
                    for handle in handles(key, self._roots.get(session)):
                        self._uses.add(handle, origin, spell)

    def _hold(self, session: str, origin: Origin, spell: Spell) -> None:
        spells = self._waiting.setdefault(session, {})
        add(spells, origin, spell)
        if len(spells) > _A_SESSION:
            self._waiting[session] = bounded(spells, _A_SESSION)
        if len(self._waiting) > _SESSIONS:
            del self._waiting[next(iter(self._waiting))]


def handles(key: str, root: str | None) -> Iterator[Handle]:
    """The names of a key: its id and, of root's, the account, which is all that an inventory knows of it."""
    yield Handle(HandleSpace.AWS_ACCESS_KEY_ID, key)
    if root:
        yield Handle(HandleSpace.AWS_ROOT, root)
