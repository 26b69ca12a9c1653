"""A request's body as the texts it is made of, each of which can be replaced. Pure."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from email.message import Message
from typing import Any
from urllib.parse import parse_qsl, urlencode

_MOST_FIELDS = 100_000


@dataclass(frozen=True, slots=True)
class Slot:
    """One text. With a name before it, where it has one: `password` says what follows."""

    text: str = field(repr=False)
    name: bool = False
    """Whether it names the slot after it."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """What is no text: it can be looked into, not rewritten."""

    path: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Body:
    """What a request carries."""

    slots: Sequence[Slot]
    attachments: Sequence[Attachment]
    rebuilt: Callable[[Sequence[str]], bytes] = field(repr=False)
    """Takes a text for each slot, in their order."""


def taken_apart(data: bytes, content_type: str) -> Body:
    """
    Take a body apart as its Content-Type says. What is not of that form is one text, or an attachment.

    Args:
        data: the body, not compressed.
        content_type: the header, empty if there is none.
    """
    header = Message()
    header["Content-Type"] = content_type or "application/octet-stream"
    kind, charset = header.get_content_type(), _charset(header)
    body = None
    if kind == "application/json" or kind.endswith("+json"):
        body = _json(data)
    elif kind == "application/x-www-form-urlencoded":
        body = _form(data, charset)
    elif kind == "multipart/form-data":
        body = _multipart(data, str(header.get_param("boundary", "")), charset)
    if body is not None:
        return body
    return _text(data, charset) if _is_text(data, charset) else Body((), (Attachment("body", data),), lambda _: data)


def _charset(header: Message) -> str:
    name = header.get_content_charset() or "utf-8"
    try:
        "".encode(name)
    except (LookupError, ValueError):
        return "utf-8"
    return name


def _is_text(data: bytes, charset: str) -> bool:
    return b"\0" not in data[:8192] or charset.startswith(("utf-16", "utf-32"))


def _text(data: bytes, charset: str) -> Body:
    text = data.decode(charset, "surrogateescape" if charset == "utf-8" else "replace")
    return Body((Slot(text),), (), lambda texts: _encoded(texts[0], charset))


def _encoded(text: str, charset: str) -> bytes:
    return text.encode(charset, "surrogateescape" if charset == "utf-8" else "replace")


class _Object(list[tuple[str, Any]]):
    """A JSON object as pairs: a name that stands there twice may hide what is under the first."""


class _Number(str):
    """A JSON number as it was written."""

    __slots__ = ()


def _json(data: bytes) -> Body | None:
    try:
        value = json.loads(
            data, object_pairs_hook=_Object, parse_int=_Number, parse_float=_Number, parse_constant=_Number
        )
        slots = list(_leaves(value))
    except (ValueError, RecursionError):
        return None

    def rebuilt(texts: Sequence[str]) -> bytes:
        return _dumped(value, iter(zip(slots, texts, strict=True))).encode("utf-8", "surrogatepass")

    return Body(slots, (), rebuilt)


def _leaves(value: Any) -> Iterator[Slot]:  # noqa: ANN401 - JSON
    if isinstance(value, _Object):
        for name, item in value:
            yield Slot(name, name=True)
            yield from _leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    else:
        yield Slot(value if isinstance(value, str) else json.dumps(value))


def _dumped(value: Any, texts: Iterator[tuple[Slot, str]]) -> str:  # noqa: ANN401 - JSON
    if isinstance(value, _Object):
        return "{" + ", ".join(f"{json.dumps(next(texts)[1])}: {_dumped(item, texts)}" for _, item in value) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_dumped(item, texts) for item in value) + "]"
    slot, text = next(texts)
    quoted = isinstance(value, str) and not isinstance(value, _Number)
    return json.dumps(text) if quoted or text != slot.text else text


def _form(data: bytes, charset: str) -> Body | None:
    try:
        pairs = parse_qsl(
            data.decode("ascii", "replace"), keep_blank_values=True, encoding=charset, max_num_fields=_MOST_FIELDS
        )
    except ValueError:
        return None
    slots = [slot for name, value in pairs for slot in (Slot(name, name=True), Slot(value))]

    def rebuilt(texts: Sequence[str]) -> bytes:
        return urlencode(list(zip(texts[::2], texts[1::2], strict=True)), encoding=charset, errors="replace").encode()

    return Body(slots, (), rebuilt)


def _multipart(data: bytes, boundary: str, charset: str) -> Body | None:
    """
    Each field and text file is a slot, each other file an attachment.

    https://datatracker.ietf.org/doc/html/rfc7578
    """
    if not boundary:
        return None
    parts = (b"\r\n" + data).split(b"\r\n--" + boundary.encode("latin-1", "replace"))
    if len(parts) < 2 or len(parts) > _MOST_FIELDS:  # noqa: PLR2004 - no boundary in it
        return None
    slots: list[Slot] = []
    attachments: list[Attachment] = []
    plan: list[tuple[bytes, bool]] = []
    """What stands before each text, and whether one follows."""
    for part in parts:
        head, found, content = part.partition(b"\r\n\r\n")
        name, path = _disposition(head)
        if not found:
            plan.append((part, False))
        elif _is_text(content, charset):
            slots += [Slot(name, name=True), Slot(content.decode(charset, "surrogateescape"))]
            plan.append((head + found, True))
        else:
            attachments.append(Attachment(path or name, content))
            plan.append((part, False))

    def rebuilt(texts: Sequence[str]) -> bytes:
        values = iter(texts[1::2])
        made = [before + (next(values).encode(charset, "surrogateescape") if text else b"") for before, text in plan]
        return (b"\r\n--" + boundary.encode("latin-1", "replace")).join(made)[2:]

    return Body(slots, attachments, rebuilt)


def _disposition(head: bytes) -> tuple[str, str]:
    """The name of a part and that of its file, empty where there is none."""
    header = Message()
    for line in head.split(b"\r\n"):
        label, _, value = line.partition(b":")
        if label.strip().lower() == b"content-disposition":
            header["Content-Disposition"] = value.strip().decode("utf-8", "replace")
    if "Content-Disposition" not in header:
        return "", ""
    name, path = (header.get_param(part, "", "content-disposition") for part in ("name", "filename"))
    return str(name or ""), str(path or "")
