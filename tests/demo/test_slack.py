"""The stand-in is as strict as Slack is documented to be."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.request import Request, urlopen

import pytest

from keywatch.demo.slack import SlackMessage, SlackServer, render
from keywatch.demo.slack_view import faults, view


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    """A workspace with one channel."""
    with SlackServer() as server:
        yield server


def call(slack: SlackServer, method: str, token: str | None = None, **body: object) -> dict[str, Any]:
    """Call a method with a JSON body."""
    request = Request(  # noqa: S310 - our own loopback server
        f"{slack.api_url}{method}",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {token or slack.token}"},
    )
    with urlopen(request) as answer:  # noqa: S310 - our own loopback server
        loaded: dict[str, Any] = json.load(answer)
    return loaded


@pytest.mark.parametrize(
    ("method", "body", "error"),
    [
        ("chat.postMessage", {"channel": "#nowhere", "text": "x"}, "channel_not_found"),
        ("chat.postMessage", {"channel": "#keys"}, "no_text"),
        ("chat.postMessage", {"channel": "#keys", "text": "x" * 40_001}, "msg_too_long"),
        ("chat.postMessage", {"channel": "#keys", "blocks": [{"type": "divider"}] * 51}, "invalid_blocks"),
        ("chat.postMessage", {"channel": "#keys", "text": "x", "blocks": "no list"}, "invalid_blocks"),
        ("chat.update", {"channel": "#keys", "text": "x"}, "channel_not_found"),
        ("chat.update", {"channel": "C000000001", "ts": "1.0", "text": "x"}, "message_not_found"),
        ("conversations.history", {"channel": "#keys"}, "channel_not_found"),
        ("conversations.replies", {"channel": "C000000001", "ts": "1.0"}, "thread_not_found"),
        ("admin.teams.list", {}, "unknown_method"),
    ],
)
def test_what_slack_refuses_is_refused(slack: SlackServer, method: str, body: dict[str, Any], error: str) -> None:
    """Reading and editing want an id, not a name; a message wants text and valid blocks; and so on."""
    assert call(slack, method, **body)["error"] == error


def test_a_wrong_token_gets_nothing(slack: SlackServer) -> None:
    """Without the workspace's token nothing is told and nothing stored."""
    assert call(slack, "chat.postMessage", token="wrong", channel="#keys", text="x") == {
        "ok": False,
        "error": "invalid_auth",
    }
    assert slack.messages == []


def test_blocks_too_long_in_sum_are_refused(slack: SlackServer) -> None:
    """Each block may be within its limit, and all of them together not."""
    block = {"type": "section", "text": {"type": "plain_text", "text": "x" * 2_900}}
    answer = call(slack, "chat.postMessage", channel="#keys", blocks=[block] * 5)
    assert answer["error"] == "msg_blocks_too_long"


def test_metadata_is_shown_only_when_asked_for(slack: SlackServer) -> None:
    """A reader who forgets `include_all_metadata` sees none."""
    call(slack, "chat.postMessage", channel="#keys", text="x", metadata={"event_type": "e", "event_payload": {"id": 1}})
    without = call(slack, "conversations.history", channel="C000000001")["messages"][0]
    within = call(slack, "conversations.history", channel="C000000001", include_all_metadata=True)["messages"][0]
    assert ("metadata" in without, within["metadata"]["event_payload"]) == (False, {"id": 1})


def text(value: str, kind: str = "plain_text") -> dict[str, Any]:
    """A text object."""
    return {"type": kind, "text": value}


@pytest.mark.parametrize(
    "block",
    [
        {"type": "header", "text": text("x" * 151)},
        {"type": "header", "text": text("x", "mrkdwn")},
        {"type": "header", "text": text("")},
        {"type": "section"},
        {"type": "section", "text": text("x" * 3001)},
        {"type": "section", "fields": [text("x")] * 11},
        {"type": "section", "fields": [text("x" * 2001)]},
        {"type": "context", "elements": []},
        {"type": "context", "elements": [text("x")] * 11},
        {"type": "rich_text", "elements": []},
        {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [text("", "text")]}]},
        {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [text("x" * 3001, "text")]}]},
        {"type": "rich_text", "elements": [{"type": "carousel"}]},
        {"type": "unheard-of"},
        "not a block",
    ],
)
def test_blocks_beyond_the_documented_limits_are_faults(block: object) -> None:
    """Each documented limit is checked."""
    assert len(faults([block])) == 1


def test_a_person_sees_what_the_blocks_say() -> None:
    """Headers, sections, fields, lists and struck text, as lines of text."""
    part = {"type": "rich_text_section", "elements": [text("one", "text")]}
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": text("Title")},
        {"type": "section", "text": text("body"), "fields": [text("field")]},
        {"type": "divider"},
        {"type": "rich_text", "elements": [{"type": "rich_text_list", "elements": [part]}]},
        {
            "type": "rich_text",
            "elements": [
                {"type": "rich_text_section", "elements": [text("a\nb", "text") | {"style": {"strike": True}}]}
            ],
        },
        {"type": "context", "elements": [text("foot")]},
    ]
    assert faults(blocks) == []
    assert view(blocks).splitlines() == [
        "Title",
        "  body",
        "  field",
        "  ----",
        "  * one",
        "  ~a",
        "      b~",
        "  foot",
    ]


def test_each_message_is_shown_when_it_comes_and_when_it_changes() -> None:
    """The demo prints a message as a person would see it, an edit and a reply as such."""
    shown: list[SlackMessage] = []
    with SlackServer(on_message=shown.append) as slack:
        posted = call(slack, "chat.postMessage", channel="keys", text="first")
        call(slack, "chat.update", channel=posted["channel"], ts=posted["ts"], text="second")
        call(slack, "chat.postMessage", channel="#keys", text="third", thread_ts=posted["ts"])
    assert [render(one) for one in shown] == [
        "[Slack #keys]\nfirst\n",
        "[Slack #keys (edited)]\nsecond\n",
        "[Slack #keys (reply)]\nthird\n",
    ]
    assert [one.delivery for one in shown] == [None, None, None]
