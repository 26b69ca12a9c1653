"""
Who may read keys without having to: too many, by a wildcard, or by a policy that allows everything. Pure.

What is told is what somebody can mend in one place. Too many readers are told for a folder, since its keys have the
same ones; a wildcard, for the policy that it stands in.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from keywatch.alerts.held import Held, alert_id
from keywatch.alerts.key_problems import describe
from keywatch.alerts.playbook import EVERYTHING, FEWER_READERS, NARROWER, WHO_COMES_IN
from keywatch.alerts.readers import Pattern, Reader, ReadersOf
from keywatch.alerts.words import count, one_line
from keywatch.model.access import KeyReaders
from keywatch.model.alert import AlertId, Problem, ProblemKind
from keywatch.model.finding import Severity
from keywatch.model.key import HandleSpace, Key, KeyKind

_KINDS = frozenset({KeyKind.AWS_ACCESS_KEY, KeyKind.LWA_CLIENT_SECRET, KeyKind.LWA_REFRESH_TOKEN, KeyKind.MWS_KEY})
_NAMED = 8
_SO_WHAT = "Amazon asks that only those have access who need it: each reader is one more who can leak or misuse them."


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedLimits:
    """From when on it is told."""

    most_readers: int = 5
    kinds: frozenset[KeyKind] = _KINDS
    excused: tuple[str, ...] = ()
    """Patterns of readers and policies that do not count."""

    def counts(self, reader: Reader) -> bool:
        """Whether a reader is one that counts."""
        names = (reader.holder.name, *(f"policy {policy}" for policy in reader.policies))
        return not any(fnmatchcase(name, pattern) for name in names for pattern in self.excused)


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedVault:
    """One Vault's readers, and whether that is how it is now."""

    readers: ReadersOf
    stale: bool = False
    """Whether it could not be read last: what is known then is old."""


def readers_of(key: Key, vaults: Iterable[WatchedVault]) -> KeyReaders | None:
    """Say who may read a key's value in any Vault; None: no Vault is known to hold it, or who may read there is not."""
    names: set[str] = set()
    seen, whole = False, True
    for vault in vaults:
        begins = f"{vault.readers.access.vault}/"
        places = (handle.value for handle in key.handles if handle.space is HandleSpace.VAULT)
        for place in (place.removeprefix(begins) for place in places if place.startswith(begins)):
            if found := vault.readers.read_path(place):
                seen, whole = True, whole and not vault.stale and not vault.readers.access.unread
                names |= {reader.holder.name for reader in vault.readers.of(found[0])}
    return KeyReaders(names=tuple(sorted(names)), whole=whole) if seen else None


@dataclass(slots=True)
class _Crowd:
    """Keys that the same may read, by one thing that somebody can mend."""

    keys: dict[str, Held] = field(default_factory=dict)
    """By their places."""
    readers: dict[str, Reader] = field(default_factory=dict)
    """By their names."""

    def add(self, keys: Iterable[tuple[str, Held]], readers: Iterable[Reader]) -> None:
        self.keys.update(keys)
        for reader in readers:
            self.readers.setdefault(reader.holder.name, reader)


def need_to_know(
    held: Iterable[Held], vaults: Iterable[WatchedVault], limits: NeedLimits
) -> tuple[list[Problem], frozenset[AlertId]]:
    """
    Return who may read too much, and the alerts that must stay as they are because nothing can be said of them now.

    Args:
        held: every key in the inventory.
        vaults: what is known of who may read in each.
        limits: what a person configured.
    """
    keys = list(held)
    problems: list[Problem] = []
    undecided: set[AlertId] = set()
    for vault in vaults:
        case = _Case(vault.readers, limits)
        found = list(case.problems(keys))
        if vault.stale:
            undecided |= {problem.id for problem in found}
            continue
        problems += found
        if vault.readers.access.unread:
            # What was refused this time may be what was told before.
            undecided |= case.alerts()
    return problems, frozenset(undecided - {problem.id for problem in problems})


@dataclass(slots=True)
class _Case:
    """The keys of one Vault, and who may read them."""

    readers: ReadersOf
    limits: NeedLimits
    folders: dict[str, _Crowd] = field(default_factory=dict)
    crowded: dict[str, _Crowd] = field(default_factory=dict)
    wide: dict[str, _Crowd] = field(default_factory=dict)
    all: dict[str, _Crowd] = field(default_factory=dict)
    countless: dict[str, _Crowd] = field(default_factory=dict)

    @property
    def vault(self) -> str:
        return self.readers.access.vault

    def problems(self, keys: list[Held]) -> Iterator[Problem]:
        for root, places, readers in self._grouped(keys):
            self._sort(root, places, readers)
        for folder, crowd in sorted(self.crowded.items()):
            yield self._crowded(folder, crowd)
        for policy, crowd in sorted(self.all.items()):
            yield self._everything(policy, crowd)
        for policy, crowd in sorted(self.wide.items()):
            yield self._wide(policy, crowd)
        for name, crowd in sorted(self.countless.items()):
            yield self._countless(name, crowd)

    def alerts(self) -> frozenset[AlertId]:
        """Everything that could be told of what was looked at."""
        policies = [policy.name for policy in self.readers.access.policies]
        policies += [skip.what.removeprefix("policy ") for skip in self.readers.access.unread]
        named = [(ProblemKind.MANY_READERS, folder) for folder in self.folders]
        named += [(ProblemKind.WILDCARD_READER, f"policy/{policy}") for policy in policies]
        named += [(ProblemKind.ROOT_LIKE_POLICY, f"policy/{policy}") for policy in policies]
        named += [(ProblemKind.WILDCARD_READER, holder.name) for holder in self.readers.access.holders]
        return frozenset(self._id(kind, of) for kind, of in named)

    def _grouped(self, keys: list[Held]) -> Iterator[tuple[str, list[tuple[str, Held]], tuple[Reader, ...]]]:
        """The keys of a folder that have the same readers."""
        groups: dict[tuple[str, str, tuple[Reader, ...]], list[tuple[str, Held]]] = {}
        identical: dict[int, tuple[Reader, ...]] = {}
        begins = f"{self.vault}/"
        for one in keys:
            if not one.in_use:
                continue
            for handle in one.key.handles:
                if handle.space is not HandleSpace.VAULT or not handle.value.startswith(begins):
                    continue
                place = handle.value.removeprefix(begins)
                found = self.readers.read_path(place)
                if found is None or not self._matters(one, found[1]):
                    continue
                readers = self.readers.of(found[0])
                mine = identical.setdefault(id(readers), tuple(filter(self.limits.counts, readers)))
                folder = place.rpartition("/")[0] + "/"
                self.folders.setdefault(folder, _Crowd())
                groups.setdefault((found[1], folder, mine), []).append((place, one))
        for (root, _, readers), places in groups.items():
            yield root, places, readers

    def _matters(self, one: Held, root: str) -> bool:
        # What makes keys of AWS is no key of any kind until it has made one.
        return one.key.kind in self.limits.kinds or root.endswith(("/creds/", "/static-creds/"))

    def _sort(self, root: str, places: list[tuple[str, Held]], readers: tuple[Reader, ...]) -> None:
        if len(readers) > self.limits.most_readers:
            folder = places[0][0].rpartition("/")[0] + "/"
            self.crowded.setdefault(folder, _Crowd()).add(places, readers)
        for reader in readers:
            pattern = Pattern(reader.pattern)
            if reader.sudo or pattern.is_all:
                self._by_policy(self.all, places, reader)
            elif pattern.is_wide(root):
                self._by_policy(self.wide, places, reader)
            if reader.holder.countless:
                self.countless.setdefault(reader.holder.name, _Crowd()).add(places, [reader])

    def _by_policy(self, table: dict[str, _Crowd], places: list[tuple[str, Held]], reader: Reader) -> None:
        for policy in reader.policies:
            table.setdefault(policy, _Crowd()).add(places, [reader])

    def _crowded(self, folder: str, crowd: _Crowd) -> Problem:
        most, limit = len(crowd.readers), self.limits.most_readers
        step = limit
        while step * 2 < most:
            step *= 2
        return self._problem(
            ProblemKind.MANY_READERS,
            folder,
            crowd,
            title=f"{count(most, 'reader')} of {count(len(crowd.keys), 'key')} in Vault {self._name(folder)}",
            evidence=f"more than {limit} may read: {_named(crowd)}",
            next_step=FEWER_READERS,
            stage=f"more than {step}",
        )

    def _everything(self, policy: str, crowd: _Crowd) -> Problem:
        one = next(iter(crowd.readers.values()))
        allows = "what only root may" if one.sudo else "everything"
        return self._problem(
            ProblemKind.ROOT_LIKE_POLICY,
            f"policy/{policy}",
            crowd,
            severity=Severity.HIGH,
            title=f"Policy {one_line(policy, 60)} of Vault {self.vault} allows {allows}, on {self._keys(crowd)} too",
            evidence=f"`{one_line(one.pattern, 100)}`, which is given to {_named(crowd)}",
            next_step=EVERYTHING,
        )

    def _wide(self, policy: str, crowd: _Crowd) -> Problem:
        one = next(iter(crowd.readers.values()))
        shown = f"`{one_line(one.pattern, 60)}`, {self._keys(crowd)} in it"
        return self._problem(
            ProblemKind.WILDCARD_READER,
            f"policy/{policy}",
            crowd,
            title=f"Policy {one_line(policy, 60)} of Vault {self.vault} reads all of {shown}",
            evidence=f"it is given to {_named(crowd)}",
            next_step=NARROWER,
        )

    def _countless(self, name: str, crowd: _Crowd) -> Problem:
        one = crowd.readers[name]
        who, by = one.holder.countless or "", f"by policy {', '.join(one.policies)} (`{one_line(one.pattern, 80)}`)"
        return self._problem(
            ProblemKind.WILDCARD_READER,
            name,
            crowd,
            title=f"{one_line(who[:1].upper() + who[1:], 80)} may read {self._keys(crowd)} in Vault {self.vault}",
            evidence=f"through {one_line(name, 80)}, {by}",
            next_step=WHO_COMES_IN,
        )

    def _problem(
        self,
        kind: ProblemKind,
        of: str,
        crowd: _Crowd,
        *,
        title: str,
        evidence: str,
        next_step: str,
        severity: Severity = Severity.MEDIUM,
        stage: str = "",
    ) -> Problem:
        keys = list(crowd.keys.values())
        owners = sorted({one.key.owner for one in keys if one.key.owner})
        unread = [skip.what for skip in self.readers.access.unread]
        missing = f"; there may be more: {_some(unread)} could not be read" if unread else ""
        return Problem(
            id=self._id(kind, of),
            kind=kind,
            severity=severity,
            title=title,
            facts=(
                ("What", _some([describe(one.key) for one in keys])),
                ("Where", f"Vault {self.vault}: {_some(sorted(crowd.keys))}"),
                ("Whose", _some(owners) if owners else "no owner is known"),
                ("So what", _SO_WHAT),
                ("Evidence", one_line(f"{evidence}{missing}", 900)),
            ),
            next_step=next_step,
            owner=owners[0] if len(owners) == 1 else None,
            stage=stage,
        )

    def _id(self, kind: ProblemKind, of: str) -> AlertId:
        return alert_id(kind, f"{self.vault}/{of}")

    def _name(self, folder: str) -> str:
        return one_line(f"{self.vault}, {folder}", 120)

    def _keys(self, crowd: _Crowd) -> str:
        return count(len(crowd.keys), "key")


def _named(crowd: _Crowd) -> str:
    """Readers, each with what it reads by."""
    shown = [f"{one_line(name, 60)} (policy {', '.join(one.policies[:2])})" for name, one in crowd.readers.items()]
    return _some(shown)


def _some(names: list[str]) -> str:
    shown = "; ".join(one_line(name, 120) for name in names[:_NAMED])
    return f"{shown}; and {len(names) - _NAMED} more" if len(names) > _NAMED else shown
