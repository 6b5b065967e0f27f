from __future__ import annotations

import json
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.shop import CONNECTION, Shop
from tests.worker.sources.conformance import SourceConformance, Subject, open_with
from worker.contract.options import OptionsError, parse_options
from worker.contract.run_spec import LoadMode
from worker.errors import ConfigurationError, Unavailable

if TYPE_CHECKING:
    from pathlib import Path

NOBODY_LISTENS = "postgresql://reader:geheim@127.0.0.1:9/shop"


@pytest.fixture(autouse=True)
def _orders(shop: Shop) -> None:
    shop.run("""
        CREATE TABLE orders (id bigint PRIMARY KEY, customer text, amount numeric(10, 2));
        INSERT INTO orders SELECT n, 'customer ' || n, n * 1.5 FROM generate_series(1, 5) AS n;
        CREATE TABLE nothing_yet (id bigint, note text);
    """)


class TestConformance(SourceConformance):
    @pytest.fixture
    def subject(self, shop: Shop) -> Subject:
        return Subject(
            kind="postgresql",
            options={"connection": CONNECTION, "table": "orders"},
            rows=5,
            empty={"connection": CONNECTION, "table": "nothing_yet"},
            refused={"connection": CONNECTION, "table": "ordres"},
            refused_says="name orders instead",
            go_down=lambda: shop.connect_to(NOBODY_LISTENS),
            secrets=("geheim",),
        )


class TestConformanceOfAppend(SourceConformance):
    @pytest.fixture
    def subject(self, shop: Shop) -> Subject:
        return Subject(
            kind="postgresql",
            options={"connection": CONNECTION, "table": "orders", "cursor_column": "id"},
            rows=5,
            empty={"connection": CONNECTION, "table": "nothing_yet", "cursor_column": "id"},
            refused={"connection": CONNECTION, "table": "orders", "cursor_column": "Id"},
            refused_says="name id instead",
            go_down=lambda: shop.connect_to(NOBODY_LISTENS),
            secrets=("geheim",),
            request={"mode": LoadMode.APPEND},
        )


def test_columns_are_loaded_as_named_and_in_that_order(shop: Shop) -> None:
    assert shop.rows({"table": "orders", "columns": ["customer", "id"]})[0] == {"customer": "customer 1", "id": 1}


def test_query_is_read_like_a_table(shop: Shop) -> None:
    sql = "WITH large AS (SELECT * FROM orders WHERE id > 3) SELECT id, amount FROM large ORDER BY id -- those"
    assert [row["id"] for row in shop.rows({"query": sql})] == [4, 5]


def test_table_is_found_by_schema_case_and_search_path(shop: Shop) -> None:
    shop.run("""
        CREATE SCHEMA "Sales"; CREATE TABLE "Sales"."Order Lines" AS SELECT 1 AS n;
        CREATE SCHEMA archive; CREATE TABLE archive.old AS SELECT 2 AS n;
    """)
    assert shop.rows({"table": "Sales.Order Lines"}) == [{"n": 1}]
    shop.connect_with(setting="search_path=archive")
    assert shop.rows({"table": "old"}) == [{"n": 2}]


def test_views_and_partitioned_tables_are_read(shop: Shop) -> None:
    shop.run("""
        CREATE VIEW large AS SELECT id FROM orders WHERE id > 4;
        CREATE TABLE parted (id int) PARTITION BY RANGE (id);
        CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (10);
        INSERT INTO parted VALUES (7);
    """)
    assert shop.rows({"table": "large"}) == [{"id": 5}]
    assert shop.rows({"table": "parted"}) == [{"id": 7}]


def test_one_unit_is_one_snapshot(shop: Shop) -> None:
    """Rows that appear between looking at a numeric's digits and reading it must not be read."""
    shop.run("CREATE TABLE prices AS SELECT 1.5::numeric AS price")
    source = open_with(
        "postgresql",
        {"connection": CONNECTION, "table": "prices"},
        existing=lambda: shop.run("INSERT INTO prices VALUES (0.1234567890123)"),
    )
    [unit] = source.plan()
    assert [batch.num_rows for batch in source.read(unit)] == [1]


def test_reading_writes_nothing(shop: Shop) -> None:
    shop.run("""
        CREATE FUNCTION sly() RETURNS int LANGUAGE sql AS 'INSERT INTO nothing_yet VALUES (1) RETURNING 1';
    """)
    with pytest.raises(ConfigurationError, match=r"read-only transaction.*remove what it writes"):
        shop.rows({"query": "SELECT sly() AS n"})


def test_connection_string_may_be_in_a_file(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "url").write_text(shop.url + "\n", encoding="utf-8")
    assert len(shop.rows({"connection": f"file://{tmp_path}/url", "table": "orders"})) == 5


def test_reading_may_stop_early(shop: Shop) -> None:
    source = open_with("postgresql", {"connection": CONNECTION, "query": "SELECT generate_series(1, 1000000) AS n"})
    [unit] = source.plan()
    batches = source.read(unit)
    assert next(iter(batches)).num_rows == 1000
    batches.close()  # type: ignore[attr-defined]  # it is a generator
    assert next(iter(source.read(unit))).num_rows == 1000


def test_reading_that_stops_does_not_wait_for_the_server(shop: Shop) -> None:
    pause = "pg_sleep(CASE n WHEN 12000 THEN 60 ELSE 0 END)::text"
    query = f"SELECT repeat('x', 1000) AS padding, {pause} FROM generate_series(1, 40000) AS n"
    source = open_with("postgresql", {"connection": CONNECTION, "query": query})
    batches = source.read(source.plan()[0])
    next(iter(batches))
    began = time.monotonic()
    batches.close()  # type: ignore[attr-defined]  # it is a generator
    assert time.monotonic() - began < 30


class TestOptions:
    @pytest.mark.parametrize(
        ("options", "says"),
        [
            ({"connection": "postgresql://reader:geheim@db/shop", "table": "t"}, "connection: expected a reference"),
            ({"connection": "host=db password=geheim", "table": "t"}, "connection: expected a reference"),
            ({"connection": CONNECTION, "table": "t", "password": "geheim"}, "password: expected no such option"),
            ({"connection": CONNECTION}, "exactly one of table and query"),
            ({"connection": CONNECTION, "table": "t", "query": "SELECT 1"}, "exactly one of table and query"),
            ({"connection": CONNECTION, "table": "shop.public.orders"}, "expected name or schema.name"),
            ({"connection": CONNECTION, "query": "DELETE FROM orders"}, "expected one SELECT"),
            ({"connection": CONNECTION, "table": "t", "columns": ["a", "a"]}, "expected each column once"),
            ({"connection": CONNECTION, "table": "t", "cursor_lag": "-PT1M"}, "cursor_lag: expected"),
        ],
    )
    def test_faults_are_named_and_secrets_are_not(self, options: dict[str, Any], says: str) -> None:
        with pytest.raises(OptionsError) as caught:
            parse_options("postgresql", options)
        assert says in str(caught.value)
        assert "geheim" not in str(caught.value)

    @pytest.mark.parametrize("written", [120, "PT2M", "00:02:00"])
    def test_lag_is_written_in_seconds_or_as_a_duration(self, written: object) -> None:
        options = parse_options("postgresql", {"connection": CONNECTION, "table": "t", "cursor_lag": written})
        assert json.loads(options.model_dump_json())["cursor_lag"] == "PT2M"
        assert options.cursor_lag == timedelta(minutes=2)  # type: ignore[attr-defined]  # of this kind

    @pytest.mark.parametrize(
        ("mode", "cursor_column", "says"),
        [
            (LoadMode.APPEND, None, "expected the column that says which rows are new"),
            (LoadMode.REPLACE, "id", "since load_mode is replace"),
            (LoadMode.PARTITIONS, None, "load_mode: expected one of replace, append, merge"),
        ],
    )
    def test_mode_and_cursor_column_must_agree(self, mode: LoadMode, cursor_column: str | None, says: str) -> None:
        options = {"connection": CONNECTION, "table": "t", "cursor_column": cursor_column}
        with pytest.raises(OptionsError, match=says):
            parse_options("postgresql", options).check_mode(mode, ())

    def test_other_columns_are_the_same_rows(self) -> None:
        def identity(**options: object) -> dict[str, Any]:
            return parse_options("postgresql", {"connection": CONNECTION, "table": "t", **options}).identity()

        assert identity(columns=["a"], cursor_lag=1) == identity()
        assert identity(cursor_column="id") != identity()


class TestRefusals:
    @pytest.mark.parametrize(
        ("options", "says"),
        [
            (
                {"table": "ordrs"},
                "source.table: expected a table or view, got 'ordrs', which is not there; name orders",
            ),
            ({"table": "ORDERS"}, "name orders instead"),
            ({"table": "sales.orders"}, "name orders instead"),
            ({"table": "zzz"}, "correct the name"),
            ({"table": "orders", "columns": ["id", "custmer"]}, "'custmer', got 3 others; name customer instead"),
            ({"query": "SELECT nope FROM orders"}, 'query: .*column "nope" does not exist.*; correct source.query'),
            ({"query": "SELECT 1; SELECT 2"}, "query: .*; correct source.query"),
            ({"query": "SELECT 1/(id-3) AS n FROM orders"}, "division by zero.*; correct source.query"),
            (
                {"query": "SELECT 1 AS n, 2 AS n"},
                "a name of its own for each column, got 'n' twice; rename one with AS",
            ),
            ({"table": "orders", "cursor_column": "position"}, "expected a column 'position'"),
            (
                {"query": "SELECT '{}'::json AS j", "cursor_column": "j"},
                "choose a cursor column whose type has an order",
            ),
        ],
    )
    def test_what_cannot_be_read_says_what_to_correct(self, shop: Shop, options: dict[str, Any], says: str) -> None:
        with pytest.raises(ConfigurationError, match=says):
            shop.rows(options)

    def test_missing_permission_says_what_to_grant_to_whom(self, shop: Shop, stranger: str) -> None:
        shop.run("CREATE SCHEMA hidden; CREATE TABLE hidden.t ()")
        shop.connect_with(role=stranger)
        with pytest.raises(ConfigurationError, match=rf"denied for table orders.*GRANT SELECT on .* to {stranger}"):
            shop.rows({"table": "orders"})
        with pytest.raises(ConfigurationError, match=rf"denied for schema hidden.*USAGE on the schema, to {stranger}"):
            shop.rows({"table": "hidden.t"})

    def test_column_that_goes_away_between_plan_and_read_is_named(self, shop: Shop) -> None:
        source = open_with("postgresql", {"connection": CONNECTION, "table": "orders", "columns": ["amount"]})
        [unit] = source.plan()
        shop.run("ALTER TABLE orders DROP COLUMN amount")
        with pytest.raises(ConfigurationError, match="expected a column 'amount'"):
            list(source.read(unit))

    def test_statement_timeout_says_how_to_raise_it(self, shop: Shop) -> None:
        shop.connect_with(setting="statement_timeout=200")
        with pytest.raises(Unavailable, match=r"statement timeout.*raise the role's statement_timeout") as caught:
            shop.rows({"query": "SELECT pg_sleep(5)"})
        assert caught.value.fingerprint == ""

    def test_locked_table_is_unavailable(self, shop: Shop) -> None:
        shop.connect_with(setting="lock_timeout=1")
        with shop.session() as other, other.cursor() as cursor:
            cursor.execute("ALTER TABLE orders ADD COLUMN more int")
            with pytest.raises(Unavailable, match=r"lock timeout.*end the session that holds the lock"):
                shop.rows({"table": "orders"})
