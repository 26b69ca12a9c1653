"""
How a delivery looks in Slack. Pure.

Everything that comes from outside (paths, names, authors) stands in `plain_text` objects and `rich_text` elements,
which Slack shows as they are: neither `<!channel>` nor a link nor an emoji name in a file's name does anything.
https://docs.slack.dev/reference/block-kit/blocks
"""

import json
from dataclasses import dataclass
from typing import TypeAlias

from keywatch.alerts.words import one_line
from keywatch.model.alert import Alert, Delivery, Transition
from keywatch.model.source import Json
from keywatch.notify.wording import footer, headline, is_digest, paragraph, rest, sentence

Block: TypeAlias = dict[str, Json]

MOST_CHARACTERS = 12_000
"""Of all blocks, as JSON. Slack answers `msg_blocks_too_long` from about 13,000 on."""

HEADER = 150
"""Characters in a header block."""

_FACTS = 10
_LISTED = 20
_SIZES = (900, 400, 150)
"""Characters of one fact: as much as fits."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is posted: a sentence for where blocks cannot be shown, and the blocks."""

    text: str
    blocks: list[Block]


def render(delivery: Delivery) -> Message:
    """Return the message that stands for a delivery's alerts, within Slack's limits whatever they hold."""
    body = _digest if is_digest(delivery) else _single
    blocks: list[Block] = []
    for size in _SIZES:
        blocks = [_header(headline(delivery, HEADER)), *body(delivery, size), _context(footer(delivery))]
        if len(json.dumps(blocks, ensure_ascii=False)) <= MOST_CHARACTERS:
            break
    return Message(escape(sentence(delivery)), blocks)


def render_reply(delivery: Delivery) -> Message:
    """Return what is said in the alert's thread when it changes: editing a message tells nobody."""
    so_what = dict(delivery.alerts[0].problem.facts).get("So what", "")
    text = f"Changed: {headline(delivery)}. {so_what}"
    return Message(escape(one_line(text, 600)), [_rich([_text(paragraph(text, 900))])])


def escape(text: str) -> str:
    """Escape what Slack would read as markup in a message's `text`."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _single(delivery: Delivery, size: int) -> list[Block]:
    problem = delivery.alerts[0].problem
    over = delivery.transition is Transition.RESOLVED
    facts = [_fact(label, value, size, over=over) for label, value in problem.facts[:_FACTS]]
    blocks: list[Block] = [{"type": "rich_text", "elements": list[Json](facts)}] if facts else []
    if not over:
        blocks.append({"type": "rich_text", "elements": [_fact("Next step", problem.next_step, size)]})
    return blocks


def _fact(label: str, value: str, size: int, *, over: bool = False) -> Block:
    struck = {"strike": True} if over else {}
    # The line break belongs to the text: Slack puts sections of one block right below each other.
    return _section([_text(f"{one_line(label, 40) or '-'}: ", bold=True), _text(paragraph(value, size), **struck)])


def _digest(delivery: Delivery, size: int) -> list[Block]:
    listed = delivery.alerts[:_LISTED]
    items: list[Json] = [_section([_text(_line(alert, size))]) for alert in listed]
    elements: list[Json] = [{"type": "rich_text_list", "style": "bullet", "elements": items}]
    if more := rest(delivery, len(listed)):
        elements.append(_section([_text(more)]))
    blocks: list[Block] = [{"type": "rich_text", "elements": elements}]
    if delivery.transition is not Transition.RESOLVED:
        blocks.append(_rich([_text("Next step: ", bold=True), _text(paragraph(listed[0].problem.next_step, size))]))
    return blocks


def _line(alert: Alert, size: int) -> str:
    whose = f" ({one_line(alert.problem.owner, 60)})" if alert.problem.owner else ""
    return paragraph(f"{alert.problem.severity.value.upper()} {alert.problem.title}{whose}", min(size, 250))


def _header(text: str) -> Block:
    return {"type": "header", "text": {"type": "plain_text", "text": text, "emoji": False}}


def _context(text: str) -> Block:
    return {"type": "context", "elements": [{"type": "plain_text", "text": text, "emoji": False}]}


def _rich(elements: list[Json]) -> Block:
    return {"type": "rich_text", "elements": [_section(elements)]}


def _section(elements: list[Json]) -> Block:
    return {"type": "rich_text_section", "elements": elements}


def _text(text: str, **style: bool) -> Block:
    return {"type": "text", "text": text, "style": dict[str, Json](style)} if style else {"type": "text", "text": text}
