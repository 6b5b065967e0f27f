"""The worker's own settings."""

from __future__ import annotations

from datetime import timedelta

import pytest

from worker.errors import ConfigurationError
from worker.settings import Settings


def test_everything_has_a_default() -> None:
    assert Settings.from_env({}) == Settings()


def test_empty_variable_is_one_that_is_not_set() -> None:
    variables = {"BATCH_SIZE": "", "LOG_LEVEL": " ", "DUCKDB_LOCK_WAIT_SECONDS": ""}
    assert Settings.from_env(variables) == Settings()


def test_white_space_around_a_value_is_left_out() -> None:
    assert Settings.from_env({"BATCH_SIZE": " 5\n", "LOG_LEVEL": " debug "}) == Settings(5, "DEBUG")


def test_variables_are_read() -> None:
    variables = {
        "BATCH_SIZE": "5",
        "LOG_LEVEL": "debug",
        "DUCKDB_LOCK_WAIT_SECONDS": "0",
    }
    assert Settings.from_env(variables) == Settings(5, "DEBUG", timedelta(0))


@pytest.mark.parametrize("variable", ["BATCH_SIZE", "DUCKDB_LOCK_WAIT_SECONDS"])
@pytest.mark.parametrize("value", ["-1", "1.5", "ten", "²", "1 000"])
def test_number_that_is_none_is_refused(variable: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"{variable}: expected a whole number from \d, got {value!r}"):
        Settings.from_env({variable: value})


def test_batch_of_no_rows_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="BATCH_SIZE: expected a whole number from 1, got '0'"):
        Settings.from_env({"BATCH_SIZE": "0"})
