"""Asking Slack's Web API: slack_sdk without its retries and its logs, and with our errors."""

import http.client
import logging
from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from keywatch.model.errors import DeliveryError, DeliveryRefused, DeliveryUncertain
from keywatch.model.secret import Secret
from keywatch.model.source import Json
from keywatch.notify.slack_errors import from_answer, from_failure

if TYPE_CHECKING:
    from slack_sdk import WebClient
    from slack_sdk.errors import SlackApiError
    from slack_sdk.web import SlackResponse

_PAGES = 100


class SlackApi:
    """One bot's way to Slack. Thread-safe."""

    def __init__(self, token: Secret, base_url: str, timeout: timedelta) -> None:
        self._token = token
        self._base_url = base_url if base_url.endswith("/") else f"{base_url}/"
        self._timeout = max(1, int(timeout.total_seconds()))

    def ask(self, method: str, what: str, body: Mapping[str, Json], *, read: bool = False) -> "SlackResponse":
        """
        Call a method, once.

        Args:
            method: as `chat.postMessage`.
            what: the same with its purpose, for an error's message.
            body: its arguments.
            read: send them as query parameters: read methods take no JSON. https://docs.slack.dev/apis/web-api

        Raises:
            DeliveryError: as `Notifier.send`.
        """
        from slack_sdk.errors import SlackApiError, SlackClientError

        # Given with each call, never to the client: a client's attributes would show it.
        headers = {"Authorization": f"Bearer {self._token.reveal().decode('ascii', 'replace').strip()}"}
        client = _client(self._base_url, self._timeout)
        try:
            if read:
                return client.api_call(method, params=dict(body), headers=headers)
            return client.api_call(method, json=dict(body), headers=headers)
        except SlackApiError as error:
            # Neither its text nor the exception itself is passed on: it quotes the response.
            raise _refusal(what, error) from None
        except SlackClientError as error:
            raise DeliveryUncertain(f"{what}: {type(error).__name__}") from None
        except (OSError, http.client.HTTPException) as error:
            raise from_failure(what, error) from None
        except ValueError:
            # http.client quotes a header it cannot send, and that header is the token.
            raise DeliveryRefused(f"{what}: the token is not one", hint="copy it again from the app's page") from None

    def pages(
        self, method: str, what: str, query: Mapping[str, Json], field: str = "messages"
    ) -> Iterator[dict[str, Any]]:
        """
        Yield what a read method lists, page after page.

        Raises:
            DeliveryRefused: there is no end to it.
            DeliveryError: as `ask`.
        """
        cursor = ""
        for _ in range(_PAGES):
            asked = {**query, "limit": 200} | ({"cursor": cursor} if cursor else {})
            answer = cast("dict[str, Any]", self.ask(method, what, asked, read=True).data)
            yield from cast("list[dict[str, Any]]", answer.get(field) or [])
            cursor = str((answer.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                return
        raise DeliveryRefused(f"{what}: more than {_PAGES} pages to look through for one message")


@cache
def _client(base_url: str, timeout: int) -> "WebClient":
    from slack_sdk import WebClient

    # No retry of its own: a repeat after a lost answer posts twice. The outbox repeats.
    return WebClient(base_url=base_url, timeout=timeout, retry_handlers=[], logger=quiet_logger())


def quiet_logger() -> logging.Logger:
    """Return a logger for slack_sdk that never says what was sent or where: at DEBUG it would print bodies and URLs."""
    logging.getLogger("slack_sdk").setLevel(logging.WARNING)
    logger = logging.getLogger("slack_sdk.keywatch")
    # CRITICAL: at ERROR it would quote an answer it cannot read.
    logger.setLevel(logging.CRITICAL)
    return logger


def _refusal(what: str, error: "SlackApiError") -> DeliveryError:
    response: object = error.response
    data = getattr(response, "data", response)
    code = data.get("error") if isinstance(data, dict) else None
    return from_answer(what, int(getattr(response, "status_code", 200)), code, getattr(response, "headers", {}))
