"""Show the sheets as `sheet_to_bigquery_configs`, and adopt a table of that name.

Why: an admin of the system that kept its sheets in that table goes on as before. Its rows and ids become configs; the
table stays as `sheet_to_bigquery_configs_before_sluice` and gets its name back on the way down.
Order: before the code.
Lock: the adopted table, against everyone, while its rows are copied.
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"

_FUNCTIONS = (
    "insert_sheet_config()",
    "update_sheet_config()",
    "delete_sheet_config()",
    "plan_sheet_config(integer, timestamptz)",
    "as_written(anycompatible, anycompatible, anycompatible)",
    "sheet_source(text, text)",
    "free_number(text)",
    "numbered_name(text, integer)",
    "next_sheet_config_id()",
)


def upgrade() -> None:
    for part in ("set_sheet_table_aside", "sheet_view", "adopt_sheet_table"):
        op.execute(Path(__file__).with_name(f"0003_{part}.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    # It takes rows of the view.
    op.execute("drop function require_sheet_columns(sheet_to_bigquery_configs, sheet_to_bigquery_configs)")
    op.execute("drop view sheet_to_bigquery_configs")
    for function in _FUNCTIONS:
        op.execute(f"drop function {function}")
    op.execute("alter table if exists sheet_to_bigquery_configs_before_sluice rename to sheet_to_bigquery_configs")
