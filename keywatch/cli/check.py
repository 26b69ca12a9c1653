"""`keywatch check`: can every source be reached, and what may it do there."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from keywatch.cli import options
from keywatch.cli.parser import Parser
from keywatch.model.errors import KeywatchError
from keywatch.model.source import Excess, Skipped

if TYPE_CHECKING:
    from keywatch.model.key import SourceId
    from keywatch.service.planned import Planned
    from keywatch.service.vault_sessions import VaultSessions
    from keywatch.settings.keys import Vault
    from keywatch.store import Store

INCOMPLETE = 2
_MOST_REFUSED = 20


def arguments(parser: Parser) -> None:
    """Declare what `check` takes."""
    options.config(parser)


def check(config: Path | None) -> int:
    """
    Try every configured source, and say what holds and what is missing.

    Nothing is changed and nobody is told. Exit status: 0 all is well, 2 something is missing. What a token may do
    beyond its needs is told, and makes no difference to that.
    """
    from keywatch.alerts.problems import SourceRole
    from keywatch.service.assembly import rule_set, utc_now
    from keywatch.service.plan import plan
    from keywatch.service.receiver import check_receiver
    from keywatch.service.sharing import SharingWatch
    from keywatch.service.state import open_state
    from keywatch.service.vault_sessions import VaultSessions, logins
    from keywatch.settings.interval import interval_words
    from keywatch.settings.load import find, load

    path = find(config)
    settings = load(path)
    print(f"{path}: is well formed, {len(rule_set(settings).rules)} rules")
    SharingWatch(settings.sharing)
    for database in filter(None, (settings.sharing.asn_database, settings.sharing.country_database)):
        print(f"{database}: can be read")
    missing = 0
    troubled: set[str] = set()
    with open_state(settings) as state:
        print(f"{state.directory}: state directory, pepper {state.pepper.id}")
        vaults = VaultSessions(logins(settings))
        sources = plan(settings, state.pepper, now=utc_now, patient=False, vaults=vaults)
        for source in sources:
            print(f"\n{source.id} ({source.role.value}, every {interval_words(source.every)})")
            lacking = _show(_tried(source))
            missing += lacking
            troubled |= {source.id} if lacking else set()
            if source.role is SourceRole.VALUES:
                _show_refused(state.store, source.id)
        for vault in settings.vault:
            if f"vault-kv2:{vault.name}" in troubled:
                continue  # that is to be mended first
            print(f"\nvault {vault.name} (its token is for names alone)")
            missing += _show(_beyond(vault, vaults))
    if not sources:
        print("\nno source is configured: see the comments in the configuration")
        missing += 1
    print("\nalerts")
    missing += _show(check_receiver(settings))
    return INCOMPLETE if missing else 0


def _tried(source: "Planned") -> Iterator[str | Skipped]:
    """What a source says of itself; whatever goes wrong with it is its own trouble."""
    try:
        yield from source.build().check()
    except KeywatchError as error:
        yield Skipped("settings", error.message, error.hint)
    except Exception as error:  # noqa: BLE001 - the others are still to be tried; its text may quote anything
        yield Skipped(f"unexpected {type(error).__name__}", "a defect in keywatch", "please report it")


def _beyond(vault: "Vault", vaults: "VaultSessions") -> Iterator[str | Skipped]:
    """Say what the token of a Vault may do that it should not."""
    from keywatch.collect.vault import Vault as Client
    from keywatch.service.vault_excess import excess

    client = Client(f"vault {vault.name}", vaults.access(vault.name), vaults.session(vault.name))
    yield from excess(client, vault.mounts)


def _show_refused(store: "Store", source: "SourceId") -> None:
    """Name the values that are too short or too common to be looked for, as the last reading found them."""
    from keywatch.report.safe import visible

    _, count = store.count_values(source)
    for value in store.refused_values(source, _MOST_REFUSED):
        print(f"  refused  {visible(f'{value.place}#{value.field}')}: the value {value.why}")
    if count > _MOST_REFUSED:
        print(f"  refused  and {count - _MOST_REFUSED} more")


def _show(results: Iterable[str | Skipped]) -> int:
    from keywatch.report.safe import visible

    missing = 0
    for result in results:
        if isinstance(result, Excess):
            print(f"  too much {visible(f'{result.what}: {result.why}')}")
            print(f"           {visible(result.hint or '')}")
        elif isinstance(result, Skipped):
            missing += 1
            print(f"  missing  {visible(f'{result.what}: {result.why}')}")
            if result.hint:
                print(f"           {visible(result.hint)}")
        else:
            print(f"  ok       {visible(result)}")
    return missing
