"""Slack over the wire, against the sandbox."""

from __future__ import annotations

import json
import socket
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.notifier import Message, NeverDelivered, NotDelivered, Reference
from orchestrator.notifiers.slack import SlackNotifier, SlackWebhookNotifier
from orchestrator.notifiers.slack_blocks import blocks_of, clipped
from sandbox.server import Sandbox
from sandbox.slack.service import Slack
from tests.orchestrator.notifiers.conformance import FULL, HUGE, NotifierConformance

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrator.notifier import Notifier


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def slack(sandbox: Sandbox, *, token: str = Slack.token, channel: str | None = "#loads") -> SlackNotifier:
    return SlackNotifier(token, channel, api_url=sandbox.environment["SLACK_API_URL"], timeout=timedelta(seconds=1))


def webhook(sandbox: Sandbox) -> SlackWebhookNotifier:
    return SlackWebhookNotifier(sandbox.environment["SLACK_WEBHOOK_URL"], timeout=timedelta(seconds=1))


class TestSlackNotifier(NotifierConformance):
    sandbox: Sandbox

    @pytest.fixture
    def notifier(self, sandbox: Sandbox) -> Notifier:
        self.sandbox = sandbox
        return slack(sandbox)

    def arrived(self) -> str:
        return json.dumps([message.blocks for message in self.sandbox.slack.messages], ensure_ascii=False)


class TestSlackWebhookNotifier(TestSlackNotifier):
    @pytest.fixture
    def notifier(self, sandbox: Sandbox) -> Notifier:
        self.sandbox = sandbox
        return webhook(sandbox)


@pytest.fixture(params=[slack, webhook])
def notifier(request: pytest.FixtureRequest, sandbox: Sandbox) -> Notifier:
    made: Notifier = request.param(sandbox)
    return made


def test_message_goes_to_its_channel_or_to_the_default(sandbox: Sandbox) -> None:
    notifier = slack(sandbox)
    notifier.send(Message(title="a"))
    notifier.send(Message(title="b", channel="#finance"))
    assert [message.channel for message in sandbox.slack.messages] == ["#loads", "#finance"]


def test_answer_goes_to_the_thread_even_if_the_channel_has_changed_since(sandbox: Sandbox) -> None:
    notifier = slack(sandbox)
    opened = notifier.send(Message(title="failed"))
    notifier.send(Message(title="works", channel="#finance", answers=opened))
    first, second = sandbox.slack.messages
    assert opened == Reference(first.channel_id, first.ts)
    assert (second.channel_id, second.thread_ts) == (first.channel_id, first.ts)


def test_message_without_any_channel_is_never_delivered(sandbox: Sandbox) -> None:
    with pytest.raises(NeverDelivered, match="set SLACK_CHANNEL"):
        slack(sandbox, channel=None).send(FULL)


@pytest.mark.parametrize(
    ("token", "channel", "advice"),
    [
        ("xoxb-wrong", "#loads", "invalid_auth.*; set SLACK_BOT_TOKEN"),
        (Slack.token, "#missing", "#missing, got channel_not_found.*; correct slack_channel"),
    ],
)
def test_error_that_never_passes_says_what_to_do(sandbox: Sandbox, token: str, channel: str, advice: str) -> None:
    with pytest.raises(NeverDelivered, match=advice):
        slack(sandbox, token=token, channel=channel).send(FULL)


def test_webhook_that_is_gone_says_what_to_do(sandbox: Sandbox) -> None:
    gone = SlackWebhookNotifier(f"{sandbox.url}/services/T0/B0/gone")
    with pytest.raises(NeverDelivered, match=r"no_service.*; make a new incoming webhook"):
        gone.send(FULL)


def test_too_many_requests_say_how_long_to_wait(notifier: Notifier, sandbox: Sandbox) -> None:
    sandbox.faults.add(service="slack", status=429, retry_after=17)
    with pytest.raises(NotDelivered) as raised:
        notifier.send(FULL)
    assert raised.value.retry_after == timedelta(seconds=17)


@pytest.mark.parametrize(
    "fault", [{"status": 500}, {"status": 503}, {"kind": "reset"}, {"kind": "cut_off"}, {"kind": "garbage"}]
)
def test_fault_that_passes_is_asked_for_once_and_not_retried_here(
    notifier: Notifier, sandbox: Sandbox, fault: dict[str, Any]
) -> None:
    sandbox.faults.add(service="slack", **fault)
    with pytest.raises(NotDelivered):
        notifier.send(FULL)
    assert sandbox.requests.count("slack") == 1


def test_silence_ends_with_the_deadline(notifier: Notifier, sandbox: Sandbox) -> None:
    sandbox.faults.add(service="slack", kind="slow", delay_seconds=30)
    with pytest.raises(NotDelivered, match="timed out"):
        notifier.send(FULL)


def test_nobody_listening_is_not_delivered() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        notifier = SlackNotifier(Slack.token, "#loads", api_url=f"http://127.0.0.1:{taken.getsockname()[1]}/api/")
        with pytest.raises(NotDelivered):
            notifier.send(FULL)


def test_token_is_in_no_error(sandbox: Sandbox) -> None:
    with pytest.raises(NeverDelivered) as raised:
        slack(sandbox, token="xoxb-secret").send(FULL)
    assert "xoxb-secret" not in str(raised.value)


def text_of_blocks(message: Message) -> str:
    return "\n".join(block["text"]["text"] for block in blocks_of(message) if "text" in block)


def test_error_cannot_mention_anybody_or_end_its_code_block() -> None:
    text = text_of_blocks(Message(title="x", error="<!channel> & ```*bold*```"))
    assert "&lt;!channel&gt; &amp;" in text
    assert text.count("```") == 2


def test_error_too_long_is_cut_between_entities_and_says_so() -> None:
    blocks = blocks_of(HUGE)
    error = next(block["text"]["text"] for block in blocks if "```" in str(block))
    assert len(error) <= 3000
    assert error.endswith("… (cut here)```")
    assert error.replace("&lt;", "").replace("&amp;", "").replace("&gt;", "").strip("`") == "… (cut here)"


def test_configs_that_do_not_fit_are_counted() -> None:
    listed = blocks_of(HUGE)[-1]["text"]["text"]
    shown = listed.count("•")
    assert listed.endswith(f"… and {2000 - shown} more")
    assert shown > 100


def test_link_to_a_file_is_shown_and_one_to_a_site_is_clickable() -> None:
    text = text_of_blocks(Message(title="x", links=(("Log", "file:///a b"), ("Runs", "https://example.org/?a=1&b=|"))))
    assert "*Log:* file:///a b" in text
    assert "<https://example.org/?a=1&amp;b=%7C|Runs>" in text


def test_good_news_look_good() -> None:
    assert "green" in text_of_blocks(Message(title="works again", good=True))
    assert "red" in text_of_blocks(Message(title="failed"))


@pytest.mark.parametrize("limit", range(20, 40))
def test_clipped_keeps_to_the_limit(limit: int) -> None:
    assert len(clipped("a&amp;" * 20, limit)) <= limit
