from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from slack_sdk import WebhookClient
from slack_sdk.errors import SlackApiError

from sandbox.slack.blocks import block_errors
from tests.sandbox.clients import slack

if TYPE_CHECKING:
    from sandbox.server import Sandbox


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def test_message_arrives_and_its_thread_follows(sandbox: Sandbox) -> None:
    client = slack(sandbox)
    first = client.chat_postMessage(channel="#alerts", text="it failed", blocks=[_section("*it failed*")])
    client.chat_postMessage(channel=first["channel"], text="again", thread_ts=first["ts"])
    failed, again = sandbox.slack.messages
    assert (failed.channel, failed.text, failed.blocks, failed.thread_ts) == (
        "#alerts",
        "it failed",
        [_section("*it failed*")],
        None,
    )
    assert (again.channel, again.text, again.thread_ts) == (failed.channel_id, "again", failed.ts)
    assert again.channel_id == failed.channel_id
    assert again.ts != failed.ts


def test_channel_is_the_same_with_and_without_its_sign(sandbox: Sandbox) -> None:
    client = slack(sandbox)
    assert (
        client.chat_postMessage(channel="alerts", text="a")["channel"]
        == (client.chat_postMessage(channel="#alerts", text="b")["channel"])
    )


def test_webhook_posts(sandbox: Sandbox) -> None:
    answer = WebhookClient(sandbox.environment["SLACK_WEBHOOK_URL"]).send(text="hello", blocks=[_section("hello")])
    assert (answer.status_code, answer.body) == (200, "ok")
    [message] = sandbox.slack.wait(1)
    assert (message.text, message.via) == ("hello", "webhook")


@pytest.mark.parametrize(
    ("path", "payload", "expected"),
    [
        ("", {"text": ""}, (400, "no_text")),
        ("", {"blocks": [{"type": "poem"}]}, (400, "invalid_blocks")),
        ("/elsewhere", {"text": "hello"}, (404, "no_service")),
    ],
)
def test_webhook_refuses_in_slacks_words(
    sandbox: Sandbox, path: str, payload: dict[str, Any], expected: tuple[int, str]
) -> None:
    answer = WebhookClient(sandbox.environment["SLACK_WEBHOOK_URL"] + path).send_dict(payload)
    assert (answer.status_code, answer.body) == expected
    assert sandbox.slack.messages == []


def test_auth_test_names_the_team(sandbox: Sandbox) -> None:
    assert slack(sandbox).auth_test()["team"] == "Sandbox"


@pytest.mark.parametrize(("token", "error"), [("", "not_authed"), ("xoxb-other", "invalid_auth")])
def test_wrong_token_is_refused(sandbox: Sandbox, token: str, error: str) -> None:
    with pytest.raises(SlackApiError) as refused:
        slack(sandbox, token).chat_postMessage(channel="#alerts", text="a")
    assert refused.value.response.data == {"ok": False, "error": error}


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"channel": "#missing", "text": "a"}, "channel_not_found"),
        ({"channel": "#gone", "text": "a"}, "channel_not_found"),
        ({"channel": "#alerts", "text": ""}, "no_text"),
        ({"channel": "#alerts", "text": "a" * 40_001}, "msg_too_long"),
        ({"channel": "#alerts", "text": "a", "blocks": [_section("a" * 3001)]}, "invalid_blocks"),
    ],
)
def test_message_is_refused_in_slacks_words(sandbox: Sandbox, arguments: dict[str, Any], error: str) -> None:
    sandbox.slack.missing_channels.add("#gone")
    with pytest.raises(SlackApiError) as refused:
        slack(sandbox).api_call("chat.postMessage", json=arguments)
    assert refused.value.response["error"] == error
    assert sandbox.slack.messages == []


def test_invalid_blocks_are_explained(sandbox: Sandbox) -> None:
    with pytest.raises(SlackApiError) as refused:
        slack(sandbox).chat_postMessage(channel="#alerts", text="a", blocks=[_section("a" * 3001)])
    assert refused.value.response["response_metadata"]["messages"] == [
        "[ERROR] must be less than 3001 characters [json-pointer:/blocks/0/text/text]"
    ]


@pytest.mark.parametrize(
    "block",
    [
        _section("a" * 3000),
        {"type": "section", "fields": [{"type": "plain_text", "text": "a"}] * 10},
        {"type": "header", "text": {"type": "plain_text", "text": "a" * 150}},
        {"type": "divider"},
        {"type": "context", "elements": [{"type": "mrkdwn", "text": "a"}]},
        {"type": "actions", "elements": [{"type": "button", "text": {"type": "plain_text", "text": "Open"}}]},
    ],
)
def test_block_within_the_limits_passes(block: dict[str, Any]) -> None:
    assert block_errors([block] * 50) == []


@pytest.mark.parametrize(
    ("blocks", "at"),
    [
        ("text", "/blocks"),
        ([{"type": "divider"}] * 51, "/blocks"),
        ([{"text": "a"}], "/blocks/0/type"),
        ([{"type": "section"}], "/blocks/0"),
        ([_section("")], "/blocks/0/text/text"),
        ([{"type": "section", "text": "a"}], "/blocks/0/text"),
        ([{"type": "section", "fields": [{"type": "mrkdwn", "text": "a" * 2001}]}], "/blocks/0/fields/0/text"),
        ([{"type": "section", "fields": [{"type": "mrkdwn", "text": "a"}] * 11}], "/blocks/0/fields"),
        ([{"type": "header", "text": {"type": "mrkdwn", "text": "a"}}], "/blocks/0/text/type"),
        ([{"type": "header", "text": {"type": "plain_text", "text": "a" * 151}}], "/blocks/0/text/text"),
        ([{"type": "context", "elements": [{"type": "mrkdwn", "text": "a"}] * 11}], "/blocks/0/elements"),
        ([{"type": "divider", "block_id": "a" * 256}], "/blocks/0/block_id"),
        ([{"type": "image", "image_url": "http://a"}], "/blocks/0"),
    ],
)
def test_block_outside_the_limits_is_pointed_at(blocks: object, at: str) -> None:
    [error] = block_errors(blocks)
    assert error.endswith(f"[json-pointer:{at}]")
