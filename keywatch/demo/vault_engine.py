"""
The secrets, policies and tokens behind the Vault stand-in, without HTTP.

Only what keywatch and its tests use of Vault's documented behaviour.
https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2
https://developer.hashicorp.com/vault/docs/concepts/policies
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from keywatch.model.source import Json
from keywatch.model.time import to_rfc3339

_STANZA = re.compile(r'path\s+"([^"]+)"\s*\{\s*capabilities\s*=\s*\[([^\]]*)\]\s*\}')
_DEFAULT = """
path "auth/token/lookup-self" { capabilities = ["read"] }
path "auth/token/renew-self" { capabilities = ["update"] }
path "auth/token/revoke-self" { capabilities = ["update"] }
path "sys/capabilities-self" { capabilities = ["update"] }
path "sys/internal/ui/mounts" { capabilities = ["read"] }
"""


@dataclass(slots=True)
class Version:
    """One version of a KV v2 secret."""

    values: Json
    created_at: datetime
    deleted_at: datetime | None = None
    destroyed: bool = False

    def metadata(self) -> dict[str, Json]:
        return {
            "created_time": _go(self.created_at),
            "deletion_time": _go(self.deleted_at) if self.deleted_at else "",
            "destroyed": self.destroyed,
        }


@dataclass(slots=True)
class Entry:
    """A secret: all its versions and what is written beside them. In KV v1, the last version is all there is."""

    created_at: datetime
    versions: dict[int, Version] = field(default_factory=dict)
    custom: dict[str, Json] = field(default_factory=dict)

    @property
    def current(self) -> int:
        return max(self.versions, default=0)

    def metadata(self) -> dict[str, Json]:
        latest = self.versions.get(self.current)
        return {
            "cas_required": False,
            "created_time": _go(self.created_at),
            "current_version": self.current,
            "custom_metadata": dict(self.custom) or None,
            "delete_version_after": "0s",
            "max_versions": 0,
            "oldest_version": min(self.versions, default=0),
            "updated_time": _go(latest.created_at if latest else self.created_at),
            "versions": {str(number): version.metadata() for number, version in self.versions.items()},
        }


@dataclass(slots=True)
class Mount:
    """A mounted KV engine."""

    version: int
    entries: dict[str, Entry] = field(default_factory=dict)

    def describe(self) -> dict[str, Json]:
        return {"type": "kv", "options": {"version": str(self.version)}, "description": "", "accessor": "kv_example"}

    def names(self, folder: str) -> list[str]:
        """Names directly below `folder`; the ones that hold others end in a slash."""
        inside = [path.removeprefix(folder) for path in self.entries if path.startswith(folder)]
        return sorted({name.split("/", 1)[0] + "/" if "/" in name else name for name in inside})


class Policies:
    """Access rules by policy name. The most specific matching pattern decides, as Vault documents it; deny wins."""

    def __init__(self) -> None:
        self._rules: dict[str, dict[str, frozenset[str]]] = {"root": {}}
        self.write("default", _DEFAULT)

    def write(self, name: str, hcl: str) -> None:
        self._rules[name] = {path: frozenset(re.findall(r'"(\w+)"', words)) for path, words in _STANZA.findall(hcl)}

    def mention(self, policies: Iterable[str], path: str, *, exactly: bool) -> bool:
        """Whether any rule is about `path`; with `exactly`, only one that names it."""
        rules = (pattern for name in policies for pattern in self._rules.get(name, {}))
        return any(pattern == path if exactly else _matches(pattern, path) for pattern in rules)

    def allowed(self, policies: Iterable[str], path: str) -> frozenset[str]:
        """The capabilities that holders of `policies` have on `path`."""
        names = list(policies)
        if "root" in names:
            return frozenset({"root"})
        rules = [rule for name in names for rule in self._rules.get(name, {}).items() if _matches(rule[0], path)]
        if not rules:
            return frozenset({"deny"})
        best = max((_specificity(pattern) for pattern, _ in rules), default=(False, 0))
        granted = frozenset().union(*(words for pattern, words in rules if _specificity(pattern) == best))
        return frozenset({"deny"}) if "deny" in granted else granted


def _matches(pattern: str, path: str) -> bool:
    body = re.escape(pattern.removesuffix("*")).replace(r"\+", "[^/]+")
    return re.fullmatch(body + (".*" if pattern.endswith("*") else ""), path) is not None


def _specificity(pattern: str) -> tuple[bool, int]:
    return (not pattern.endswith("*") and "+" not in pattern, len(pattern))


def _go(moment: datetime) -> str:
    # Go writes nanoseconds; a reader that expects at most microseconds must meet them here first.
    return to_rfc3339(moment.replace(microsecond=0)).replace("Z", f".{moment.microsecond:06d}789Z")
