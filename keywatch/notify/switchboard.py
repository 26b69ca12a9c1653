"""One notifier made of several: the channel decides."""

from collections.abc import Mapping

from keywatch.model.alert import Delivery
from keywatch.model.errors import DeliveryRefused
from keywatch.model.source import Notifier, Receipt


class Switchboard:
    """Hands each delivery to the notifier of its channel, and any other channel's to the default one."""

    def __init__(self, default: Notifier, channels: Mapping[str, Notifier]) -> None:
        """
        Connect the channels.

        Args:
            default: takes every channel without one of its own.
            channels: by name; as `{"console": ConsoleNotifier(...)}`.
        """
        self._default = default
        self._channels = dict(channels)

    @property
    def reconciles(self) -> bool:
        """Whether any of them does; `find` refuses for the others."""
        return any(notifier.reconciles for notifier in (self._default, *self._channels.values()))

    def send(self, delivery: Delivery) -> Receipt:
        """As `Notifier.send`."""
        return self._of(delivery).send(delivery)

    def find(self, delivery: Delivery) -> Receipt | None:
        """As `Notifier.find`; refused where the channel's notifier does not reconcile."""
        notifier = self._of(delivery)
        if not notifier.reconciles:
            raise DeliveryRefused(f"{delivery.channel} cannot be asked for its messages")
        return notifier.find(delivery)

    def _of(self, delivery: Delivery) -> Notifier:
        return self._channels.get(delivery.channel, self._default)


_: type[Notifier] = Switchboard
