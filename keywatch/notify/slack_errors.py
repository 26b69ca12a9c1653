"""What Slack's refusals and the network's failures mean for a message: not now, never, or nobody knows."""

import http.client
import re
import socket
from collections.abc import Mapping
from datetime import timedelta
from urllib.error import URLError

from keywatch.model.errors import DeliveryError, DeliveryRefused, DeliveryUncertain

LATER = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded", "request_timeout", "service_unavailable"})
"""Error codes after which the same request may succeed: https://docs.slack.dev/reference/methods/chat.postMessage"""

PERHAPS = frozenset({"fatal_error", "internal_error"})
"""Slack's own words: some aspect of the operation may have succeeded before the error was raised."""

HINTS = {
    "invalid_auth": "the bot token is wrong: copy it again from the app's OAuth page",
    "not_authed": "no bot token was sent: look at [slack] token",
    "token_revoked": "the bot token was revoked: install the app again and use its new token",
    "token_expired": "the bot token has expired: install the app again and use its new token",
    "account_inactive": "the app was removed from the workspace: install it again",
    "channel_not_found": "no such channel, or a private one the bot is not in: invite it with /invite",
    "not_in_channel": "invite the bot to the channel with /invite, or grant it chat:write.public",
    "is_archived": "the channel is archived: choose another one",
    "missing_scope": "the app lacks a scope: grant it, then install the app again",
    "no_service": "the webhook was switched off: make a new one",
    "invalid_token": "the webhook's URL is wrong: copy it again",
}

_CODE = re.compile(r"[a-z0-9_]{1,64}")
_LONGEST_WAIT = timedelta(hours=1)
_UNSENT_REASONS = (ConnectionRefusedError, socket.gaierror, TimeoutError)
_AMBIGUOUS_REASONS = (ConnectionResetError, BrokenPipeError, ConnectionAbortedError)


def from_answer(what: str, status: int, code: object, headers: Mapping[str, str]) -> DeliveryError:
    """
    Return the error that an answer is.

    Args:
        what: the request, for a person: `chat.postMessage to #keys`.
        status: of HTTP.
        code: Slack's `error`; kept only if it looks like a code, since any other text could quote anything.
        headers: for `Retry-After`.
    """
    known = code if isinstance(code, str) and _CODE.fullmatch(code) else None
    message = f"{what}: {known or f'HTTP {status}'}"
    if status == http.HTTPStatus.TOO_MANY_REQUESTS or known in LATER:
        return DeliveryError(message, retry_after=retry_after(headers))
    if known in PERHAPS or status in {500, 502, 504}:
        return DeliveryUncertain(message)
    if known is not None:
        # Whatever else Slack says by name of this message, it will say again.
        return DeliveryRefused(message, hint=HINTS.get(known))
    if status == http.HTTPStatus.OK:
        return DeliveryUncertain(f"{what}: an answer that is not Slack's; is there a proxy in between?")
    return DeliveryError(message)


def from_failure(what: str, error: Exception) -> DeliveryError:
    """
    Return the error that a failure of the network is.

    `urllib` wraps what goes wrong before or while the request is written into `URLError`, and lets through as it is
    what goes wrong while it waits for the answer: then the request has left.
    """
    reason = error.reason if isinstance(error, URLError) else error
    message = f"{what}: {type(reason).__name__}"
    if isinstance(error, URLError) and not isinstance(reason, _AMBIGUOUS_REASONS):
        hint = "is the address right, and may this machine reach it?" if isinstance(reason, _UNSENT_REASONS) else None
        return DeliveryError(message, hint=hint)
    return DeliveryUncertain(message)


def retry_after(headers: Mapping[str, str]) -> timedelta:
    """Return how long to wait: whole or broken seconds, at least one and at most an hour; 30 s if it is not said."""
    text = next((value for name, value in headers.items() if name.lower() == "retry-after"), "30")
    try:
        asked = timedelta(seconds=float(text))
    except (ValueError, OverflowError):
        asked = timedelta(seconds=30)
    return min(max(asked, timedelta(seconds=1)), _LONGEST_WAIT)
