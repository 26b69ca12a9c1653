"""`keywatch keys`: the inventory, with the day each key dies."""

import shutil
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from keywatch.cli import options
from keywatch.cli.parser import Parser


def arguments(parser: Parser) -> None:
    """Declare what `keys` takes."""
    options.config(parser)
    options.json(parser)


def keys(config: Path | None, *, json: bool) -> int:
    """
    List every key that is held, most pressing first: its standing, its last successful call, its days left.

    Below them are the keys that went away in the last 90 days.

    Reads what the daemon has gathered (`keywatch run`), and asks no source.
    """
    from keywatch.alerts.sharing import used_from
    from keywatch.report import inventory
    from keywatch.service.standings import policy, standings, vanished
    from keywatch.service.state import open_state
    from keywatch.service.vault_watch import VaultWatch
    from keywatch.settings.load import find, load

    settings = load(find(config))
    now = datetime.now(UTC)
    with open_state(settings) as state:
        judged = standings(state.store, policy(settings.baseline), now)
        gone = vanished(state.store, now)
        seen = state.store.uses()
        readers = VaultWatch().readers(state.store, (standing.key for standing in judged))
    used = used_from(judged, seen, since=now - timedelta(days=settings.sharing.window_days))
    if json:
        sys.stdout.write(inventory.as_json(judged, gone, used, readers, now=now))
        return 0
    person = sys.stdout.isatty()
    width = shutil.get_terminal_size((120, 40)).columns if person else 160
    sys.stdout.write(inventory.as_text(judged, gone, used, width=width, colour=person))
    return 0
