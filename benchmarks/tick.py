"""A tick over many configs: slots recorded and claimed per second, beside two Postgres queues on the same server.

    benchmarks/environment && .venv/bin/python benchmarks/tick.py [--configs 100000] [--due 10000] [--rounds 3]

A slot is a row that is found due by its schedule, recorded once, and claimed with the orders of its run frozen.
The queues put as many jobs in and take them out.
All on one server with its default durability, by one client.
Also: an idle tick.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import structlog
from sqlalchemy import Engine, create_engine, text

from orchestrator.claim import claim
from orchestrator.embedded import EmbeddedPostgres
from orchestrator.enqueue import enqueue_due, plan_changed
from orchestrator.migrate import upgrade
from orchestrator.spec import Defaults
from orchestrator.store import MOST_PER_TICK, Store
from orchestrator.tick import Ticker, TickSettings
from tests.support.fakes import RecordingNotifier, ScriptedLauncher

PEERS = Path(__file__).parent / "peers"
PEERS_PYTHON = Path(__file__).parents[1] / ".venv-benchmarks/bin/python"
_INSERT = """
    insert into load_configs (name, kind, source, destination_dataset, destination_table, run_every)
    select 'config ' || i, 'google_sheet', '{"url": "https://docs.google.com/spreadsheets/d/1abc/edit"}', 'raw',
           't' || i, interval '1 hour'
    from generate_series(1, :count) i
"""


@dataclass
class Server:
    """One Postgres, on which every contender has a database of its own."""

    url: str

    def database(self, name: str) -> str:
        with self.engine(self.url).connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(f"drop database if exists {name} with (force)"))
            connection.execute(text(f"create database {name}"))
        return self.url.replace("/postgres?", f"/{name}?")

    @staticmethod
    def engine(url: str) -> Engine:
        return create_engine(url.replace("postgresql://", "postgresql+psycopg2://"))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--configs", type=int, default=100_000)
    parser.add_argument("--due", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        with EmbeddedPostgres(Path(folder, "postgres")) as url:
            _compare(Server(url), Path(folder), options.configs, options.due, options.rounds)


def _compare(server: Server, folder: Path, configs: int, due: int, rounds: int) -> None:
    engine = server.engine(server.database("ours"))
    settings = TickSettings(Defaults("duckdb:///warehouse.duckdb", (folder / "runs").as_uri()), max_parallel_jobs=due)
    ticker = Ticker(engine, ScriptedLauncher(), RecordingNotifier(), settings)
    _fill(engine, configs)
    planned = _planned(engine, settings, configs)
    idle = statistics.median(_timed(ticker) for _ in range(7 * rounds))
    ours, procrastinate, pgqueuer = [], [], []
    for _ in range(rounds):
        ours.append(_slots(engine, settings, due))
        procrastinate.append(_peer("queue_procrastinate.py", server.database("procrastinate"), due))
        pgqueuer.append(_peer("queue_pgqueuer.py", server.database("pgqueuer"), due, 1000))
    _print(configs, due, planned, idle, ours, procrastinate, pgqueuer)


def _fill(engine: Engine, configs: int) -> None:
    upgrade(engine)
    with engine.begin() as connection:
        connection.execute(text(_INSERT), {"count": configs})


def _planned(engine: Engine, settings: TickSettings, configs: int) -> float:
    """Let every config be checked and its first slot be computed, as the first ticks after the insert do."""
    began = time.perf_counter()
    for _ in range(-(-configs // MOST_PER_TICK)):
        with engine.begin() as connection:
            store = Store(connection)
            plan_changed(store, settings.defaults, now=store.clock())
    seconds = time.perf_counter() - began
    _rest(engine)
    return seconds


def _slots(engine: Engine, settings: TickSettings, due: int) -> float:
    """Record and claim so many slots in one transaction, and return its seconds."""
    with engine.begin() as connection:
        connection.execute(
            text("update load_states set next_slot_at = now() - interval '1 second' where config_id <= :due"),
            {"due": due},
        )
    began = time.perf_counter()
    with engine.begin() as connection:
        store = Store(connection)
        now = store.clock()
        assert enqueue_due(store, now=now).new == due
        assert len(claim(store, settings, [], now=now).ids) == due
    seconds = time.perf_counter() - began
    _rest(engine)
    return seconds


def _rest(engine: Engine) -> None:
    """Leave no run and no due slot, and the tables as autovacuum would."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("delete from runs"))
        connection.execute(text("update load_states set next_slot_at = now() + interval '1 hour'"))
        connection.execute(text("vacuum analyze"))


def _timed(ticker: Ticker) -> float:
    began = time.perf_counter()
    ticker.tick()
    return time.perf_counter() - began


def _peer(script: str, url: str, *arguments: int) -> float:
    if not PEERS_PYTHON.exists():
        raise SystemExit(f"{PEERS_PYTHON}: expected the peers, got nothing; run benchmarks/environment")
    command = [str(PEERS_PYTHON), str(PEERS / script), url, *map(str, arguments)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])


def _print(
    configs: int,
    due: int,
    planned: float,
    idle: float,
    ours: list[float],
    procrastinate: list[float],
    pgqueuer: list[float],
) -> None:
    rates = {
        name: due / statistics.median(seconds)
        for name, seconds in (("Sluice", ours), ("PgQueuer", pgqueuer), ("Procrastinate", procrastinate))
    }
    print(f"{configs:,} configs, {due:,} of them due; medians of {len(ours)}")
    for name, rate in rates.items():
        print(f"  {name:14} {rate:9,.0f} slots/s   Sluice is {rates['Sluice'] / rate:5.2f} x")
    print(f"  idle tick      {idle * 1000:9.1f} ms")
    print(f"  first look     {configs / planned:9,.0f} configs/s (checked, first slot computed; once per edit)")


if __name__ == "__main__":
    main()
