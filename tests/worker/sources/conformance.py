"""What every source promises, as one suite. A source's test module makes a `Subject` and inherits `SourceConformance`.

    class TestConformance(SourceConformance):
        @pytest.fixture
        def subject(self, sandbox: Sandbox) -> Subject: ...

`Subject` says how this kind's other side is filled and broken; the checks are the same for all kinds.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from worker.contract.options import OptionsError, kinds, options_class, parse_options
from worker.contract.run_folder import Plan
from worker.contract.run_spec import LoadMode
from worker.errors import ConfigurationError, Unavailable
from worker.source import Request, Source, open_source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pyarrow as pa

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
HEAVY = ("adbc_driver_manager", "adbc_driver_postgresql", "duckdb", "gspread", "pandas", "pyarrow", "yfinance")


@dataclass(frozen=True)
class Subject:
    """A source of one kind, and the other side that it reads from."""

    kind: str
    options: dict[str, Any]
    """Data that can be read: at least 3 rows in at least one unit."""
    rows: int
    """How many rows that is."""
    empty: dict[str, Any]
    """Options of data without rows, where the columns are known."""
    refused: dict[str, Any]
    """Options that are well-formed and that the other side refuses for good."""
    refused_says: str
    """What the refusal must name: the thing to change."""
    go_down: Callable[[], None]
    """Let the other side be unavailable from now on."""
    own_clients: tuple[str, ...] = ()
    """The heavy packages of this kind itself, which importing its source may bring."""
    secrets: tuple[str, ...] = ()
    """What no text may hold."""
    request: dict[str, Any] = field(default_factory=dict)
    """What a request of this kind needs beyond the defaults (`mode`, `start_date`, ...)."""


def make_request(**changes: Any) -> Request:  # noqa: ANN401 - the fields of Request
    """Return a request of a first load, with changes."""
    plain = Request(
        config_name="conformance",
        mode=LoadMode.REPLACE,
        now=NOW,
        batch_size=1000,
        cursor=None,
        failed_before=False,
        start_date=None,
        end_date=None,
        allow_drop=False,
        custom_schema=None,
        existing=lambda: None,
        warn=lambda _: None,
    )
    return replace(plain, **changes)


def open_with(kind: str, options: dict[str, Any], **changes: Any) -> Source:  # noqa: ANN401 - the fields of Request
    """Open a source as the worker does, from options as they stand in a config."""
    return open_source(kind, parse_options(kind, options), make_request(**changes))


def read_all(source: Source) -> list[pa.RecordBatch]:
    """Plan and read everything."""
    return [batch for unit in source.plan() for batch in source.read(unit)]


class SourceConformance:
    """The promises of `worker.source.Source`."""

    @pytest.fixture
    def subject(self) -> Subject:
        raise NotImplementedError

    @pytest.fixture
    def opened(self, subject: Subject) -> Callable[..., Source]:
        """Open the subject, with other options or another request if given."""
        return lambda options=None, **changes: open_with(
            subject.kind, options or subject.options, **{**subject.request, **changes}
        )

    def test_kind_is_known_by_the_name_of_its_files(self, subject: Subject) -> None:
        assert subject.kind in kinds()

    def test_example_parses_and_its_identity_is_json(self, subject: Subject) -> None:
        example = parse_options(subject.kind, options_class(subject.kind).example)
        assert json.loads(json.dumps(example.identity())) == example.identity()
        example.check_mode(options_class(subject.kind).modes[0], ())

    def test_unknown_option_is_refused_by_name(self, subject: Subject) -> None:
        with pytest.raises(OptionsError, match=r"source\.no_such_option: .*; remove it"):
            parse_options(subject.kind, {**subject.options, "no_such_option": 1})

    def test_import_brings_no_other_kinds_client(self, subject: Subject) -> None:
        program = f"import sys, worker.sources.{subject.kind}; print(*(m for m in {HEAVY} if m in sys.modules))"
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert set(done.stdout.split()) <= set(subject.own_clients)

    def test_plan_is_the_same_when_asked_again(self, opened: Callable[..., Source]) -> None:
        assert list(opened().plan()) == list(opened().plan()) != []

    def test_unit_keys_are_unique(self, opened: Callable[..., Source]) -> None:
        keys = [unit.key for unit in opened().plan()]
        assert all(keys)
        assert len(set(keys)) == len(keys)

    def test_plan_survives_its_file(self, opened: Callable[..., Source]) -> None:
        plan = Plan(units=tuple(opened().plan()))
        assert Plan.model_validate_json(plan.model_dump_json()) == plan

    def test_every_row_is_read_once(self, subject: Subject, opened: Callable[..., Source]) -> None:
        assert sum(batch.num_rows for batch in read_all(opened())) == subject.rows

    def test_unit_has_one_schema_and_at_least_one_batch(self, opened: Callable[..., Source]) -> None:
        source = opened(batch_size=2)
        for unit in source.plan():
            assert len({str(batch.schema) for batch in source.read(unit)}) == 1

    def test_batches_are_no_larger_than_asked(self, opened: Callable[..., Source]) -> None:
        assert max(batch.num_rows for batch in read_all(opened(batch_size=2))) == 2

    def test_unit_planned_by_another_process_reads_the_same(self, opened: Callable[..., Source]) -> None:
        planner = opened()
        written = Plan(units=tuple(planner.plan())).model_dump_json()
        units = Plan.model_validate_json(written).units
        later = opened()
        assert [_rows(planner.read(unit)) for unit in units] == [_rows(later.read(unit)) for unit in units]

    def test_column_names_are_unique_and_required_columns_full(self, opened: Callable[..., Source]) -> None:
        for batch in read_all(opened()):
            assert len(set(batch.schema.names)) == len(batch.schema.names) > 0
            for column, described in zip(batch.columns, batch.schema, strict=True):
                assert described.nullable or column.null_count == 0

    def test_no_rows_still_have_columns(self, subject: Subject, opened: Callable[..., Source]) -> None:
        source = opened(subject.empty)
        for unit in source.plan():
            batches = list(source.read(unit))
            assert [batch.num_rows for batch in batches] == [0]
            assert batches[0].num_columns > 0

    def test_other_side_that_is_down_is_unavailable(self, subject: Subject, opened: Callable[..., Source]) -> None:
        subject.go_down()
        with pytest.raises(Unavailable) as caught:
            read_all(opened())
        assert "; " in str(caught.value)
        _holds_no_secret(subject, str(caught.value))

    def test_refusal_is_a_configuration_error_that_names_the_cause(
        self, subject: Subject, opened: Callable[..., Source]
    ) -> None:
        with pytest.raises(ConfigurationError) as caught:
            read_all(opened(subject.refused))
        assert subject.refused_says in str(caught.value)
        assert "expected" in str(caught.value)
        _holds_no_secret(subject, str(caught.value))

    def test_no_secret_is_shown(self, subject: Subject, opened: Callable[..., Source]) -> None:
        source = opened()
        units = source.plan()
        _holds_no_secret(subject, repr(source), Plan(units=tuple(units)).model_dump_json())


def _rows(batches: Iterator[pa.RecordBatch]) -> list[dict[str, Any]]:
    return [row for batch in batches for row in batch.to_pylist()]


def _holds_no_secret(subject: Subject, *texts: str) -> None:
    assert not [secret for secret in subject.secrets for text in texts if secret in text]
