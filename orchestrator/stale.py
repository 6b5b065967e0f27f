"""Tell when data has become older than its owner said it may be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.model import Alert, AlertKind

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import RowMapping

    from orchestrator.store import Store


def tell_stale(store: Store, *, now: datetime) -> int:
    """Write one alert for each config that went past its `fresh_within`; once, until a run succeeds."""
    stale = store.stale_configs(now=now)
    if stale:
        store.insert_alerts([_alert(row, now=now) for row in stale], now=now)
    return len(stale)


def _alert(row: RowMapping, *, now: datetime) -> Alert:
    last = row["last_success_at"]
    return Alert(
        key=f"{AlertKind.STALE}/{row['id']}/{now.isoformat()}",
        kind=AlertKind.STALE,
        config_id=row["id"],
        config_name=row["name"],
        channel=row["slack_channel"],
        fingerprint="",
        body={
            "since": last and last.isoformat(),
            "error": f"expected data no older than {row['fresh_within']}, got none since {last or 'the beginning'}",
            "advice": f"See `sluice runs list --config {row['name']}`.",
            "ended_at": now.isoformat(),
        },
    )
