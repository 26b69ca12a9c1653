"""
Who is behind what logs in to Vault: identity entities, their aliases and groups.

https://developer.hashicorp.com/vault/api-docs/secret/identity
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from keywatch.collect.vault import Fields, Vault
from keywatch.model.errors import SourceDenied, SourceMalformed
from keywatch.model.source import Skipped

ENTITIES, GROUPS = "identity/entity/id", "identity/group/id"

_GENERATED = "entity_"
"""What the names begin with that Vault makes up."""
_PEOPLE = frozenset({"userpass", "ldap", "oidc", "jwt", "github", "okta", "saml", "kerberos"})
"""Auth methods whose aliases are names of people; of AppRole they are role ids, which are half a credential."""
_OWNER = ("owner", "team", "email")


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """The name by which one auth method knows an entity."""

    name: str
    id: str
    accessor: str
    """Of the auth method's mount."""
    type: str
    metadata: Mapping[str, str]
    custom_metadata: Mapping[str, str]

    @property
    def role(self) -> str | None:
        """The AppRole role that it stands for, where Vault says so: by its name it is not known."""
        return self.metadata.get("role_name")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """A person or a program, however they log in."""

    id: str
    name: str
    policies: tuple[str, ...]
    metadata: Mapping[str, str]
    aliases: tuple[Alias, ...]
    groups: tuple[str, ...]
    """Ids of all groups that it is in, those that its groups are in among them."""
    disabled: bool = False

    @property
    def owner(self) -> str | None:
        """Who must act: what its metadata says, else what it is called."""
        said = next((self.metadata[name] for name in _OWNER if self.metadata.get(name)), None)
        return said or self.called

    @property
    def called(self) -> str | None:
        """The name that a person gave; None: nobody gave one."""
        if self.name and not self.name.startswith(_GENERATED):
            return self.name
        return next((alias.name for alias in self.aliases if alias.type in _PEOPLE), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Entities together; of an external one the members are those who log in."""

    id: str
    name: str
    policies: tuple[str, ...]
    metadata: Mapping[str, str]
    external: bool


@dataclass(slots=True)
class Identities:
    """The identities of one Vault, read as far as they are asked for, and once."""

    vault: Vault
    most: int = 20_000
    _known: dict[str, Entity | None] = field(default_factory=dict)
    _silent: bool = False
    """Whether it may not be asked; then nobody is known, and that costs the owner, not the key."""

    def owner_of(self, entity: object) -> str | None:
        """Say whose an entity's tokens are; None: nobody knows."""
        if not isinstance(entity, str) or not entity or self._silent:
            return None
        try:
            found = self.entity(entity)
        except (SourceDenied, SourceMalformed):
            self._silent = True
            return None
        return found.owner if found else None

    def entity(self, name: str) -> Entity | None:
        """
        Return the entity of that id; None: it is gone.

        Raises:
            SourceError: it may not be read.
        """
        if name not in self._known:
            answer = self.vault.read(f"{ENTITIES}/{name}")
            self._known[name] = _entity(answer) if answer else None
        return self._known[name]

    def entities(self) -> Iterator[Entity | Skipped]:
        """
        Yield every entity.

        Raises:
            SourceError: they may not be listed or read.
        """
        names = self.vault.list(ENTITIES)
        for name in names[: self.most]:
            if found := self.entity(name):
                yield found
        if len(names) > self.most:
            yield Skipped(ENTITIES, f"more than {self.most} entities")

    def groups(self) -> Iterator[Group | Skipped]:
        """As `entities`."""
        names = self.vault.list(GROUPS)
        for name in names[: self.most]:
            if answer := self.vault.read(f"{GROUPS}/{name}"):
                yield Group(
                    id=text(answer, "id") or name,
                    name=text(answer, "name") or name,
                    policies=texts(answer, "policies"),
                    metadata=notes(answer, "metadata"),
                    external=answer.get("type") == "external",
                )
        if len(names) > self.most:
            yield Skipped(GROUPS, f"more than {self.most} groups")

    def owner_of_role(self, accessor: str | None, role: str) -> str | None:
        """Say whose an AppRole role is, by the entity that its logins belong to; None: nobody knows."""
        if self._silent:
            return None
        try:
            for entity in self.entities():
                if isinstance(entity, Entity) and any(
                    alias.role == role and alias.accessor == accessor for alias in entity.aliases
                ):
                    return entity.owner
        except (SourceDenied, SourceMalformed):
            self._silent = True
        return None


def text(answer: Fields, name: str) -> str:
    """Return a field that should be text; empty: it is not there."""
    found = answer.get(name)
    return found if isinstance(found, str) else ""


def texts(answer: Fields, name: str) -> tuple[str, ...]:
    """Return a field that should be a list of texts, or one text with commas."""
    found = answer.get(name)
    if isinstance(found, str):
        return tuple(part for part in (part.strip() for part in found.split(",")) if part)
    return tuple(part for part in found if isinstance(part, str) and part) if isinstance(found, list) else ()


def notes(answer: Fields, name: str) -> dict[str, str]:
    """Return a field that should be a table of texts."""
    found = answer.get(name)
    table = found if isinstance(found, dict) else {}
    return {key: value for key, value in table.items() if isinstance(value, str)}


def _entity(answer: Fields) -> Entity:
    aliases = answer.get("aliases")
    return Entity(
        id=text(answer, "id"),
        name=text(answer, "name"),
        policies=texts(answer, "policies"),
        metadata=notes(answer, "metadata"),
        aliases=tuple(_alias(alias) for alias in aliases if isinstance(alias, dict))
        if isinstance(aliases, list)
        else (),
        groups=texts(answer, "group_ids"),
        disabled=answer.get("disabled") is True,
    )


def _alias(alias: Fields) -> Alias:
    return Alias(
        name=text(alias, "name"),
        id=text(alias, "id"),
        accessor=text(alias, "mount_accessor"),
        type=text(alias, "mount_type"),
        metadata=notes(alias, "metadata"),
        custom_metadata=notes(alias, "custom_metadata"),
    )
