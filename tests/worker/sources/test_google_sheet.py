"""Which tab is read, where its header is, which rows and columns come of it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.sheets import DATE, Cell, ErrorValue, Spreadsheet, Tab
from tests.support.sheet_loads import load_sheet
from tests.worker.sources.conformance import open_with
from worker.contract.options import OptionsError, parse_options
from worker.errors import ConfigurationError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.server import Sandbox

HEADER = ["name", "amount"]


def a_sheet(sandbox: Sandbox, *rows: Sequence[Any], **tab: Any) -> Spreadsheet:  # noqa: ANN401 - fields of a tab
    return sandbox.sheets.add(Spreadsheet("sheet", tabs=[Tab("Sheet1", rows, **tab)]))


class TestWhichTab:
    @pytest.fixture
    def sheet(self, sandbox: Sandbox) -> Spreadsheet:
        tabs = [Tab(title, [["title"], [title]], id=gid) for title, gid in (("One", 0), ("It's 2", 22), ("A1", 33))]
        return sandbox.sheets.add(Spreadsheet("tabs", tabs=tabs))

    def test_first_tab_is_the_default(self, sheet: Spreadsheet) -> None:
        assert load_sheet(sheet).rows == [("One",)]

    def test_first_tab_is_the_first_that_is_shown(self, sheet: Spreadsheet) -> None:
        sheet.tab("One").hidden = True
        assert load_sheet(sheet).rows == [("It's 2",)]

    @pytest.mark.parametrize("title", ["One", "It's 2", "A1"])
    def test_tab_is_found_by_its_name(self, sheet: Spreadsheet, title: str) -> None:
        assert load_sheet(sheet, tab=title).rows == [(title,)]

    def test_tab_is_found_by_its_number(self, sheet: Spreadsheet) -> None:
        assert load_sheet(sheet, gid=22).rows == [("It's 2",)]

    def test_tab_is_found_by_the_number_in_the_url(self, sheet: Spreadsheet) -> None:
        assert load_sheet(sheet.url + "?usp=sharing#gid=33").rows == [("A1",)]

    def test_tab_name_counts_more_than_the_url(self, sheet: Spreadsheet) -> None:
        assert load_sheet(sheet.url + "#gid=0", tab="A1").rows == [("A1",)]

    def test_file_is_found_by_its_bare_id(self, sheet: Spreadsheet) -> None:
        assert load_sheet(sheet.id).rows == [("One",)]

    def test_tab_bound_by_number_may_be_renamed(self, sheet: Spreadsheet) -> None:
        sheet.rename("It's 2", "Two")
        loaded = load_sheet(sheet, gid=22, tab="It's 2")
        assert loaded.rows == [("It's 2",)]
        assert loaded.warnings == ["source.tab: expected \"It's 2\" for gid 22, got 'Two'; the tab was renamed"]

    def test_tab_renamed_between_plan_and_read_is_read(self, sheet: Spreadsheet) -> None:
        source = open_with("google_sheet", {"url": sheet.url, "tab": "A1"})
        [unit] = source.plan()
        sheet.rename("A1", "Final")
        assert [batch.num_rows for batch in source.read(unit)] == [1]

    @pytest.mark.parametrize(
        ("options", "says"),
        [
            ({"tab": "Sales"}, "source.tab: expected the name of a tab, one of 'One', \"It's 2\", 'A1', got 'Sales'"),
            ({"gid": 5}, "source.gid: expected the gid of a tab, one of 0 ('One'), 22 (\"It's 2\"), 33 ('A1'), got 5"),
        ],
    )
    def test_missing_tab_lists_those_that_are_there(
        self, sheet: Spreadsheet, options: dict[str, Any], says: str
    ) -> None:
        with pytest.raises(ConfigurationError) as caught:
            load_sheet(sheet, **options)
        assert str(caught.value).startswith(says)

    @pytest.mark.parametrize(
        "url",
        [
            "https://example.com/spreadsheets/d/abc/edit",
            "https://docs.google.com/document/d/abc/edit",
            "https://docs.google.com.evil.example/spreadsheets/d/abc",
            "https://docs.google.com/spreadsheets/d/e/2PACX-1vQ/pubhtml",
            "my sheet",
        ],
    )
    def test_another_url_is_refused(self, url: str) -> None:
        with pytest.raises(OptionsError, match=r"^source\.url: expected the .*; correct it$"):
            parse_options("google_sheet", {"url": url})


class TestHeader:
    def test_header_is_the_first_row_that_is_not_empty(self, sandbox: Sandbox) -> None:
        loaded = load_sheet(a_sheet(sandbox, [], [None, None], HEADER, ["Ann", 1]))
        assert loaded.table.to_pylist() == [{"name": "Ann", "amount": 1}]

    def test_header_row_leaves_out_what_is_above(self, sandbox: Sandbox) -> None:
        sheet = a_sheet(sandbox, ["Report of May"], ["draft", 7], HEADER, ["Ann", 1])
        assert load_sheet(sheet, header_row=3).table.to_pylist() == [{"name": "Ann", "amount": 1}]

    def test_blank_header_gets_the_columns_letters(self, sandbox: Sandbox) -> None:
        loaded = load_sheet(a_sheet(sandbox, ["name", None, "amount"], ["Ann", "x", 1], ["Bob", None, 2]))
        assert loaded.table.to_pylist() == [
            {"name": "Ann", "B": "x", "amount": 1},
            {"name": "Bob", "B": None, "amount": 2},
        ]

    def test_column_without_header_and_values_is_left_out(self, sandbox: Sandbox) -> None:
        loaded = load_sheet(a_sheet(sandbox, ["name", None, "amount"], ["Ann", None, 1]))
        assert loaded.table.to_pylist() == [{"name": "Ann", "amount": 1}]

    def test_side_table_without_a_header_shifts_nothing(self, sandbox: Sandbox) -> None:
        loaded = load_sheet(a_sheet(sandbox, HEADER, ["Ann", 1], ["Bob", 2, None, "note"]))
        assert loaded.table.to_pylist() == [
            {"name": "Ann", "amount": 1, "D": None},
            {"name": "Bob", "amount": 2, "D": "note"},
        ]

    def test_doubled_headers_are_numbered_and_told(self, sandbox: Sandbox) -> None:
        loaded = load_sheet(a_sheet(sandbox, ["stats", "Stats", "stats_2", "stats"], [1, 2, 3, 4]))
        assert loaded.table.to_pylist() == [{"stats": 1, "Stats_3": 2, "stats_2": 3, "stats_4": 4}]
        [warning] = loaded.warnings
        assert "'Stats' in B is Stats_3, 'stats' in D is stats_4; rename them, or set header_row" in warning

    def test_merged_header_cells_are_flattened(self, sandbox: Sandbox) -> None:
        rows: list[list[Any]] = [["Day", "Sales", None, "Costs"], [None, "Units", "Revenue", None], ["Mon", 1, 2.5, 3]]
        sheet = a_sheet(sandbox, *rows, merges=["A1:A2", "B1:C1", "D1:D2"])
        assert load_sheet(sheet).table.to_pylist() == [
            {"Day": "Mon", "Sales / Units": 1, "Sales / Revenue": 2.5, "Costs": 3}
        ]

    def test_header_of_two_rows_is_flattened_without_vertical_merges(self, sandbox: Sandbox) -> None:
        rows: list[list[Any]] = [[None, "Sales", None], ["Day", "Units", "Revenue"], ["Mon", 1, 2.5]]
        sheet = a_sheet(sandbox, *rows, merges=["B1:C1"])
        assert load_sheet(sheet, header_rows=2).table.to_pylist() == [
            {"Day": "Mon", "Sales / Units": 1, "Sales / Revenue": 2.5}
        ]

    def test_header_that_is_no_text_is_named_by_its_value(self, sandbox: Sandbox) -> None:
        loaded = load_sheet(a_sheet(sandbox, [2024, True, "a\n b", ErrorValue("#REF!")], [1, 2, 3, 4]))
        assert loaded.table.column_names == ["2024", "TRUE", "a b", "D"]


class TestRows:
    def test_ragged_rows_are_padded(self, sandbox: Sandbox) -> None:
        loaded = load_sheet(a_sheet(sandbox, ["a", "b", "c"], [1], [1, 2, 3], [None, 2]))
        assert loaded.rows == [(1, None, None), (1, 2, 3), (None, 2, None)]

    def test_empty_rows_are_left_out(self, sandbox: Sandbox) -> None:
        empty_text, formatted = Cell("", formula='=""'), Cell(None, DATE)
        loaded = load_sheet(a_sheet(sandbox, HEADER, ["Ann", 1], [], [empty_text], [None, formatted], ["Bob", 2], []))
        assert loaded.rows == [("Ann", 1), ("Bob", 2)]

    def test_header_alone_is_a_table_without_rows(self, sandbox: Sandbox) -> None:
        loaded = load_sheet(a_sheet(sandbox, HEADER))
        assert loaded.types == {"name": "string", "amount": "string"}
        assert loaded.rows == []

    def test_empty_tab_without_a_table_says_to_write_a_header(self, sandbox: Sandbox) -> None:
        with pytest.raises(
            ConfigurationError, match=r"^tab 'Sheet1': expected column names .* empty tab .*; write them"
        ):
            load_sheet(a_sheet(sandbox))

    def test_large_sheet_comes_in_blocks_and_in_order(self, sandbox: Sandbox) -> None:
        rows = [[number, f"text {number}"] for number in range(40_000)]
        loaded = load_sheet(a_sheet(sandbox, ["number", "text"], *rows), {"batch_size": 7_000})
        assert loaded.rows == [tuple(row) for row in rows]
        assert sandbox.requests.count("sheets", "SERIAL_NUMBER") > 1

    def test_sheet_whose_rows_move_while_it_is_read_is_read_again(self, sandbox: Sandbox) -> None:
        rows = [[number, number] for number in range(40_000)]
        sheet = a_sheet(sandbox, ["a", "b"], *rows)
        source = open_with("google_sheet", {"url": sheet.url})
        [unit] = source.plan()
        sheet.append("Sheet1", [[40_000, 40_000]])
        assert sum(batch.num_rows for batch in source.read(unit)) == 40_001

    def test_cell_that_is_still_computed_is_waited_for(self, sandbox: Sandbox) -> None:
        sheet = a_sheet(sandbox, HEADER, ["Ann", ErrorValue("Loading...")])
        with pytest.raises(Unavailable, match="cell B2: expected a value, got one that the sheet is still computing"):
            load_sheet(sheet)


def test_first_request_goes_out_before_pyarrow_is_imported(sandbox: Sandbox) -> None:
    sheet = a_sheet(sandbox, HEADER, ["Ann", 1])
    program = (
        "import sys; from tests.worker.sources.conformance import open_with;"
        f"[unit] = open_with('google_sheet', {{'url': {sheet.url!r}}}).plan();"
        "print(unit.window['title'], 'pyarrow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["Sheet1", "False"]
