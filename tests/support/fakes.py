"""Our own protocols, played by a script: what a test decides happens at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING

from orchestrator.launcher import LaunchRefused, LaunchUnclear
from orchestrator.model import Handle, Observation, Phase, Run
from orchestrator.notifier import Message, NeverDelivered, NotDelivered, Reference
from worker.contract.report import ErrorReport, Report
from worker.contract.run_folder import Fence, RunFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


@dataclass
class ScriptedLauncher:
    """A launcher whose executions are entries in a dictionary."""

    launched: list[tuple[Run, dict[str, str]]] = field(default_factory=list)
    executions: dict[Handle, Observation] = field(default_factory=dict)
    cancelled: list[Handle] = field(default_factory=list)
    unclear: bool = False
    """Start the execution, and lose the answer."""
    lost: bool = False
    """Start nothing, and lose the answer."""
    refusal: str | None = None
    cancel_fault: Exception | None = None
    find_fault: Exception | None = None
    on_launch: Callable[[], None] | None = None
    """What happens just before a launch is answered."""
    on_observe: Callable[[], None] | None = None
    """What happens while executions are looked at."""
    _lock: Lock = field(default_factory=Lock)

    def launch(self, run: Run, environment: Mapping[str, str]) -> Handle:
        if self.on_launch:
            self.on_launch()
        if self.refusal:
            raise LaunchRefused(self.refusal)
        with self._lock:
            handle = Handle(f"fake/{run.id}/{run.attempt}/{len(self.launched)}")
            self.launched.append((run, dict(environment)))
            if not self.lost:
                self.executions[handle] = Observation(Phase.RUNNING)
        if self.unclear or self.lost:
            raise LaunchUnclear("the answer was lost")
        return handle

    def find(self, run: Run) -> Handle | None:
        if self.find_fault:
            raise self.find_fault
        fence = RunFolder(str(run.spec.run_folder)).fence(run.attempt)
        if fence and not fence.revoked:
            return Handle(fence.execution)
        started = [handle for handle in self.executions if handle.startswith(f"fake/{run.id}/{run.attempt}/")]
        return started[0] if started else None

    def observe(self, handles: Sequence[Handle]) -> Mapping[Handle, Observation]:
        if self.on_observe:
            self.on_observe()
        return {handle: self.executions.get(handle, Observation(Phase.VANISHED)) for handle in handles}

    def cancel(self, handle: Handle) -> None:
        if self.cancel_fault:
            raise self.cancel_fault
        self.cancelled.append(handle)

    def handles(self) -> list[Handle]:
        """Return the executions in the order in which they were started."""
        return list(self.executions)


def end(launcher: ScriptedLauncher, run: Run, handle: Handle, exit_code: int = 0, **report: object) -> None:
    """End an execution as a worker does: fence, report, exit code. `report=None` leaves neither fence nor report."""
    if report.get("report", ...) is not None:
        folder = RunFolder(str(run.spec.run_folder))
        now = datetime.now(UTC)
        folder.take_fence(run.attempt, Fence(nonce=handle, execution=handle, at=now))
        status = "failed" if report.get("error") else "succeeded"
        written = {"status": status, "started_at": now, "finished_at": now, "units": 1, "nonce": handle, **report}
        folder.save_report(Report.model_validate({"run_id": str(run.id), "attempt": run.attempt, **written}))
    launcher.executions[handle] = Observation(Phase.FINISHED, exit_code)


def error(kind: str, text: str = "it did not work", fingerprint: str = "") -> ErrorReport:
    """Build the error of a report."""
    return ErrorReport.model_validate({"kind": kind, "text": text, "fingerprint": fingerprint})


@dataclass
class RecordingNotifier:
    """A notifier that keeps what it was given."""

    messages: list[Message] = field(default_factory=list)
    fault: NotDelivered | NeverDelivered | None = None

    def send(self, message: Message) -> Reference:
        if self.fault:
            raise self.fault
        self.messages.append(message)
        return Reference(
            message.channel or "default", message.answers.thread if message.answers else str(len(self.messages))
        )
