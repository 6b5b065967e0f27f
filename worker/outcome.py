"""What an attempt has done so far, and how it ends: the report."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from obstore.exceptions import BaseError as StoreError
from obstore.exceptions import PermissionDeniedError, UnauthenticatedError

from worker import secrets
from worker.contract.options import OptionsError
from worker.contract.report import ErrorKind, ErrorReport, Report
from worker.contract.run_folder import CorruptDocument, RunFolderError
from worker.contract.run_spec import SpecError
from worker.errors import Cancelled, ConfigurationError, Unavailable, WorkerError
from worker.logs import log

if TYPE_CHECKING:
    from worker.attempt import Attempt
    from worker.contract.run_folder import Manifest
    from worker.destination import Receipt

_PERSON_MUST_ACT = (SpecError, OptionsError, CorruptDocument, PermissionDeniedError, UnauthenticatedError)
_MAY_PASS = (RunFolderError, StoreError)
_LONGEST_LINE = 300


@dataclass(slots=True)
class Outcome:
    """Counts what has happened; nothing here decides anything."""

    rows: int = 0
    bytes: int = 0
    units: int = 0
    units_skipped: int = 0
    unit_in_doubt: bool = False
    cursor: Any = None
    schema_changes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def warn(self, text: str) -> None:
        """Say something that does not fail the run."""
        self.warnings.append(secrets.mask(text))
        log.warning("%s", text)

    def published(self, receipt: Receipt, manifest: Manifest) -> None:
        """Count a unit that this attempt has published."""
        self.unit_in_doubt = False
        self.units += 1
        self.rows += receipt.rows
        self.bytes += sum(part.bytes for part in manifest.parts)
        self.schema_changes.extend(receipt.schema_changes)
        for change in receipt.schema_changes:
            log.info("%s", change)

    def skipped(self, receipt: Receipt) -> None:
        """Count a unit that was published before."""
        self.units_skipped += 1
        self.rows += receipt.rows

    def report(self, attempt: Attempt, error: WorkerError | None) -> Report:
        """Return the report of an attempt that ends now."""
        return Report(
            run_id=attempt.run_id,
            attempt=attempt.number,
            nonce=attempt.nonce,
            status="failed" if error else "succeeded",
            rows=self.rows,
            bytes=self.bytes,
            units=self.units,
            units_skipped=self.units_skipped,
            unit_in_doubt=self.unit_in_doubt,
            cursor=None if error else self.cursor,
            schema_changes=self.schema_changes,
            warnings=self.warnings,
            error=error_report(error) if error else None,
            started_at=attempt.started_at,
            finished_at=datetime.now(UTC),
        )


def error_report(error: WorkerError) -> ErrorReport:
    """Return an error as a person should read it, without secrets."""
    return ErrorReport(kind=error.kind, text=secrets.mask(str(error)), fingerprint=secrets.mask(error.fingerprint))


def classified(error: BaseException) -> WorkerError:
    """Return the error as one of the four kinds; whatever nobody classified is a bug."""
    match error:
        case WorkerError():
            return error
        case KeyboardInterrupt():
            return Cancelled("run: expected to go on to the end, got an interrupt; run it again when it suits")
        case _ if isinstance(error, _PERSON_MUST_ACT):
            return ConfigurationError(str(error))
        case _ if isinstance(error, _MAY_PASS):
            return Unavailable(str(error))
        case _:
            return WorkerError(_one_line(error))


def log_error(error: WorkerError, raised: BaseException) -> None:
    """Log what ended a run; only of a bug does it matter where it was raised."""
    is_bug = error.kind is ErrorKind.BUG
    log.error("%s", error, exc_info=raised if is_bug else None, extra={"fields": {"kind": error.kind.value}})


def _one_line(error: BaseException) -> str:
    said = " ".join(str(error).split())[:_LONGEST_LINE]
    name = type(error).__name__
    return f"worker: expected no error, got {name}: {said}; this is a bug, the log of the run says where"
