from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from orchestrator.notifier import Message
from orchestrator.notifiers.log import LogNotifier
from tests.orchestrator.notifiers.conformance import FULL, NotifierConformance

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping


class TestLogNotifier(NotifierConformance):
    lines: list[MutableMapping[str, Any]]

    @pytest.fixture
    def notifier(self) -> Iterator[LogNotifier]:
        with capture_logs() as self.lines:
            yield LogNotifier()

    def arrived(self) -> str:
        return str(self.lines)

    def test_send_writes_one_line_with_a_field_per_fact(self, notifier: LogNotifier) -> None:
        notifier.send(FULL)
        assert self.lines == [
            {
                "event": "alert",
                "log_level": "warning",
                "title": "orders failed",
                "when": "2026-11-20 06:00 UTC",
                "attempt": "3 of 3",
                "run": "4f1c",
                "log": "file:///runs/output-3.log",
                "error": FULL.error,
                "advice": FULL.advice,
            }
        ]

    def test_good_news_are_no_warning(self, notifier: LogNotifier) -> None:
        notifier.send(Message(title="orders works again", good=True))
        assert self.lines[0]["log_level"] == "info"
