"""The evidence as JSON, as CSV, as Markdown, and as a page to print: all from the one document."""

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from io import StringIO

from keywatch import __version__
from keywatch.report.evidence import Document
from keywatch.report.safe import cell, visible


class EvidenceFormat(StrEnum):
    """How the evidence is written."""

    HTML = "html"
    JSON = "json"
    CSV = "csv"
    MARKDOWN = "md"


@dataclass(frozen=True, slots=True)
class Section:
    """A table of the report."""

    title: str
    about: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    marked: int | None = None
    """The column whose words may be coloured."""


def rendered(document: Document, form: EvidenceFormat) -> str:
    """Return the document in the format `form`."""
    return _FORMS[form](document)


def unrendered(text: str) -> Document:
    """
    Return the document that a JSON or HTML file holds.

    Raises:
        ValueError: there is none in it.
    """
    if "<html" in text[:200]:
        _, found, rest = text.partition(_DATA)
        text = rest.partition("</script>")[0] if found else ""
    document = json.loads(text)
    if not isinstance(document, dict):
        raise ValueError("not a document")  # noqa: TRY004 - what is wrong is the text
    return document


def another_page(text: str, document: Document) -> str | None:
    """Say why a page does not show the data that it carries; None if it does, or is no page."""
    if "<html" not in text[:200]:
        return None
    if document.get("keywatch") != __version__:
        made_by = document.get("keywatch")
        return f"its data is as it was made; its page is that of keywatch {made_by}, and was not compared"
    return None if rendered(document, EvidenceFormat.HTML) == text else "its page shows something else than its data"


_DATA = '<script type="application/json" id="evidence">'


def _json(document: Document) -> str:
    return json.dumps(document, indent=2) + "\n"


def _csv(document: Document) -> str:
    out = StringIO()
    table = csv.writer(out, lineterminator="\n")
    for section in sections(document):
        table.writerow(["section", *section.columns])
        for row in section.rows:
            table.writerow([section.title, *map(cell, row)])
    return out.getvalue()


def _markdown(document: Document) -> str:
    parts = [f"# {_title(document)}", *(f"- {line}" for line in facts(document))]
    for section in sections(document):
        parts += ["", f"## {section.title}", "", section.about, ""]
        if not section.rows:
            parts.append("Nothing.")
            continue
        parts.append(_line(section.columns))
        parts.append(_line(["---"] * len(section.columns)))
        parts += [_line([_plain(text) for text in row]) for row in section.rows]
    return "\n".join(parts) + "\n"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _plain(text: str) -> str:
    """Text that Markdown shows as it is: no cell, link, tag or emphasis of its own."""
    for sign in "\\`*_[]<>|#":
        text = text.replace(sign, f"\\{sign}")
    return text


def _html(document: Document) -> str:
    from importlib.resources import files

    from jinja2 import Environment, StrictUndefined

    template = (files("keywatch.report") / "evidence.html").read_text("utf-8")
    page = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    # Inside a script nothing is escaped; so nothing in it may look like its end.
    data = json.dumps(document).replace("<", "\\u003c")
    return page.from_string(template).render(
        title=_title(document), facts=list(facts(document)), sections=list(sections(document)), data=data
    )


def _title(document: Document) -> str:
    return f"Amazon developer keys: evidence from {document['from'][:10]} to {document['to'][:10]}"


def facts(document: Document) -> Iterator[str]:
    """What stands at the head of the report, in sentences."""
    summary = document["summary"]
    bases = ", ".join(f"{count} {basis}" for basis, count in summary["keys_by_basis"].items() if count)
    states = ", ".join(f"{count} {state}" for state, count in summary["obligations"].items())
    middle = summary["median_hours_to_resolve"]
    yield f"{summary['keys']} keys are held ({bases or 'none'})."
    yield f"{sum(summary['obligations'].values())} obligations: {states}."
    pace = f", half of them within {middle} hours" if middle is not None else ""
    yield f"{summary['alerts_resolved']} alerts were resolved{pace}; {summary['alerts_open']} are open."
    yield f"{summary['findings_resolved']} leaked secrets were dealt with, {summary['findings_open']} are open."
    if unreadable := summary["sources_unreadable"]:
        yield f"{unreadable} sources cannot be read: what only they would show is unknown."
    yield f"Made by keywatch {document['keywatch']}, installation {document['installation']}, on {document['to']}."
    yield f"SHA-256 {document['sha256']}, signed {document['signature']}."


def sections(document: Document) -> Iterator[Section]:
    """The tables of the report."""
    yield Section(
        "Obligations",
        "What Amazon's policies ask for, and how each thing stands: watched by keywatch, or confirmed by a person.",
        ("Obligation", "Policy", "State", "Why", "Alerts", "Resolved", "What it asks"),
        [
            _texts(
                item["id"], item["policy"], item["state"], "; ".join(item["reasons"]), item["alerts_in_period"],
                item["alerts_resolved"], item["title"],
            )
            for item in document["obligations"]
        ],
        marked=2,
    )  # fmt: skip
    yield Section(
        "Keys",
        "Every key that is held. Its standing rests on a proven call, on an attempt, on none, or is unknown.",
        ("Key", "Kind", "Basis", "Level", "Last success", "Window ends", "Owner", "Held in", "Remarks"),
        [
            _texts(
                item["name"], item["kind"], item["basis"], item["level"], _minute(item["last_success"]),
                item["deletes_on"], item["owner"], ", ".join(sorted({place["source"] for place in item["locations"]})),
                "; ".join(item["reasons"]),
            )
            for item in document["keys"]
        ],
        marked=3,
    )  # fmt: skip
    yield Section(
        "Alerts",
        "What was wrong in this time, since when, and how long it took to mend.",
        ("Opened", "Kind", "Severity", "What", "Owner", "State", "Resolved", "Hours"),
        [
            _texts(
                _minute(item["opened_at"]), item["kind"], item["severity"], item["title"], item["owner"],
                item["state"], _minute(item["resolved_at"]), item["hours"],
            )
            for item in document["alerts"]
        ],
        marked=5,
    )  # fmt: skip
    yield Section(
        "Leaked secrets",
        "What was found in repositories, logs and messages. The value is nowhere kept.",
        ("First seen", "What", "Severity", "Whose", "Where", "Places", "State", "Resolved", "Hours", "Dealt with by"),
        [
            _texts(
                _minute(item["first_seen"]), item["description"], item["severity"], item["ownership"],
                ", ".join(item["places"]), item["places_total"], item["state"], _minute(item["resolved_at"]),
                item["hours"], "; ".join(_word(word) for word in item["said"]),
            )
            for item in document["findings"]
        ],
        marked=6,
    )  # fmt: skip
    yield Section(
        "Sources",
        "What keywatch reads. Where it could not look, it claims nothing.",
        (
            "Source", "Read for", "Last read", "Unreadable since", "Why", "Covered from", "Covered until", "Left out",
            "Skipped",
        ),
        [
            _texts(
                item["source"], item["reads"], _minute(item["last_success"]), _minute(item["failing_since"]),
                item["error"], _minute(item["covered_from"]), _minute(item["covered_until"]),
                "; ".join(item["not_seen"]), item["skipped"],
            )
            for item in document["sources"]
        ],
    )  # fmt: skip
    yield Section(
        "Confirmations",
        "What persons have confirmed in this time, and what their word rests on.",
        ("When", "Obligation", "By", "Note"),
        [
            _texts(_minute(item["at"]), item["obligation"], item["by"], item["note"])
            for item in document["attestations"]
        ],
    )


def _word(said: Document) -> str:
    note = f": {said['note']}" if said["note"] else ""
    return f"{said['by']}, {_minute(said['at'])}, {said['state']}{note}"


def _texts(*values: object) -> tuple[str, ...]:
    return tuple("" if value is None else visible(str(value)) for value in values)


def _minute(moment: str | None) -> str:
    return f"{moment[:10]} {moment[11:16]}" if moment else ""


_FORMS: dict[EvidenceFormat, Callable[[Document], str]] = {
    EvidenceFormat.HTML: _html,
    EvidenceFormat.JSON: _json,
    EvidenceFormat.CSV: _csv,
    EvidenceFormat.MARKDOWN: _markdown,
}
