"""What Slack makes of blocks: whether it takes them, and what a person then sees."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

MOST_BLOCKS = 50
MOST_CHARACTERS = 13_000


def faults(blocks: object) -> list[str]:
    """
    Return what Slack would refuse in a message's blocks, as sentences; nothing if it would take them.

    The limits are those of https://docs.slack.dev/reference/block-kit/blocks; of the sum, what
    https://github.com/slackapi/bolt-js/issues/2509 found.
    """
    if not isinstance(blocks, list):
        return ["blocks is not a list"]
    found = [f"more than {MOST_BLOCKS} blocks"] if len(blocks) > MOST_BLOCKS else []
    if len(json.dumps(blocks, ensure_ascii=False)) > MOST_CHARACTERS:
        found.append("blocks too long")
    for number, block in enumerate(blocks):
        check = _CHECKS.get(block.get("type")) if isinstance(block, dict) else None
        found += [f"block {number}: {fault}" for fault in (check(block) if check else ["unknown type"])]
    return found


def _header(block: Mapping[str, Any]) -> Iterator[str]:
    yield from _object(block.get("text"), 150, ("plain_text",))


def _context(block: Mapping[str, Any]) -> Iterator[str]:
    elements = block.get("elements")
    if not isinstance(elements, list) or not 1 <= len(elements) <= 10:
        yield "a context has 1 to 10 elements"
        return
    for element in elements:
        yield from _object(element, 3000, ("plain_text", "mrkdwn"))


def _section(block: Mapping[str, Any]) -> Iterator[str]:
    fields = block.get("fields", [])
    if "text" in block:
        yield from _object(block["text"], 3000, ("plain_text", "mrkdwn"))
    elif not fields:
        yield "a section has a text or fields"
    if len(fields) > 10:
        yield "a section has at most 10 fields"
    for field in fields:
        yield from _object(field, 2000, ("plain_text", "mrkdwn"))


def _object(text: object, most: int, kinds: Sequence[str]) -> Iterator[str]:
    if not isinstance(text, dict) or text.get("type") not in kinds:
        yield f"expected a {' or '.join(kinds)} object"
    elif not isinstance(text.get("text"), str) or not 1 <= len(text["text"]) <= most:
        yield f"a text has 1 to {most} characters"


def _rich_text(block: Mapping[str, Any]) -> Iterator[str]:
    elements = block.get("elements")
    if not isinstance(elements, list) or not elements:
        yield "a rich text has elements"
        return
    for element in elements:
        yield from _rich_element(element)


def _rich_element(element: Mapping[str, Any]) -> Iterator[str]:
    match element.get("type"):
        case "rich_text_section":
            for part in element.get("elements", []):
                if part.get("type") != "text" or not isinstance(part.get("text"), str) or not part["text"]:
                    yield "a rich text section has texts of at least one character"
                if len(part.get("text", "")) > 3000:
                    yield "a text has at most 3000 characters"
        case "rich_text_list":
            for item in element.get("elements", []):
                yield from _rich_element(item)
        case other:
            yield f"unknown rich text element {other}"


_CHECKS: dict[object, Callable[[Mapping[str, Any]], Iterator[str]]] = {
    "header": _header,
    "context": _context,
    "section": _section,
    "rich_text": _rich_text,
    "divider": lambda _: iter(()),
}


def view(blocks: Sequence[Mapping[str, Any]]) -> str:
    """Return blocks as a person would see them, as lines of plain text; what is struck through stands between `~`."""
    return "\n".join(line for block in blocks for line in _lines(block))


def _lines(block: Mapping[str, Any]) -> Iterator[str]:
    match block.get("type"):
        case "header":
            yield str(block["text"]["text"])
        case "context":
            yield "  " + "  ".join(str(element["text"]) for element in block["elements"])
        case "section":
            yield from (f"  {text['text']}" for text in (block.get("text"), *block.get("fields", [])) if text)
        case "rich_text":
            for element in block["elements"]:
                yield from _rich_lines(element)
        case _:
            yield "  ----"


def _rich_lines(element: Mapping[str, Any]) -> Iterator[str]:
    if element["type"] == "rich_text_list":
        yield from ("  * " + "".join(map(_shown, item["elements"])) for item in element["elements"])
        return
    first, *others = "".join(map(_shown, element["elements"])).splitlines() or [""]
    yield f"  {first}"
    yield from (f"      {line}" for line in others)


def _shown(part: Mapping[str, Any]) -> str:
    struck = part.get("style", {}).get("strike")
    return f"~{part['text']}~" if struck else str(part["text"])
