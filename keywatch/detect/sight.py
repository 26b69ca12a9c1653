"""One hit as a filter expression may look at it: what it is, and as much of its surroundings as stays cheap."""

from keywatch.detect.candidate import Candidate
from keywatch.detect.entropy import entropy
from keywatch.detect.expression import Scope, expression
from keywatch.detect.expression.functions import Value
from keywatch.detect.filters import REACH, Sheet, matched

__all__ = ["Sight", "expression"]

_CONTEXT_LINES = 20


class Sight:
    """See `keywatch.detect.expression.Scope`."""

    def __init__(self, candidate: Candidate | None, sheet: Sheet) -> None:
        """Look at `candidate` in its chunk; without one, at the chunk alone."""
        self.variables: dict[int, Value] = {}
        self._candidate = candidate
        self._sheet = sheet

    def attribute(self, key: str) -> Value:
        """See `Scope.attribute`. Links are never followed, so nothing is seen through one."""
        return self._sheet.path if key == "path" else b""

    def finding(self, key: str) -> Value:  # noqa: PLR0911 - one for each key
        """See `Scope.finding`."""
        hit, sheet = self._candidate, self._sheet
        if hit is None:
            return b""
        match key:
            case "secret":
                return hit.secret
            case "match":
                return matched(hit, sheet.data)
            case "line":
                return sheet.line(hit.start, hit.end)
            case "rule_id":
                return hit.rule.id.encode()
            case "description":
                return hit.rule.info.description.encode()
            case _:
                return self._around(key, hit)

    def _around(self, key: str, hit: Candidate) -> Value:
        data, lines = self._sheet.data, self._sheet.lines
        if key == "entropy":
            return f"{entropy(hit.secret):.15g}".encode()
        if key == "context":
            begin, _ = lines.around(hit.start, _CONTEXT_LINES, REACH)
            _, end = lines.around(hit.end, _CONTEXT_LINES, REACH)
            return data[begin:end]
        # Of the fragment only what is near is shown, and the places in it are counted from there.
        floor = max(0, hit.start - REACH)
        if key == "fragment_raw":
            return data[floor : hit.end + REACH]
        return self._place(key, hit) - floor

    def _place(self, key: str, hit: Candidate) -> int:
        data = self._sheet.data
        floor, ceiling = max(0, hit.start - REACH), min(len(data), hit.end + REACH)
        if key == "match_start_idx":
            return hit.start
        if key == "match_end_idx":
            return hit.end
        if key == "match_line_start_idx":
            return max(floor, *(data.rfind(mark, floor, hit.start) + 1 for mark in (b"\n", b"\r")))
        ends = (data.find(mark, hit.end, ceiling) for mark in (b"\n", b"\r"))
        return min((end for end in ends if end >= 0), default=ceiling)


_: type[Scope] = Sight
