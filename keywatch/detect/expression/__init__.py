"""
Filter expressions of rule files, as betterleaks has them: true means that a hit is no secret and is dropped.

Where one has no answer (it compares text with a number) the hit stays: a filter that is wrong hides nothing.
"""

from dataclasses import dataclass
from functools import cache

from keywatch.detect.expression.functions import truth
from keywatch.detect.expression.lexer import ExpressionError
from keywatch.detect.expression.parser import parsed
from keywatch.detect.expression.term import Scope, Term, followed

__all__ = ["Expression", "ExpressionError", "Scope", "expression"]

_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Expression:
    """A filter that can be asked."""

    term: Term | None
    """What of it can be followed; None: nothing."""
    left_out: tuple[str, ...] = ()
    """For each alternative that is not followed: the text of it, and what in it is not known."""
    cost: int = 0
    """RE2 instructions of its patterns."""

    def holds(self, scope: Scope) -> bool:
        """Tell whether it is true of a hit."""
        try:
            return self.term is not None and truth(self.term.run(scope))
        except ExpressionError:
            return False


@cache
def expression(source: str, *, hit: bool = True) -> Expression:
    """
    Make a filter of its text, or return the one made before.

    Args:
        source: the text.
        hit: False for a prefilter, which sees the attributes only.

    Raises:
        ExpressionError: it cannot be read: why, and at which character.
    """
    whole, cost = parsed(source, hit=hit)
    term, left_out = followed(whole)
    return Expression(term, tuple(f"{_shown(source, part)!r} needs {part.unknown}" for part in left_out), cost)


def _shown(source: str, part: Term) -> str:
    words = " ".join(source[part.start : part.end].split())
    return words if len(words) <= _SHOWN else words[: _SHOWN - 1] + "…"
