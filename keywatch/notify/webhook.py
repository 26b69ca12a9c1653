"""
Slack by incoming webhook: the degraded way, for where no bot may be installed.

One fixed channel, no edits, no threads, and no way to ask what became of a message: one whose answer was lost is sent
again, so that it arrives at least once. https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
"""

import http.client
from datetime import timedelta

from keywatch.model.alert import Delivery
from keywatch.model.errors import DeliveryRefused
from keywatch.model.secret import Secret
from keywatch.model.source import Notifier, Receipt
from keywatch.notify.slack_api import quiet_logger
from keywatch.notify.slack_blocks import render
from keywatch.notify.slack_errors import from_answer, from_failure

_WHAT = "the Slack webhook"


class WebhookNotifier:
    """Posts every delivery to one webhook, whatever its channel is called."""

    def __init__(self, url: Secret, *, timeout: timedelta = timedelta(seconds=15)) -> None:
        """
        Remember where to post.

        Args:
            url: whoever has it can post, so it is a secret.
            timeout: of each socket operation; whole seconds.
        """
        self._url = url
        self._timeout = max(1, int(timeout.total_seconds()))

    @property
    def reconciles(self) -> bool:
        return False

    def send(self, delivery: Delivery) -> Receipt:
        """As `Notifier.send`."""
        from slack_sdk.errors import SlackClientError
        from slack_sdk.webhook import WebhookClient

        message = render(delivery)
        url = self._url.reveal().decode("utf-8", "replace")
        client = WebhookClient(url, timeout=self._timeout, retry_handlers=[], logger=quiet_logger())
        body = {"text": message.text, "blocks": message.blocks, "unfurl_links": False, "unfurl_media": False}
        try:
            answer = client.send_dict(body)
        except (OSError, http.client.HTTPException) as error:
            # No cause is attached: it may quote the URL.
            raise from_failure(_WHAT, error) from None
        except (ValueError, SlackClientError):
            raise DeliveryRefused(f"{_WHAT}: its URL is not one", hint="copy it again from the app's page") from None
        if answer.status_code != http.HTTPStatus.OK:
            raise from_answer(_WHAT, answer.status_code, answer.body.strip(), answer.headers)
        return Receipt()

    def find(self, delivery: Delivery) -> Receipt | None:
        """
        Never: a webhook answers no questions.

        Raises:
            DeliveryRefused: always.
        """
        raise DeliveryRefused(f"a webhook cannot be asked for message {delivery.id}")


_: type[Notifier] = WebhookNotifier
