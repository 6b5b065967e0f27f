"""All of Sluice on real parts, and ways to stop each of them anywhere."""

from __future__ import annotations

import json
import os
import signal
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import duckdb
import psutil
from sqlalchemy import text

from orchestrator.history import History
from orchestrator.launchers.execution import VARIABLE
from sandbox.sheets import Spreadsheet, Tab
from tests.support.configs import add_config, execute, rows
from tests.support.tick_process import START_OF_TICK, Parts
from tests.support.waiting import wait_until
from worker.contract.run_folder import RunFolder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sqlalchemy import Engine

    from orchestrator.launchers.subprocess import SubprocessLauncher
    from orchestrator.tick import TickResult
    from sandbox.server import Sandbox
    from tests.support.processes import ForkServer, Started

SHOP = "env://SHOP_DATABASE_URL"
LOCK = "select pg_advisory_xact_lock(42)"
"""Whoever holds this in the source holds up a read of `WAITS_AT_THIRD_ROW`."""
WAITS_AT_THIRD_ROW = {
    "connection": SHOP,
    "query": "select id, case id when 3 then pg_advisory_xact_lock_shared(42)::text end as note from orders",
    "cursor_column": "id",
}
_PATIENCE_SECONDS = 40
_MOST_TICKS = 25
_WATCH = """
create table watched (counted bigint not null, live_of_one bigint not null);
create function watch_runs() returns trigger language plpgsql as $$
begin
    insert into watched select
        (select count(*) from runs where state in ('launching', 'running')),
        (select coalesce(max(live), 0) from (
            select count(*) as live from runs
            where config_id is not null and (state in ('launching', 'running') or state = 'queued' and attempt >= 1)
            group by config_id) each_config);
    return null;
end $$;
create trigger watch_runs after insert or update on runs for each statement execute function watch_runs();
"""
"""Writes down, at every change, what is live: a limit that was exceeded for a moment only is seen, too."""


@dataclass
class Rig:
    """The database of configs, a source database, a sandbox, and a folder for run folders and destination."""

    engine: Engine
    source: Engine
    sandbox: Sandbox
    ticks: ForkServer
    parts: Parts
    home: Path
    slots: dict[int, int] = field(default_factory=dict)
    """How often each config has become due."""
    untold_deaths: int = 0
    """Processes that died between Slack's answer and the mark."""

    def __post_init__(self) -> None:
        execute(self.engine, _WATCH)
        execute(self.source, "create table orders (id bigint generated always as identity primary key, amount numeric)")

    # What is outside

    def order(self, count: int = 3) -> None:
        """Insert rows into the source's table."""
        execute(self.source, f"insert into orders (amount) select n from generate_series(1, {count}) n")

    def ordered(self) -> list[int]:
        """Return the ids in the source's table."""
        return [row["id"] for row in rows(self.source, "select id from orders order by id")]

    def write_rows(self, *ids: int, name: str = "rows") -> None:
        """Make these the rows of a file that the kind `rows` reads."""
        content = [{"id": number, "name": f"row {number}", "day": f"2026-01-{number:02}"} for number in ids]
        self.rows_file(name).write_text(json.dumps(content))

    def write_sheet(self, *names: str) -> None:
        """Make these the rows of the sheet."""
        numbered: list[list[int | str]] = [[number, name] for number, name in enumerate(names, 1)]
        self.sandbox.sheets.add(Spreadsheet("names", tabs=[Tab("Names", [["id", "name"], *numbered])]))

    def wait_for_waiting_session(self) -> int:
        """Wait for a session of the source that waits for a lock, and return its process id."""
        waiting = "select pid from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
        sessions = wait_until(
            lambda: rows(self.source, waiting), timeout_seconds=_PATIENCE_SECONDS, what="a session waits"
        )
        return int(sessions[0]["pid"])

    def end_waiting_session(self) -> None:
        """Have the source end a session that waits for a lock."""
        execute(self.source, "select pg_terminate_backend(:pid)", pid=self.wait_for_waiting_session())

    def rows_file(self, name: str = "rows") -> Path:
        return self.home / f"{name}.json"

    def pause(self) -> Pause:
        return Pause(self.home / "paused")

    # Configs

    def add_orders(self, name: str = "orders", **columns: Any) -> int:  # noqa: ANN401 - columns of any type
        """Add a config that appends the source's table by its cursor."""
        source = {"connection": SHOP, "table": "orders", "cursor_column": "id"}
        return self.add(name, **{"kind": "postgresql", "source": source, "load_mode": "append", **columns})

    def add_rows(self, name: str = "rows", *, source: dict[str, Any] | None = None, **columns: Any) -> int:  # noqa: ANN401 - columns of any type
        """Add a config of the tests' own kind, which loads two rows per unit."""
        source = {"file": str(self.rows_file()), **(source or {})}
        return self.add(name, **{"kind": "rows", "source": source, "load_mode": "append", **columns})

    def add_broken(self, name: str = "broken", **columns: Any) -> int:  # noqa: ANN401 - columns of any type
        """Add a config that a person must correct: there is no such table."""
        return self.add_orders(
            name, **{"source": {"connection": SHOP, "table": "nowhere", "cursor_column": "id"}, **columns}
        )

    def add(self, name: str, **columns: Any) -> int:  # noqa: ANN401 - columns of any type
        config_id = add_config(self.engine, name, **{"destination_dataset": "lake", **columns})
        self.slots[config_id] = 1
        return config_id

    def add_sheet(self, name: str = "sheet", **columns: Any) -> int:  # noqa: ANN401 - columns of any type
        """Add a config that replaces its table by the sheet."""
        return self.add(name, source={"url": "https://docs.google.com/spreadsheets/d/names/edit"}, **columns)

    def delete(self, config_id: int) -> None:
        """Delete a config as an admin does."""
        execute(self.engine, "delete from load_configs where id = :id", id=config_id)
        del self.slots[config_id]

    def change(self, config_id: int, assignment: str) -> None:
        """Edit a config as an admin does."""
        execute(self.engine, f"update load_configs set {assignment} where id = :id", id=config_id)

    def make_due(self, config_id: int) -> bool:
        """Let another slot come, unless one waits for a tick; tell whether it has come."""
        at = "update load_states set next_slot_at = clock_timestamp() where config_id = :id and next_slot_at > now()"
        with self.engine.begin() as connection:
            came = connection.execute(text(at), {"id": config_id}).rowcount == 1
        self.slots[config_id] += came
        return came

    # Ticks

    def allow(self, limit: int) -> None:
        """Let so many executions be live at the same time."""
        self.parts = replace(self.parts, max_parallel_jobs=limit)

    def tell_workers(self, **variables: str) -> None:
        """Give every worker these variables from now on."""
        self.parts = replace(self.parts, worker_environment={**self.parts.worker_environment, **variables})

    def tick(self, doom: str = "", *, limit: int | None = None, dry_run: bool = False) -> TickResult:
        """Tick in this process; the workers that it launches are doomed to die at a failpoint."""
        return self._parts(doom).ticker(self.engine).tick(max_parallel_jobs=limit, dry_run=dry_run)

    def launcher(self, doom: str = "") -> SubprocessLauncher:
        return self._parts(doom).launcher()

    def start_tick(self, failpoint: str = "", doom: str = "") -> Started:
        """Start a tick in a process of its own, which dies at the failpoint."""
        environment = {"PATH": os.environ["PATH"], "FAILPOINT": failpoint}
        given = asdict(self._parts(doom))
        return self.ticks.start(START_OF_TICK, given, environment=environment, output=self.home / "ticks.log")

    def tick_killed_at(self, failpoint: str, doom: str = "") -> None:
        """Tick in another process, which is killed there."""
        code = self.start_tick(failpoint, doom).wait()
        assert code == -signal.SIGKILL, f"{failpoint} was not reached: {(self.home / 'ticks.log').read_text()}"

    def settle(self, doom: str = "") -> None:
        """Tick, let the workers end, and tick again, which sees how they ended and launches what comes next."""
        self.tick(doom)
        self.wait_for_workers()
        self.tick()

    def finish(self) -> None:
        """Tick until every run has ended and every message was sent, and no longer than that may take."""
        for _ in range(_MOST_TICKS):
            self.wait_for_workers()
            self.let_time_pass()
            self.tick()
            if not self.is_unfinished():
                return
        unfinished = rows(self.engine, "select * from runs where state in ('queued', 'launching', 'running')")
        raise AssertionError(f"expected an end after {_MOST_TICKS} ticks, got {unfinished}")

    def let_time_pass(self) -> None:
        """Let deadlines, leases and delays be over."""
        execute(self.engine, "update runs set launch_deadline_at = now() where state = 'launching'")
        execute(self.engine, "update alerts set leased_until_at = null, not_before_at = now() where sent_at is null")

    def is_unfinished(self) -> bool:
        """Tell whether a run has not ended, or a message was not sent."""
        unfinished = rows(self.engine, "select from runs where state in ('queued', 'launching', 'running')")
        return bool(unfinished or rows(self.engine, "select from alerts where sent_at is null and dead_at is null"))

    def _parts(self, doom: str) -> Parts:
        return replace(self.parts, worker_environment={**self.parts.worker_environment, "FAILPOINT": doom})

    def cancel(self, run: dict[str, Any]) -> None:
        """Cancel a run as a person does."""
        with self.engine.begin() as connection:
            History(connection, self.parts.defaults()).cancel(str(run["id"]))

    # Processes

    def workers(self) -> list[psutil.Process]:
        """Return the workers that are running."""
        return [process for process in self._below_home() if _is_worker(process)]

    def wait_for_workers(self) -> None:
        """Wait until every execution has ended, whoever has launched it."""
        wait_until(
            lambda: not psutil.wait_procs(self._executing(), timeout=0.05)[1] and not self._executing(),
            timeout_seconds=_PATIENCE_SECONDS,
            what="all workers end",
        )

    def let_end(self, held: psutil.Process) -> None:
        """Let a held worker go on, and wait until its end is written down."""
        supervisor = held.parent()
        assert supervisor is not None
        held.resume()
        psutil.wait_procs([supervisor], timeout=_PATIENCE_SECONDS)

    def wait_for_a_worker(self) -> None:
        """Wait until one of those that are running now has ended."""
        running = self._executing()
        wait_until(
            lambda: not running or len(psutil.wait_procs(running, timeout=0.05)[0]) > 0,
            timeout_seconds=_PATIENCE_SECONDS,
            what="a worker ends",
        )

    def held_worker(self, *, beside: psutil.Process | None = None) -> psutil.Process:
        """Wait for a worker that is held at a failpoint (`:1:STOP`), and return it."""

        def held() -> list[psutil.Process]:
            workers = [process for process in self.workers() if process != beside]
            return [process for process in workers if process.status() == psutil.STATUS_STOPPED]

        return wait_until(held, timeout_seconds=_PATIENCE_SECONDS, what="a worker is held at its failpoint")[0]

    def end_everything(self) -> None:
        """Kill whatever is left of executions, timers included."""
        for process in self._below_home():
            with suppress(psutil.Error):
                process.kill()

    def _executing(self) -> list[psutil.Process]:
        return [process for process in self._below_home() if _is_worker(process) or _leads(process)]

    def _below_home(self) -> Iterator[psutil.Process]:
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                environment = process.environ()
                if VARIABLE in environment and environment.get("RUN_FOLDER", "").startswith(self.home.as_uri()):
                    yield process

    # What has become of it

    def runs(self, config_id: int | None = None) -> list[dict[str, Any]]:
        """Return the runs, oldest slot first."""
        wanted = "where config_id = :id or cast(:id as integer) is null"
        return rows(self.engine, f"select * from runs {wanted} order by queued_at, slot_at, id", id=config_id)

    def run(self) -> dict[str, Any]:
        """Return the only run."""
        (run,) = self.runs()
        return run

    def states(self) -> list[str]:
        return [run["state"] for run in self.runs()]

    def folder(self, run: dict[str, Any]) -> RunFolder:
        return RunFolder(self.folder_path(run).as_uri())

    def folder_path(self, run: dict[str, Any]) -> Path:
        return self.home / "runs" / "runs" / str(run["spec"]["id"]) / str(run["id"])

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the destination."""
        with duckdb.connect(self.home / "warehouse.duckdb", read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def everything(self) -> list[Any]:
        """Return all rows of all tables but the ticks', and all files."""
        tables = rows(self.engine, "select relname as name from pg_stat_user_tables where relname <> 'ticks'")
        names = sorted(table["name"] for table in tables)
        kept = [(name, rows(self.engine, f"select t::text as row from {name} t order by 1")) for name in names]
        return [*kept, *sorted((str(path), path.stat().st_mtime_ns) for path in self.home.rglob("*"))]

    def tables(self) -> Sequence[str]:
        """Return the tables of the destination."""
        if not (self.home / "warehouse.duckdb").exists():
            return []
        return [name for (name,) in self.query("select table_name from duckdb_tables() where schema_name = 'lake'")]

    def ids(self, table: str) -> list[int]:
        """Return the ids in a table of the destination, each as often as it is there."""
        if table not in self.tables():
            return []
        return [id_ for (id_,) in self.query(f'select id from lake."{table}" order by id')]


def _command(process: psutil.Process) -> list[str]:
    with suppress(psutil.Error):
        return process.cmdline()
    return []


def _is_worker(process: psutil.Process) -> bool:
    """Tell a worker from the supervisor, whose arguments end with the worker's command."""
    return "tests.support.worker_main" in _command(process)[:4]


def _leads(process: psutil.Process) -> bool:
    """Tell a supervisor from its timers, which look like it but lead no process group."""
    with suppress(ProcessLookupError):
        return "worker_main" in " ".join(_command(process)) and os.getpgid(process.pid) == process.pid
    return False


@dataclass(frozen=True)
class Pause:
    """Where the kind `rows` waits for the test, in `plan_then` or `read_then`."""

    at: Path

    def __post_init__(self) -> None:
        os.mkfifo(self.at.with_suffix(".go"))

    def let_go(self, *, times: int = 1) -> None:
        """Wait until it is reached, and let it pass; so many times."""
        for _ in range(times):
            wait_until(self.at.exists, timeout_seconds=_PATIENCE_SECONDS, what=f"{self.at} is reached")
            self.at.unlink()
            self.at.with_suffix(".go").write_text("go")
