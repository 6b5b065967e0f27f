"""What every notifier promises. A subclass gives the notifier, and says what arrived."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orchestrator.notifier import Message, Reference

if TYPE_CHECKING:
    from orchestrator.notifier import Notifier

FULL = Message(
    title="orders failed",
    facts=(("When", "2026-11-20 06:00 UTC"), ("Attempt", "3 of 3"), ("Run", "4f1c")),
    error="host db.example: expected an answer, got a timeout",
    advice="See `sluice runs logs 4f1c`.",
    links=(("Log", "file:///runs/output-3.log"),),
)
HUGE = Message(
    title="t" * 400,
    facts=tuple((f"Label {n}", "v" * 3000) for n in range(25)),
    error="<&>" * 10_000,
    advice="a&" * 5000,
    links=(("Log", "https://logs.example/" + "x" * 5000),),
    configs=tuple(f"config {n}" for n in range(2000)),
)
ODD = Message(title="<!channel> & *co*", error="```\nend\n``` <@U1> \\ \x07 数据 🚰\n", facts=(("<b>", "a|b>"),))


class NotifierConformance:
    """The tests; `arrived` returns all that was told, as text."""

    @pytest.fixture
    def notifier(self) -> Notifier:
        raise NotImplementedError

    def arrived(self) -> str:
        raise NotImplementedError

    def test_send_tells_everything(self, notifier: Notifier) -> None:
        notifier.send(FULL)
        told = self.arrived()
        for text in (FULL.title, FULL.error, FULL.advice, "3 of 3", "4f1c", "file:///runs/output-3.log"):
            assert str(text) in told

    def test_send_lists_the_configs(self, notifier: Notifier) -> None:
        notifier.send(Message(title="2 configs failed", configs=("orders", "customers")))
        assert "orders" in self.arrived()
        assert "customers" in self.arrived()

    @pytest.mark.parametrize("message", [Message(title="x"), Message(title="x", good=True), HUGE, ODD])
    def test_send_accepts_anything_there_is_to_tell(self, notifier: Notifier, message: Message) -> None:
        assert notifier.send(message).channel

    def test_reference_can_be_answered(self, notifier: Notifier) -> None:
        first = notifier.send(FULL)
        second = notifier.send(Message(title="orders works again", good=True, answers=first))
        assert second == first
        assert "works again" in self.arrived()

    def test_reference_of_another_notifier_is_answered_on_its_own(self, notifier: Notifier) -> None:
        notifier.send(Message(title="orders works again", answers=Reference("elsewhere")))
        assert "works again" in self.arrived()
