"""Windows of a cursor column: each row is loaded once, however late its transaction commits."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.shop import CONNECTION, Shop
from tests.support.waiting import wait_until
from tests.worker.sources.conformance import open_with
from worker.contract.run_spec import LoadMode
from worker.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg2.extensions import connection as Connection  # noqa: N812 - a class, named as a function

    from worker.contract.run_folder import PlannedUnit

NO_LAG: dict[str, Any] = {"cursor_lag": 0}
BY_ID = {"table": "events", "cursor_column": "id", "columns": ["id"], **NO_LAG}
BY_TIME = {"table": "events", "cursor_column": "at", "columns": ["id"], **NO_LAG}


@pytest.fixture(autouse=True)
def _events(shop: Shop) -> None:
    shop.run("CREATE TABLE events (id int GENERATED ALWAYS AS IDENTITY, at timestamptz DEFAULT now(), note text)")


class Loads:
    """A config that appends: each load goes on from where the one before it ended."""

    def __init__(self, shop: Shop, **options: Any) -> None:  # noqa: ANN401 - options of the kind
        self._shop = shop
        self._options = {"connection": CONNECTION, **options}
        self.cursor: Any = None

    def load(self) -> list[Any]:
        """Load what is new, and return the values of the first column."""
        source = open_with(
            "postgresql", self._options, mode=LoadMode.APPEND, cursor=self.cursor, warn=self._shop.warnings.append
        )
        values = []
        for unit in source.plan():
            values += [value for batch in source.read(unit) for value in batch.column(0).to_pylist()]
            self.cursor = unit.cursor
        return sorted(values)


@contextmanager
def writing(shop: Shop, sql: str = "INSERT INTO events DEFAULT VALUES") -> Iterator[Connection]:
    """Write in a session that has not committed."""
    with shop.session() as session, session.cursor() as cursor:
        cursor.execute(sql)
        yield session


def insert(shop: Shop, count: int = 1) -> None:
    shop.run("INSERT INTO events DEFAULT VALUES;" * count)


@pytest.mark.parametrize("options", [BY_ID, BY_TIME], ids=["id", "time"])
def test_each_load_takes_what_is_new(shop: Shop, options: dict[str, Any]) -> None:
    loads = Loads(shop, **options)
    insert(shop, 2)
    assert loads.load() == [1, 2]
    insert(shop, 1)
    assert loads.load() == [3]
    assert shop.warnings == []


@pytest.mark.parametrize("options", [BY_ID, BY_TIME], ids=["id", "time"])
def test_nothing_new_is_no_unit_and_leaves_the_cursor(shop: Shop, options: dict[str, Any]) -> None:
    loads = Loads(shop, **options)
    assert loads.load() == []
    insert(shop)
    loads.load()
    before = loads.cursor
    assert loads.load() == []
    assert loads.cursor == before


def test_cursor_ahead_of_the_rows_is_never_moved_back(shop: Shop) -> None:
    insert(shop)
    loads = Loads(shop, **BY_ID)
    loads.cursor = {"column": "id", "type": "int4", "value": "100"}
    assert loads.load() == []
    assert loads.cursor["value"] == "100"


@pytest.mark.parametrize("options", [BY_ID, BY_TIME], ids=["id", "time"])
def test_row_that_commits_late_is_neither_lost_nor_doubled(shop: Shop, options: dict[str, Any]) -> None:
    loads = Loads(shop, **options)
    insert(shop)
    with writing(shop) as late:
        insert(shop)
        before = loads.load()
        assert 3 not in before
        late.commit()
    assert before + loads.load() == [1, 2, 3]


def test_time_window_ends_before_the_oldest_open_transaction(shop: Shop) -> None:
    """It has written nothing yet, but what it will write carries its start as `now()`."""
    insert(shop)
    with writing(shop, "SELECT 1") as late, late.cursor() as cursor:
        insert(shop)
        loads = Loads(shop, **BY_TIME)
        assert loads.load() == [1]
        assert "wait for the next run: a transaction is open since" in shop.warnings[0]
        cursor.execute("INSERT INTO events DEFAULT VALUES")
        late.commit()
    assert loads.load() == [2, 3]


def test_rows_of_one_instant_stay_together(shop: Shop) -> None:
    shop.run("INSERT INTO events (at) SELECT '2024-01-01 12:00:00.123456+00' FROM generate_series(1, 3)")
    loads = Loads(shop, **BY_TIME)
    assert loads.load() == [1, 2, 3]
    assert loads.load() == []


def test_lag_holds_the_youngest_rows_back(shop: Shop) -> None:
    shop.run("INSERT INTO events (at) VALUES (now() - interval '6 minutes'), (now() - interval '4 minutes')")
    loads = Loads(shop, **{**BY_TIME, "cursor_lag": "PT5M"})
    assert loads.load() == [1]
    shop.run("UPDATE events SET at = at - interval '90 seconds' WHERE id = 2")
    assert loads.load() == [2]


def test_future_and_infinite_times_are_held_back(shop: Shop) -> None:
    shop.run("INSERT INTO events (at) VALUES (now() + interval '1 hour'), ('infinity'), ('2024-01-01')")
    assert Loads(shop, **BY_TIME).load() == [3]


def test_waiting_for_a_writer_ends_with_its_commit(shop: Shop) -> None:
    loads = Loads(shop, **{**BY_ID, "cursor_lag": 30})
    with writing(shop) as late, ThreadPoolExecutor() as threads:
        insert(shop)
        load = threads.submit(loads.load)
        wait_until(lambda: _is_waiting(shop), what="the load waits for the writer")
        late.commit()
        assert load.result(timeout=10) == [1, 2]
    assert shop.warnings == []


def test_window_of_a_number_that_is_not_certain_is_left_to_the_next_run(shop: Shop) -> None:
    with writing(shop):
        insert(shop)
        assert Loads(shop, **BY_ID).load() == []
    assert shop.warnings == ["new rows wait for the next run: of the transactions that may write them, 1 were not done"]


def test_writer_of_another_table_holds_back_a_view_and_not_a_table(shop: Shop) -> None:
    shop.run("CREATE TABLE other (); CREATE VIEW seen AS SELECT * FROM events")
    insert(shop)
    with writing(shop, "INSERT INTO other DEFAULT VALUES"):
        assert Loads(shop, **BY_ID).load() == [1]
        assert Loads(shop, **{**BY_ID, "table": "seen"}).load() == []


def test_writer_of_a_partition_holds_back_the_table(shop: Shop) -> None:
    shop.run("""
        CREATE TABLE parted (id int) PARTITION BY RANGE (id);
        CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (10);
        INSERT INTO parted VALUES (2);
    """)
    with writing(shop, "INSERT INTO parted_1 VALUES (1)"):
        assert Loads(shop, **{**BY_ID, "table": "parted"}).load() == []


def test_open_transaction_that_the_role_may_not_see_holds_the_window_back(shop: Shop, stranger: str) -> None:
    shop.run(f"GRANT SELECT ON events TO {stranger}")
    insert(shop)
    shop.connect_with(role=stranger)
    loads = Loads(shop, **BY_TIME)
    with writing(shop, "SELECT 1") as late, late.cursor() as cursor:
        assert loads.load() == []
        assert "of the transactions that may write them, 1 were not done" in shop.warnings[0]
        cursor.execute("INSERT INTO events DEFAULT VALUES")
        late.commit()
    assert loads.load() == [1, 2]


def test_time_without_zone_is_taken_as_the_earlier_of_utc_and_the_databases(shop: Shop) -> None:
    shop.run("""
        CREATE TABLE stamps (name text, at timestamp);
        INSERT INTO stamps VALUES ('in UTC', now() AT TIME ZONE 'UTC' - interval '1 minute'),
            ('in New York', now() AT TIME ZONE 'America/New_York' - interval '1 minute');
    """)
    shop.connect_with(setting="timezone=America/New_York")
    assert Loads(shop, table="stamps", cursor_column="at", **NO_LAG).load() == ["in New York"]


def test_day_is_loaded_when_it_is_over(shop: Shop) -> None:
    shop.run("""
        CREATE TABLE days (name text, day date);
        INSERT INTO days VALUES ('long ago', '2024-01-01'), ('today', now() AT TIME ZONE 'UTC');
    """)
    assert Loads(shop, table="days", cursor_column="day", **NO_LAG).load() == ["long ago"]


def test_rows_without_a_cursor_are_counted(shop: Shop) -> None:
    shop.run("INSERT INTO events (at) VALUES (NULL), (NULL), ('2024-01-01')")
    assert Loads(shop, **BY_TIME).load() == [3]
    assert shop.warnings == [
        "column at: expected a value in every row, got 2 rows without one, which are not loaded; fill it in"
    ]


@pytest.mark.parametrize("value", ["it's", 'a "b"', "back\\slash\\'"])
def test_text_is_a_cursor_whatever_it_holds(shop: Shop, value: str) -> None:
    with shop.session() as session, session, session.cursor() as cursor:
        cursor.execute("INSERT INTO events (note) VALUES (%s)", [value])
    loads = Loads(shop, **{**BY_ID, "cursor_column": "note"})
    assert (loads.load(), loads.load()) == ([1], [])


def test_query_has_windows_too(shop: Shop) -> None:
    insert(shop, 2)
    loads = Loads(shop, query="SELECT id * 10 AS ten FROM events WHERE id > 0", cursor_column="ten", **NO_LAG)
    assert loads.load() == [10, 20]
    insert(shop)
    assert loads.load() == [30]


def test_unit_is_the_same_when_it_is_read_later(shop: Shop) -> None:
    insert(shop, 2)
    [unit] = _plan(shop)
    insert(shop)
    later = open_with("postgresql", {"connection": CONNECTION, **BY_ID})
    assert [value for batch in later.read(unit) for value in batch.column(0).to_pylist()] == [1, 2]


@pytest.mark.parametrize(
    ("cursor", "accepted"),
    [
        ({"column": "id", "type": "int2", "value": "1"}, True),
        ({"column": "id", "type": "numeric", "value": "1"}, True),
        ({"column": "id", "type": "timestamptz", "value": "2024-01-01"}, False),
        ({"column": "other", "type": "int4", "value": "1"}, False),
        ({"column": "id", "type": "int4"}, False),
        ("2024-01-01", False),
    ],
    ids=["narrower", "wider", "other type", "other column", "no value", "no cursor"],
)
def test_cursor_of_another_order_is_refused(shop: Shop, cursor: object, *, accepted: bool) -> None:
    insert(shop, 2)
    if accepted:
        assert len(_plan(shop, cursor=cursor)) == 1
    else:
        with pytest.raises(ConfigurationError, match=r"cursor: expected a value of id \(int4\).*reset"):
            _plan(shop, cursor=cursor)


def _plan(shop: Shop, **request: Any) -> list[PlannedUnit]:  # noqa: ANN401 - fields of Request
    return shop.plan(BY_ID, mode=LoadMode.APPEND, **request)


def _is_waiting(shop: Shop) -> bool:
    with shop.session() as session, session.cursor() as cursor:
        cursor.execute(
            "SELECT FROM pg_stat_activity WHERE query LIKE '%virtualtransaction IN (%' AND pid <> pg_backend_pid()"
        )
        return bool(cursor.rowcount)
