"""The console: a message as a person reads it in a terminal or a log. Always there, so the last to fall back on."""

from typing import TextIO

from keywatch.model.alert import Delivery, Transition
from keywatch.model.errors import DeliveryError, DeliveryRefused
from keywatch.model.source import Notifier, Receipt
from keywatch.notify.wording import footer, headline, is_digest, paragraph, rest

_LISTED = 50
_WIDTH = 10


class ConsoleNotifier:
    """Writes each message to a stream."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @property
    def reconciles(self) -> bool:
        return False

    def send(self, delivery: Delivery) -> Receipt:
        """
        Write the message.

        Raises:
            DeliveryError: the stream does not take it.
        """
        try:
            self._stream.write(plain(delivery) + "\n")
            self._stream.flush()
        except (OSError, ValueError) as error:
            raise DeliveryError(f"the console takes no message: {type(error).__name__}") from None
        return Receipt()

    def find(self, delivery: Delivery) -> Receipt | None:
        """
        Never: what was printed cannot be looked up.

        Raises:
            DeliveryRefused: always.
        """
        raise DeliveryRefused(f"the console cannot be asked for message {delivery.id}")


def plain(delivery: Delivery) -> str:
    """Return the message as plain text, several lines, without a line break at its end."""
    lines = [headline(delivery, 300)]
    if is_digest(delivery):
        lines += [f"  - {paragraph(alert.problem.title, 250)}" for alert in delivery.alerts[:_LISTED]]
        more = rest(delivery, _LISTED)
        lines += [f"  {more}"] if more else []
    elif delivery.transition is not Transition.RESOLVED:
        problem = delivery.alerts[0].problem
        lines += [_fact(label, value) for label, value in (*problem.facts, ("Next step", problem.next_step))]
    lines.append(f"  {footer(delivery)}")
    return "\n".join(lines)


def _fact(label: str, value: str) -> str:
    indent = "\n" + " " * (_WIDTH + 3)
    return f"  {paragraph(label, 40):<{_WIDTH}} {paragraph(value, 2_000).replace(chr(10), indent)}"


_: type[Notifier] = ConsoleNotifier
