from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import duckdb

from sandbox.sheets import Spreadsheet, Tab
from tests.support.measured import run_measured

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.server import Sandbox

ROWS, COLUMNS = 50_000, 20
MEGABYTES = 512


def test_million_cells_load_within_512_megabytes(sandbox: Sandbox, tmp_path: Path) -> None:
    """Of a whole worker, with texts of which no two are the same: the hardest to hold."""
    rows = [[f"customer {row} has order {row * column}" for column in range(COLUMNS)] for row in range(ROWS)]
    header = [f"column {number}" for number in range(COLUMNS)]
    sheet = sandbox.sheets.add(Spreadsheet("million", tabs=[Tab("Sheet1", [header, *rows])]))
    warehouse = tmp_path / "warehouse.duckdb"
    order = {
        "CONFIG_NAME": "million",
        "GOOGLE_SHEET_URL": sheet.url,
        "BIGQUERY_DATASET_ID": "raw",
        "BIGQUERY_TABLE_ID": "million",
        "DESTINATION_URL": f"duckdb://{warehouse}",
    }
    worker = run_measured([sys.executable, "-m", "worker"], {**os.environ, **order})
    assert worker.exit_code == 0
    with duckdb.connect(str(warehouse)) as connection:
        assert connection.execute("SELECT count(*), max(column_19) FROM raw.million").fetchall() == [
            (ROWS, max(row[19] for row in rows))
        ]
    assert worker.megabytes < MEGABYTES
    assert sandbox.requests.count("sheets") <= 60
