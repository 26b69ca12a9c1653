"""
Requests that are alike, read together: a busy log has thousands a second that differ in their time and path alone.

Reading a line for itself takes ten times as long as finding out that one like it was read before. What a line says of a
credential depends on few of its fields, so the first with these is read as `request_line` reads it, and those that
follow are counted. Refusals are not: when each was, before or after a success, tells how long a credential has been
refused.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any, TypeAlias

import msgspec

from keywatch.collect.calls.request_line import (
    AHEAD,
    EARLIEST,
    TOKEN_PATH,
    Request,
    RequestLayout,
    action_of,
    read_record,
)
from keywatch.model.answer import Answer
from keywatch.model.source import Json

_COUNTED = frozenset({Answer.ACCEPTED, Answer.THROTTLED})
_UNTOLD = frozenset({400, 401, 403})
"""With these, what an answer means is in its text, which is another for each line."""
_MOST = 10_000
"""Kinds of lines that are known at a time."""
_ODD = ("//", TOKEN_PATH)
"""Paths that say more than what was called."""
_DAY = timedelta(days=1)
_NONE = datetime.min.replace(tzinfo=UTC)

Took: TypeAlias = Callable[[Request, int], None]
"""Is given a request, and how many there were like it, it being the latest. The very first is given by itself."""


class _Kind:
    """What lines with the same fields have in common."""

    __slots__ = ("at", "count", "item", "request")

    def __init__(self, request: Request | None) -> None:
        self.request = request
        """The first of them; None: each has to be read by itself."""
        self.count = 0
        self.at = _NONE
        self.item: object = None
        """The latest; `at` is when it was."""


class AlikeLines:
    """Reads JSON lines of one layout. Not to be shared between threads."""

    def __init__(self, layout: RequestLayout) -> None:
        """Make a decoder of the fields that count; the rest of a line is skipped, not read."""
        names = layout.fields
        self._layout = layout
        self._names = (
            names.time, names.status, names.application, names.seller, names.client_id, names.host, names.method,
            names.path, names.error,
        )  # fmt: skip
        self._dotted = [f'"{name}"'.encode() for name in self._names if "." in name]
        made = None if layout.pattern is not None else _decoder(self._names)
        self._decoder = made[0] if made else None
        places = made[1] if made else []
        self._all: Callable[[object], tuple[Json, ...]] = attrgetter(*places) if places else lambda _: ()
        self._kind: Callable[[object], tuple[Json, ...]] = attrgetter(*places[1:6]) if places else lambda _: ()
        self._time = _getter(places, 0)
        self._method = _getter(places, 6)
        self._path = _getter(places, 7)
        self._kinds: dict[tuple[Json, ...], _Kind] = {}
        self._day = (_NONE, _NONE)

    def decoded(self, data: bytes) -> list[object] | None:
        """Return the lines of `data` that are not empty; None: one is not as expected, so each is read by itself."""
        if self._decoder is None or any(name in data for name in self._dotted):
            return None
        try:
            return self._decoder.decode_lines(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None

    def take(self, lines: list[object], now: datetime, took: Took) -> Iterator[tuple[int, ValueError]]:
        """
        Count `lines`, or give them to `took`; yield the places of those that cannot be read, and why.

        What is given as one lies on one day of UTC. `tell` gives what was counted last.
        """
        kinds, kind_of, time_of, path_of = self._kinds, self._kind, self._time, self._path
        written, latest = datetime.fromisoformat, now + AHEAD
        begins, ends = self._day
        for number, item in enumerate(lines):
            path, time = path_of(item), time_of(item)
            plain = path is None or (path.__class__ is str and path[:1] == "/" and not path.startswith(_ODD))
            kind = kinds.get(kind_of(item)) if plain else None
            if kind is not None and kind.request is not None and time.__class__ is str:
                try:
                    at = written(time)
                except ValueError:
                    at = _NONE
                # Any other time is read as it is where a line is read by itself.
                if at.tzinfo is UTC and EARLIEST <= at <= latest:
                    if not begins <= at < ends:
                        self.tell(took)
                        begins = at.replace(hour=0, minute=0, second=0, microsecond=0)
                        ends = begins + _DAY
                        self._day = (begins, ends)
                    if not kind.count or at > kind.at:
                        kind.at, kind.item = at, item
                    kind.count += 1
                    continue
            try:
                request = self._read(item, now)
            except ValueError as error:
                yield number, error
                continue
            if plain and kind is None:
                self._learn(kind_of(item), request, took)
            if request.answer is not None and request.answer not in _COUNTED:
                self.tell(took)  # what was counted came before
            took(request, 1)

    def forget(self) -> None:
        """Let go of what was counted and not given, as nobody went on asking: it will be read again."""
        for kind in self._kinds.values():
            kind.count, kind.item = 0, None

    def tell(self, took: Took) -> None:
        """Give what was counted and not given yet."""
        for kind in self._kinds.values():
            if kind.count and kind.request is not None:
                method, path = self._method(kind.item), self._path(kind.item)
                latest = replace(kind.request, at=kind.at, action=action_of(method, path))
                took(latest, kind.count)
                kind.count, kind.item = 0, None

    def _learn(self, fields: tuple[Json, ...], request: Request, took: Took) -> None:
        if len(self._kinds) >= _MOST:
            self.tell(took)
            self._kinds.clear()
        means_nothing = request.answer is Answer.OTHER and _status(fields[0]) not in _UNTOLD
        counted = request.outcome is None or request.answer in _COUNTED or means_nothing
        self._kinds[fields] = _Kind(request if counted else None)

    def _read(self, item: object, now: datetime) -> Request:
        return read_record(dict(zip(self._names, self._all(item), strict=True)), self._layout, now)


def _getter(places: list[str], number: int) -> Callable[[object], Any]:
    return attrgetter(places[number]) if places else lambda _: None


def _status(value: Json) -> int:
    return int(value) if isinstance(value, int | str) else 0


def _decoder(names: tuple[str, ...]) -> tuple["msgspec.json.Decoder[Any]", list[str]] | None:
    """Return what decodes objects with these names, dotted ones inside of others, and where each is then found."""
    tree: dict[str, Any] = {}
    for name in names:
        *outer, last = name.split(".")
        place = tree
        for part in outer:
            place = place.setdefault(part, {})
            if place is None:
                return None  # a name that is a value and an object: each line is looked at by itself
        if place.setdefault(last, None) is not None:
            return None
    types: list[Any] = [str | int | float | None, *[str | int | None] * 7, Any]
    wanted = dict(zip(names, types, strict=True))
    found: dict[str, str] = {}

    def struct(branch: dict[str, Any], above: str, place: str) -> type:
        fields: list[tuple[str, Any, Any]] = []
        for number, (part, below) in enumerate(branch.items()):
            own, path = f"f{number}", above + part
            if below is None:
                found[path] = place + own
                fields.append((own, wanted[path], msgspec.field(default=None, name=part)))
            else:
                inner = struct(below, f"{path}.", f"{place}{own}.")
                fields.append((own, inner, msgspec.field(default_factory=inner, name=part)))
        return msgspec.defstruct("Line", fields, gc=False)

    return msgspec.json.Decoder(struct(tree, "", "")), [found[name] for name in names]
