"""Note which configs a person has written, so that a tick looks at those alone.

Why: a tick must neither read all configs nor wait for an admin's open transaction. Triggers append the ids of written
configs to `config_changes` and give each new config its row of `load_states`.
Order: before the code.
Lock: `load_configs`, against writers, while the triggers are made (an instant).
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"

_TRIGGERS = ("touch_config", "record_new_configs", "record_config_changes", "refuse_to_truncate_configs")


def upgrade() -> None:
    op.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))
    # Configs that were written before the triggers were there.
    op.execute("insert into load_states (config_id) select id from load_configs on conflict do nothing")
    op.execute("insert into config_changes (config_id) select id from load_configs")


def downgrade() -> None:
    for name in _TRIGGERS:
        op.execute(f"drop trigger {name} on load_configs")
        op.execute(f"drop function {name}()")
    op.execute("drop function schedule_text(interval, text, text)")
