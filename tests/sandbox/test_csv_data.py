from __future__ import annotations

from datetime import date, datetime, time
from typing import TYPE_CHECKING

import pytest
from gspread.utils import ValueRenderOption

from sandbox.csv_data import as_entered, symbols
from sandbox.server import DATA, Sandbox
from tests.sandbox.clients import google

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("NA", "NA"),
        ("12", 12),
        ("-1.5e3", -1500),
        ("1,234.5", 1234.5),
        ("1,23", "1,23"),
        (".5", 0.5),
        (".", "."),
        ("0012", 12),
        ("true", True),
        ("2007-11-11", date(2007, 11, 11)),
        ("2007-02-30", "2007-02-30"),
        ("2007-11-11 09:30:00", datetime(2007, 11, 11, 9, 30)),  # noqa: DTZ001  local time in the spreadsheet's zone
        ("N1A1", "N1A1"),
        ("nan", "nan"),
    ],
)
def test_text_becomes_what_sheets_makes_of_it(text: str, value: object) -> None:
    assert as_entered(text) == value
    assert type(as_entered(text)) is (float if isinstance(value, int) and not isinstance(value, bool) else type(value))


def test_folder_of_ones_own_is_served(tmp_path: Path) -> None:
    (tmp_path / "sheets").mkdir()
    (tmp_path / "sheets" / "my orders.csv").write_text("id,day\n1,2024-01-02\n", encoding="utf-8")
    (tmp_path / "stocks").mkdir()
    header = "Date,Open,High,Low,Close,Adj Close,Volume\n"
    (tmp_path / "stocks" / "SAP.DE.csv").write_text(
        f"{header}2024-01-02,1,2,0.5,1.5,1.4,10\n2024-01-03,,,,,,\n", "utf-8"
    )
    (tmp_path / "stocks" / "symbols.json").write_text(
        '{"SAP.DE": {"symbol": "SAP.DE", "time_zone": "Europe/Berlin", "opens_at": "09:00"}}', encoding="utf-8"
    )
    with Sandbox(tmp_path) as sandbox:
        tab = google(sandbox).open_by_key("sandbox-my-orders").worksheet("my orders")
        assert tab.get(value_render_option=ValueRenderOption.unformatted) == [["id", "day"], [1, 45293]]
        symbol = sandbox.yahoo["SAP.DE"]
    assert (symbol.time_zone, symbol.opens_at) == ("Europe/Berlin", time(9))
    assert [(bar.day, bar.adjusted_close, bar.volume) for bar in symbol.bars] == [
        (date(2024, 1, 2), 1.4, 10),
        (date(2024, 1, 3), None, None),
    ]


def test_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotADirectoryError, match="name one with --data"):
        Sandbox(tmp_path / "nowhere")


def test_own_data_has_the_penguins_and_two_indices() -> None:
    with Sandbox(DATA) as sandbox:
        values = google(sandbox).open_by_key("sandbox-penguins_raw").worksheet("penguins_raw").get_all_values()
    assert len(values) == 345
    assert values[1][:3] == ["PAL0708", "1", "Adelie Penguin (Pygoscelis adeliae)"]
    assert values[1][8] == "2007-11-11"
    days = {symbol.symbol: (symbol.bars[0].day, symbol.bars[-1].day, len(symbol.bars)) for symbol in symbols(DATA)}
    assert days == dict.fromkeys(["^IXIC", "^GSPC"], (date(1999, 1, 4), date(2018, 12, 31), 5031))
