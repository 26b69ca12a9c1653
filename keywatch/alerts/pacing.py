"""How fast messages may follow one another."""

from collections.abc import Callable, Collection, Sequence
from datetime import timedelta
from time import monotonic, sleep

from keywatch.alerts.routing import CONSOLE
from keywatch.model.alert import Delivery


class Pacer:
    """
    Keeps a pause between two messages to one channel.

    Slack takes about one message a second and channel: https://docs.slack.dev/apis/web-api/rate-limits. Keep one pacer
    for as long as the daemon runs; it remembers when each channel was served last.
    """

    def __init__(
        self,
        pause: timedelta = timedelta(seconds=1),
        *,
        unpaced: Collection[str] = (CONSOLE,),
        clock: Callable[[], float] = monotonic,
        sleep: Callable[[float], object] = sleep,
    ) -> None:
        """
        Set the pace.

        Args:
            pause: the least time between two messages to one channel.
            unpaced: channels that need none.
            clock: seconds, monotonic.
            sleep: waits so many seconds; may return early, as an event that says "stop" does.
        """
        self._pause = pause.total_seconds()
        self._unpaced = frozenset(unpaced)
        self._clock = clock
        self._sleep = sleep
        self._ready: dict[str, float] = {}

    def next(self, waiting: Sequence[Delivery]) -> Delivery:
        """Return the first delivery whose channel is ready, or that will be ready first; wait until it is."""
        now = self._clock()
        delivery = min(waiting, key=lambda delivery: max(self._ready.get(delivery.channel, now), now))
        if (wait := self._ready.get(delivery.channel, now) - now) > 0:
            self._sleep(wait)
        return delivery

    def served(self, channel: str) -> None:
        """Note that a request to `channel` has just been made."""
        if channel not in self._unpaced:
            self._ready[channel] = self._clock() + self._pause
