"""From alerts to what a person reads. Pure.

An alert's body may have `run_id`, `attempt`, `max_attempts`, `slot_at`, `ended_at`, `error`, `advice`, `log_uri`,
`failures` (in a row), `rows` and `since` (of the last success); what it lacks is left out.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from orchestrator.durations import format_duration
from orchestrator.model import Alert, AlertKind
from orchestrator.notifier import Message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.notifier import Reference

_TITLES = {
    AlertKind.FAILURE: "{name} failed",
    AlertKind.FAILED_AGAIN: "{name} failed again",
    AlertKind.RECOVERY: "{name} works again",
    AlertKind.QUARANTINE: "{name} is quarantined: its row cannot be scheduled",
    AlertKind.STALE: "{name}: its data is older than it may be",
}


def message_for(alerts: Sequence[Alert], *, answers: Reference | None = None) -> Message:
    """Return the message that tells these alerts: one, or several that have their cause in common."""
    first = alerts[0]
    told = _several(alerts) if len(alerts) > 1 else _one(first)
    return Message(
        **told,
        error=first.body.get("error"),
        good=first.kind is AlertKind.RECOVERY,
        channel=first.channel,
        answers=answers,
    )


def _one(alert: Alert) -> dict[str, Any]:
    body = alert.body
    title = _TITLES[alert.kind].format(name=alert.config_name)
    if alert.kind is not AlertKind.RECOVERY and body.get("failures", 0) > 1:
        title += f", {body['failures']} times in a row"
    return {
        "title": title,
        "facts": tuple((label, text) for label, text in _facts(alert) if text),
        "advice": body.get("advice"),
        "links": (("Log", body["log_uri"]),) if body.get("log_uri") else (),
    }


def _several(alerts: Sequence[Alert]) -> dict[str, Any]:
    first = alerts[0]
    return {
        "title": _TITLES[first.kind].format(name=f"{len(alerts)} configs") + ", all from the same cause",
        "facts": tuple((label, text) for label, text in [("When", _time(first.body.get("ended_at")))] if text),
        "advice": _common_advice(alerts),
        "configs": tuple(_line(alert) for alert in alerts),
    }


def _facts(alert: Alert) -> list[tuple[str, str]]:
    body = alert.body
    facts = [
        ("When", _time(body.get("ended_at"))),
        ("Slot", _time(body.get("slot_at"))),
        ("Attempt", _attempt(body)),
        ("Rows", f"{body['rows']:,}" if body.get("rows") is not None else ""),
        ("Run", body.get("run_id") or ""),
    ]
    return [*_recovered_from(body), *facts] if alert.kind is AlertKind.RECOVERY else facts


def _recovered_from(body: dict[str, Any]) -> list[tuple[str, str]]:
    since, ended = body.get("since"), body.get("ended_at")
    broken = ""
    if since and ended:
        broken = f"{_length(_parsed(ended) - _parsed(since))}, since {_time(since)}"
    return [("Without a success for", broken), ("Failures", str(body.get("failures") or ""))]


def _common_advice(alerts: Sequence[Alert]) -> str | None:
    """Return what to do about all of them; advice that names one run is about that run only."""
    advice = {alert.body.get("advice") for alert in alerts}
    if len(advice) == 1:
        return advice.pop()
    return "Read the log of one with `sluice runs logs <run>`; the next slots, or `sluice run`, try them again."


def _line(alert: Alert) -> str:
    run = alert.body.get("run_id")
    return f"{alert.config_name} (run {run})" if run else alert.config_name


def _attempt(body: dict[str, Any]) -> str:
    attempt, most = body.get("attempt"), body.get("max_attempts")
    return f"{attempt} of {most}" if attempt and most else str(attempt or "")


def _time(text: str | None) -> str:
    return f"{_parsed(text):%Y-%m-%d %H:%M} UTC" if text else ""


def _parsed(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _length(duration: timedelta) -> str:
    """Write a duration to the minute, or to the second if it is shorter than one."""
    unit = 60 if duration >= timedelta(minutes=1) else 1
    return format_duration(timedelta(seconds=duration.total_seconds() // unit * unit))
