"""What all commands share: flags and variables of the database, errors and exit codes, help, and a quick start."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import typer.main
from sqlalchemy import make_url

from orchestrator.cli import app as sluice
from orchestrator.commands.flags import DATABASE_FLAGS
from orchestrator.exit_codes import ExitCode
from orchestrator.settings import Settings
from tests.support.configs import execute
from worker.contract.exit_code import ExitCode as WorkerExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Engine

    from tests.orchestrator.cli.conftest import Sluice

GROUP = typer.main.get_command(sluice)
WITHOUT_DATABASE = {"example", "execute", "demo", "sandbox"}
HEAVY = {
    "alembic",
    "fastapi",
    "pydantic",
    "pydantic_settings",
    "slack_sdk",
    "sqlalchemy",
    "structlog",
    "uvicorn",
    "yaml",
}


def _commands(group: object = GROUP, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    for name, command in getattr(group, "commands", {}).items():
        if hasattr(command, "commands"):
            yield from _commands(command, (*path, name))
        else:
            yield (*path, name), [option for parameter in command.params for option in parameter.opts]


COMMANDS = dict(_commands())


@pytest.mark.parametrize("command", [path for path in COMMANDS if path[0] not in WITHOUT_DATABASE], ids=" ".join)
def test_command_that_reaches_postgres_takes_the_same_six_flags(command: tuple[str, ...]) -> None:
    flags = {f"--{name.replace('_', '-')}" for name in DATABASE_FLAGS}
    assert flags <= set(COMMANDS[command])


def test_flags_of_the_database_are_its_settings() -> None:
    assert DATABASE_FLAGS.keys() == {
        name for name in Settings.model_fields if name.startswith(("database", "postgres"))
    }


@pytest.mark.parametrize("command", [path for path in COMMANDS if path[0] not in {"demo", "sandbox"}], ids=" ".join)
def test_help_says_what_each_flag_is_and_its_variable(bare: Sluice, command: tuple[str, ...]) -> None:
    shown = " ".join(re.sub(r"[│─╭╮╰╯]", " ", bare(*command, "--help").stdout).split())
    for option in COMMANDS[command]:
        if option.startswith("--"):
            assert option[:20] in shown
    if command[0] not in WITHOUT_DATABASE:
        for name in DATABASE_FLAGS:
            assert name.upper() in shown


def test_group_of_flags_reaches_the_database(bare: Sluice, database_url: str) -> None:
    url = make_url(database_url)
    host = url.host or url.query["host"]
    flags = {"host": host, "port": url.port or 5432, "db": url.database, "user": url.username or "postgres"}
    bare("status", *[part for name, value in flags.items() for part in (f"--postgres-{name}", str(value))])


def test_flag_wins_over_the_variable(run: Sluice, monkeypatch: pytest.MonkeyPatch, database_url: str) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://127.0.0.1:1/x")
    run("status", "--database-url", database_url)
    assert "127.0.0.1:1/x" in run("status", code=75).stderr


def test_half_set_group_is_an_error_and_starts_no_database(bare: Sluice, tmp_path: Path) -> None:
    said = bare("status", "--postgres-host", "db", code=78).stderr
    assert said.startswith("error: POSTGRES_*: expected POSTGRES_DB and POSTGRES_USER beside the other")
    assert not (tmp_path / ".sluice").exists()


def test_env_file_is_read(bare: Sluice, tmp_path: Path, database_url: str) -> None:
    (tmp_path / ".env").write_text(f"DATABASE_URL={database_url}\nMAX_PARALLEL_JOBS=3\n")
    assert bare("status", "--json")["max_parallel_jobs"] == 3


def test_database_without_tables_says_what_to_run_and_migrate_runs_it(bare: Sluice, postgres_url: str) -> None:
    flag = ("--database-url", postgres_url)
    assert "run `sluice migrate`" in bare("tick", *flag, code=78).stderr
    assert bare("migrate", *flag).stdout.startswith("from nothing to ")
    assert bare("migrate", *flag).stdout.endswith(" already\n")
    bare("tick", *flag)


def test_lock_that_a_tick_holds_is_try_again(run: Sluice, engine: Engine) -> None:
    with engine.begin() as tick:
        tick.exec_driver_sql("select pg_advisory_xact_lock(1399616867)")
        said = run("tick", "--dry-run", code=75).stderr
    assert said == "error: database: expected a lock that is free, got one that another tick holds; try again\n"


def test_database_of_a_newer_sluice_is_not_tried_again(run: Sluice, engine: Engine) -> None:
    execute(engine, "update sluice_version set version_num = 'newer'")
    assert "got newer; run `sluice migrate`" in run("tick", code=78).stderr
    assert "migrate: expected a database that fits revision" in run("migrate", code=78).stderr


def test_version_is_printed(bare: Sluice) -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", bare("--version").stdout)


def test_doctor_ends_with_1_only_if_something_is_wrong(run: Sluice) -> None:
    assert {found["verdict"] for found in run("doctor", "--json")} <= {"ok", "warning"}
    assert "wrong\tdatabase\t" in run("doctor", "--database-url", "postgresql://127.0.0.1:1/x", code=1).stdout


def test_exit_codes_that_the_worker_has_too_mean_the_same() -> None:
    assert {code.name: code.value for code in WorkerExitCode}.items() <= {
        code.name: code.value for code in ExitCode
    }.items()


def _python(program: str, **environment: str) -> str:
    import os

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={**os.environ, **environment}
    )
    return done.stdout


def test_help_needs_nothing_heavy() -> None:
    program = "import sys, orchestrator.cli; print(*{name.partition('.')[0] for name in sys.modules})"
    assert set(_python(program).split()) & HEAVY == set()


def test_shell_completes_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    completed = _python(
        "import sys; sys.argv = ['sluice']; from orchestrator.cli import app; app(prog_name='sluice')",
        _SLUICE_COMPLETE="complete_bash",
        COMP_WORDS="sluice conf",
        COMP_CWORD="1",
    )
    assert completed.split() == ["configs"]


def test_error_that_nobody_foresaw_is_70_with_its_trace(tmp_path: Path) -> None:
    program = (
        "import sys; sys.argv = ['sluice', 'example']; import orchestrator.example_configs as e; del e.FLAT_CONFIG;"
        "from orchestrator.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 70
    assert "Traceback" in done.stderr
    assert done.stderr.endswith("error: nobody foresaw this one; please report it with the lines above\n")


@pytest.mark.parametrize("module", ["sandbox", "demo"])
def test_sandbox_and_demo_pass_on_what_follows(module: str) -> None:
    command = [sys.executable, "-c", "from orchestrator.cli import main; main()", module, "--help"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert shown.startswith("usage: ")


def test_execute_loads_a_file_and_ends_as_its_worker(bare: Sluice, tmp_path: Path) -> None:
    config = {
        "name": "shop",
        "kind": "postgresql",
        "source": {"connection": "env://NOWHERE_DATABASE_URL", "table": "orders"},
        "destination_dataset": "raw",
        "destination_table": "orders",
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    done = bare("execute", "--config-file", "config.json", code=78)
    assert "failed\tshop\n" in done.stdout
    assert "error: " in done.stderr
    assert "NOWHERE_DATABASE_URL" in done.stderr
    assert not (tmp_path / ".sluice" / "postgres").exists()
