"""Column names from header texts."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from worker.names import LONGEST, column_name, column_names

headers = st.text(max_size=400) | st.sampled_from(["a", "A", "a_2", "a_3", "_", " a", "É", "e", "column_1", ""])


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("name", "name"),
        ("UnitPrice", "UnitPrice"),
        ("_private", "_private"),
        ("a__b_", "a__b_"),
        ("Unit Price (USD)", "Unit_Price_USD"),
        ("  padded\t", "padded"),
        ("two\nlines", "two_lines"),
        ("a.b/c-d", "a_b_c_d"),
        ("Größe", "Grosse"),
        ("prénom", "prenom"),
        ("ﬁeld №", "field_No"),
        ("日本 total", "u65e5_u672c_total"),
        ("Цена", "u0426_u0435_u043d_u0430"),
        ("%", "u0025"),
        ("😀", "u1f600"),
        ("2020", "_2020"),
        ("1st place", "_1st_place"),
        ("", "column_7"),
        (" \u00a0\t", "column_7"),
        ("_TABLE_x", "x_TABLE_x"),
        ("_partitiontime", "x_partitiontime"),
        ("__ROOT__a", "x__ROOT__a"),
        ("x" * 301, "x" * 300),
    ],
)
def test_header_becomes_a_legal_name(header: str, name: str) -> None:
    assert column_name(header, 7) == name


@pytest.mark.parametrize(
    ("given_headers", "names"),
    [
        (["a", "b"], ("a", "b")),
        (["a", "a", "a"], ("a", "a_2", "a_3")),
        (["a", "A"], ("a", "A_2")),
        (["a", "a", "a_2"], ("a", "a_3", "a_2")),
        (["unit price", "unit_price"], ("unit_price_2", "unit_price")),
        (["", "column_1", ""], ("column_1_2", "column_1", "column_3")),
        (["x" * 300, "x" * 300], ("x" * 300, "x" * 298 + "_2")),
        ([], ()),
    ],
)
def test_equal_names_are_told_apart(given_headers: list[str], names: tuple[str, ...]) -> None:
    assert column_names(given_headers) == names


@given(st.lists(headers, max_size=12))
@example(["a_2", "a", "a"])
def test_names_are_legal_and_differ_by_more_than_case(given_headers: list[str]) -> None:
    names = column_names(given_headers)
    assert len(names) == len(given_headers)
    assert len({name.casefold() for name in names}) == len(names)
    assert all(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) and len(name) <= LONGEST for name in names)


@given(st.lists(headers, min_size=1, max_size=8), st.randoms())
def test_name_of_a_header_that_is_alone_does_not_depend_on_its_place(given_headers: list[str], random: object) -> None:
    alone = "Total (EUR)"
    others = [header for header in given_headers if column_name(header, 1).casefold() != "total_eur"]
    assert column_names([alone, *others])[0] == column_names([*others, alone])[-1] == "Total_EUR"


@given(st.lists(headers, max_size=8, unique=True))
def test_names_stay_as_they_are(given_headers: list[str]) -> None:
    names = column_names(given_headers)
    assert column_names(names) == names
