"""`keywatch findings`: what the daemon's scans have found and nobody has dealt with yet; and who deals with it how."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from keywatch.cli import options
from keywatch.cli.parser import Parser
from keywatch.cli.words import one_line, whoever
from keywatch.model.errors import UsageError
from keywatch.model.finding import FindingState, FindingWord

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keywatch.service.state import State
    from keywatch.settings.schema import Settings
    from keywatch.store import StoredFinding

_STATES = {"ack": FindingState.ACKNOWLEDGED, "ignore": FindingState.IGNORED, "reopen": FindingState.OPEN}
_LEAST = 6
"""Characters of an id that are enough if no other begins so."""


def arguments(parser: Parser) -> None:
    """Declare what `findings` takes."""
    words = "list (the default); ack ID…: somebody deals with it; ignore ID…: it is not told any more; reopen ID…."
    parser.add_argument("action", nargs="?", choices=("list", *_STATES), default="list", help=words)
    parser.add_argument("ids", nargs="*", metavar="ID", help="Of findings, or how they begin, as `list` shows them.")
    parser.add_argument("--by", metavar="WHO", help="Who says so. Default: the user who types it.")
    parser.add_argument("--note", metavar="TEXT", default="", help="What was done, or why it is none; ignore needs it.")
    options.config(parser)
    options.json(parser)


def findings(action: str, ids: "Sequence[str]", by: str | None, note: str, config: Path | None, *, json: bool) -> int:
    """
    List the open findings, worst first: what, where, whose, and what to do. A secret is never shown.

    Reads what the daemon has gathered (`keywatch run`), and scans nothing. What a person says of a finding is kept with
    the name, the date and the note, and stands in `keywatch report`. A finding is resolved when no scan sees it any
    more, whatever was said. Exit status: 0, whatever is listed.
    """
    from keywatch.report.safe import visible
    from keywatch.service.assembly import utc_now
    from keywatch.service.state import open_state
    from keywatch.settings.load import find, load

    if (action == "list") == bool(ids):
        raise UsageError("list takes no ID, the others take at least one", hint="see `keywatch findings --help`")
    if action == "ignore" and not note:
        raise UsageError("ignore needs --note: an auditor asks why", hint='--note "a key of the test bench, revoked"')
    settings = load(find(config))
    with open_state(settings) as state:
        if action == "list":
            _list(settings, state, json=json)
            return 0
        who, text, now = whoever(by), one_line("--note", note), utc_now()
        chosen = _chosen(ids, state.store.findings())
        said = _STATES[action]
        state.store.say([FindingWord(finding=one.finding.id, state=said, by=who, at=now, note=text) for one in chosen])
    for one in chosen:
        what = visible(one.finding.rule.description)
        print(f"{one.finding.redacted.fingerprint.short}: {what}: {_became(one, said)}, by {visible(who)}")
    return 0


def _list(settings: "Settings", state: "State", *, json: bool) -> None:
    from keywatch.report.formats import Format, write
    from keywatch.report.scan_report import ScanReport
    from keywatch.service.assembly import utc_now
    from keywatch.service.judging import named, open_findings
    from keywatch.service.standings import known_keys

    keys = known_keys(state.store)
    seen = named(open_findings(state.store), state.store, keys, frozenset(settings.our_accounts), utc_now())
    report = ScanReport(
        targets=tuple(sorted({target for item in seen for target in item.targets})),
        findings=tuple(replace(item.finding, further=item.places_total - len(item.finding.places)) for item in seen),
    )
    write(report, Format.JSON if json else Format.TEXT, sys.stdout)


def _chosen(ids: "Sequence[str]", known: "Sequence[StoredFinding]") -> "list[StoredFinding]":
    """Return the findings that are meant, each once; nothing is said of any if one cannot be."""
    chosen: dict[str, StoredFinding] = {}
    for given in ids:
        begins = given.removeprefix("kw:").lower()
        fitting = [one for one in known if one.finding.id.startswith(begins)] if len(begins) >= _LEAST else []
        if len(fitting) != 1:
            why = "is how several findings begin" if fitting else "is no finding"
            hint = f"give at least {_LEAST} characters of what `keywatch findings` shows"
            raise UsageError(f"{given} {why}; nothing was noted", hint=hint)
        chosen[fitting[0].finding.id] = fitting[0]
    return list(chosen.values())


def _became(one: "StoredFinding", said: FindingState) -> str:
    if one.state is FindingState.RESOLVED:
        return "noted; it is resolved, as no scan sees it any more"
    return said.value
