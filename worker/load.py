"""THE path of a load: fence, resolve, plan; then each unit that is not published: read, stage, publish; then report.

resolve   where to start, if runs before this one failed half-way
plan      the units of this run; every attempt of it works on the same
stage     Parquet parts, and a manifest that names exactly these
publish   the destination takes a unit under a key that it refuses twice
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from worker import stop
from worker.attempt import opened_attempt, take_fence
from worker.contract.exit_code import ExitCode
from worker.contract.run_folder import Plan
from worker.contract.run_spec import LoadMode
from worker.errors import ConfigurationError
from worker.failpoints import reach
from worker.guards import refuse_drop
from worker.hint import ask_for_tick
from worker.job import Job
from worker.logs import log
from worker.outcome import Outcome, classified, log_error
from worker.resolve import receipt_key, resolve

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pyarrow as pa

    from worker.attempt import Attempt
    from worker.contract.run_folder import Manifest, PlannedUnit
    from worker.destination import Receipt
    from worker.errors import WorkerError
    from worker.logs import LogTail
    from worker.resolve import Adopted
    from worker.source import Source


def load(environment: Mapping[str, str], tail: LogTail) -> ExitCode:
    """Do one attempt of a run and report it.

    Raises:
        Fenced: another execution holds the attempt; nothing was touched.
        WorkerError: the environment does not say which attempt this is.
        obstore's errors, RunFolderError: the run folder cannot be used, so that nothing can be reported.
    """
    with opened_attempt(environment) as attempt:
        reach("worker.before_fence")
        take_fence(attempt, environment.get("EXECUTION", ""))
        outcome = Outcome()
        error = _attempted(attempt, environment, outcome)
        stop.ignore_signals()
        _report(attempt, outcome, error, tail)
        if error is None:
            _clean_up(attempt)
        ask_for_tick(environment.get("TICK_URL"), environment.get("TICK_TOKEN"), attempt.run_id)
        return error.exit_code if error else ExitCode.OK


def _attempted(attempt: Attempt, environment: Mapping[str, str], outcome: Outcome) -> WorkerError | None:
    """Run the attempt, and return what ended it before its end, if anything did."""
    try:
        reach("worker.after_fence")
        _run(Job.from_env(attempt.folder.unspill(dict(environment))), attempt, outcome)
    except BaseException as raised:  # noqa: BLE001 - whatever happens is reported
        error = classified(raised)
        log_error(error, raised)
        return error
    return None


def _report(attempt: Attempt, outcome: Outcome, error: WorkerError | None, tail: LogTail) -> None:
    report = outcome.report(attempt, error)
    counts = {name: getattr(report, name) for name in ("rows", "bytes", "units", "units_skipped")}
    seconds = (report.finished_at - report.started_at).total_seconds()
    log.info("run %s", report.status, extra={"fields": counts | {"seconds": round(seconds, 3)}})
    reach("worker.before_report")
    attempt.folder.save_log(attempt.number, tail.content())
    attempt.folder.save_report(report)
    reach("worker.after_report")


def _clean_up(attempt: Attempt) -> None:
    try:
        attempt.folder.delete_parts()
    except Exception:  # noqa: BLE001 - the load has succeeded; a lifecycle rule removes what is left
        log.warning("staged parts could not be deleted", exc_info=True)
    reach("worker.after_cleanup")


def _run(job: Job, attempt: Attempt, outcome: Outcome) -> None:
    start = resolve(job.spec, job.destination)
    reach("worker.after_resolve")
    source = job.source(cursor=start.cursor, now=attempt.started_at, warn=outcome.warn)
    plan = start.adopted.plan if start.adopted else _planned(source, job, attempt)
    reach("worker.after_plan")
    _Units(job, attempt, outcome, source, start.adopted).publish(plan)
    last = plan.units[-1].cursor if plan.units else None
    outcome.cursor = start.cursor if last is None else last


def _planned(source: Source, job: Job, attempt: Attempt) -> Plan:
    """Return the plan of this run: the one that stands, else what the source plans now."""
    standing = attempt.folder.plan() if attempt.number > 1 else None
    plan = standing or attempt.folder.save_plan(Plan(units=tuple(source.plan())))
    keys = [unit.key for unit in plan.units]
    if len(set(keys)) < len(keys):
        raise RuntimeError(f"plan: expected each unit to have a key of its own, got {keys}")
    if job.spec.load_mode is LoadMode.REPLACE and len(keys) > 1:
        raise RuntimeError(f"plan: expected one unit, since each would replace the one before, got {keys}")
    return plan


@dataclass(frozen=True, slots=True)
class _Units:
    """Publishes the units of a plan, in their order."""

    job: Job
    attempt: Attempt
    outcome: Outcome
    source: Source
    adopted: Adopted | None

    def publish(self, plan: Plan) -> None:
        published = self._published(plan)
        if self.adopted:
            self.outcome.warn(
                f"run {self.adopted.run_id} failed after it had published {len(published)} of {len(plan.units)} units:"
                " this run finishes that one, and what is new since comes with the next"
            )
        for unit in plan.units:
            stop.check()
            if receipt := published.get(self._key(unit)):
                self.outcome.skipped(receipt)
            else:
                self._publish_unit(unit)

    def _published(self, plan: Plan) -> dict[str, Receipt]:
        if not plan.units or (self.attempt.number == 1 and not self.adopted):
            return {}  # the first to work on this plan
        return self.job.destination.published([self._key(unit) for unit in plan.units])

    def _publish_unit(self, unit: PlannedUnit) -> None:
        manifest = self._staged(unit)
        refuse_drop(self.job, manifest, self.outcome.warn)
        reach("worker.before_publish")
        receipt = self._received(unit, manifest)
        reach("worker.after_publish")
        self.outcome.published(receipt, manifest)

    def _received(self, unit: PlannedUnit, manifest: Manifest) -> Receipt:
        """Publish; unless the destination has refused the rows, whatever interrupts this leaves the unit in doubt."""
        self.outcome.unit_in_doubt = True
        try:
            mode = self.job.spec.load_mode
            return self.job.destination.publish(self.job.target, self._key(unit), manifest.parts, mode)
        except ConfigurationError:
            self.outcome.unit_in_doubt = False
            raise

    def _staged(self, unit: PlannedUnit) -> Manifest:
        from worker.batches import conformed
        from worker.stage import stage, standing_manifest

        if standing := standing_manifest(self.attempt, unit.key):
            self.outcome.warnings.extend(standing.warnings)
            return standing
        said = len(self.outcome.warnings)
        batches = conformed(
            self._read(unit),
            custom_schema=self.job.custom_schema,
            metadata=self.job.metadata(self.attempt.run_id, self.attempt.started_at),
        )
        return stage(self.attempt, unit.key, batches, warnings=lambda: self.outcome.warnings[said:])

    def _read(self, unit: PlannedUnit) -> Iterator[pa.RecordBatch]:
        from worker.lean_arrow import spare_pandas

        for batch in self.source.read(unit):
            spare_pandas()  # a source that makes its batches by pandas has imported it by now
            yield batch

    def _key(self, unit: PlannedUnit) -> str:
        return receipt_key(self.adopted.run_id if self.adopted else self.attempt.run_id, unit.key)
