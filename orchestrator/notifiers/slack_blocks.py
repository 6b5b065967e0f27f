"""A message in Slack's Block Kit, within its limits (https://docs.slack.dev/reference/block-kit/blocks). Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchestrator.notifier import Message

HEADER_LIMIT = 150
TEXT_LIMIT = 3000
FIELD_LIMIT = 2000
FIELDS_PER_SECTION = 10

_CUT = "… (cut here)"
_FENCE = "```"
_CLICKABLE = ("http://", "https://")


def blocks_of(message: Message) -> list[dict[str, Any]]:
    """Return the message's blocks: what happened, the facts, the error, what to do, where to look, who else."""
    fields = [_field(label, value) for label, value in message.facts]
    sections = [fields[at : at + FIELDS_PER_SECTION] for at in range(0, len(fields), FIELDS_PER_SECTION)]
    texts = [_error(message), _advice(message), _links(message), _configs(message)]
    return [
        {"type": "header", "text": _plain(f"{_emoji(message)} {message.title}")},
        *({"type": "section", "fields": section} for section in sections),
        *({"type": "section", "text": _markdown(text)} for text in texts if text),
    ]


def text_of(message: Message) -> str:
    """Return what a notification shows, and a client that knows no blocks."""
    told = f"{_emoji(message)} {message.title}" + (f": {message.error}" if message.error else "")
    return clipped(escaped(told), TEXT_LIMIT)


def escaped(text: str) -> str:
    """Return text that Slack shows as it is: no mention, no link (https://docs.slack.dev/messaging/formatting-message-text)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def clipped(text: str, limit: int) -> str:
    """Return escaped text cut to the limit, never inside an entity, and saying so."""
    if len(text) <= limit:
        return text
    return re.sub(r"&[a-z]*$", "", text[: limit - len(_CUT)]) + _CUT


def _emoji(message: Message) -> str:
    return ":large_green_circle:" if message.good else ":red_circle:"


def _error(message: Message) -> str:
    if not message.error:
        return ""
    # A zero-width space keeps the error's own fence from ending ours.
    text = escaped(message.error).replace(_FENCE, "`\u200b`\u200b`")
    return _FENCE + clipped(text, TEXT_LIMIT - 2 * len(_FENCE)) + _FENCE


def _advice(message: Message) -> str:
    return clipped(f"*What to do:* {escaped(message.advice)}", TEXT_LIMIT) if message.advice else ""


def _links(message: Message) -> str:
    return clipped("\n".join(_link(label, url) for label, url in message.links), TEXT_LIMIT)


def _link(label: str, url: str) -> str:
    if url.startswith(_CLICKABLE):
        return f"<{escaped(url).replace('|', '%7C')}|{escaped(label)}>"
    return f"*{escaped(label)}:* {escaped(url)}"


def _configs(message: Message) -> str:
    """List as many configs as fit, and count the others."""
    lines: list[str] = []
    room = TEXT_LIMIT - len(f"… and {len(message.configs)} more")
    for config in message.configs:
        line = f"• {escaped(config)}\n"
        if len(line) > room:
            return "".join(lines) + f"… and {len(message.configs) - len(lines)} more"
        room -= len(line)
        lines.append(line)
    return "".join(lines)


def _field(label: str, value: str) -> dict[str, str]:
    return _markdown(clipped(f"*{escaped(label)}*\n{escaped(value)}", FIELD_LIMIT))


def _markdown(text: str) -> dict[str, str]:
    return {"type": "mrkdwn", "text": text}


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": clipped(text, HEADER_LIMIT), "emoji": True}
