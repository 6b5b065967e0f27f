from __future__ import annotations

import pytest

from orchestrator.messages import message_for
from orchestrator.model import Alert, AlertKind
from orchestrator.notifier import Message, Reference

BODY = {
    "run_id": "4f1c",
    "attempt": 3,
    "max_attempts": 3,
    "slot_at": "2026-11-20T06:00:00+00:00",
    "ended_at": "2026-11-20T07:12:31+01:00",
    "error": "host db.example: expected an answer, got a timeout; check the network",
    "advice": "Read its log with `sluice runs logs 4f1c`.",
    "log_uri": "file:///runs/7/4f1c/output-3.log",
    "failures": 1,
}


def alert(kind: AlertKind = AlertKind.FAILURE, name: str = "orders", **body: object) -> Alert:
    return Alert(
        key=f"{kind}/{name}",
        kind=kind,
        config_id=7,
        config_name=name,
        channel="#loads",
        fingerprint="host db.example",
        body={**BODY, **body},
    )


def test_failure_says_what_when_attempt_error_advice_log_and_run() -> None:
    assert message_for([alert()]) == Message(
        title="orders failed",
        facts=(
            ("When", "2026-11-20 06:12 UTC"),
            ("Slot", "2026-11-20 06:00 UTC"),
            ("Attempt", "3 of 3"),
            ("Run", "4f1c"),
        ),
        error=BODY["error"],  # type: ignore[arg-type]
        advice="Read its log with `sluice runs logs 4f1c`.",
        links=(("Log", "file:///runs/7/4f1c/output-3.log"),),
        channel="#loads",
    )


@pytest.mark.parametrize(
    ("kind", "failures", "title"),
    [
        (AlertKind.FAILURE, 1, "orders failed"),
        (AlertKind.FAILURE, 3, "orders failed, 3 times in a row"),
        (AlertKind.FAILED_AGAIN, 4, "orders failed again, 4 times in a row"),
        (AlertKind.RECOVERY, 4, "orders works again"),
    ],
)
def test_title_says_how_often(kind: AlertKind, failures: int, title: str) -> None:
    assert message_for([alert(kind, failures=failures)]).title == title


@pytest.mark.parametrize(
    ("since", "broken"),
    [
        ("2026-11-18T05:00:00+00:00", "2d1h12m, since 2026-11-18 05:00 UTC"),
        ("2026-11-20T06:11:50+00:00", "41s, since 2026-11-20 06:11 UTC"),
    ],
)
def test_recovery_says_how_long_it_was_broken_and_how_often(since: str, broken: str) -> None:
    message = message_for([alert(AlertKind.RECOVERY, since=since, failures=5, rows=12_345, error=None)])
    facts = dict(message.facts)
    assert message.good
    assert facts["Without a success for"] == broken
    assert facts["Failures"] == "5"
    assert facts["Rows"] == "12,345"


def test_recovery_of_what_had_never_worked_claims_no_length() -> None:
    message = message_for([alert(AlertKind.RECOVERY, since=None, failures=5)])
    assert "Without a success for" not in dict(message.facts)


@pytest.mark.parametrize("kind", AlertKind)
def test_every_kind_can_be_told_with_an_empty_body(kind: AlertKind) -> None:
    bare = Alert(key="k", kind=kind, config_id=None, config_name="orders", channel=None, fingerprint="", body={})
    message = message_for([bare])
    assert "orders" in message.title
    assert message.facts == ()


def test_several_are_one_message_with_a_list() -> None:
    message = message_for([alert(), alert(name="customers", run_id="9b2d"), alert(name="returns", run_id=None)])
    assert message.title == "3 configs failed, all from the same cause"
    assert message.configs == ("orders (run 4f1c)", "customers (run 9b2d)", "returns")
    assert message.error == BODY["error"]
    assert dict(message.facts) == {"When": "2026-11-20 06:12 UTC"}


def test_several_are_advised_together_unless_the_advice_is_about_one_run() -> None:
    same = message_for([alert(advice="Start the server."), alert(name="customers", advice="Start the server.")])
    assert same.advice == "Start the server."
    different = message_for([alert(), alert(name="customers", advice="Read its log with `sluice runs logs 9b2d`.")])
    assert "sluice runs logs <run>" in str(different.advice)


def test_answer_knows_what_it_answers() -> None:
    opened = Reference("C1", "1.2")
    assert message_for([alert(AlertKind.RECOVERY)], answers=opened).answers == opened
