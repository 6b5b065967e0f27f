"""The worker's own settings: what is the same for every run of this image."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Self

from worker.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment may set beside the run itself; every variable has a default."""

    batch_size: int = 10_000
    """`BATCH_SIZE`: rows per batch at the most."""
    log_level: str = "INFO"
    """`LOG_LEVEL`: DEBUG, INFO, WARNING or ERROR."""
    duckdb_lock_wait: timedelta = timedelta(seconds=60)
    """`DUCKDB_LOCK_WAIT_SECONDS`: how long to wait for a DuckDB file that another process holds."""

    @classmethod
    def from_env(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings.

        Raises:
            ConfigurationError: a value is malformed; names the variable.
        """
        level = (environment.get("LOG_LEVEL", "").strip() or "INFO").upper()
        if level not in LOG_LEVELS:
            raise ConfigurationError(f"LOG_LEVEL: expected one of {', '.join(LOG_LEVELS)}, got {level!r}; correct it")
        return cls(
            batch_size=_whole_number(environment, "BATCH_SIZE", default=10_000, least=1),
            log_level=level,
            duckdb_lock_wait=timedelta(
                seconds=_whole_number(environment, "DUCKDB_LOCK_WAIT_SECONDS", default=60, least=0)
            ),
        )


def _whole_number(environment: Mapping[str, str], variable: str, *, default: int, least: int) -> int:
    text = environment.get(variable, "").strip() or str(default)
    if not text.isascii() or not text.isdigit() or int(text) < least:
        raise ConfigurationError(f"{variable}: expected a whole number from {least}, got {text!r}; correct it")
    return int(text)
