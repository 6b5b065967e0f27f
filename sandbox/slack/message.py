"""A message as it arrived."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Message:
    """`channel` is what the sender wrote, `channel_id` what Slack calls it; `ts` names the message in its channel."""

    channel: str
    channel_id: str
    ts: str
    text: str
    blocks: list[dict[str, Any]] = field(default_factory=list)
    thread_ts: str | None = None
    via: str = "chat.postMessage"
