"""Drain the outbox: send what there is to tell, with no transaction open, and never harm the tick."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.exc import SQLAlchemyError

from orchestrator.messages import message_for
from orchestrator.notifier import NeverDelivered, NotDelivered
from orchestrator.outbox import Outbox
from worker.contract.failpoint import reach

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Engine

    from orchestrator.notifier import Notifier
    from orchestrator.outbox import Letter

FIRST_DELAY = timedelta(seconds=15)
LONGEST_DELAY = timedelta(minutes=10)
_DOUBLINGS = 8  # more of them than LONGEST_DELAY needs

log = structlog.get_logger()


@dataclass(slots=True)
class Drained:
    """What became of alerts; several may have been told in one message."""

    sent: int = 0
    delayed: int = 0
    dead: int = 0


def drain(engine: Engine, notifier: Notifier, *, now: datetime, budget_seconds: float) -> Drained:
    """Send what is due, oldest first, until nothing is left, the budget is spent, or a message is delayed.

    Never raises for what a database, a notifier or an alert does wrong: what was not sent waits for the next drain.
    """
    drained = Drained()
    until = time.monotonic() + budget_seconds
    outbox = Outbox(engine)
    try:
        while time.monotonic() < until and not drained.delayed and (letter := outbox.take_alerts(now=now)):
            _deliver(outbox, notifier, letter, drained, now=now)
    except SQLAlchemyError:
        log.exception("outbox could not be drained")
    return drained


def retry_after(attempts: int, asked: timedelta | None) -> timedelta:
    """Return how long to wait after so many attempts before this one; at least what the other side asked for."""
    delay: timedelta = min(FIRST_DELAY * 2 ** min(attempts, _DOUBLINGS), LONGEST_DELAY)
    return max(delay, asked or timedelta(0))


def _deliver(outbox: Outbox, notifier: Notifier, letter: Letter, drained: Drained, *, now: datetime) -> None:
    key, count = letter.alerts[0].key, len(letter.ids)
    reach("notify.after_take")
    try:
        reference = notifier.send(message_for(letter.alerts, answers=letter.answers))
    except NotDelivered as error:
        log.warning("alert delayed", key=key, alerts=count, error=str(error))
        _delay(outbox, letter, error, now=now)
        drained.delayed += count
    except NeverDelivered as error:
        log.warning("alert dead", key=key, alerts=count, error=str(error))
        outbox.bury_alerts(letter, str(error), now=now)
        drained.dead += count
    except Exception as error:  # an alert that cannot even be told must not hold up the others
        log.exception("alert dead", key=key, alerts=count)
        outbox.bury_alerts(letter, f"{type(error).__name__}: {error}", now=now)
        drained.dead += count
    else:
        reach("notify.after_send")
        outbox.mark_sent(letter, reference, now=now)
        drained.sent += count


def _delay(outbox: Outbox, letter: Letter, error: NotDelivered, *, now: datetime) -> None:
    outbox.delay_alerts(letter, str(error), until=now + retry_after(letter.attempts, error.retry_after))
    if error.retry_after:
        outbox.hold_alerts(until=now + error.retry_after)
