"""Messages as lines of the log, for those who have no Slack."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from orchestrator.notifier import Reference

if TYPE_CHECKING:
    from orchestrator.notifier import Message

log = structlog.get_logger()


class LogNotifier:
    """Writes one structured line per message: a warning, or info if it is good news."""

    def send(self, message: Message) -> Reference:
        told = {
            **{label.lower().replace(" ", "_"): value for label, value in (*message.facts, *message.links)},
            "error": message.error,
            "advice": message.advice,
            "configs": list(message.configs),
        }
        write = log.info if message.good else log.warning
        write("alert", title=message.title, **{name: value for name, value in told.items() if value})
        return Reference(channel="log")
