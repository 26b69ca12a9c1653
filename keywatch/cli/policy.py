"""`keywatch policy`: what Amazon's policies ask for, how it stands, and a person's word for the rest."""

import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from keywatch.cli import options
from keywatch.cli.parser import Parser
from keywatch.cli.words import one_line, whoever
from keywatch.model.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keywatch.policy import Assessment


def arguments(parser: Parser) -> None:
    """Declare what `policy` takes."""
    words = "list (the default), show NAME…: all about some, attest NAME…: confirm that they are kept."
    parser.add_argument("action", nargs="?", choices=("list", "show", "attest"), default="list", help=words)
    parser.add_argument("names", nargs="*", metavar="NAME", help="Obligations, as `list` names them.")
    parser.add_argument("--by", metavar="WHO", help="Who confirms. Default: the user who types it.")
    parser.add_argument("--note", metavar="TEXT", default="", help="What it rests on: a review, a ticket, a document.")
    options.config(parser)
    options.json(parser)


def policy(action: str, names: "Sequence[str]", by: str | None, note: str, config: Path | None, *, json: bool) -> int:
    """
    List what Amazon's policies ask for, worst first: broken, unknown, to be confirmed, kept.

    What keywatch watches is told from what it has read (`keywatch run`). What no machine can watch, a person confirms:
    that word is kept with its name, its date and its note, and holds for a time. Exit status: 0, whatever is listed.
    """
    from keywatch.policy import Attestation
    from keywatch.service.assembly import utc_now
    from keywatch.service.obligations import book, stands
    from keywatch.service.plan import plan
    from keywatch.service.state import open_state
    from keywatch.settings.load import find, load

    if (action == "list") == bool(names):
        raise UsageError("list takes no NAME, show and attest take at least one", hint="see `keywatch policy --help`")
    settings = load(find(config))
    obligations = book(settings.policy).obligations
    now = datetime.now(UTC).replace(microsecond=0)
    with open_state(settings) as state:
        if action == "attest":
            who = whoever(by)
            text = one_line("--note", note)
            askable = {item.id for item in obligations if item.confirmed_every is not None}
            for name in _known(names, askable, "is nothing that a person confirms"):
                state.store.attest(Attestation(obligation=name, by=who, at=now, note=text))
        sources = plan(settings, state.pepper, now=utc_now)
        rows = stands(obligations, state.store, sources=sources, now=now)
    if names:
        by_name = {row.obligation.id: row for row in rows}
        rows = [by_name[name] for name in _known(names, set(by_name), "is no obligation")]
    sys.stdout.write(_told(rows, action, now, json=json))
    return 0


def _told(rows: "Sequence[Assessment]", action: str, now: datetime, *, json: bool) -> str:
    from keywatch.report import policy as report

    if json:
        return report.as_json(rows, now=now)
    if action == "attest":
        return "".join(f"{row.obligation.id}: {row.reasons[-1]}\n" for row in rows)
    if action == "show":
        return "\n".join(report.detail(row) for row in rows)
    person = sys.stdout.isatty()
    width = shutil.get_terminal_size((120, 40)).columns if person else 160
    return report.as_text(rows, width=width, colour=person)


def _known(names: "Sequence[str]", allowed: set[str], why: str) -> "Sequence[str]":
    from difflib import get_close_matches

    for name in names:
        if name not in allowed:
            near = get_close_matches(name, allowed, 1)
            raise UsageError(
                f"{name} {why}", hint=f"did you mean {near[0]}?" if near else "`keywatch policy` lists all"
            )
    return list(dict.fromkeys(names))
