"""Who is told, and by which way: Slack by bot token or webhook, and the console, which is always there."""

import sys
from collections.abc import Iterator

from keywatch.alerts.routing import CONSOLE, Routing
from keywatch.model.errors import KeywatchError
from keywatch.model.source import Notifier, Skipped
from keywatch.notify.console import ConsoleNotifier
from keywatch.notify.switchboard import Switchboard
from keywatch.settings.schema import Settings


def routing_of(settings: Settings) -> Routing:
    """Say which channel hears of what."""
    slack = settings.slack
    if slack is None:
        return Routing()
    if slack.webhook is not None:
        return Routing(default="webhook")
    default = slack.channel or CONSOLE
    return Routing(default=default, owners=settings.channels, fallbacks=(default, CONSOLE))


def notifier_of(settings: Settings) -> Notifier:
    """
    Return what delivers to every channel. Nothing is contacted.

    Raises:
        ConfigError: Slack's token or webhook cannot be read.
    """
    console = ConsoleNotifier(sys.stdout)
    slack = settings.slack
    if slack is not None and slack.webhook is not None:
        from keywatch.notify.webhook import WebhookNotifier

        return Switchboard(WebhookNotifier(slack.webhook.resolve()), {CONSOLE: console})
    if slack is not None and slack.token is not None:
        from keywatch.notify.slack import SlackNotifier

        return Switchboard(SlackNotifier(slack.token.resolve(), base_url=slack.api_url), {CONSOLE: console})
    return console


def check_receiver(settings: Settings) -> Iterator[str | Skipped]:
    """Say whether alerts can be told, without telling one. As `KeySource.check`."""
    slack = settings.slack
    try:
        if slack is not None and slack.token is not None:
            from keywatch.notify.slack import SlackNotifier

            yield from SlackNotifier(slack.token.resolve(), base_url=slack.api_url).check()
        elif slack is not None and slack.webhook is not None:
            slack.webhook.resolve()
            yield "the webhook is set; whether it works shows with the first message"
        else:
            yield "no [slack] is configured: alerts are printed where the daemon runs"
    except KeywatchError as error:
        yield Skipped("settings", error.message, error.hint)
