"""`keywatch findings`: what the daemon's scans have found and nobody has dealt with yet."""

import sys
from dataclasses import replace
from pathlib import Path

from keywatch.cli import options
from keywatch.cli.parser import Parser


def arguments(parser: Parser) -> None:
    """Declare what `findings` takes."""
    options.config(parser)
    options.json(parser)


def findings(config: Path | None, *, json: bool) -> int:
    """
    List the open findings, worst first: what, where, whose, and what to do. A secret is never shown.

    Reads what the daemon has gathered (`keywatch run`), and scans nothing. Exit status: 0, whatever is listed.
    """
    from keywatch.report.formats import Format, write
    from keywatch.report.scan_report import ScanReport
    from keywatch.service.assembly import utc_now
    from keywatch.service.judging import named, open_findings
    from keywatch.service.standings import known_keys
    from keywatch.service.state import open_state
    from keywatch.settings.load import find, load

    settings = load(find(config))
    with open_state(settings) as state:
        keys = known_keys(state.store)
        seen = named(open_findings(state.store), state.store, keys, frozenset(settings.our_accounts), utc_now())
    report = ScanReport(
        targets=tuple(sorted({target for item in seen for target in item.targets})),
        findings=tuple(replace(item.finding, further=item.places_total - len(item.finding.places)) for item in seen),
    )
    write(report, Format.JSON if json else Format.TEXT, sys.stdout)
    return 0
