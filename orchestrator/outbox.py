"""The outbox of alerts: one short method per block of `sql/alerts.sql`, of the same name, each its own transaction."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from orchestrator.model import Alert, AlertKind
from orchestrator.notifier import Reference
from orchestrator.sql import queries

if TYPE_CHECKING:
    import uuid
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Engine, RowMapping

LEASE = timedelta(minutes=5)
"""Longer than any tick drains and any message takes: whoever has not marked a message by then has died."""


@dataclass(frozen=True, slots=True)
class Letter:
    """Alerts that are told in one message, leased to one drainer."""

    ids: tuple[uuid.UUID, ...]
    alerts: tuple[Alert, ...]
    """By name of the config."""
    attempts: int
    answers: Reference | None
    """The message of the incident they belong to."""


class Outbox:
    """Takes alerts, and writes down what became of them."""

    def __init__(self, engine: Engine) -> None:
        """Speak to this database."""
        self._engine = engine

    def take_alerts(self, *, now: datetime) -> Letter | None:
        """Lease the next message; None if there is nothing to tell now."""
        with self._engine.begin() as connection:
            taken = connection.execute(queries("alerts")["take_alerts"], {"now": now, "leased_until": now + LEASE})
            rows = sorted(taken.mappings(), key=lambda row: (row["config_name"], row["key"]))
        return _letter(rows) if rows else None

    def mark_sent(self, letter: Letter, reference: Reference, *, now: datetime) -> None:
        """The message has arrived there."""
        self._run("mark_sent", letter, reference=json.dumps(asdict(reference)), now=now)

    def delay_alerts(self, letter: Letter, error: str, *, until: datetime) -> None:
        """The message did not arrive, and is tried again then."""
        self._run("delay_alerts", letter, error=error, until=until)

    def hold_alerts(self, *, until: datetime) -> None:
        """Nothing is sent before then."""
        with self._engine.begin() as connection:
            connection.execute(queries("alerts")["hold_alerts"], {"until": until})

    def bury_alerts(self, letter: Letter, error: str, *, now: datetime) -> None:
        """The message never arrives."""
        self._run("bury_alerts", letter, error=error, now=now)

    def _run(self, name: str, letter: Letter, **values: Any) -> None:  # noqa: ANN401 - the block's parameters
        with self._engine.begin() as connection:
            connection.execute(queries("alerts")[name], {"ids": [str(alert) for alert in letter.ids], **values})


def _letter(rows: Sequence[RowMapping]) -> Letter:
    reference = rows[0]["reference"]
    return Letter(
        ids=tuple(row["id"] for row in rows),
        alerts=tuple(_alert(row) for row in rows),
        attempts=max(row["attempts"] for row in rows),
        answers=Reference(**reference) if reference else None,
    )


def _alert(row: RowMapping) -> Alert:
    return Alert(
        key=row["key"],
        kind=AlertKind(row["kind"]),
        config_id=row["config_id"],
        config_name=row["config_name"],
        channel=row["channel"],
        fingerprint=row["fingerprint"],
        body=row["body"],
        thread_of=row["thread_of"],
    )
