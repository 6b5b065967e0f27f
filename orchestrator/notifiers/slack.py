"""Messages to Slack, by the Web API (any channel, threads) or an incoming webhook (one channel, no threads).

The SDK's own retries are off: the outbox tries again, without a tick waiting for it.
"""

from __future__ import annotations

import re
from datetime import timedelta
from http.client import HTTPException
from typing import TYPE_CHECKING

from orchestrator.notifier import NeverDelivered, NotDelivered, Reference
from orchestrator.notifiers.slack_blocks import blocks_of, text_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.notifier import Message

API_URL = "https://slack.com/api/"
TIMEOUT = timedelta(seconds=10)

_PASSING = frozenset(
    {
        "fatal_error",
        "internal_error",
        "message_limit_exceeded",
        "rate_limited",
        "ratelimited",
        "request_timeout",
        "rollup_error",
        "service_unavailable",
        "team_added_to_org",
    }
)
_TOO_MANY_REQUESTS = 429
_SERVER_ERRORS = 500
_TOKEN = "set SLACK_BOT_TOKEN to the token of an installed app with the scope chat:write"  # noqa: S105 - advice
_WEBHOOK = "make a new incoming webhook and set SLACK_WEBHOOK_URL to it"
_CHANNEL = "correct slack_channel of the config, or SLACK_CHANNEL; a private channel must have invited the app"
_ADVICE = {
    "account_inactive": _TOKEN,
    "action_prohibited": "ask the workspace's admins to let the webhook post there",
    "channel_is_archived": "unarchive the channel, or name another one",
    "channel_not_found": _CHANNEL,
    "invalid_auth": _TOKEN,
    "invalid_token": _WEBHOOK,
    "is_archived": "unarchive the channel, or name another one",
    "missing_scope": _TOKEN,
    "no_service": _WEBHOOK,
    "no_team": _WEBHOOK,
    "not_authed": _TOKEN,
    "not_in_channel": "invite the app: type /invite and its name in the channel",
    "team_disabled": _WEBHOOK,
    "token_expired": _TOKEN,
    "token_revoked": _TOKEN,
}
_UNKNOWN = "look it up at https://docs.slack.dev/reference/methods/chat.postMessage"


class SlackNotifier:
    """Posts with `chat.postMessage`; a config without a channel goes to the default one."""

    def __init__(
        self, token: str, channel: str | None, *, api_url: str = API_URL, timeout: timedelta = TIMEOUT
    ) -> None:
        """Post as the app whose token this is."""
        from slack_sdk import WebClient

        self._channel = channel
        self._client = WebClient(
            token, base_url=f"{api_url.rstrip('/')}/", timeout=_whole_seconds(timeout), retry_handlers=[]
        )

    def send(self, message: Message) -> Reference:
        from slack_sdk.errors import SlackApiError

        channel, thread = self._place(message)
        try:
            answer = self._client.chat_postMessage(
                channel=channel,
                thread_ts=thread,
                text=text_of(message),
                blocks=blocks_of(message),
                unfurl_links=False,
                unfurl_media=False,
            )
        except SlackApiError as error:
            response = error.response
            raise _fault(channel, response.status_code, str(response.get("error")), response.headers) from error
        except (OSError, HTTPException) as error:
            raise _unreachable(error) from error
        return Reference(channel=str(answer["channel"]), thread=thread or str(answer["ts"]))

    def _place(self, message: Message) -> tuple[str, str | None]:
        """Return channel and thread; what another notifier sent has no thread here."""
        if message.answers and message.answers.thread:
            return message.answers.channel, message.answers.thread
        channel = message.channel or self._channel
        if not channel:
            raise NeverDelivered(
                "Slack: expected a channel, got none; set SLACK_CHANNEL, or the config's slack_channel"
            )
        return channel, None


class SlackWebhookNotifier:
    """Posts to an incoming webhook, whose channel is the only one it has."""

    def __init__(self, url: str, *, timeout: timedelta = TIMEOUT) -> None:
        """Post to this webhook's URL."""
        from slack_sdk.webhook import WebhookClient

        self._client = WebhookClient(url, timeout=_whole_seconds(timeout), retry_handlers=[])

    def send(self, message: Message) -> Reference:
        try:
            answer = self._client.send(text=text_of(message), blocks=blocks_of(message))
        except (OSError, HTTPException) as error:
            raise _unreachable(error) from error
        if answer.body.strip() != "ok":
            raise _fault("the webhook's channel", answer.status_code, answer.body.strip(), answer.headers)
        return Reference(channel="webhook")


def _fault(channel: str, status: int, code: str, headers: Mapping[str, str]) -> NotDelivered | NeverDelivered:
    """Tell what passes by itself from what a person must change."""
    text = f"Slack: expected to post to {channel}, got {code[:200]} (status {status})"
    is_code = re.fullmatch(r"[a-z_]+", code)
    if status == _TOO_MANY_REQUESTS or status >= _SERVER_ERRORS or code in _PASSING or not is_code:
        return NotDelivered(text, retry_after=_retry_after(headers))
    return NeverDelivered(f"{text}; {_ADVICE.get(code, _UNKNOWN)}")


def _unreachable(error: Exception) -> NotDelivered:
    return NotDelivered(f"Slack: expected an answer, got {type(error).__name__}: {error}")


def _retry_after(headers: Mapping[str, str]) -> timedelta | None:
    written = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    return timedelta(seconds=int(written)) if written.isdecimal() else None


def _whole_seconds(timeout: timedelta) -> int:
    return max(1, round(timeout.total_seconds()))
