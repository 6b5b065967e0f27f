"""What tests of ticks do again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.configs import execute, rows
from tests.support.fakes import ScriptedLauncher, end

if TYPE_CHECKING:
    from sqlalchemy import Engine


def runs_of(engine: Engine) -> list[dict[str, Any]]:
    """Return all runs, oldest first."""
    return rows(engine, "select * from runs order by queued_at, slot_at, id")


def state_of(engine: Engine, config_id: int) -> dict[str, Any]:
    """Return a config's state."""
    return rows(engine, "select * from load_states where config_id = :id", id=config_id)[0]


def make_due_again(engine: Engine) -> None:
    """Make another slot due: one of its own, for each call is at another instant."""
    execute(engine, "update load_states set next_slot_at = now() - interval '10 minutes'")


def finish(launcher: ScriptedLauncher, exit_code: int = 0, **report: object) -> None:
    """End the execution that was launched last."""
    run, _ = launcher.launched[-1]
    end(launcher, run, launcher.handles()[-1], exit_code, **report)
