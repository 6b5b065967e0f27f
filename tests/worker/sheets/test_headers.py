from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.sheets.headers import Merge, address, column_letters, flatten, header_end, name_columns, spread


@pytest.mark.parametrize(("index", "letters"), [(0, "A"), (25, "Z"), (26, "AA"), (701, "ZZ"), (702, "AAA")])
def test_column_letters_are_those_of_the_sheet(index: int, letters: str) -> None:
    assert column_letters(index) == letters
    assert address(0, index) == f"{letters}1"


def test_header_reaches_as_far_as_its_merged_cells() -> None:
    merges = [Merge(0, 2, 0, 1), Merge(1, 4, 1, 2), Merge(9, 12, 0, 1)]
    assert header_end(0, 1, merges) == 4
    assert header_end(0, 1, []) == 1
    assert header_end(5, 2, merges) == 7


def test_tall_merged_cell_is_no_header() -> None:
    assert header_end(0, 1, [Merge(0, 100, 0, 1)]) == 1


def test_merged_text_stands_for_every_cell_it_covers() -> None:
    texts = spread({(0, 1): "Sales", (1, 1): "Units"}, [Merge(0, 1, 1, 3)])
    assert texts == {(0, 1): "Sales", (0, 2): "Sales", (1, 1): "Units"}


@pytest.mark.parametrize(
    ("parts", "name"),
    [(["Sales", "Units"], "Sales / Units"), (["Day", "Day"], "Day"), (["", " a \n b "], "a b"), ([], "")],
)
def test_header_parts_are_joined_once_each(parts: list[str], name: str) -> None:
    assert flatten(parts) == name


@pytest.mark.parametrize(
    ("headers", "names"),
    [
        (["stats", "stats"], ["stats", "stats_2"]),
        (["stats", "stats", "stats_2"], ["stats", "stats_3", "stats_2"]),
        (["a", "A", "a"], ["a", "A_2", "a_3"]),
        (["", "x", "A"], ["A_2", "x", "A"]),
    ],
)
def test_doubled_and_blank_headers_get_names_of_their_own(headers: list[str], names: list[str]) -> None:
    assert name_columns(headers, [True] * len(headers)) == names


def test_column_with_neither_header_nor_value_has_no_name() -> None:
    assert name_columns(["", "b", ""], [False, False, True]) == [None, "b", "C"]


@given(st.lists(st.sampled_from(["", "a", "A", "a_2", "a_3", "B", "b_2"])))
def test_names_are_unique_and_a_first_header_keeps_its_own(headers: list[str]) -> None:
    names = [name for name in name_columns(headers, [True] * len(headers)) if name]
    assert len(names) == len(headers)
    assert len({name.casefold() for name in names}) == len(names)
    firsts = {header.casefold(): index for index, header in reversed(list(enumerate(headers)))}
    assert all(names[index] == headers[index] for folded, index in firsts.items() if folded)
