"""
Slack by bot token: the first-class way. One message stands for one alert.

- News posts a message, which carries the delivery's id as metadata.
- A change edits that message, and says in its thread what has changed: an edit alone tells nobody.
- The end edits it, struck through, and says nothing more.
- A message whose answer was lost is looked up by its metadata (scope `channels:history`, `groups:history`) before it is
  sent again. Without that scope one repeat is possible.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, cast

from keywatch.alerts.words import one_line
from keywatch.model.alert import Delivery, Transition
from keywatch.model.errors import DeliveryError, DeliveryRefused, DeliveryUncertain
from keywatch.model.secret import Secret
from keywatch.model.source import Json, Notifier, Receipt, Skipped
from keywatch.notify.slack_api import SlackApi
from keywatch.notify.slack_blocks import Message, render, render_reply

EVENT = "keywatch_delivery"
"""The metadata's `event_type`."""

API = "https://slack.com/api/"

_CHANNEL_ID = re.compile(r"[CGD][A-Z0-9]{5,}")
_SKEW = timedelta(minutes=5)
"""How far Slack's clock may be behind ours."""
_WITH_METADATA: Mapping[str, Json] = {"include_all_metadata": True}
_SCOPES = {
    "chat:write": "or nothing can be posted",
    "channels:history": "or a message whose answer is lost may be posted twice (groups:history for a private channel)",
    "channels:read": "or give channels by id, C0123456789, and not by name (groups:read for a private channel)",
}
"""What the app needs, and why."""
_GONE = ("message_not_found", "cant_update_message", "edit_window_closed", "channel_not_found")


class SlackNotifier:
    """Posts to Slack's Web API. Thread-safe."""

    def __init__(self, token: Secret, *, base_url: str = API, timeout: timedelta = timedelta(seconds=15)) -> None:
        """
        Remember how to reach Slack; nothing is sent yet.

        Args:
            token: of the bot, `xoxb-…`.
            base_url: ends in `/api/`.
            timeout: of each socket operation; whole seconds.
        """
        self._api = SlackApi(token, base_url, timeout)
        self._ids: dict[str, str] = {}

    @property
    def reconciles(self) -> bool:
        return True

    def send(self, delivery: Delivery) -> Receipt:
        """As `Notifier.send`. `delivery.reference` is the message that stands for the alert already, if any."""
        if delivery.reference is None:
            return self._post(delivery)
        channel, _, stamp = delivery.reference.partition("/")
        message = render(delivery)
        try:
            self._call("chat.update", delivery, {**_body(delivery, message), "channel": channel, "ts": stamp})
        except DeliveryRefused as error:
            if not error.message.endswith(_GONE):
                raise
            return self._post(delivery)  # somebody has deleted it: the news must still be told
        if delivery.transition is Transition.CHANGED:
            reply = {**_body(delivery, render_reply(delivery)), "channel": channel, "thread_ts": stamp}
            self._call("chat.postMessage", delivery, reply)
        return Receipt(delivery.reference)

    def find(self, delivery: Delivery) -> Receipt | None:
        """As `Notifier.find`: look through the alert's thread, and the channel since the delivery was queued."""
        try:
            return self._find(delivery)
        except DeliveryUncertain as error:
            # A question can be asked again without harm.
            raise DeliveryError(error.message, hint=error.hint) from None

    def identity(self) -> str:
        """
        Return who Slack says we are, `keywatch in Example Ltd`; posts nothing.

        Raises:
            DeliveryError: as `send`.
        """
        return _who(self._api.ask("auth.test", "auth.test", {}).data)

    def check(self) -> Iterator[str | Skipped]:
        """
        Say which of the app's scopes are there and which are missing; posts nothing, never raises.

        Slack names a token's scopes in a header of every answer:
        https://docs.slack.dev/authentication/installing-with-oauth
        """
        try:
            answer = self._api.ask("auth.test", "auth.test", {})
        except DeliveryError as error:
            yield Skipped("Slack", error.message, error.hint)
            return
        yield f"Slack knows the bot as {_who(answer.data)}"
        header = next((value for name, value in answer.headers.items() if name.lower() == "x-oauth-scopes"), "")
        granted = {scope.strip() for scope in header.split(",")}
        for scope, why in _SCOPES.items():
            held = scope in granted
            yield f"scope {scope}" if held else Skipped(f"scope {scope}", "not granted", f"grant it, {why}")

    def _call(self, method: str, delivery: Delivery, body: Mapping[str, Json]) -> dict[str, Any]:
        return cast("dict[str, Any]", self._api.ask(method, f"{method} to {delivery.channel}", body).data)

    def _pages(self, method: str, delivery: Delivery, query: Mapping[str, Json]) -> Iterator[dict[str, Any]]:
        return self._api.pages(method, f"{method} for {delivery.channel}", query)

    def _post(self, delivery: Delivery) -> Receipt:
        body = {**_body(delivery, render(delivery)), "channel": delivery.channel}
        answer = self._call("chat.postMessage", delivery, body)
        channel, stamp = str(answer.get("channel", delivery.channel)), str(answer.get("ts", ""))
        self._ids[delivery.channel] = channel
        return Receipt(f"{channel}/{stamp}")

    def _find(self, delivery: Delivery) -> Receipt | None:
        edited = ""
        if delivery.reference is not None:
            channel, _, stamp = delivery.reference.partition("/")
            # A change is complete only with its reply; the end is complete with the edit.
            edited = stamp if delivery.transition is Transition.CHANGED else ""
            thread = self._pages("conversations.replies", delivery, {"channel": channel, "ts": stamp, **_WITH_METADATA})
            if any(_is(delivery, message, besides=edited) for message in thread):
                return Receipt(delivery.reference)
        channel = self._channel_id(delivery)
        oldest = f"{(delivery.queued_at - _SKEW).timestamp():.6f}"
        query = {"channel": channel, "oldest": oldest, **_WITH_METADATA}
        for message in self._pages("conversations.history", delivery, query):
            if _is(delivery, message, besides=edited):
                return Receipt(f"{channel}/{message.get('ts', '')}")
        return None

    def _channel_id(self, delivery: Delivery) -> str:
        """Return the id of a channel given by name: posting takes a name, reading back does not."""
        name = delivery.channel
        if _CHANNEL_ID.fullmatch(name):
            return name
        if name not in self._ids:
            query: dict[str, Json] = {"types": "public_channel,private_channel", "exclude_archived": True}
            for channel in self._api.pages("conversations.list", "conversations.list", query, "channels"):
                self._ids.setdefault(f"#{channel.get('name')}", str(channel.get("id")))
        if name not in self._ids:
            raise DeliveryRefused(f"conversations.list: no channel {name}")
        return self._ids[name]


def _who(answer: object) -> str:
    told = answer if isinstance(answer, dict) else {}
    return one_line(f"{told.get('user', 'unknown')} in {told.get('team', 'unknown')}", 120)


def _body(delivery: Delivery, message: Message) -> dict[str, Json]:
    return {
        "text": message.text,
        "blocks": list[Json](message.blocks),
        "metadata": {"event_type": EVENT, "event_payload": {"id": delivery.id}},
        "unfurl_links": False,
        "unfurl_media": False,
        "link_names": False,
        "mrkdwn": False,
    }


def _is(delivery: Delivery, message: Mapping[str, Any], *, besides: str) -> bool:
    if message.get("ts") == besides:
        return False
    metadata = message.get("metadata") or {}
    payload = metadata.get("event_payload") or {}
    return metadata.get("event_type") == EVENT and payload.get("id") == delivery.id


_: type[Notifier] = SlackNotifier
