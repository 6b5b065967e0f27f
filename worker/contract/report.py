"""What a worker says at its end: `report-<attempt>.json` in the run folder."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict


class ErrorKind(StrEnum):
    """The four kinds of error, each of which decides the next act."""

    CONFIGURATION = "configuration"  # a person must change something: never tried again
    UNAVAILABLE = "unavailable"  # the other side, or the network: try again
    CANCELLED = "cancelled"  # asked to stop
    BUG = "bug"  # nobody classified it


class ErrorReport(BaseModel):
    """An error as a person should read it: where, expected what, got what, do what."""

    model_config = ConfigDict(frozen=True)

    kind: ErrorKind
    text: str
    """One paragraph, free of secrets."""
    fingerprint: str = ""
    """Equal for the same cause in different configs (for example an unreachable host); empty: the cause is its own."""

    @property
    def retryable(self) -> bool:
        """Whether another attempt may end better."""
        return self.kind in {ErrorKind.UNAVAILABLE, ErrorKind.BUG}


class Report(BaseModel):
    """The outcome of one attempt, written by the holder of its fence."""

    model_config = ConfigDict(frozen=True)

    version: Literal[1] = 1
    run_id: str
    attempt: int
    nonce: str
    status: Literal["succeeded", "failed"]
    rows: int = 0
    """Rows in units that this run has published, in this attempt or before."""
    bytes: int = 0
    units: int = 0
    """Units published by this attempt."""
    units_skipped: int = 0
    """Units that an earlier attempt had published."""
    unit_in_doubt: bool = False
    """It ended while a unit was being published, which may be there and is not counted."""
    cursor: Any = None
    """Where the next run starts; None leaves the config's cursor as it is."""
    schema_changes: list[str] = []
    warnings: list[str] = []
    error: ErrorReport | None = None
    started_at: datetime
    finished_at: datetime
