"""
Who may read the value at a path, by Vault's own rules. Pure.

A token has several policies. Of the patterns in them that fit a path one decides, the most exact one, whatever policy
it is from; what the others allow or deny on the path counts for nothing. Which is most exact Vault documents: a path
without wildcards; else the one whose first wildcard comes latest; then one that does not end in `*`; then the one with
fewer `+`; then the longer one. Where several policies have that very pattern their capabilities are added up, and
`deny` beats all.
https://developer.hashicorp.com/vault/docs/concepts/policies#priority-matching
"""

from dataclasses import dataclass, field
from typing import TypeAlias

from keywatch.model.access import Access, Holder

_REMEMBERED = 500_000
_ROOT = "root"
_NOBODY = "\0"
"""No name in a Vault: what fits it fits any name."""

_Priority: TypeAlias = tuple[bool, int, bool, int, int, str]


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern of paths as it stands in a policy."""

    text: str

    @property
    def has_segments(self) -> bool:
        """Whether a `+` in it stands for a part of a path."""
        return self.text == "+" or "/+" in self.text or self.text.startswith("+/")

    @property
    def is_glob(self) -> bool:
        """Whether it goes on as one likes."""
        return self.text.endswith("*")

    def fits(self, path: str) -> bool:
        """Whether the path fits it."""
        body = self.text.removesuffix("*")
        if not self.has_segments:
            return path.startswith(body) if self.is_glob else path == body
        parts, wanted = path.split("/"), body.split("/")
        if len(parts) < len(wanted) or (not self.is_glob and len(parts) != len(wanted)):
            return False
        last = len(wanted) - 1
        return all(
            want in ("+", part) or (self.is_glob and at == last and part.startswith(want))
            for at, (part, want) in enumerate(zip(parts, wanted, strict=False))
        )

    @property
    def priority(self) -> _Priority:
        """Sorts what decides before what it overrides to the end."""
        body = self.text.removesuffix("*")
        segments = self.has_segments
        exact = not segments and not self.is_glob
        first = self.text.index("+") if segments else len(body)
        return (exact, first, not self.is_glob, -body.split("/").count("+") if segments else 0, len(body), body)

    def is_wide(self, root: str) -> bool:
        """Whether it fits whatever lies below `root`, at any depth: nobody decided on what that is."""
        return self.is_glob and self.fits(root + _NOBODY) and self.fits(f"{root}{_NOBODY}/{_NOBODY}/{_NOBODY}")

    @property
    def is_all(self) -> bool:
        """Whether it fits whatever there is in the Vault, at least a mount and a name."""
        return self.is_wide(f"{_NOBODY}/")


@dataclass(frozen=True, slots=True)
class Reader:
    """One who may read, and by what."""

    holder: Holder
    pattern: str
    """That decides."""
    policies: tuple[str, ...]
    """That have it, and allow to read."""
    sudo: bool
    """Whether they allow on it what only root may, too."""


@dataclass(slots=True)
class _Rule:
    """A pattern, and what each policy that has it allows; with what it takes long to see in it."""

    pattern: Pattern
    by_policy: dict[str, frozenset[str]] = field(default_factory=dict)
    priority: _Priority = field(init=False)
    begins: str = field(init=False)
    """What every path begins with that fits it."""

    def __post_init__(self) -> None:
        self.priority = self.pattern.priority
        self.begins = self.pattern.text[: self.priority[1]]


@dataclass(slots=True)
class ReadersOf:
    """The readers of each path of one Vault; what was worked out for one serves all that the same rules speak of."""

    access: Access
    _exact: dict[str, _Rule] = field(default_factory=dict)
    _prefixes: dict[str, _Rule] = field(default_factory=dict)
    _lengths: list[int] = field(default_factory=list)
    _segments: list[_Rule] = field(default_factory=list)
    _worked_out: dict[tuple[str, ...], tuple[Reader, ...]] = field(default_factory=dict)
    _asked: dict[str, tuple[Reader, ...]] = field(default_factory=dict)
    """By path: the same keys are asked about each time that something is judged."""

    def __post_init__(self) -> None:
        segments: dict[str, _Rule] = {}
        for policy in self.access.policies:
            for rule in policy.rules:
                pattern = Pattern(rule.path)
                if pattern.has_segments:
                    table, key = segments, rule.path
                elif pattern.is_glob:
                    table, key = self._prefixes, rule.path[:-1]
                else:
                    table, key = self._exact, rule.path
                allowed = table.setdefault(key, _Rule(pattern)).by_policy
                allowed[policy.name] = allowed.get(policy.name, frozenset()) | frozenset(rule.capabilities)
        self._segments = list(segments.values())
        self._lengths = sorted({len(prefix) for prefix in self._prefixes})

    def read_path(self, place: str) -> tuple[str, str] | None:
        """Where the value of what lies at `place` is read, and the beginning of that for its mount; None: nowhere."""
        for mount in self.access.mounts:
            for begins, reads in mount.reads:
                if place.startswith(begins):
                    return reads + place.removeprefix(begins), reads
        return None

    def of(self, path: str) -> tuple[Reader, ...]:
        """Everybody who may read the value at a path."""
        if (known := self._asked.get(path)) is not None:
            return known
        rules = self._fitting(path)
        key = tuple(rule.pattern.text for rule in rules)
        if key not in self._worked_out:
            found = (self._reader(holder, rules) for holder in self.access.holders)
            self._worked_out[key] = tuple(reader for reader in found if reader is not None)
        if len(self._asked) >= _REMEMBERED:
            self._asked.clear()
        self._asked[path] = self._worked_out[key]
        return self._asked[path]

    def _fitting(self, path: str) -> list[_Rule]:
        """The rules that speak of a path, the one that decides first."""
        found = [rule for rule in self._segments if path.startswith(rule.begins) and rule.pattern.fits(path)]
        begins = (path[:length] for length in self._lengths if length <= len(path))
        found += [self._prefixes[prefix] for prefix in begins if prefix in self._prefixes]
        found += [self._exact[path]] if path in self._exact else []
        return sorted(found, key=lambda rule: rule.priority, reverse=True)

    def _reader(self, holder: Holder, rules: list[_Rule]) -> Reader | None:
        """The way in which a holder reads; of several, the one that looks worst."""
        found = [reader for way in holder.ways if (reader := _decided(holder, way, rules))]
        return max(found, key=lambda reader: (reader.sudo, -len(reader.pattern)), default=None)


def _decided(holder: Holder, way: tuple[str, ...], rules: list[_Rule]) -> Reader | None:
    if _ROOT in way:
        return Reader(holder, "*", (_ROOT,), sudo=True)
    for rule in rules:
        mine = {name: rule.by_policy[name] for name in way if name in rule.by_policy}
        if not mine:
            continue
        words = frozenset().union(*mine.values())
        if "deny" in words or "read" not in words:
            return None
        policies = tuple(sorted(name for name, allowed in mine.items() if "read" in allowed))
        return Reader(holder, rule.pattern.text, policies, sudo="sudo" in words)
    return None
