"""What every destination promises: a subclass says where to publish and how to look at what is there."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from tests.support.processes import codes
from worker.contract.run_spec import LoadMode
from worker.destination import Receipt, Target, open_destination
from worker.errors import ConfigurationError
from worker.settings import Settings
from worker.types import DATETIME, JSON, TIME, TIMESTAMP

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.processes import ForkServer
    from tests.support.staging import Stager
    from worker.destination import Destination

APPEND, REPLACE, PARTITIONS, MERGE = LoadMode.APPEND, LoadMode.REPLACE, LoadMode.PARTITIONS, LoadMode.MERGE
TARGET = Target("project", "shop", "orders")
DAILY = replace(TARGET, partition_by="day")
KEYED = replace(TARGET, merge_key=("id",))
EXACT = replace(TARGET, exact=True)
FIRST, LAST = datetime.fromisoformat("0001-01-01"), datetime.fromisoformat("9999-12-31T23:59:59.999999")
NEW_YEAR = datetime.fromisoformat("2026-01-01")


def orders(*ids: int, **columns: pa.Array[Any] | list[Any]) -> pa.Table:
    return pa.table({"id": pa.array(ids, pa.int64()), **columns})


def noted(id_: int, note: str, *, id_required: bool = False, note_required: bool = False) -> pa.Table:
    fields: list[pa.Field[Any]] = [
        pa.field("id", pa.int64(), nullable=not id_required),
        pa.field("note", pa.utf8(), nullable=not note_required),
    ]
    return pa.Table.from_pylist([{"id": id_, "note": note}], schema=pa.schema(fields))


class DestinationConformance:
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        raise NotImplementedError

    def rows(self, url: str, target: Target = TARGET) -> list[dict[str, Any]]:
        """Return the table's rows by their first column, each value as Python writes it best."""
        raise NotImplementedError

    @pytest.fixture
    def destination(self, url: str) -> Destination:
        return open_destination(url, Settings())

    def ids(self, url: str) -> list[int]:
        return [row["id"] for row in self.rows(url)]

    # What is there.

    def test_nothing_is_described_and_published_before_the_first_unit(self, destination: Destination) -> None:
        assert destination.describe(TARGET) is None
        assert destination.published(["run/a", "run/b"]) == {}

    def test_receipts_are_found_by_their_keys_only(self, destination: Destination, stage: Stager) -> None:
        destination.publish(TARGET, "run/a", stage(orders(1, 2)), APPEND)
        assert destination.published(["run/a", "run/b"]) == {"run/a": Receipt("run/a", 2)}
        assert destination.published([]) == {}

    def test_table_is_described_by_canonical_types(self, destination: Destination, stage: Stager) -> None:
        table = orders(1, at=pa.array([datetime(2026, 1, 1, tzinfo=UTC)], TIMESTAMP), doc=pa.array(["{}"], JSON))
        destination.publish(TARGET, "run/a", stage(table), APPEND)
        described = destination.describe(TARGET)
        assert described is not None
        assert described.rows == 1
        assert described.schema.equals(table.schema)

    def test_required_columns_stay_required(self, destination: Destination, stage: Stager) -> None:
        destination.publish(TARGET, "run/a", stage(noted(1, "x", id_required=True)), APPEND)
        described = destination.describe(TARGET)
        assert described is not None
        assert [field.nullable for field in described.schema] == [False, True]

    # Modes.

    def test_append_adds_rows(self, destination: Destination, stage: Stager, url: str) -> None:
        destination.publish(TARGET, "run/a", stage(orders(1, 2)), APPEND)
        receipt = destination.publish(TARGET, "run/b", stage(orders(2, 3)), APPEND)
        assert receipt == Receipt("run/b", 2)
        assert self.ids(url) == [1, 2, 2, 3]

    def test_replace_leaves_the_units_rows_only(self, destination: Destination, stage: Stager, url: str) -> None:
        destination.publish(TARGET, "run/a", stage(orders(1, 2, note=["x", "y"])), REPLACE)
        destination.publish(TARGET, "run/b", stage(orders(3)), REPLACE)
        assert self.rows(url) == [{"id": 3, "note": None}]

    def test_replace_by_an_empty_unit_empties_the_table(
        self, destination: Destination, stage: Stager, url: str
    ) -> None:
        destination.publish(TARGET, "run/a", stage(orders(1, 2)), REPLACE)
        assert destination.publish(TARGET, "run/b", stage(orders()), REPLACE).rows == 0
        assert self.ids(url) == []

    def test_partitions_replace_their_days_and_no_other(
        self, destination: Destination, stage: Stager, url: str
    ) -> None:
        first, second = date(2026, 1, 1), date(2026, 1, 2)
        destination.publish(DAILY, "run/a", stage(orders(1, 2, 3, day=[first, second, second])), PARTITIONS)
        destination.publish(DAILY, "run/b", stage(orders(4, day=[second])), PARTITIONS)
        assert self.ids(url) == [1, 4]

    def test_partitions_of_timestamps_are_days_in_utc(self, destination: Destination, stage: Stager, url: str) -> None:
        before, after = datetime(2026, 1, 1, 23, 59, tzinfo=UTC), datetime(2026, 1, 2, 0, 0, tzinfo=UTC)
        days = pa.array([before, after], TIMESTAMP)
        destination.publish(DAILY, "run/a", stage(orders(1, 2, day=days)), PARTITIONS)
        destination.publish(DAILY, "run/b", stage(orders(3, day=days[1:])), PARTITIONS)
        assert self.ids(url) == [1, 3]

    def test_row_without_a_day_is_refused(self, destination: Destination, stage: Stager, url: str) -> None:
        with pytest.raises(ConfigurationError, match="column day, row 2: expected a value"):
            destination.publish(DAILY, "run/a", stage(orders(1, 2, day=[date(2026, 1, 1), None])), PARTITIONS)
        assert destination.describe(TARGET) is None

    def test_merge_replaces_rows_of_the_same_key(self, destination: Destination, stage: Stager, url: str) -> None:
        destination.publish(KEYED, "run/a", stage(orders(1, 2, note=["old", "old"])), MERGE)
        destination.publish(KEYED, "run/b", stage(orders(2, 3, note=["new", "new"])), MERGE)
        assert [(row["id"], row["note"]) for row in self.rows(url)] == [(1, "old"), (2, "new"), (3, "new")]

    def test_merge_takes_equal_rows_once(self, destination: Destination, stage: Stager, url: str) -> None:
        assert destination.publish(KEYED, "run/a", stage(orders(1, 1, note=["x", "x"])), MERGE).rows == 1
        assert self.ids(url) == [1]

    def test_merge_refuses_rows_that_differ_under_one_key(self, destination: Destination, stage: Stager) -> None:
        with pytest.raises(ConfigurationError, match="several rows that differ for id = 7"):
            destination.publish(KEYED, "run/a", stage(orders(1, 7, 7, note=["x", "y", "z"])), MERGE)

    def test_merge_refuses_rows_without_a_key(self, destination: Destination, stage: Stager) -> None:
        keyless = pa.table({"id": pa.array([1, None], pa.int64())})
        with pytest.raises(ConfigurationError, match="column id, row 2: expected a value"):
            destination.publish(KEYED, "run/a", stage(keyless), MERGE)

    def test_merge_key_is_a_column_of_the_source(self, destination: Destination, stage: Stager) -> None:
        unknown = replace(KEYED, merge_key=("id", "shop"))
        with pytest.raises(ConfigurationError, match="merge_key: expected columns of the source, got shop"):
            destination.publish(unknown, "run/a", stage(orders(1)), MERGE)

    # Once.

    @pytest.mark.parametrize("mode", LoadMode)
    def test_unit_published_twice_is_there_once(
        self, destination: Destination, stage: Stager, url: str, mode: LoadMode
    ) -> None:
        target = replace(TARGET, partition_by="day", merge_key=("id",))
        parts = stage(orders(1, 2, day=[date(2026, 1, 1)] * 2))
        first = destination.publish(target, "run/a", parts, mode)
        destination.publish(target, "run/b", stage(orders(2, 3, day=[date(2026, 1, 2)] * 2)), mode)
        before = self.rows(url)
        assert destination.publish(target, "run/a", parts, mode) == first
        assert self.rows(url) == before

    def test_unit_published_by_several_processes_at_once_is_there_once(
        self, processes: ForkServer, stage: Stager, url: str, tmp_path: Path
    ) -> None:
        parts = [part.model_dump() for part in stage(orders(1, 2, 3))]
        target = ["project", "shop", "orders"]
        started = [
            processes.start(
                "tests.support.rivals:publish", url, target, key, parts, "append", output=tmp_path / f"{place}.log"
            )
            for place, key in enumerate(["run/a", "run/a", "run/a", "run/b"])
        ]
        assert codes(started) == [3, 3, 3, 3]
        assert self.ids(url) == [1, 1, 2, 2, 3, 3]

    def test_refused_unit_leaves_everything_as_it_was(self, destination: Destination, stage: Stager, url: str) -> None:
        destination.publish(TARGET, "run/a", stage(orders(1, note=["x"])), REPLACE)
        schema = destination.describe(TARGET)
        with pytest.raises(ConfigurationError):
            destination.publish(TARGET, "run/b", stage(orders(2, note=[True], more=["new"])), REPLACE)
        assert destination.describe(TARGET) == schema
        assert self.rows(url) == [{"id": 1, "note": "x"}]
        assert destination.published(["run/b"]) == {}

    # Columns.

    def test_parts_of_a_unit_are_published_together(self, destination: Destination, stage: Stager, url: str) -> None:
        destination.publish(TARGET, "run/a", stage(orders(1), orders(), orders(2, 3)), APPEND)
        assert self.ids(url) == [1, 2, 3]

    def test_new_column_is_added_and_empty_in_old_rows(self, destination: Destination, stage: Stager, url: str) -> None:
        destination.publish(TARGET, "run/a", stage(orders(1)), APPEND)
        receipt = destination.publish(TARGET, "run/b", stage(orders(2, note=["x"])), APPEND)
        assert receipt.schema_changes == ("column note added as STRING",)
        assert self.rows(url) == [{"id": 1, "note": None}, {"id": 2, "note": "x"}]

    def test_new_column_may_be_empty_even_if_its_source_says_otherwise(
        self, destination: Destination, stage: Stager, url: str
    ) -> None:
        destination.publish(TARGET, "run/a", stage(orders(1)), APPEND)
        destination.publish(TARGET, "run/b", stage(noted(2, "x", note_required=True)), APPEND)
        assert self.rows(url) == [{"id": 1, "note": None}, {"id": 2, "note": "x"}]

    def test_absent_column_is_empty(self, destination: Destination, stage: Stager, url: str) -> None:
        destination.publish(TARGET, "run/a", stage(orders(1, note=["x"])), APPEND)
        destination.publish(TARGET, "run/b", stage(orders(2)), APPEND)
        assert self.rows(url) == [{"id": 1, "note": "x"}, {"id": 2, "note": None}]

    def test_absent_required_column_is_refused(self, destination: Destination, stage: Stager) -> None:
        destination.publish(TARGET, "run/a", stage(noted(2, "x", note_required=True)), APPEND)
        with pytest.raises(ConfigurationError, match="expected values for note, which cannot be empty"):
            destination.publish(TARGET, "run/b", stage(orders(2)), APPEND)

    def test_nothing_in_a_required_column_is_refused(self, destination: Destination, stage: Stager) -> None:
        destination.publish(TARGET, "run/a", stage(noted(2, "x", note_required=True)), APPEND)
        with pytest.raises(ConfigurationError, match="column note, row 2: expected a value"):
            destination.publish(TARGET, "run/b", stage(orders(3, 4, note=["y", None])), APPEND)

    def test_columns_are_the_same_whatever_their_case(self, destination: Destination, stage: Stager, url: str) -> None:
        destination.publish(TARGET, "run/a", stage(orders(1, Note=["x"])), APPEND)
        receipt = destination.publish(TARGET, "run/b", stage(pa.table({"ID": [2], "note": ["y"]})), APPEND)
        assert receipt.schema_changes == ()
        assert self.rows(url) == [{"id": 1, "Note": "x"}, {"id": 2, "Note": "y"}]

    @pytest.mark.parametrize(
        ("before", "after", "name"),
        [
            (pa.array([1]), pa.array([1.5]), "INT64 to FLOAT64"),
            (pa.array([1]), pa.array([Decimal("1.5")], pa.decimal128(10, 2)), "INT64 to NUMERIC(21, 2)"),
            (
                pa.array([Decimal("1.5")], pa.decimal128(5, 2)),
                pa.array([Decimal("12345.678")], pa.decimal128(8, 3)),
                "NUMERIC(5, 2) to NUMERIC(8, 3)",
            ),
            (pa.array([Decimal("1.5")], pa.decimal128(5, 2)), pa.array([123456]), "NUMERIC(5, 2) to NUMERIC(21, 2)"),
        ],
    )
    def test_column_is_widened_without_loss(
        self, destination: Destination, stage: Stager, url: str, before: pa.Array[Any], after: pa.Array[Any], name: str
    ) -> None:
        destination.publish(TARGET, "run/a", stage(orders(1, n=before)), APPEND)
        receipt = destination.publish(TARGET, "run/b", stage(orders(2, n=after)), APPEND)
        assert receipt.schema_changes == (f"column n widened from {name}",)
        assert [row["n"] for row in self.rows(url)] == [before[0].as_py(), after[0].as_py()]

    @pytest.mark.parametrize(
        ("have", "values"),
        [
            (pa.int64(), pa.array([2.0, None])),
            (pa.float64(), pa.array([2, None])),
            (pa.decimal128(10, 2), pa.array([2, None])),
            (pa.decimal128(10, 2), pa.array([2.25, None])),
            (pa.float64(), pa.nulls(2)),
            (pa.date32(), pa.nulls(2)),
            (pa.date32(), pa.array([None, None], pa.utf8())),
        ],
    )
    def test_column_keeps_its_type_where_every_value_fits(
        self, destination: Destination, stage: Stager, url: str, have: pa.DataType, values: pa.Array[Any]
    ) -> None:
        destination.publish(TARGET, "run/a", stage(orders(1, n=pa.array([None], have))), APPEND)
        assert destination.publish(TARGET, "run/b", stage(orders(2, 3, n=values)), APPEND).schema_changes == ()
        assert [row["n"] for row in self.rows(url)] == [None, *values.to_pylist()]

    def test_widening_that_would_lose_a_value_of_the_table_is_refused(
        self, destination: Destination, stage: Stager, url: str
    ) -> None:
        destination.publish(TARGET, "run/a", stage(orders(1, n=[2**53 + 1])), APPEND)
        with pytest.raises(ConfigurationError, match=f"column n: .* the same as FLOAT64, got {2**53 + 1}"):
            destination.publish(TARGET, "run/b", stage(orders(2, n=[1.5])), APPEND)
        destination.publish(TARGET, "run/c", stage(orders(2, n=[1.5])), REPLACE)
        assert [row["n"] for row in self.rows(url)] == [1.5]

    @pytest.mark.parametrize(
        ("have", "values", "message"),
        [
            (pa.int64(), pa.array(["1", "n/a"]), r"column n, row 2: expected INT64 .*, got 'n/a' \(STRING\)"),
            (pa.int64(), pa.array(["1", "2"]), r"column n, row 1: expected INT64 .*, got '1' \(STRING\)"),
            (pa.float64(), pa.array([0, 2**53 + 1]), r"column n, row 2: expected FLOAT64 .*, got '9007199254740993'"),
            (
                pa.decimal128(10, 2),
                pa.array([1.5, 0.001]),
                r"column n, row 2: expected NUMERIC\(10, 2\) .*, got '0.001'",
            ),
            (pa.date32(), pa.array([NEW_YEAR, None], DATETIME), r"row 1: expected DATE .*\(DATETIME\)"),
            (DATETIME, pa.array([None, NEW_YEAR], TIMESTAMP), r"row 2: expected DATETIME .*\(TIMESTAMP\)"),
            (pa.utf8(), pa.array([1, 2]), r"column n, row 1: expected STRING .*, got '1' \(INT64\)"),
            (pa.bool_(), pa.array([1, 2]), r"column n, row 1: expected BOOL .*, got '1' \(INT64\)"),
        ],
    )
    def test_value_that_does_not_fit_is_named(
        self, destination: Destination, stage: Stager, have: pa.DataType, values: pa.Array[Any], message: str
    ) -> None:
        destination.publish(TARGET, "run/a", stage(orders(1, n=pa.array([None], have))), APPEND)
        with pytest.raises(ConfigurationError, match=message):
            destination.publish(TARGET, "run/b", stage(orders(2, 3, n=values)), APPEND)

    # A custom schema.

    def test_exact_table_is_made_of_the_custom_schema(self, destination: Destination, stage: Stager, url: str) -> None:
        destination.publish(EXACT, "run/a", stage(orders(1)), REPLACE)
        destination.publish(EXACT, "run/b", stage(orders(2)), REPLACE)
        assert self.ids(url) == [2]

    def test_exact_table_takes_no_other_columns(self, destination: Destination, stage: Stager) -> None:
        destination.publish(TARGET, "run/a", stage(orders(1, note=["x"])), REPLACE)
        with pytest.raises(ConfigurationError, match="got more only in custom_schema and note only in the table"):
            destination.publish(EXACT, "run/b", stage(orders(2, more=["y"])), REPLACE)

    def test_exact_table_widens_no_column_and_names_the_value(self, destination: Destination, stage: Stager) -> None:
        destination.publish(TARGET, "run/a", stage(orders(1, n=[1])), REPLACE)
        destination.publish(EXACT, "run/b", stage(orders(2, n=[2.0])), REPLACE)
        with pytest.raises(ConfigurationError, match=r"column n, row 3: expected INT64 .*, got '1.5' \(FLOAT64\)"):
            destination.publish(EXACT, "run/c", stage(orders(1, 2, 3, n=[1.0, 2.0, 1.5])), REPLACE)

    # Values.

    @pytest.mark.parametrize(
        "values",
        [
            pa.array([True, False, None]),
            pa.array([-(2**63), 2**63 - 1, None]),
            pa.array([1e308, -0.5, None]),
            pa.array([Decimal("-99999999999999999999999999999.999999999"), None], pa.decimal128(38, 9)),
            pa.array(["", "naïve 日本 😀 'quoted' \"double\"\n\t", None]),
            pa.array([b"", b"\x00\xff", None]),
            pa.array([date(1, 1, 1), date(9999, 12, 31), None]),
            pa.array([time(0, 0), time(23, 59, 59, 999_999), None], TIME),
            pa.array([FIRST, LAST, None], DATETIME),
            pa.array([datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), None], TIMESTAMP),
            pa.array([[1, None], [], None], pa.list_(pa.int64())),
            pa.array([{"a": 1, "b": ["x"]}, None], pa.struct([("a", pa.int64()), ("b", pa.list_(pa.utf8()))])),
        ],
        ids=lambda values: str(values.type),
    )
    def test_values_arrive_as_they_left(
        self, destination: Destination, stage: Stager, url: str, values: pa.Array[Any]
    ) -> None:
        ids = range(len(values))
        destination.publish(TARGET, "run/a", stage(orders(*ids, v=values)), APPEND)
        destination.publish(TARGET, "run/b", stage(orders(*(i + 10 for i in ids), v=values)), APPEND)
        assert [row["v"] for row in self.rows(url)] == [*values.to_pylist(), *values.to_pylist()]

    def test_infinity_and_nan_arrive(self, destination: Destination, stage: Stager, url: str) -> None:
        destination.publish(TARGET, "run/a", stage(orders(1, 2, v=[float("inf"), float("nan")])), APPEND)
        assert [str(row["v"]) for row in self.rows(url)] == ["inf", "nan"]

    def test_table_has_the_name_that_it_was_given(self, destination: Destination, stage: Stager, url: str) -> None:
        named = Target("project", "Größe", 'tab le "1"')
        destination.publish(named, "run/a", stage(orders(1)), APPEND)
        assert self.rows(url, named) == [{"id": 1}]
