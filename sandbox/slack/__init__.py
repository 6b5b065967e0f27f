"""Slack: messages that an app posts, over the Web API or an incoming webhook."""

from __future__ import annotations

from sandbox.slack.message import Message

__all__ = ["Message"]
