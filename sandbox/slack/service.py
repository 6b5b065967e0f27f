"""Slack's Web API and incoming webhooks, as far as an app that posts messages needs them."""

from __future__ import annotations

import hashlib
import json
import time
from threading import Condition
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qsl

from sandbox.slack.blocks import block_errors
from sandbox.slack.message import Message
from sandbox.web import Reply, Request, json_reply, text_reply

if TYPE_CHECKING:
    from collections.abc import Mapping

_MAX_TEXT = 40_000
_TEAM, _USER = "T0SANDBOX", "U0SANDBOX"


class SlackError(Exception):
    """Slack's error code, and the details that come with some."""

    def __init__(self, code: str, details: list[str] | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.details = details or []


class Slack:
    """Records what is posted.

    Every channel exists but those in `missing_channels`, written as the sender writes them.
    """

    name: ClassVar[str] = "slack"
    prefixes: ClassVar[tuple[str, ...]] = ("/api/", "/services/")
    token: ClassVar[str] = "xoxb-sandbox"  # noqa: S105  opens nothing but the sandbox
    webhook_path: ClassVar[str] = f"/services/{_TEAM}/B0SANDBOX/sandbox"

    def __init__(self) -> None:
        self.missing_channels = {"#missing"}
        self._messages: list[Message] = []
        self._arrived = Condition()

    @property
    def messages(self) -> list[Message]:
        """Return the messages that arrived and were accepted, oldest first."""
        with self._arrived:
            return list(self._messages)

    def wait(self, count: int, *, timeout_seconds: float = 10.0) -> list[Message]:
        """Return the messages once there are `count`; raises `TimeoutError`."""
        with self._arrived:
            if not self._arrived.wait_for(lambda: len(self._messages) >= count, timeout_seconds):
                raise TimeoutError(
                    f"slack: expected {count} messages in {timeout_seconds} s, got {len(self._messages)}"
                )
            return list(self._messages)

    def clear(self) -> None:
        with self._arrived:
            self._messages.clear()

    def answer(self, request: Request) -> Reply:
        if request.path.startswith("/services/"):
            return self._webhook(request)
        try:
            return json_reply({"ok": True, **self._call(request)})
        except SlackError as error:
            return json_reply(_error_body(error))

    def refusal(self, status: int) -> Reply:
        if status == 429:  # noqa: PLR2004  HTTP's own number
            return json_reply({"ok": False, "error": "ratelimited"}, 429, **{"Retry-After": "1"})
        return text_reply(f"Error {status}", status)

    def _call(self, request: Request) -> dict[str, Any]:
        arguments = _arguments(request)
        token = request.headers.get("Authorization", "").removeprefix("Bearer ") or arguments.get("token", "")
        if not token:
            raise SlackError("not_authed")
        if token != self.token:
            raise SlackError("invalid_auth")
        if request.path == "/api/auth.test":
            return {
                "url": "https://sandbox.slack.com/",
                "team": "Sandbox",
                "user": "sluice",
                "team_id": _TEAM,
                "user_id": _USER,
            }
        if request.path == "/api/chat.postMessage":
            return self._post_message(arguments)
        raise SlackError("unknown_method")

    def _post_message(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        channel = str(arguments.get("channel", ""))
        if not channel or channel in self.missing_channels:
            raise SlackError("channel_not_found")
        message = self._accept(arguments, channel, "chat.postMessage")
        echo = {"type": "message", "user": _USER, "ts": message.ts, "text": message.text, "blocks": message.blocks}
        if message.thread_ts:
            echo["thread_ts"] = message.thread_ts
        return {"channel": message.channel_id, "ts": message.ts, "message": echo}

    def _webhook(self, request: Request) -> Reply:
        if request.path != self.webhook_path:
            return text_reply("no_service", 404)
        try:
            payload = _arguments(request)
            self._accept(json.loads(payload["payload"]) if "payload" in payload else payload, "webhook", "webhook")
        except SlackError as error:
            return text_reply(error.code, 400)
        return text_reply("ok")

    def _accept(self, arguments: Mapping[str, Any], channel: str, via: str) -> Message:
        blocks = arguments.get("blocks") or []
        text = str(arguments.get("text") or "")
        if not text and not blocks and not arguments.get("attachments"):
            raise SlackError("no_text")
        if len(text) > _MAX_TEXT:
            raise SlackError("msg_too_long")
        errors = block_errors(blocks)
        if errors:
            raise SlackError("invalid_blocks", errors)
        with self._arrived:
            message = Message(
                channel, _channel_id(channel), self._next_ts(), text, blocks, arguments.get("thread_ts"), via
            )
            self._messages.append(message)
            self._arrived.notify_all()
        return message

    def _next_ts(self) -> str:
        return f"{int(time.time())}.{len(self._messages) + 1:06}"


def _arguments(request: Request) -> dict[str, Any]:
    """Read the arguments of a call: a JSON object, or a form in which objects are written as JSON."""
    if "json" not in request.headers.get("Content-Type", ""):
        form: dict[str, Any] = dict(parse_qsl(request.body.decode()))
        if isinstance(form.get("blocks"), str):
            form["blocks"] = _json(form["blocks"], "invalid_blocks_format")
        return form
    arguments = _json(request.body.decode() or "{}", "invalid_json")
    if not isinstance(arguments, dict):
        raise SlackError("json_not_object")
    return arguments


def _json(text: str, error: str) -> Any:  # noqa: ANN401  JSON
    try:
        return json.loads(text)
    except ValueError as reason:
        raise SlackError(error) from reason


def _error_body(error: SlackError) -> dict[str, Any]:
    body: dict[str, Any] = {"ok": False, "error": error.code}
    if error.details:
        body["errors"] = error.details
        body["response_metadata"] = {"messages": [f"[ERROR] {detail}" for detail in error.details]}
    return body


def _channel_id(channel: str) -> str:
    """Return an id as Slack has them: the same for the same channel, with or without its sign."""
    if channel[:1] in "CDG" and channel.isalnum() and channel.isupper():
        return channel
    return "C" + hashlib.sha256(channel.removeprefix("#").encode()).hexdigest()[:10].upper()
