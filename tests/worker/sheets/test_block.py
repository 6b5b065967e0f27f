from __future__ import annotations

from typing import Any

import pytest

from worker.sheets.block import MOST_SPANS, Block, StillLoading, spans, unclear_columns
from worker.sheets.cells import Kind


def test_columns_with_dates_or_what_reads_like_an_error_are_unclear() -> None:
    values: list[list[Any]] = [["name", 45_000, "", 0.5, "x"], ["#N/A", 1, 2, "", "x"]]
    with_dates_as_text: list[list[Any]] = [["name", "14 Mar", "", 0.5, "x"], ["#N/A", 1, 2, "", "x"]]
    assert unclear_columns(values, with_dates_as_text) == [0, 1]


@pytest.mark.parametrize(
    ("values", "later"), [([["a", 45_000]], [["a"]]), ([["a", 45_000]], []), ([["a", 45_000]], [["a", 7]])]
)
def test_cell_that_changed_between_two_answers_is_unclear(values: list[Any], later: list[Any]) -> None:
    assert 1 in unclear_columns(values, later)


def test_neighbouring_columns_are_one_span() -> None:
    assert spans([1, 2, 3, 7, 9, 10]) == [(1, 4), (7, 8), (9, 11)]
    assert spans([]) == []


def test_many_spans_are_one() -> None:
    assert spans(range(0, 2 * MOST_SPANS + 2, 2)) == [(0, 2 * MOST_SPANS + 1)]


def test_known_cells_stand_in_their_column() -> None:
    grid = {"startColumn": 1, "rowData": [{}, {"values": [{"effectiveValue": {"errorValue": {"type": "REF"}}}]}]}
    block = Block.of_values(10, [["a", "#REF!"], ["b", "#REF!", "c"]], [grid])
    assert list(block.filled_rows()) == [10, 11]
    assert [cell[0] for cell in block.cells(10)] == [Kind.TEXT, Kind.TEXT]
    assert [cell[0] for cell in block.cells(11)] == [Kind.TEXT, Kind.ERROR, Kind.TEXT]


def test_formula_without_a_result_stops_the_reading() -> None:
    loading = {"rowData": [{"values": [{"effectiveValue": {"errorValue": {"type": "LOADING"}}}]}]}
    with pytest.raises(StillLoading, match="A6"):
        list(Block.of_values(5, [["Loading..."]], [loading]).filled_rows())
    assert list(Block.of_values(5, [["Loading..."]], []).filled_rows()) == [5]
