"""The bot: what Slack's answers and the network's failures mean for a message."""

import http.client
import logging
import traceback
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from urllib.error import URLError

import pytest

from keywatch.demo.slack import SlackMessage, SlackServer, Trouble
from keywatch.model.alert import Transition
from keywatch.model.errors import DeliveryError, DeliveryRefused, DeliveryUncertain
from keywatch.model.secret import Secret
from keywatch.model.source import Skipped
from keywatch.notify.slack import SlackNotifier
from keywatch.notify.slack_errors import from_answer, from_failure, retry_after
from keywatch.notify.webhook import WebhookNotifier
from tests.alerts.builders import DAY, NOW, alert, delivery


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    """A workspace whose clock stands still."""
    with SlackServer(["#keys", "#orders"], clock=NOW.timestamp) as server:
        yield server


@pytest.fixture
def bot(slack: SlackServer) -> SlackNotifier:
    """A bot of that workspace."""
    return SlackNotifier(Secret(slack.token.encode()), base_url=slack.api_url.rstrip("/"))


def test_a_message_is_posted_with_its_id_and_without_side_effects(slack: SlackServer, bot: SlackNotifier) -> None:
    """The delivery's id travels as metadata; the receipt names channel and time stamp."""
    receipt = bot.send(delivery())
    (message,) = slack.messages
    assert (message.delivery, message.channel) == ("a-fired", "#keys")
    assert receipt.reference == f"{message.channel_id}/{message.ts}"
    assert bot.reconciles


def test_a_bot_can_say_who_it_is(bot: SlackNotifier) -> None:
    """`keywatch check` names bot and workspace, and posts nothing."""
    assert bot.identity() == "keywatch in Example Ltd"


def test_check_names_each_scope_that_is_there_and_each_that_is_missing(slack: SlackServer, bot: SlackNotifier) -> None:
    """`keywatch check` says what is missing and what that costs; it posts nothing and raises nothing."""
    slack.scopes.discard("channels:history")
    told = list(bot.check())
    assert told[:2] == ["Slack knows the bot as keywatch in Example Ltd", "scope chat:write"]
    (missing,) = [one for one in told if isinstance(one, Skipped)]
    assert (missing.what, "posted twice" in str(missing.hint)) == ("scope channels:history", True)
    assert slack.messages == []
    slack.stop()
    (unreachable,) = bot.check()
    assert isinstance(unreachable, Skipped)


@pytest.mark.parametrize("later", [1, 250])
def test_a_message_is_found_by_its_id(slack: SlackServer, bot: SlackNotifier, later: int) -> None:
    """However many messages have been posted since, and whether the channel is given by name or id."""
    first = bot.send(delivery())
    for number in range(later):
        slack._state.messages.append(_noise(slack, number))
    fresh = SlackNotifier(Secret(slack.token.encode()), base_url=slack.api_url)
    assert fresh.find(delivery()) == first
    assert fresh.find(delivery(channel="C000000001")) == first
    assert fresh.find(delivery("never-sent")) is None
    assert fresh.find(delivery(channel="#orders")) is None


def _noise(slack: SlackServer, number: int) -> SlackMessage:
    return replace(slack.messages[0], ts=f"{NOW.timestamp() + 1 + number:.6f}", metadata=None)


def test_older_messages_are_not_looked_through(bot: SlackNotifier) -> None:
    """What was posted before the delivery was queued cannot be it."""
    bot.send(delivery())
    assert bot.find(delivery(queued_at=NOW + DAY)) is None


def test_a_deleted_message_is_replaced_by_a_new_one(slack: SlackServer, bot: SlackNotifier) -> None:
    """If somebody has deleted the alert's message, a change is posted anew rather than lost."""
    changed = replace(delivery(transition=Transition.CHANGED), reference="C000000001/1.000000")
    receipt = bot.send(changed)
    assert receipt.reference == f"C000000001/{slack.messages[0].ts}"
    assert bot.find(replace(changed, reference=receipt.reference)) is None  # no reply yet
    with pytest.raises(DeliveryRefused, match="thread_not_found"):
        bot.find(changed)


def test_a_refused_edit_is_refused(slack: SlackServer, bot: SlackNotifier) -> None:
    """Only a missing message is posted anew; any other refusal stays one."""
    slack.fail(Trouble.REFUSED, error="invalid_blocks")
    with pytest.raises(DeliveryRefused, match="invalid_blocks"):
        bot.send(replace(delivery(transition=Transition.RESOLVED), reference="C000000001/1.000000"))


@pytest.mark.parametrize(
    ("trouble", "error", "kind"),
    [
        (Trouble.THROTTLED, "", DeliveryError),
        (Trouble.BROKEN, "", DeliveryUncertain),
        (Trouble.LOST, "", DeliveryUncertain),
        (Trouble.DROPPED, "", DeliveryUncertain),
        (Trouble.REFUSED, "fatal_error", DeliveryUncertain),
        (Trouble.REFUSED, "ratelimited", DeliveryError),
        (Trouble.REFUSED, "invalid_auth", DeliveryRefused),
        (Trouble.REFUSED, "a_new_code_of_theirs", DeliveryRefused),
    ],
)
def test_each_failure_has_its_class(
    slack: SlackServer, bot: SlackNotifier, trouble: Trouble, error: str, kind: type[DeliveryError]
) -> None:
    """Not now, never, or nobody knows."""
    slack.fail(trouble, error=error, retry_after="2.5")
    with pytest.raises(DeliveryError) as caught:
        bot.send(delivery())
    assert type(caught.value) is kind
    if trouble is Trouble.THROTTLED:
        assert caught.value.retry_after == timedelta(seconds=2.5)


def test_a_slack_that_is_not_there_has_received_nothing(slack: SlackServer, bot: SlackNotifier) -> None:
    """A refused connection is not an uncertain delivery."""
    slack.stop()
    with pytest.raises(DeliveryError) as caught:
        bot.send(delivery())
    assert type(caught.value) is DeliveryError
    assert caught.value.hint is not None


def test_an_answer_that_does_not_come_is_uncertain(slack: SlackServer) -> None:
    """A message whose answer takes too long may have arrived: here it has."""
    slack.fail(Trouble.HELD)
    hasty = SlackNotifier(Secret(slack.token.encode()), base_url=slack.api_url, timeout=timedelta(seconds=1))
    with pytest.raises(DeliveryUncertain, match="TimeoutError"):
        hasty.send(delivery())
    slack.release()
    assert hasty.find(delivery()) is not None


def test_a_missing_scope_refuses_the_question(slack: SlackServer, bot: SlackNotifier) -> None:
    """Without `channels:history` nobody can say whether a message arrived."""
    bot.send(delivery())
    slack.scopes.discard("channels:history")
    with pytest.raises(DeliveryRefused, match="missing_scope"):
        bot.find(delivery())


def test_an_unknown_channel_is_said_so(bot: SlackNotifier) -> None:
    """A channel that does not exist is refused, with the hint to invite the bot."""
    with pytest.raises(DeliveryRefused, match="channel_not_found") as caught:
        bot.send(delivery(channel="#nowhere"))
    assert "/invite" in str(caught.value.hint)
    with pytest.raises(DeliveryRefused, match="no channel #nowhere"):
        bot.find(delivery(channel="#nowhere"))


def test_too_long_a_search_is_given_up(slack: SlackServer, bot: SlackNotifier, monkeypatch: pytest.MonkeyPatch) -> None:
    """A search does not go on for ever; that it was given up is not taken for "it is not there"."""
    bot.send(delivery())
    monkeypatch.setattr("keywatch.notify.slack_api._PAGES", 1)
    for number in range(300):
        slack._state.messages.append(_noise(slack, number))
    with pytest.raises(DeliveryRefused, match="more than 1 pages"):
        bot.find(delivery())


def test_a_token_that_cannot_be_sent_is_not_quoted(slack: SlackServer) -> None:
    """A line break after the token is forgiven; one in the middle is refused, without showing the token."""
    SlackNotifier(Secret(f"{slack.token}\n".encode()), base_url=slack.api_url).send(delivery())
    with pytest.raises(DeliveryRefused) as caught:
        SlackNotifier(Secret(f"{slack.token}\nmore".encode()), base_url=slack.api_url).send(delivery())
    assert slack.token not in "".join(traceback.format_exception(caught.value))


def test_a_question_that_failed_can_be_asked_again(slack: SlackServer, bot: SlackNotifier) -> None:
    """A lost answer to a question is no uncertainty of its own."""
    bot.send(delivery())
    slack.fail(Trouble.DROPPED)
    with pytest.raises(DeliveryError) as caught:
        bot.find(delivery())
    assert type(caught.value) is DeliveryError


@pytest.mark.parametrize("trouble", [trouble for trouble in Trouble if trouble is not Trouble.HELD])
def test_no_error_log_or_repr_shows_a_credential(
    slack: SlackServer, bot: SlackNotifier, caplog: pytest.LogCaptureFixture, trouble: Trouble
) -> None:
    """Token, webhook URL and the message's text are in no exception, traceback, log at DEBUG, repr or attribute."""
    caplog.set_level(logging.DEBUG)
    webhook = WebhookNotifier(Secret(slack.webhook_url.encode()))
    told = delivery(alerts=(alert(title="a telling title"),))
    shown = [repr(bot), repr(webhook), repr(vars(bot)), repr(vars(webhook))]
    for notifier in (bot, webhook):
        slack.fail(trouble)
        with pytest.raises(DeliveryError) as caught:
            notifier.send(told)
        shown += ["".join(traceback.format_exception(caught.value)), repr(caught.value), str(caught.value.hint)]
    text = "\n".join([*shown, caplog.text])
    for secret in (slack.token, slack.webhook_url, "a telling title"):
        assert secret not in text


def test_a_webhook_posts_to_its_one_channel(slack: SlackServer) -> None:
    """Whatever the delivery's channel is called; nothing can be asked or edited later."""
    webhook = WebhookNotifier(Secret(slack.webhook_url.encode()))
    assert webhook.send(delivery(channel="#orders")).reference is None
    assert [one.channel for one in slack.messages] == ["#keys"]
    assert not webhook.reconciles
    with pytest.raises(DeliveryRefused):
        webhook.find(delivery())


@pytest.mark.parametrize("url", ["not a url", "ftp://example.com/x"])
def test_a_webhook_that_is_no_url_is_refused(url: str) -> None:
    """A wrong URL is a refusal that does not quote it."""
    with pytest.raises(DeliveryRefused, match="its URL is not one") as caught:
        WebhookNotifier(Secret(url.encode())).send(delivery())
    assert url not in str(caught.value)


def test_a_dead_webhook_is_refused(slack: SlackServer) -> None:
    """A webhook that was switched off is refused with what to do."""
    slack.fail(Trouble.REFUSED, error="no_service")
    with pytest.raises(DeliveryRefused, match="no_service") as caught:
        WebhookNotifier(Secret(slack.webhook_url.encode())).send(delivery())
    assert "make a new one" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        pytest.param(429, None, DeliveryError, id="throttled"),
        pytest.param(503, None, DeliveryError, id="not accepted"),
        pytest.param(407, None, DeliveryError, id="a proxy's own refusal"),
        pytest.param(502, None, DeliveryUncertain, id="lost behind a gateway"),
        pytest.param(200, "<html>Log in to the guest network", DeliveryUncertain, id="not Slack's answer"),
        pytest.param(200, "is_archived", DeliveryRefused, id="refused by name"),
    ],
)
def test_answers(status: int, code: str | None, kind: type[DeliveryError]) -> None:
    """What is not Slack's own word is never taken for a refusal, and never quoted."""
    error = from_answer("chat.postMessage", status, code, {})
    assert type(error) is kind
    assert "html" not in error.message


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (URLError(ConnectionRefusedError()), DeliveryError),
        (URLError(ConnectionResetError()), DeliveryUncertain),
        (URLError(OSError("no route")), DeliveryError),
        (TimeoutError(), DeliveryUncertain),
        (http.client.IncompleteRead(b""), DeliveryUncertain),
    ],
)
def test_failures(failure: Exception, kind: type[DeliveryError]) -> None:
    """What fails before the request has left has not arrived; what fails afterwards may have."""
    assert type(from_failure("chat.postMessage", failure)) is kind


@pytest.mark.parametrize(
    ("text", "seconds"), [("7", 7), ("1.5", 1.5), ("0", 1), ("-3", 1), ("soon", 30), ("1e99", 30), ("99999", 3600)]
)
def test_retry_after_is_read_leniently(text: str, seconds: float) -> None:
    """Whole or broken seconds, bounded to an hour; what cannot be read is half a minute."""
    assert retry_after({"Retry-After": text}) == timedelta(seconds=seconds)
    assert retry_after({}) == timedelta(seconds=30)
