"""From the settings to the sources of keys: accounts, Vaults, declarations, and values that are looked for."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from functools import partial

from keywatch.alerts.problems import SourceRole
from keywatch.model.key import SourceId
from keywatch.model.secret import Pepper
from keywatch.service.accounts import ACCOUNT_SOURCES, Common
from keywatch.service.declarations import WHERE, file_of, tables
from keywatch.service.planned import Planned, Source, planned
from keywatch.service.vault_sessions import VaultSessions
from keywatch.service.vaults import VAULT_SOURCES, Door
from keywatch.settings.applications import DeclaredFile
from keywatch.settings.keys import DeclaredKey
from keywatch.settings.schema import Settings
from keywatch.settings.vault_values import VaultValues

_DECLARED_EVERY = timedelta(minutes=5)


def accounts_planned(accounts: Iterable[Common], role: SourceRole) -> Iterator[Planned]:
    """What is read of AWS accounts in this role."""
    for common in accounts:
        for kind in ACCOUNT_SOURCES:
            if kind.role is role and kind.wanted(common.entry):
                one = planned(
                    f"{kind.kind}:{common.entry.name}", role, common.entry.every, partial(kind.source, common)
                )
                yield replace(one, fleet=common.entry.organisation)


def inventories(
    settings: Settings, pepper: Pepper, vaults: VaultSessions, now: Callable[[], datetime]
) -> Iterator[Planned]:
    """What is read of Vaults, and what is declared."""
    for vault in settings.vault:
        for kind in VAULT_SOURCES:
            if kind.wanted(vault):
                opened = partial(kind.build, Door(vault, vaults, now))
                yield planned(f"{kind.kind}:{vault.name}", kind.role, vault.every, opened)
    if settings.key:
        declared = partial(_declared_keys, settings.key, pepper)
        yield planned("declared:config", SourceRole.INVENTORY, _DECLARED_EVERY, declared)
    if settings.developer or settings.application or settings.seller:
        build = partial(_declared_tables, settings)
        yield planned("declared:applications", SourceRole.INVENTORY, _DECLARED_EVERY, build)
    for entry in settings.declared_file:
        build = partial(_declared_file, entry, settings, now)
        yield planned(f"declared-file:{entry.name}", SourceRole.INVENTORY, entry.every, build)


def values(settings: Settings, pepper: Pepper, vaults: VaultSessions, now: Callable[[], datetime]) -> Iterator[Planned]:
    """The values that are read once, to be found wherever they leak."""
    for entry in settings.vault_values:
        read = partial(_vault_values, entry, vaults, pepper, now)
        yield planned(f"vault-values:{entry.name}", SourceRole.VALUES, entry.every, read)


def _vault_values(entry: VaultValues, vaults: VaultSessions, pepper: Pepper, now: Callable[[], datetime]) -> Source:
    from keywatch.collect.inventory.vault_values import VaultValues as Values
    from keywatch.collect.inventory.vault_values import Wanted

    wanted = Wanted(paths=entry.paths, exclude=entry.exclude, again=entry.read_kv1_again)
    access, session = vaults.access(entry.vault), vaults.session(entry.session)
    return Values(entry.name, entry.vault, access, session, wanted=wanted, pepper=pepper, now=now)


def _declared_keys(keys: tuple[DeclaredKey, ...], pepper: Pepper) -> Source:
    from keywatch.collect.inventory.declared import DeclaredKey as Declared
    from keywatch.collect.inventory.declared import DeclaredKeys

    return DeclaredKeys(
        tuple(
            Declared(
                name=key.name,
                kind=key.kind,
                owner=key.owner,
                application=key.application,
                seller=key.seller,
                client_id=key.client_id,
                access_key_id=key.access_key_id,
                region=key.region,
                place=f"keywatch.toml [[key]] {key.name}",
                created=datetime.combine(key.created, time(), tzinfo=UTC) if key.created else None,
                vault=key.vault,
                aws=key.aws,
                secret=key.secret.resolve if key.secret else None,
            )
            for key in keys
        ),
        pepper=pepper,
    )


def _declared_tables(settings: Settings) -> Source:
    from keywatch.collect.inventory.declared_applications import DeclaredApplications, DeclaredTables

    return DeclaredApplications(SourceId("declared:applications"), DeclaredTables(tables(settings)), where=WHERE)


def _declared_file(entry: DeclaredFile, settings: Settings, now: Callable[[], datetime]) -> Source:
    from keywatch.collect.inventory.declared_applications import DeclaredApplications

    file = file_of(entry, settings, now)
    return DeclaredApplications(SourceId(f"declared-file:{entry.name}"), file, where=file.path.name)
