"""Evidence reduced to what decides: of each key and outcome the latest call."""

from typing import TYPE_CHECKING

from keywatch.model.call import Call, Outcome

if TYPE_CHECKING:
    from keywatch.model.key import Handle


class Latest:
    """
    The latest call of each handle and outcome.

    A batch of a million lines becomes a handful of rows, and a line that is read twice changes nothing.
    """

    def __init__(self) -> None:
        self._calls: dict[tuple[Handle, Outcome], Call] = {}

    def add(self, call: Call) -> None:
        known = self._calls.get((call.handle, call.outcome))
        if known is None or call.at > known.at:
            self._calls[call.handle, call.outcome] = call

    def calls(self) -> tuple[Call, ...]:
        """All that was kept, in the order of the handles."""
        return tuple(sorted(self._calls.values(), key=lambda call: (call.handle.strength, call.outcome)))
