"""The report of an attempt."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from worker.contract.exit_code import ExitCode
from worker.contract.report import ErrorKind, ErrorReport, Report
from worker.errors import Cancelled, ConfigurationError, Fenced, Unavailable, WorkerError

NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "retryable"),
    [
        (ErrorKind.CONFIGURATION, False),
        (ErrorKind.UNAVAILABLE, True),
        (ErrorKind.CANCELLED, False),
        (ErrorKind.BUG, True),
    ],
)
def test_kind_of_error_says_whether_to_try_again(kind: ErrorKind, retryable: bool) -> None:
    assert ErrorReport(kind=kind, text="t").retryable is retryable


def test_every_kind_is_decided() -> None:
    assert len(ErrorKind) == 4


def test_report_of_an_older_worker_is_read() -> None:
    text = (
        '{"version":1,"run_id":"r","attempt":1,"nonce":"n","status":"failed","error":{"kind":"bug","text":"t"},'
        '"started_at":"2026-01-02T00:00:00Z","finished_at":"2026-01-02T00:00:00Z"}'
    )
    error = ErrorReport(kind=ErrorKind.BUG, text="t")
    assert Report.model_validate_json(text) == Report(
        run_id="r", attempt=1, nonce="n", status="failed", error=error, started_at=NOW, finished_at=NOW
    )


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigurationError, 78),
        (Unavailable, 75),
        (Cancelled, 75),
        (Fenced, 76),
        (WorkerError, 70),
    ],
)
def test_exit_codes_are_those_of_the_contract(error: type[WorkerError], code: int) -> None:
    assert error.exit_code == code
    assert error("t").exit_code in ExitCode


def test_success_is_zero() -> None:
    assert int(ExitCode.OK) == 0
