"""
What a trail's event selectors leave out of the calls that are made, as clauses for a person. Pure.

A call is recorded if any selector matches it. Calls for data (S3 objects, items of tables) are recorded by selectors of
their own, type by type, so that no trail has all of them; those it has count like any other call.
https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_EventSelector.html
https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_AdvancedEventSelector.html
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_cloudtrail.type_defs import (
        AdvancedEventSelectorOutputTypeDef,
        AdvancedFieldSelectorOutputTypeDef,
        EventSelectorOutputTypeDef,
    )

_SOURCE = re.compile(r"[a-z0-9.-]{1,128}")
_OPERATORS = ("Equals", "StartsWith", "EndsWith", "NotEquals", "NotStartsWith", "NotEndsWith")
_BOTH = frozenset({True, False})


@dataclass(frozen=True, slots=True)
class _Recorded:
    """Management events that one selector records."""

    reads: frozenset[bool]
    """Of {True, False}: those that only read, those that write."""
    without: frozenset[str] = frozenset()
    """Event sources that it leaves out."""


def unseen(
    classic: Iterable["EventSelectorOutputTypeDef"], advanced: Iterable["AdvancedEventSelectorOutputTypeDef"]
) -> tuple[str, ...]:
    """
    Say what a trail with these selectors does not record of management events. Empty: it records all of them.

    Args:
        classic: of `GetEventSelectors`.
        advanced: likewise; a trail has one kind or the other. With neither, it records all management events.
    """
    basic, fine = list(classic), list(advanced)
    if not basic and not fine:
        return ()
    recorded, narrowed = [], False
    for found in (*map(_of_classic, basic), *map(_of_advanced, fine)):
        narrowed |= found is None
        if found is not None:
            recorded.append(found)
    return tuple(_left_out([one for one in recorded if one.reads], narrowed=narrowed))


def _left_out(recorded: list[_Recorded], *, narrowed: bool) -> Iterator[str]:
    if not recorded:
        yield (
            "the trail records only some management events (see its event selectors): others would not be seen"
            if narrowed
            else "the trail records no management events: what is no call for data would not be seen"
        )
        return
    seen = frozenset().union(*(one.reads for one in recorded))
    if True not in seen:
        yield "the trail records writes only: reads would not be seen"
    if False not in seen:
        yield "the trail records reads only: writes would not be seen"
    without: set[str] = set()
    for kind in seen:
        without |= frozenset.intersection(*(one.without for one in recorded if kind in one.reads))
    if without:
        yield f"the trail leaves out {', '.join(sorted(without))}: calls there would not be seen"


def _of_classic(selector: "EventSelectorOutputTypeDef") -> _Recorded:
    if not selector.get("IncludeManagementEvents", True):
        return _Recorded(frozenset())
    reads = {"ReadOnly": frozenset({True}), "WriteOnly": frozenset({False})}
    kinds = reads.get(selector.get("ReadWriteType", "All"), _BOTH)
    return _Recorded(kinds, _sources(selector.get("ExcludeManagementEventSources", [])))


def _of_advanced(selector: "AdvancedEventSelectorOutputTypeDef") -> _Recorded | None:
    """None: management events, but which of them is said in a way that is not followed here."""
    fields = {field.get("Field", ""): field for field in selector.get("FieldSelectors", [])}
    if _values(fields.pop("eventCategory", {})) != {"Equals": ["Management"]}:
        return _Recorded(frozenset())
    kinds, without = _BOTH, frozenset[str]()
    for name, field in fields.items():
        match (name, _values(field)):
            case ("readOnly", {"Equals": ["true"], **rest}) if not rest:
                kinds = frozenset({True})
            case ("readOnly", {"Equals": ["false"], **rest}) if not rest:
                kinds = frozenset({False})
            case ("eventSource", {"NotEquals": list(names), **rest}) if not rest:
                without = _sources(names)
            case _:
                return None
    return _Recorded(kinds, without)


def _values(field: "Mapping[str, object] | AdvancedFieldSelectorOutputTypeDef") -> dict[str, object]:
    return {operator: field[operator] for operator in _OPERATORS if field.get(operator)}  # type: ignore[literal-required]


def _sources(names: Iterable[str]) -> frozenset[str]:
    # They end up in sentences for a person: what is no name of a service is not repeated.
    return frozenset(name if _SOURCE.fullmatch(name) else "a source with an odd name" for name in names)
