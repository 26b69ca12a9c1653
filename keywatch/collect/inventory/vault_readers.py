"""
Who may read what in a Vault: policies, the roles and users of its logins, identities. No secret is read for it.

What can be said is who *could* read: whoever has a policy by a login that exists. Tokens that somebody made by hand are
not in it, nor what the policies of a namespace above allow.
https://developer.hashicorp.com/vault/docs/concepts/policies
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from keywatch.collect.inventory.vault_accessors import require_life
from keywatch.collect.inventory.vault_holders import Login, holders_of, logins_of, token_roles
from keywatch.collect.inventory.vault_identity import ENTITIES, GROUPS, Entity, Group, Identities
from keywatch.collect.inventory.vault_mounts import Mounts, auth_mounts, secret_mounts, unseen
from keywatch.collect.inventory.vault_policy import PolicyUnreadable, rules_of
from keywatch.collect.inventory.vault_templates import filled_in, is_template, static_part
from keywatch.collect.vault import Vault, VaultAccess, VaultSession
from keywatch.model.access import Access, AccessPolicy, PathRule, SecretMount
from keywatch.model.errors import SourceDenied, SourceError, SourceMalformed
from keywatch.model.key import SourceId
from keywatch.model.secret import Secret
from keywatch.model.source import AccessSource, Skipped

_POLICIES = "sys/policies/acl"
_NOBODY = "keywatch-check"


@dataclass(slots=True)
class _Reading:
    """What one run has brought so far."""

    vault: Vault
    most: int
    unread: list[Skipped] = field(default_factory=list)

    def tried(self, what: str, items: Iterable[object]) -> list[object]:
        """Read some of it; what is refused on the way is said, and costs the rest nothing."""
        found: list[object] = []
        try:
            for item in items:
                if isinstance(item, Skipped):
                    self.unread.append(item)
                else:
                    found.append(item)
        except (SourceDenied, SourceMalformed) as error:
            self.unread.append(Skipped(what, error.message, error.hint))
        return found


class VaultReaders:
    """Policies and whom they are given to, of one Vault."""

    def __init__(
        self,
        name: str,
        access: VaultAccess,
        token: Secret | VaultSession,
        *,
        now: Callable[[], datetime],
        most: int = 20_000,
    ) -> None:
        """
        Args:
            name: The Vault's name in the settings.
            access: How the Vault is reached.
            token: Needs `read` on `sys/mounts` and `sys/auth`; `list` and `read` on `sys/policies/acl`, on the roles
                and users of each auth method, and on `identity/entity/id` and `identity/group/id`.
            now: The clock, as rules may end.
            most: Policies, and logins and identities of each kind, before the rest is skipped.
        """  # noqa: D205
        self._id = SourceId(f"vault-access:{name}")
        self._name = name
        self._access = access
        self._token = token
        self._now = now
        self._most = most

    @property
    def id(self) -> SourceId:
        return self._id

    def grants(self) -> Access:
        vault = Vault(self._id, self._access, self._token)
        vault.require_health()
        lived = vault.token_lives()
        reading = _Reading(vault, self._most)
        table = secret_mounts(vault)
        mounts = places(table)
        if not table.whole:
            reading.unread.append(unseen("sys/mounts"))
        policies = self._policies(reading, mounts)
        logins = self._logins(reading)
        people = Identities(vault, self._most)
        entities = [item for item in reading.tried(ENTITIES, people.entities()) if isinstance(item, Entity)]
        groups = [item for item in reading.tried(GROUPS, people.groups()) if isinstance(item, Group)]
        roles = reading.tried("auth/token/roles", token_roles(vault, policies, most=self._most))
        logins += [item for item in roles if isinstance(item, Login)]
        if reading.unread:
            require_life(vault, self._id, lived=lived)
        return self._put_together(reading, mounts, policies, (logins, entities, groups))

    def _put_together(
        self,
        reading: _Reading,
        mounts: tuple[SecretMount, ...],
        policies: dict[str, tuple[PathRule, ...]],
        who: tuple[Sequence[Login], Sequence[Entity], Sequence[Group]],
    ) -> Access:
        logins, entities, groups = who
        made: dict[str, tuple[PathRule, ...]] = {}
        depends: set[str] = set()

        def own(name: str, entity: Entity | None) -> str:
            """A policy as it is for this entity: one whose paths have templates is another for each."""
            rules = policies.get(name, ())
            if not any(is_template(rule.path) for rule in rules):
                return name
            if entity is None:
                depends.add(name)
                return name
            mine = f"{name} ({entity.id})"
            if mine not in made:
                made[mine] = tuple(filled_in(rules, entity, groups))
            return mine

        holders = holders_of(logins, entities, groups, own)
        reading.unread += [
            Skipped(f"policy {name}", "its paths depend on who logs in, which is not known of everybody who has it")
            for name in sorted(depends)
        ]
        plain = {name: tuple(rule for rule in rules if not is_template(rule.path)) for name, rules in policies.items()}
        return Access(
            vault=self._name,
            mounts=mounts,
            policies=tuple(AccessPolicy(name=name, rules=rules) for name, rules in (plain | made).items() if rules),
            holders=holders,
            unread=tuple(reading.unread),
        )

    def _policies(self, reading: _Reading, mounts: tuple[SecretMount, ...]) -> dict[str, tuple[PathRule, ...]]:
        """
        Return the rules that speak of secrets, by the names of all policies.

        Raises:
            SourceDenied: they may not be listed, or none may be read: then nothing can be said of anybody.
        """
        names = [name for name in reading.vault.list(_POLICIES) if name.strip("/") not in ("", ".", "..", "root")]
        found: dict[str, tuple[PathRule, ...]] = {}
        refused: list[SourceDenied] = []
        for name in names[: self._most]:
            try:
                document = (reading.vault.read(f"{_POLICIES}/{name}") or {}).get("policy")
                rules = rules_of(document if isinstance(document, str) else "", self._now())
            except SourceDenied as error:
                refused.append(error)
                reading.unread.append(Skipped(f"policy {name}", error.message, error.hint))
            except SourceMalformed as error:
                reading.unread.append(Skipped(f"policy {name}", error.message, error.hint))
            except PolicyUnreadable as error:
                reading.unread.append(Skipped(f"policy {name}", str(error)))
            else:
                found[name] = tuple(rule for rule in rules if _speaks_of(rule.path, mounts))
        if refused and not found:
            raise refused[0]
        if len(names) > self._most:
            reading.unread.append(Skipped(_POLICIES, f"more than {self._most} policies"))
        return found

    def _logins(self, reading: _Reading) -> list[Login]:
        table = auth_mounts(reading.vault)
        if not table.whole:
            reading.unread.append(unseen("sys/auth"))
        found: list[Login] = []
        for mount in table.mounts:
            read = reading.tried(f"auth/{mount.path}/", logins_of(reading.vault, mount, most=self._most))
            found += [item for item in read if isinstance(item, Login)]
        return found

    def check(self) -> Iterator[str | Skipped]:
        vault = Vault(self._id, self._access, self._token)
        try:
            vault.require_health()
            yield "sys/health"
            for words, table in (("sys/mounts", secret_mounts(vault)), ("sys/auth", methods := auth_mounts(vault))):
                yield f"read {words}" if table.whole else unseen(words)
        except SourceError as error:
            yield Skipped("sys/health", error.message, error.hint)
            return
        trials: list[tuple[str, Callable[[], object]]] = [
            (f"list {_POLICIES}", lambda: vault.list(_POLICIES)),
            (f"read {_POLICIES}/", lambda: vault.read(f"{_POLICIES}/{_NOBODY}")),
            ("list auth/token/roles", lambda: vault.list("auth/token/roles")),
            (f"list {ENTITIES}", lambda: vault.list(ENTITIES)),
            (f"read {ENTITIES}/", lambda: vault.read(f"{ENTITIES}/{_NOBODY}")),
            (f"list {GROUPS}", lambda: vault.list(GROUPS)),
            (f"read {GROUPS}/", lambda: vault.read(f"{GROUPS}/{_NOBODY}")),
        ]
        for what, ask in trials:
            try:
                ask()
                yield what
            except SourceError as error:
                yield Skipped(what.partition(" ")[2], error.message, error.hint)
        for mount in methods.mounts:
            reading = _Reading(vault, 1)
            if mount.type != "token":
                reading.tried(f"auth/{mount.path}/", logins_of(vault, mount, most=1, counted=False))
                yield from reading.unread
                if not reading.unread:
                    yield f"list and read auth/{mount.path}/"


def places(table: Mounts) -> tuple[SecretMount, ...]:
    """Return where values are read. What the AWS engine makes is read elsewhere than where it is described."""
    found = []
    for mount in table.mounts:
        path = mount.path
        if mount.version:
            reads = ((f"{path}/", f"{path}/data/" if mount.version == 2 else f"{path}/"),)  # noqa: PLR2004 - of KV
        elif mount.type == "aws":
            reads = ((f"{path}/static-roles/", f"{path}/static-creds/"), (f"{path}/roles/", f"{path}/creds/"))  # type: ignore[assignment]
        else:
            continue
        found.append(SecretMount(path=path, reads=reads))
    return tuple(sorted(found, key=lambda mount: -len(mount.path)))


def _speaks_of(path: str, mounts: tuple[SecretMount, ...]) -> bool:
    """Whether anything that fits a pattern can be the path of a value."""
    begins = static_part(path)
    return any(begins.startswith(reads) or reads.startswith(begins) for mount in mounts for _, reads in mount.reads)


_: type[AccessSource] = VaultReaders
