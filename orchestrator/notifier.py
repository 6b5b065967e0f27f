"""What carries messages to people. `notifiers/` has the implementations."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a message went, so that the next one can answer it."""

    channel: str
    thread: str | None = None
    """None where the notifier has no threads."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message as a person shall read it, in no notifier's format."""

    title: str
    """One line: what happened to what."""
    facts: tuple[tuple[str, str], ...] = ()
    """Label and value: when, attempt, run id …"""
    error: str | None = None
    advice: str | None = None
    """What to do."""
    links: tuple[tuple[str, str], ...] = ()
    """Label and URL."""
    configs: tuple[str, ...] = ()
    """The configs that share the cause, if there are several."""
    good: bool = False
    """Whether it is good news."""
    channel: str | None = None
    """None: the notifier's default."""
    answers: Reference | None = field(default=None)
    """The message whose thread this one belongs to."""


class NotDelivered(Exception):  # noqa: N818 - it names what happened
    """The message did not arrive and should be sent again, after `retry_after` if the other side said so."""

    def __init__(self, text: str, *, retry_after: timedelta | None = None) -> None:
        """Keep how long the other side asked to wait."""
        super().__init__(text)
        self.retry_after = retry_after


class NeverDelivered(Exception):  # noqa: N818 - it names what happened
    """The message will not arrive however often it is sent (no such channel, bad token); the text says what to do."""


class Notifier(Protocol):
    """Carries messages."""

    def send(self, message: Message) -> Reference:
        """Deliver one message, within a deadline.

        Raises:
            NotDelivered: try again later.
            NeverDelivered: trying again is no use.
        """
        ...
