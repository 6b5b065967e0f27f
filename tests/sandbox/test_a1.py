from __future__ import annotations

import pytest

from sandbox.sheets.a1 import Area, Bounds, RangeError, clip, column_letters, label, parse

TABS = ["First", "It's 5 o'clock", "Q4", "a!b"]


@pytest.mark.parametrize(
    ("text", "title", "bounds"),
    [
        ("A1", "First", Bounds(0, 1, 0, 1)),
        ("$B$2:$C$3", "First", Bounds(1, 3, 1, 3)),
        ("c3:a1", "First", Bounds(0, 3, 0, 3)),
        ("A2:C", "First", Bounds(1, None, 0, 3)),
        ("A:C", "First", Bounds(0, None, 0, 3)),
        ("2:5", "First", Bounds(1, 5, 0, None)),
        ("A5:A", "First", Bounds(4, None, 0, 1)),
        ("First", "First", Bounds()),
        ("'First'", "First", Bounds()),
        ("First!AA10", "First", Bounds(9, 10, 26, 27)),
        ("'It''s 5 o''clock'!A2:C", "It's 5 o'clock", Bounds(1, None, 0, 3)),
        ("It's 5 o'clock!A1", "It's 5 o'clock", Bounds(0, 1, 0, 1)),
        ("'a!b'!A1:B2", "a!b", Bounds(0, 2, 0, 2)),
        ("'Q4'", "Q4", Bounds()),
        ("Q4", "First", Bounds(3, 4, 16, 17)),
    ],
)
def test_parse_reads_tab_and_bounds(text: str, title: str, bounds: Bounds) -> None:
    assert parse(text, TABS) == (title, bounds)


@pytest.mark.parametrize(
    "text", ["Nowhere!A1", "'First'!", "First!A", "First!1", "First!A0", "First!A1:", "", "A1:B2:C3"]
)
def test_parse_refuses_what_is_no_range(text: str) -> None:
    with pytest.raises(RangeError, match=r"^Unable to parse range: "):
        parse(text, TABS)


def test_clip_ends_where_the_grid_ends() -> None:
    assert clip("First", Bounds(1, 5000, 0, None), rows=100, columns=26) == Area(1, 100, 0, 26)


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        (Bounds(100, 200, 0, 3), "Range (First!A101:C200) exceeds grid limits. Max rows: 100, max columns: 26"),
        (Bounds(0, 1, 26, 27), "Range (First!AA1) exceeds grid limits. Max rows: 100, max columns: 26"),
    ],
)
def test_clip_refuses_a_start_outside_the_grid(bounds: Bounds, message: str) -> None:
    with pytest.raises(RangeError) as refused:
        clip("First", bounds, rows=100, columns=26)
    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("penguins_raw", "penguins_raw!A1:C2"),
        ("My tab", "'My tab'!A1:C2"),
        ("It's", "'It''s'!A1:C2"),
        ("Q4", "'Q4'!A1:C2"),
        ("2024", "'2024'!A1:C2"),
    ],
)
def test_label_quotes_titles_that_need_it(title: str, expected: str) -> None:
    assert label(title, Area(0, 2, 0, 3)) == expected


@pytest.mark.parametrize(
    ("index", "letters"), [(0, "A"), (25, "Z"), (26, "AA"), (701, "ZZ"), (702, "AAA"), (18277, "ZZZ")]
)
def test_column_letters_have_no_zero(index: int, letters: str) -> None:
    assert column_letters(index) == letters
