"""What a filter expression asks of a hit, and the calls whose lists and patterns are made ready before there is one."""

from dataclasses import replace

from keywatch.detect.expression.functions import FUNCTIONS, contains_any, text
from keywatch.detect.expression.lexer import ExpressionError
from keywatch.detect.expression.operators import item, otherwise
from keywatch.detect.expression.term import NOBODY, Scope, Term, made
from keywatch.detect.pattern import BadPattern, Pattern, compiled

FINDING = frozenset(
    {
        "secret",
        "match",
        "line",
        "context",
        "rule_id",
        "description",
        "entropy",
        "fragment_raw",
        "match_start_idx",
        "match_end_idx",
        "match_line_start_idx",
        "match_line_end_idx",
    }
)
"""What is known of a hit."""
ATTRIBUTES = frozenset({"path", "fs.symlink"})
"""What is known of where it stands, while it is looked at. Commit and author are looked up later."""

_COSTLIEST = 200_000
"""RE2 instructions of all patterns of one expression."""
_NAMESPACED = frozenset({"entropy", "failsTokenEfficiency", "matchesAny", "findMatch", "containsAny"})


class Calls:
    """The calls of one expression, and what their patterns cost."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.cost = 0

    def call(self, name: str, arguments: list[Term], place: Term) -> Term:
        """Return the term of a call; one that is marked as unknown if there is no such function."""
        bare = name.removeprefix("filter.")
        if bare != name and bare not in _NAMESPACED:
            bare = ""
        special = {"matchesAny": self._matches_any, "findMatch": self._found, "containsAny": self._contains_any}
        if bare in special:
            counted(name, arguments, 2, 2)
            return special[bare](*arguments)
        if bare in {"get", "getPath"}:
            return self._got_from(arguments, place)
        if bare not in FUNCTIONS:
            return replace(place, unknown=f"the function {name!r}")
        least, most, how = FUNCTIONS[bare]
        counted(name, arguments, least, most)
        return made(lambda scope: how(*(argument.run(scope) for argument in arguments)), arguments)

    def of_root(self, term: Term, key: Term, place: Term, *, known: bool = False) -> Term:
        """Return what `term` has under `key`; with `known`, whether it has anything."""
        if not term.root:
            return made(lambda scope: item(term.run(scope), key.run(scope)), [term, key], end=place.end)
        if not key.constant:
            return replace(place, unknown=key.unknown or f"{term.root} by a key that is worked out")
        name = text(key.run(NOBODY)).decode(errors="replace")
        if name not in (FINDING if term.root == "finding" else ATTRIBUTES):
            return replace(place, unknown=f"{term.root}[{name!r}]")
        if known:
            return replace(place, run=lambda _: True)
        if term.root == "finding":
            return replace(place, run=lambda scope: scope.finding(name))
        return replace(place, run=lambda scope: scope.attribute(name))

    def _got_from(self, arguments: list[Term], place: Term) -> Term:
        counted("get", arguments, 2, 3)
        found = self.of_root(arguments[0], arguments[1], place)
        if len(arguments) == 2:  # noqa: PLR2004 - without the default
            return found
        return made(lambda scope: otherwise(found.run(scope), lambda: arguments[2].run(scope)), [found, arguments[2]])

    def matches(self, value: Term, pattern: Term) -> Term:
        return self._matches_any(value, made(lambda scope: (pattern.run(scope),), [pattern]))

    def _matches_any(self, value: Term, texts: Term) -> Term:
        patterns = self._patterns(texts, _texts(texts))
        if isinstance(patterns, Term):
            return patterns

        def matches(scope: Scope) -> bool:
            whole = text(value.run(scope))
            return any(pattern.search(whole) is not None for pattern in patterns)

        return made(matches, [value, texts])

    def _found(self, value: Term, one: Term) -> Term:
        patterns = self._patterns(one, [text(one.run(NOBODY))] if one.constant else None)
        if isinstance(patterns, Term):
            return patterns

        def found(scope: Scope) -> bytes:
            whole = text(value.run(scope))
            hit = patterns[0].search(whole)
            return b"" if hit is None else whole[hit.start() : hit.end()]

        return made(found, [value, one])

    def _contains_any(self, value: Term, terms: Term) -> Term:
        wanted = _texts(terms)
        if wanted is None:
            return replace(terms, unknown=terms.unknown or "terms that are worked out")
        lowered = tuple(dict.fromkeys(term.lower() for term in wanted))
        return made(lambda scope: contains_any(value.run(scope), lowered), [value, terms])

    def _patterns(self, place: Term, texts: list[bytes] | None) -> list[Pattern] | Term:
        """Return the patterns, compiled; or what to say where that cannot be."""
        if texts is None:
            return replace(place, unknown=place.unknown or "a pattern that is worked out")
        patterns: list[Pattern] = []
        for one in texts:
            if self.cost > _COSTLIEST:
                return replace(place, unknown=f"patterns of more than {_COSTLIEST} instructions")
            try:
                patterns.append(compiled(one.decode(errors="replace")))
            except BadPattern as error:
                shown = one[:40].decode(errors="replace")
                return replace(place, unknown=f"the pattern {shown!r} ({error})")
            self.cost += patterns[-1].programsize
        return patterns


def counted(name: str, arguments: list[Term], least: int, most: int) -> None:
    """Refuse a call with too few arguments, or too many."""
    if not least <= len(arguments) <= most:
        wanted = str(least) if least == most else f"{least} to {most}"
        raise ExpressionError(f"calls {name} with {len(arguments)} arguments, not {wanted}")


def _texts(terms: Term) -> list[bytes] | None:
    """Return the texts of a list that is written out; None where it is worked out."""
    if not terms.constant:
        return None
    items = terms.run(NOBODY)
    return [text(item) for item in items] if isinstance(items, tuple) else [text(items)]
