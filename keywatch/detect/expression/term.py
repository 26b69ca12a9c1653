"""The parts a filter expression is made of: functions of a hit, and what is known of them before there is one."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from keywatch.detect.expression.functions import Value, truth
from keywatch.detect.expression.lexer import ExpressionError

DEEPEST = 60
"""Parts within parts."""


class Scope(Protocol):
    """What one hit can be asked."""

    variables: dict[int, Value]

    def finding(self, key: str) -> Value:
        """Return one of `FINDING`."""
        ...

    def attribute(self, key: str) -> Value:
        """Return one of `ATTRIBUTES`."""
        ...


@dataclass(frozen=True, slots=True)
class Term:
    """A part of an expression."""

    run: Callable[[Scope], Value]
    start: int
    end: int
    depth: int = 0
    constant: bool = False
    """It asks nothing of the hit: its value is the same for all."""
    unknown: str = ""
    """What in it is not known here; it cannot be run then."""
    root: str = ""
    """`finding` or `attributes` itself, which is no value, but has some."""
    parts: tuple["Term", ...] = ()
    """The alternatives it is made of."""
    let: tuple[int, "Term", "Term"] | None = None


def followed(term: Term) -> tuple[Term | None, list[Term]]:
    """Return what of a filter can be followed (None: nothing of it), and the parts that cannot."""
    if not term.unknown:
        return term, []
    if term.parts:
        answers = [followed(part) for part in term.parts]
        kept = [answer for answer, _ in answers if answer is not None]
        left_out = [part for _, parts in answers for part in parts]
        return (either(kept, term) if kept else None), left_out
    if term.let is not None:
        slot, value, body = term.let
        answer, left_out = followed(body)
        settled = constant(None, value) if value.unknown else value
        return (None if answer is None else bound(slot, settled, answer, term)), left_out
    return None, [term]


class _Nobody:
    """Stands for the hit where a constant is worked out."""

    variables: dict[int, Value] = {}  # noqa: RUF012 - nothing is put there

    def finding(self, key: str) -> Value:
        raise ExpressionError(f"is not constant: finding[{key!r}]")

    def attribute(self, key: str) -> Value:
        raise ExpressionError(f"is not constant: attributes[{key!r}]")


NOBODY = _Nobody()


def nothing(_: Scope) -> Value:
    """Stand for the value of what has none."""
    raise ExpressionError("is no value")


def constant(value: Value | str, place: Term) -> Term:
    """Return the term, standing at `place`, that is `value` whatever the hit."""
    found = value.encode() if isinstance(value, str) else value
    return replace(place, run=lambda _: found, constant=True, unknown="", root="", parts=(), let=None)


def made(
    run: Callable[[Scope], Value], parts: Iterable[Term], *, start: int | None = None, end: int | None = None
) -> Term:
    """Return the term that `run` makes of `parts`, as known, as constant and as deep as they are."""
    parts = list(parts)
    depth = 1 + max((part.depth for part in parts), default=0)
    if depth > DEEPEST:
        raise ExpressionError("is nested too deeply")
    unknown = next((part.unknown for part in parts if part.unknown), "")
    rooted = next((part.root for part in parts if part.root), "")
    return Term(
        run,
        start if start is not None else min(part.start for part in parts),
        end if end is not None else max(part.end for part in parts),
        depth,
        all(part.constant for part in parts),
        unknown or (f"{rooted} as a whole" if rooted else ""),
    )


def either(parts: list[Term], place: Term) -> Term:
    """Return the term that is true if one of `parts` is."""
    term = made(lambda scope: any(truth(part.run(scope)) for part in parts), parts, start=place.start, end=place.end)
    return replace(term, parts=tuple(parts))


def bound(slot: int, value: Term, body: Term, place: Term) -> Term:
    """Return `body`, which may ask for `value` by its slot."""

    def run(scope: Scope) -> Value:
        scope.variables[slot] = value.run(scope)
        return body.run(scope)

    # Names of maps and of what is not known are told where they are used.
    settled = constant(None, value) if value.root or value.unknown else value
    runs = run if settled is value else body.run
    term = made(runs, [settled, body], start=place.start, end=place.end)
    return replace(term, constant=False, let=(slot, value, body))
