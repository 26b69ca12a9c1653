"""`keywatch keys`: the inventory, with the day each key dies."""

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from keywatch.cli import options
from keywatch.cli.parser import Parser
from keywatch.model.key import Key
from keywatch.model.standing import Basis, Level, Standing

_STANDINGS = (*(level.value for level in Level), *(basis.value for basis in Basis))


def arguments(parser: Parser) -> None:
    """Declare what `keys` takes."""
    options.config(parser)
    options.json(parser)
    parser.add_argument("--application", metavar="NAME", action="append", help="Of this application only; repeatable.")
    parser.add_argument("--seller", metavar="ID", action="append", help="Of this seller only; repeatable.")
    parser.add_argument("--region", metavar="REGION", action="append", help="In this region only; repeatable.")
    parser.add_argument("--owner", metavar="NAME", action="append", help="Of this owner only, - for none; repeatable.")
    parser.add_argument(
        "--standing",
        metavar="STANDING",
        action="append",
        choices=_STANDINGS,
        help=f"With this standing only: {', '.join(_STANDINGS)}; repeatable.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Which keys are asked for. Of each thing that is given one must fit."""

    application: Sequence[str] | None = None
    seller: Sequence[str] | None = None
    region: Sequence[str] | None = None
    owner: Sequence[str] | None = None
    standing: Sequence[str] | None = None

    def has(self, key: Key) -> bool:
        """Whether a key is what is asked for, whatever its standing."""
        regions = {part.strip() for part in (key.region or "").split(",")}
        return (
            (self.application is None or key.application in self.application)
            and (self.seller is None or key.seller in self.seller)
            and (self.region is None or not regions.isdisjoint(self.region))
            and (self.owner is None or (key.owner or "-") in self.owner)
        )

    def takes(self, row: Standing) -> bool:
        """Whether a standing is asked for. One that is unknown has a level that nobody should rely on."""
        words = {row.basis.value} | ({row.level.value} if row.basis is not Basis.UNKNOWN else set())
        return self.has(row.key) and (self.standing is None or not words.isdisjoint(self.standing))


def keys(config: Path | None, *, json: bool, **chosen: Sequence[str] | None) -> int:
    """
    List every key that is held, or those that are asked for, most pressing first.

    Of each its standing, its last successful call and its days left; its application, seller and region.

    Below them are the keys that went away in the last 90 days.

    Reads what the daemon has gathered (`keywatch run`), and asks no source.
    """
    from keywatch.alerts.sharing import used_from
    from keywatch.report import inventory
    from keywatch.service.probed import probed
    from keywatch.service.standings import policy, standings, vanished
    from keywatch.service.state import open_state
    from keywatch.service.vault_watch import VaultWatch
    from keywatch.settings.load import find, load

    wanted = Chosen(**chosen)
    settings = load(find(config))
    now = datetime.now(UTC)
    with open_state(settings) as state:
        judged = [
            row for row in standings(state.store, policy(settings.baseline, settings.probe), now) if wanted.takes(row)
        ]
        gone = [last for last in vanished(state.store, now) if wanted.standing is None and wanted.has(last.key)]
        seen = state.store.uses()
        tried = probed((row.key for row in judged), state.store.evidence())
        readers = VaultWatch().readers(state.store, (row.key for row in judged))
    used = used_from(judged, seen, since=now - timedelta(days=settings.sharing.window_days))
    beside = inventory.Beside(used=used, probed=tried, readers=readers)
    if json:
        sys.stdout.write(inventory.as_json(judged, gone, beside, now=now))
        return 0
    person = sys.stdout.isatty()
    width = shutil.get_terminal_size((120, 40)).columns if person else 160
    sys.stdout.write(inventory.as_text(judged, gone, beside, width=width, colour=person))
    return 0
