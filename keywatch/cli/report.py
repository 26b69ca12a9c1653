"""`keywatch report`: the evidence for an audit."""

import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from keywatch.cli import options
from keywatch.cli.parser import Parser, one_of
from keywatch.model.errors import ConfigError, UsageError
from keywatch.report.evidence_forms import EvidenceFormat

_LONGEST = 64 << 20
"""Bytes of a report that is verified."""


def arguments(parser: Parser) -> None:
    """Declare what `report` takes."""
    formats = "html (the default: one page, fit to be printed), json, csv or md."
    parser.add_argument(
        "--format",
        "-f",
        dest="form",
        type=one_of(EvidenceFormat),
        default=EvidenceFormat.HTML,
        metavar="FORMAT",
        help=formats,
    )
    back = "How far back what has happened is told: 90d, 12h. Default: 90d."
    parser.add_argument("--period", type=_period, default=timedelta(days=90), metavar="LENGTH", help=back)
    parser.add_argument(
        "--output", "-o", type=Path, metavar="FILE", help="Where to write it. Default: standard output."
    )
    check = "Tell whether a report (html or json) is as it was made here, instead of making one."
    parser.add_argument("--verify", type=Path, metavar="FILE", help=check)
    options.config(parser)


def report(
    config: Path | None, form: EvidenceFormat, period: timedelta, output: Path | None, verify: Path | None
) -> int:
    """
    Write the evidence for an audit: each obligation with how it was watched or who confirmed it, each key with its
    standing, what was wrong and how fast it was mended, and what could not be seen. No secret is in it.

    Reads what the daemon has gathered (`keywatch run`). Exit status: 0; with --verify 1 if the file was changed.
    """  # noqa: D205
    from keywatch.report.evidence import evidence, trouble_with
    from keywatch.report.evidence_forms import another_page, rendered
    from keywatch.service.evidence import known
    from keywatch.service.state import open_state
    from keywatch.settings.load import find, load

    settings = load(find(config))
    with open_state(settings) as state:
        if verify is not None:
            text = _read(verify)
            document = _document(verify, text)
            trouble = trouble_with(document, state.pepper) or another_page(text, document)
            print(f"{verify}: {trouble or 'is as it was made here'}")
            return 1 if trouble else 0
        now = datetime.now(UTC).replace(microsecond=0)
        facts = known(settings, state, now)
        text = rendered(evidence(facts, pepper=state.pepper, period=period, now=now), form)
    if output is None:
        sys.stdout.write(text)
        return 0
    try:
        output.write_text(text, "utf-8")
    except OSError as error:
        raise ConfigError(f"{output}: {error.strerror}", hint="name another file with --output") from None
    return 0


def _read(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            return file.read(_LONGEST)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path}: is no text") from None


def _document(path: Path, text: str) -> dict[str, object]:
    from keywatch.report.evidence_forms import unrendered

    try:
        return unrendered(text)
    except (ValueError, RecursionError):
        hint = "give the html or json that `keywatch report` wrote"
        raise UsageError(f"{path}: holds no evidence of keywatch", hint=hint) from None


def _period(text: str) -> timedelta:
    found = re.fullmatch(r"(\d{1,5})([dhw])", text)
    if found is None or not int(found[1]):
        raise ValueError(text)
    return int(found[1]) * {"d": timedelta(days=1), "h": timedelta(hours=1), "w": timedelta(weeks=1)}[found[2]]
