"""
A filter expression made into something that can be asked: a Pratt parser whose nodes are functions of the hit.

What the expression names that is not known here (another source's attribute, a call to the network) does not end the
reading: the smallest part it belongs to is marked, so that the rest of a filter can still be followed.
"""

from dataclasses import replace
from typing import Final

from keywatch.detect.expression.calls import Calls, counted
from keywatch.detect.expression.functions import FUNCTIONS, Value, number, truth
from keywatch.detect.expression.lexer import ExpressionError, Kind, Token, tokens
from keywatch.detect.expression.operators import BINARY, otherwise, sliced
from keywatch.detect.expression.term import DEEPEST, Scope, Term, bound, constant, either, made, nothing

_INFIX: Final = {
    "|": 0, "||": 10, "or": 10, "&&": 15, "and": 15,
    "==": 20, "!=": 20, "<": 20, ">": 20, ">=": 20, "<=": 20,
    "in": 20, "matches": 20, "contains": 20, "startsWith": 20, "endsWith": 20, "not": 20,
    "+": 30, "-": 30, "*": 60, "/": 60, "%": 60, "**": 100, "^": 100, "??": 500,
}  # fmt: skip
_NEGATION = 50
_SIGN = 90
_POWER = 100
_OR = frozenset({"||", "or"})
_AND = frozenset({"&&", "and"})


def parsed(source: str, *, hit: bool = True) -> tuple[Term, int]:
    """
    Read an expression; return it, and how many RE2 instructions its patterns have.

    Args:
        source: the expression.
        hit: whether there is a `finding`; a prefilter sees attributes only.

    Raises:
        ExpressionError: it is not an expression: why, and at which character.
    """
    parser = _Parser(source, hit=hit)
    return parser.whole(), parser.cost


class _Parser:
    def __init__(self, source: str, *, hit: bool) -> None:
        self._source = source
        self._tokens = tokens(source)
        self._at = 0
        self._hit = hit
        self._level = 0
        self._slots = 0
        self._names: dict[str, tuple[int, str]] = {}
        self._calls = Calls()

    @property
    def cost(self) -> int:
        return self._calls.cost

    def whole(self) -> Term:
        term = self._sequence()
        if self._next.kind is not Kind.END:
            raise self._unexpected()
        return term

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        token = self._tokens[self._at]
        self._at += 1
        return token

    def _is(self, mark: str, ahead: int = 0) -> bool:
        token = self._tokens[min(self._at + ahead, len(self._tokens) - 1)]
        return token.kind in {Kind.MARK, Kind.NAME} and token.value == mark

    def _got(self, mark: str) -> bool:
        if self._is(mark):
            self._at += 1
            return True
        return False

    def _expect(self, mark: str) -> Token:
        if not self._is(mark):
            raise self._unexpected(f", where {mark!r} belongs")
        return self._take()

    def _unexpected(self, instead: str = "") -> ExpressionError:
        token = self._next
        what = "the end" if token.kind is Kind.END else repr(self._source[token.start : token.end][:20])
        return ExpressionError(f"cannot be read at character {token.start + 1}: {what}{instead}")

    def _sequence(self) -> Term:
        """Read `let name = value; …`, or an expression."""
        self._level += 1
        if self._level > DEEPEST:
            raise ExpressionError("is nested too deeply")
        try:
            return self._let() if self._is("let") else self._expression(0)
        finally:
            self._level -= 1

    def _let(self) -> Term:
        start = self._take().start
        name = self._name()
        self._expect("=")
        value = self._sequence()
        self._expect(";")
        return self._binding(name, value, start)

    def _binding(self, name: str, value: Term, start: int) -> Term:
        shadowed, slot = self._names.get(name), self._slots
        self._slots += 1
        self._names[name] = (slot, value.unknown or ("a whole map" if value.root else ""))
        body = self._sequence()
        del self._names[name]
        if shadowed is not None:
            self._names[name] = shadowed
        return bound(slot, value, body, Term(nothing, start, body.end))

    def _name(self) -> str:
        if self._next.kind is not Kind.NAME:
            raise self._unexpected(", where a name belongs")
        return str(self._take().value)

    def _expression(self, least: int) -> Term:
        left = self._prefix()
        while (power := self._infix()) is not None and power >= least:
            left = self._combined(left, power)
        if least == 0 and self._is("?"):
            left = self._conditional(left)
        return left

    def _infix(self) -> int | None:
        token = self._next
        if token.kind not in {Kind.MARK, Kind.NAME}:
            return None
        return _INFIX.get(str(token.value))

    def _combined(self, left: Term, power: int) -> Term:
        mark = str(self._take().value)
        negated = mark == "not"
        if negated:
            mark = self._name()
            if mark not in {"in", "matches", "contains", "startsWith", "endsWith"}:
                raise self._unexpected(f", and {mark!r} cannot be negated so")
        if mark == "|":
            return self._called(left)
        if mark in _OR or mark in _AND:
            return self._chain(left, power, _OR if mark in _OR else _AND)
        right = self._expression(power if power == _POWER else power + 1)
        term = self._infixed(mark, left, right)
        return made(lambda scope: not truth(term.run(scope)), [term]) if negated else term

    def _chain(self, left: Term, power: int, marks: frozenset[str]) -> Term:
        """Read all of `a || b || c`, which may be thousands, as one."""
        parts = [left, self._expression(power + 1)]
        while self._next.kind in {Kind.MARK, Kind.NAME} and self._next.value in marks:
            self._take()
            parts.append(self._expression(power + 1))
        whole = Term(nothing, parts[0].start, parts[-1].end)
        if marks is _OR:
            return either(parts, whole)
        return made(lambda scope: all(truth(part.run(scope)) for part in parts), parts)

    def _infixed(self, mark: str, left: Term, right: Term) -> Term:
        if mark == "matches":
            return self._calls.matches(left, right)
        if mark == "in" and right.root:
            return self._calls.of_root(right, left, Term(nothing, left.start, right.end), known=True)
        if mark == "??":
            return made(lambda scope: otherwise(left.run(scope), lambda: right.run(scope)), [left, right])
        how = BINARY[mark]
        return made(lambda scope: how(left.run(scope), right.run(scope)), [left, right])

    def _conditional(self, test: Term) -> Term:
        self._expect("?")
        yes = self._sequence()
        self._expect(":")
        no = self._sequence()
        return made(lambda scope: yes.run(scope) if truth(test.run(scope)) else no.run(scope), [test, yes, no])

    def _prefix(self) -> Term:
        self._level += 1
        if self._level > DEEPEST:
            raise ExpressionError("is nested too deeply")
        try:
            return self._prefixed()
        finally:
            self._level -= 1

    def _prefixed(self) -> Term:
        token = self._next
        if token.kind in {Kind.MARK, Kind.NAME} and token.value in {"!", "not"}:
            self._take()
            term = self._expression(_NEGATION)
            return made(lambda scope: not truth(term.run(scope)), [term], start=token.start)
        if token.kind is Kind.MARK and token.value in {"-", "+"}:
            self._take()
            term = self._expression(_SIGN)
            sign = -1 if token.value == "-" else 1
            return made(lambda scope: sign * number(term.run(scope)), [term], start=token.start)
        return self._postfixed(self._primary())

    def _primary(self) -> Term:
        token = self._next
        if token.kind in {Kind.NUMBER, Kind.TEXT}:
            value = self._take().value
            return constant(value, Term(nothing, token.start, token.end))
        if token.kind is Kind.NAME:
            return self._named()
        if self._got("("):
            inner = self._sequence()
            end = self._expect(")").end
            return replace(inner, start=token.start, end=end)
        if self._is("["):
            return self._list()
        raise self._unexpected()

    def _list(self) -> Term:
        start = self._expect("[").start
        items = self._until("]")
        end = self._tokens[self._at - 1].end
        return made(lambda scope: tuple(one.run(scope) for one in items), items, start=start, end=end)

    def _until(self, mark: str) -> list[Term]:
        """Read what stands between commas, up to and including `mark`."""
        items: list[Term] = []
        while not self._got(mark):
            items.append(self._sequence())
            if not self._is(mark):
                self._expect(",")
        return items

    def _named(self) -> Term:  # noqa: PLR0911 - one for each kind of name
        token = self._take()
        name, place = str(token.value), Term(nothing, token.start, token.end)
        if name in {"true", "false", "nil", "null"}:
            return constant({"true": True, "false": False}.get(name), place)
        if name in self._names:
            slot, unknown = self._names[name]
            return replace(place, run=lambda scope: scope.variables[slot], unknown=unknown)
        if name == "finding" and not self._hit:
            return replace(place, unknown="finding, of which a prefilter knows nothing")
        if name in {"finding", "attributes"}:
            return replace(place, run=nothing, root=name)
        if self._is("("):
            return self._call(name, token.start)
        if self._is(".") and self._is("(", 2):
            self._take()
            return self._call(f"{name}.{self._name()}", token.start)
        return replace(place, unknown=f"the name {name!r}")

    def _called(self, first: Term) -> Term:
        """Read the call that follows a pipe."""
        name = self._name()
        if self._got("."):
            name = f"{name}.{self._name()}"
        return self._call(name, first.start, first)

    def _call(self, name: str, start: int, *given: Term) -> Term:
        self._expect("(")
        if name == "cel.bind":
            return self._cel_binding(start)
        arguments = [*given, *self._until(")")]
        place = Term(nothing, start, self._tokens[self._at - 1].end)
        return replace(self._calls.call(name, arguments, place), start=start, end=place.end)

    def _cel_binding(self, start: int) -> Term:
        """Read `cel.bind(name, value, body)`, as older files write `let`."""
        name = self._name()
        self._expect(",")
        value = self._sequence()
        self._expect(",")
        term = self._binding(name, value, start)
        return replace(term, end=self._expect(")").end)

    def _postfixed(self, term: Term) -> Term:
        while True:
            if self._got("["):
                self._got("?")  # CEL's index of what may be missing
                term = self._indexed(term)
            elif self._got("?."):
                term = self._indexed(term) if self._got("[") else self._member(term)
            elif self._got("."):
                self._got("?")
                term = self._member(term)
            else:
                return term

    def _member(self, term: Term) -> Term:
        token = self._next
        name = self._name()
        if self._got("("):
            return self._method(term, name)
        key = constant(name.encode(), Term(nothing, token.start, token.end))
        return self._calls.of_root(term, key, Term(nothing, term.start, token.end))

    def _method(self, term: Term, name: str) -> Term:
        """Read a call as CEL writes it: `text.contains(part)`."""
        arguments = self._until(")")
        end = self._tokens[self._at - 1].end
        if name == "orValue" and len(arguments) == 1:
            return replace(self._infixed("??", term, arguments[0]), end=end)
        if name in {"contains", "startsWith", "endsWith", "matches"} and len(arguments) == 1:
            return replace(self._infixed(name, term, arguments[0]), end=end)
        if name in FUNCTIONS:
            least, most, how = FUNCTIONS[name]
            counted(name, [term, *arguments], least, most)
            whole = [term, *arguments]
            return made(lambda scope: how(*(part.run(scope) for part in whole)), whole, end=end)
        return Term(nothing, term.start, end, unknown=f"the function {name!r}")

    def _indexed(self, term: Term) -> Term:
        begin = None if self._is(":") else self._sequence()
        if begin is not None and not self._is(":"):
            return self._calls.of_root(term, begin, Term(nothing, term.start, self._expect("]").end))
        self._expect(":")
        finish = None if self._is("]") else self._sequence()
        end = self._expect("]").end

        def run(scope: Scope) -> Value:
            first = None if begin is None else begin.run(scope)
            return sliced(term.run(scope), first, None if finish is None else finish.run(scope))

        return made(run, [part for part in (term, begin, finish) if part is not None], end=end)
