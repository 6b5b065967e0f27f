"""What is DuckDB's own: the file and its lock, tables that a person has made, types that it does not have."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pytest

from tests.support.waiting import wait_until
from worker.batches import conformed
from worker.contract.custom_schema import Column, ColumnType
from worker.contract.exit_code import ExitCode
from worker.contract.run_folder import Part
from worker.contract.run_spec import LoadMode
from worker.destination import Target, open_destination
from worker.destinations.duckdb import DuckDB
from worker.errors import ConfigurationError, Unavailable
from worker.settings import Settings
from worker.stage import write_parts
from worker.types import JSON, decimal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.processes import ForkServer, Started
    from tests.support.runs import Runs
    from tests.support.staging import Stager

TARGET = Target("project", "shop", "orders")
APPEND, REPLACE = LoadMode.APPEND, LoadMode.REPLACE


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lake.duckdb"


@pytest.fixture
def lake(path: Path) -> DuckDB:
    return opened(path)


def opened(path: Path, *, lock_wait: timedelta = timedelta(seconds=20)) -> DuckDB:
    return DuckDB(path, lock_wait)


def ask(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(path) as connection:
        return connection.execute(sql).fetchall()


def table(**columns: list[Any] | pa.Array[Any]) -> pa.Table:
    return pa.table(columns)


class TestUrl:
    @pytest.mark.parametrize(
        ("url", "path"),
        [
            ("duckdb:///srv/lake.duckdb", Path("/srv/lake.duckdb")),
            ("duckdb:///srv/my%20lake%231.duckdb", Path("/srv/my lake#1.duckdb")),
            ("duckdb://lake.duckdb", Path.cwd() / "lake.duckdb"),
            ("duckdb://./data/lake.duckdb", Path.cwd() / "data/lake.duckdb"),
        ],
    )
    def test_path_follows_the_scheme(self, url: str, path: Path) -> None:
        assert open_destination(url, Settings()) == replace(opened(path), lock_wait=Settings().duckdb_lock_wait)

    @pytest.mark.parametrize(
        "url",
        ["duckdb://", "duckdb:///", "duckdb:///srv/", "duckdb:///lake?threads=9", "duckdb:///a#b", "duckdb://:memory:"],
    )
    def test_url_that_names_no_file_is_refused(self, url: str) -> None:
        with pytest.raises(ConfigurationError, match="DESTINATION_URL: expected duckdb:// and a file's path"):
            open_destination(url, Settings())


@dataclass
class Holder:
    """A process that holds the file until it is let go of."""

    process: Started
    until: Path

    def let_go(self) -> None:
        if self.until.exists():
            self.until.write_text("let go")
            self.until.unlink()
            self.process.wait()


class TestLock:
    @pytest.fixture
    def holder(self, processes: ForkServer, path: Path, tmp_path: Path) -> Iterator[Holder]:
        ready, until = tmp_path / "ready", tmp_path / "until"
        os.mkfifo(until)
        arguments = (str(path), str(ready), str(until))
        holder = Holder(processes.start("tests.support.rivals:hold", *arguments, output=tmp_path / "hold.log"), until)
        wait_until(ready.exists, what="the file is held")
        yield holder
        holder.let_go()

    def test_file_that_stays_held_is_unavailable_and_its_holder_named(
        self, holder: Holder, path: Path, stage: Stager
    ) -> None:
        impatient = opened(path, lock_wait=timedelta(seconds=0.2))
        with pytest.raises(Unavailable) as raised:
            impatient.publish(TARGET, "run/a", stage(table(id=[1])), APPEND)
        text = str(raised.value)
        assert f"to be free within 0.2 s, got a lock held by process {holder.process.pid} (" in text
        assert Path(sys.executable).name in text
        assert "tests.support.fork_server" in text
        assert raised.value.fingerprint == f"file {path}"

    def test_looking_waits_for_who_is_publishing(self, holder: Holder, path: Path) -> None:
        impatient = opened(path, lock_wait=timedelta(seconds=0.1))
        for look in (lambda: impatient.describe(TARGET), lambda: impatient.published(["run/a"])):
            with pytest.raises(Unavailable, match="a lock held by process"):
                look()

    def test_run_that_waits_for_the_file_hears_sigterm(self, holder: Holder, path: Path, runs: Runs) -> None:
        runs.write_rows([1, 2])
        process = runs.start(runs.spec("first"))
        wait_until(lambda: runs.folder("first").manifest("ids-1-2"), what="the first unit is staged")
        process.terminate()
        assert process.wait() == ExitCode.TRY_AGAIN
        assert runs.report("first").units == 0

    def test_held_file_is_published_into_once_it_is_free(
        self, holder: Holder, processes: ForkServer, path: Path, tmp_path: Path, stage: Stager
    ) -> None:
        parts = [part.model_dump() for part in stage(table(id=[1, 2]))]
        arguments = (f"duckdb://{path}", ["project", "shop", "orders"], "run/a", parts, "append")
        publisher = processes.start("tests.support.rivals:publish", *arguments, output=tmp_path / "publish.log")
        holder.let_go()
        assert publisher.wait() == 2
        assert ask(path, "SELECT count(*) FROM lake.shop.orders") == [(2,)]


class TestFile:
    def test_folder_is_made(self, tmp_path: Path, stage: Stager) -> None:
        path = tmp_path / "a/b/lake.duckdb"
        opened(path).publish(TARGET, "run/a", stage(table(id=[1])), APPEND)
        assert ask(path, "FROM lake.shop.orders") == [(1,)]

    def test_looking_makes_no_file(self, lake: DuckDB, path: Path) -> None:
        assert (lake.describe(TARGET), lake.published(["run/a"])) == (None, {})
        assert not path.exists()

    @pytest.mark.parametrize("content", [None, b"no database"])
    def test_what_is_no_database_is_refused(self, lake: DuckDB, path: Path, content: bytes | None) -> None:
        path.mkdir() if content is None else path.write_bytes(content)
        with pytest.raises(ConfigurationError, match=r"expected a DuckDB file that can be opened, got: .*correct DEST"):
            lake.describe(TARGET)

    def test_file_of_a_person_is_loaded_into(self, lake: DuckDB, path: Path, stage: Stager) -> None:
        ask(path, "CREATE TABLE mine AS SELECT 1 AS x")
        assert lake.published(["run/a"]) == {}
        lake.publish(TARGET, "run/a", stage(table(id=[1])), APPEND)
        assert ask(path, "FROM mine") == [(1,)]

    def test_schema_called_like_the_file_is_no_riddle(self, tmp_path: Path, stage: Stager) -> None:
        path = tmp_path / "shop.duckdb"
        opened(path).publish(TARGET, "run/a", stage(table(id=[1])), APPEND)
        assert opened(path).publish(TARGET, "run/b", stage(table(id=[2], more=[1])), APPEND).rows == 1
        assert ask(path, "SELECT id FROM shop.shop.orders ORDER BY id") == [(1,), (2,)]

    def test_receipts_are_there_to_be_read(self, lake: DuckDB, path: Path, stage: Stager) -> None:
        lake.publish(TARGET, "run/a", stage(table(id=[1, 2])), APPEND)
        assert ask(path, "SELECT key, rows, target, now() - published_at < INTERVAL 1 HOUR FROM _sluice.receipts") == [
            ("run/a", 2, "shop.orders", True)
        ]

    def test_receipts_are_no_place_for_rows(self, lake: DuckDB, stage: Stager) -> None:
        with pytest.raises(ConfigurationError, match="dataset: expected one that is yours, got '_Sluice'"):
            lake.publish(replace(TARGET, dataset="_Sluice"), "run/a", stage(table(id=[1])), APPEND)

    def test_parts_elsewhere_are_refused(self, lake: DuckDB) -> None:
        with pytest.raises(ConfigurationError, match="RUN_FOLDER: expected a file:// folder for a DuckDB destination"):
            lake.publish(TARGET, "run/a", [Part(url="gs://bucket/part", rows=1, bytes=1)], APPEND)


class TestTableOfAPerson:
    @pytest.mark.parametrize(
        ("sql_type", "values", "changed_to"),
        [
            ("INTEGER", pa.array([2**31 - 1]), None),
            ("INTEGER", pa.array([2**31]), "BIGINT"),
            ("INTEGER", pa.array([1.5]), "DOUBLE"),
            ("FLOAT", pa.array([0.5]), None),
            ("FLOAT", pa.array([0.1]), "DOUBLE"),
            ("UBIGINT", pa.array([2**63 - 1]), None),
            ("HUGEINT", pa.array([5]), None),
            ("DECIMAL(5,2)", pa.array([1.25]), None),
            ("UUID", pa.array(["00000000-0000-0000-0000-000000000001"]), None),
            ("ENUM('a','b')", pa.array(["a"]), None),
            ("TIMESTAMP_S", pa.array([0], pa.timestamp("us")), None),
        ],
    )
    def test_its_types_stay_where_values_fit(
        self, lake: DuckDB, path: Path, stage: Stager, sql_type: str, values: pa.Array[Any], changed_to: str | None
    ) -> None:
        ask(path, f"CREATE SCHEMA shop; CREATE TABLE shop.orders (n {sql_type})")
        lake.publish(TARGET, "run/a", stage(table(n=values)), APPEND)
        ((found, value),) = ask(path, "SELECT typeof(n), CAST(n AS VARCHAR) FROM shop.orders")
        assert found == (changed_to or sql_type.replace("','", "', '"))
        assert value

    @pytest.mark.parametrize(
        ("sql_type", "values"),
        [
            ("UUID", pa.array(["no uuid"])),
            ("ENUM('a','b')", pa.array(["c"])),
            ("TIMESTAMP_S", pa.array([1], pa.timestamp("us"))),
            ("UBIGINT", pa.array([-1])),
            ("DECIMAL(5,2)", pa.array([0.001])),
        ],
    )
    def test_value_that_would_change_is_refused(
        self, lake: DuckDB, path: Path, stage: Stager, sql_type: str, values: pa.Array[Any]
    ) -> None:
        ask(path, f"CREATE SCHEMA shop; CREATE TABLE shop.orders (n {sql_type})")
        with pytest.raises(ConfigurationError, match="column n, row 1: expected "):
            lake.publish(replace(TARGET, exact=True), "run/a", stage(table(n=values)), APPEND)
        assert ask(path, "FROM shop.orders") == []

    def test_its_defaults_fill_what_the_source_does_not_have(self, lake: DuckDB, path: Path, stage: Stager) -> None:
        ask(path, "CREATE SCHEMA shop; CREATE TABLE shop.orders (id BIGINT, made VARCHAR NOT NULL DEFAULT 'here')")
        lake.publish(TARGET, "run/a", stage(table(id=[1])), APPEND)
        assert ask(path, "FROM shop.orders") == [(1, "here")]

    def test_its_constraint_is_said_when_it_refuses(self, lake: DuckDB, path: Path, stage: Stager) -> None:
        ask(path, "CREATE SCHEMA shop; CREATE TABLE shop.orders (id BIGINT PRIMARY KEY)")
        lake.publish(TARGET, "run/a", stage(table(id=[1])), APPEND)
        with pytest.raises(ConfigurationError, match="expected a table that takes these rows, got: Constraint Error"):
            lake.publish(TARGET, "run/b", stage(table(id=[1])), APPEND)
        assert lake.published(["run/b"]) == {}

    def test_column_under_an_index_is_not_widened_quietly(self, lake: DuckDB, path: Path, stage: Stager) -> None:
        ask(path, "CREATE SCHEMA shop; CREATE TABLE shop.orders (id INTEGER); CREATE INDEX i ON shop.orders (id)")
        with pytest.raises(ConfigurationError, match="an index depends on it"):
            lake.publish(TARGET, "run/a", stage(table(id=[2**40])), APPEND)

    def test_view_is_no_table(self, lake: DuckDB, path: Path, stage: Stager) -> None:
        ask(path, "CREATE SCHEMA shop; CREATE VIEW shop.orders AS SELECT 1 AS id")
        assert lake.describe(TARGET) is None
        with pytest.raises(ConfigurationError, match="expected a table that takes these rows, got: Catalog Error"):
            lake.publish(TARGET, "run/a", stage(table(id=[1])), APPEND)

    def test_its_comments_and_order_survive_replace(self, lake: DuckDB, path: Path, stage: Stager) -> None:
        ask(path, "CREATE SCHEMA shop; CREATE TABLE shop.orders (b VARCHAR, a BIGINT)")
        ask(path, "COMMENT ON COLUMN shop.orders.a IS 'mine'")
        lake.publish(TARGET, "run/a", stage(table(a=[1], b=["x"])), REPLACE)
        assert ask(path, "SELECT column_name, comment FROM duckdb_columns() WHERE schema_name = 'shop'") == [
            ("b", None),
            ("a", "mine"),
        ]
        assert ask(path, "FROM shop.orders") == [("x", 1)]


class TestColumns:
    def test_name_at_the_source_is_the_comment(self, lake: DuckDB, path: Path, stage: Stager) -> None:
        lake.publish(TARGET, "run/a", stage(table(**{"id": [1], "Prix d'achat": [2]})), APPEND)
        lake.publish(TARGET, "run/b", stage(table(id=[1], Größe=[2])), APPEND)
        assert ask(path, "SELECT column_name, comment FROM duckdb_columns() WHERE schema_name = 'shop'") == [
            ("id", None),
            ("Prix_d_achat", "Prix d'achat"),
            ("Grosse", "Größe"),
        ]

    def test_description_of_a_custom_schema_is_the_comment(self, lake: DuckDB, path: Path, tmp_path: Path) -> None:
        schema = [Column(name="id", type=ColumnType.INT64, description="the order's number")]
        batches = conformed(table(id=[1]).to_batches(), custom_schema=schema)
        lake.publish(TARGET, "run/a", list(write_parts(batches, f"file://{tmp_path}/parts")), APPEND)
        assert ask(path, "SELECT comment FROM duckdb_columns() WHERE schema_name = 'shop'") == [("the order's number",)]

    def test_unit_without_columns_makes_no_table(self, lake: DuckDB, stage: Stager) -> None:
        with pytest.raises(ConfigurationError, match="expected at least one column to make it of, got none"):
            lake.publish(TARGET, "run/a", stage(pa.table({})), REPLACE)

    def test_column_of_which_nothing_is_known_is_text(self, lake: DuckDB, path: Path, stage: Stager) -> None:
        lake.publish(TARGET, "run/a", stage(table(id=[1], empty=pa.nulls(1))), APPEND)
        assert ask(path, "SELECT typeof(empty) FROM shop.orders") == [("VARCHAR",)]

    def test_json_is_json(self, lake: DuckDB, path: Path, stage: Stager) -> None:
        lake.publish(TARGET, "run/a", stage(table(doc=pa.array(['{"a": [1]}'], JSON))), APPEND)
        assert ask(path, "SELECT typeof(doc), doc -> '$.a[0]' FROM shop.orders") == [("JSON", "1")]

    @pytest.mark.parametrize(
        ("arrow", "value", "sql_type", "text"),
        [
            (decimal(38, 9), Decimal("1.5"), "DECIMAL(38,9)", "1.500000000"),
            (decimal(76, 38), Decimal("1.5"), "VARCHAR", "1." + "5".ljust(38, "0")),
            (decimal(40, 0), Decimal("-" + "9" * 40), "VARCHAR", "-" + "9" * 40),
            (pa.list_(decimal(40, 0)), [Decimal("9" * 40), None], "VARCHAR[]", f"[{'9' * 40}, NULL]"),
        ],
        ids=str,
    )
    def test_decimals_beyond_its_own_are_kept_as_text(
        self, lake: DuckDB, path: Path, stage: Stager, arrow: pa.DataType, value: object, sql_type: str, text: str
    ) -> None:
        for key in ("run/a", "run/b"):
            lake.publish(TARGET, key, stage(table(n=pa.array([value, None], arrow))), APPEND)
        assert ask(path, "SELECT DISTINCT typeof(n), CAST(n AS VARCHAR) FROM shop.orders WHERE n IS NOT NULL") == [
            (sql_type, text)
        ]

    def test_widening_beyond_its_decimals_is_refused(self, lake: DuckDB, stage: Stager) -> None:
        lake.publish(TARGET, "run/a", stage(table(n=pa.array([1], decimal(38, 0)))), APPEND)
        with pytest.raises(ConfigurationError, match=r"column n, row 1: expected BIGNUMERIC\(38, 0\) as in table"):
            lake.publish(TARGET, "run/b", stage(table(n=pa.array([Decimal("0.5")], decimal(38, 9)))), APPEND)

    def test_rows_keep_their_order(self, lake: DuckDB, path: Path, stage: Stager) -> None:
        numbers = list(range(50_000))
        lake.publish(TARGET, "run/a", stage(table(n=numbers[:30_000]), table(n=numbers[30_000:])), REPLACE)
        assert [n for (n,) in ask(path, "SELECT n FROM shop.orders")] == numbers
