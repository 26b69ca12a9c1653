"""
Paths of Vault's policies that depend on who logs in: `kv/data/{{identity.entity.name}}/*`.

https://developer.hashicorp.com/vault/docs/concepts/policies#templated-policies
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from keywatch.collect.inventory.vault_identity import Entity, Group
from keywatch.model.access import PathRule

_TEMPLATE = re.compile(r"\{\{([^{}]*)\}\}")
_WILD = re.compile(r"\*|\+|\{\{")


def is_template(path: str) -> bool:
    """Whether a path depends on who logs in."""
    return "{{" in path


def static_part(path: str) -> str:
    """Return what a path begins with for everybody."""
    found = _WILD.search(path)
    return path[: found.start()] if found else path


def filled_in(rules: Iterable[PathRule], entity: Entity, groups: Sequence[Group]) -> Iterator[PathRule]:
    """Yield the rules as they are for one entity. One that asks for what the entity has not is none, as in Vault."""
    for rule in rules:
        pieces = _TEMPLATE.split(rule.path)
        values = [_value(piece.strip(), entity, groups) for piece in pieces[1::2]]
        if all(value is not None for value in values):
            pieces[1::2] = [value or "" for value in values]
            yield PathRule(path="".join(pieces), capabilities=rule.capabilities)


def _value(name: str, entity: Entity, groups: Sequence[Group]) -> str | None:
    subject, _, rest = name.removeprefix("identity.").partition(".")
    if subject == "groups":
        return _of_group(rest, entity, groups)
    if subject != "entity":
        return None
    what, _, key = rest.partition(".")
    if what == "aliases":
        accessor, _, key = key.partition(".")
        alias = next((alias for alias in entity.aliases if alias.accessor == accessor), None)
        if alias is None:
            return None
        what, _, key = key.partition(".")
        tables = {"metadata": alias.metadata, "custom_metadata": alias.custom_metadata}
        return {"id": alias.id, "name": alias.name}.get(what) or tables.get(what, {}).get(key)
    return {"id": entity.id, "name": entity.name}.get(what) or (
        entity.metadata.get(key) if what == "metadata" else None
    )


def _of_group(name: str, entity: Entity, groups: Sequence[Group]) -> str | None:
    by, _, rest = name.partition(".")
    who, _, what = rest.rpartition(".") if ".metadata." not in rest else rest.partition(".")
    mine = (group for group in groups if group.id in entity.groups)
    group = next((group for group in mine if who == (group.id if by == "ids" else group.name)), None)
    if group is None:
        return None
    return {"id": group.id, "name": group.name}.get(what) or group.metadata.get(what.removeprefix("metadata."))
