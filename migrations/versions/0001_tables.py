"""Create the tables.

Why: the first of all revisions.
Order: before the code.
Lock: none, all tables are new; the names must be free.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, INTERVAL, JSONB, TIMESTAMP, UUID

revision = "0001"
down_revision = None


_CHECKS_OF_LOAD_CONFIGS = (
    ("length(name) between 1 and 255", "name_has_1_to_255_characters"),
    ("jsonb_typeof(source) = 'object'", "source_is_a_json_object"),
    ("load_mode in ('append', 'replace', 'partitions', 'merge')", "load_mode_is_append_replace_partitions_or_merge"),
    ("schema_handling in ('auto_detect', 'custom')", "schema_handling_is_auto_detect_or_custom"),
    ("catch_up in ('latest', 'all', 'none')", "catch_up_is_latest_all_or_none"),
    ("size in ('small', 'medium', 'large', 'auto')", "size_is_small_medium_large_or_auto"),
    ("run_every is null or cron is null", "schedule_is_run_every_or_cron_not_both"),
    ("run_every >= interval '1 minute'", "run_every_is_a_minute_or_more"),
    ("run_every <= interval '36500 days'", "run_every_is_36500_days_or_less"),
    ("extract(year from run_every) = 0 and extract(month from run_every) = 0", "run_every_has_no_months_or_years"),
    ("max_attempts between 1 and 20", "max_attempts_is_1_to_20"),
    ("timeout between interval '1 second' and interval '168 hours'", "timeout_is_1_second_to_168_hours"),
    ("alert_after >= 1", "alert_after_is_1_or_more"),
    ("fresh_within >= interval '1 minute'", "fresh_within_is_a_minute_or_more"),
    ("fresh_within <= interval '36500 days'", "fresh_within_is_36500_days_or_less"),
    (
        "metadata_columns is null or metadata_columns = 'false' or jsonb_typeof(metadata_columns) = 'object'",
        "metadata_columns_is_false_or_names",
    ),
)


def upgrade() -> None:
    _create_alerts()
    _create_config_changes()
    _create_pools()
    _create_ticks()
    _create_load_configs()
    _create_load_states()
    _create_runs()


def downgrade() -> None:
    for table in ("runs", "load_states", "load_configs", "ticks", "pools", "config_changes", "alerts"):
        op.drop_table(table)


def _create_alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("id", UUID, primary_key=True),
        sa.Column("key", sa.Text, nullable=False, comment="the same event is told once"),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("config_id", sa.Integer),
        sa.Column("config_name", sa.Text, nullable=False),
        sa.Column("channel", sa.Text),
        sa.Column("fingerprint", sa.Text, nullable=False, server_default=""),
        sa.Column("body", JSONB, nullable=False),
        sa.Column("thread_of", UUID, comment="the alert whose message this one answers"),
        sa.Column("reference", JSONB, comment="channel and thread of the message that was sent"),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        _now("created_at"),
        _now("not_before_at"),
        _at("leased_until_at"),
        _at("sent_at"),
        _at("dead_at"),
        sa.Column("error", sa.Text),
        sa.UniqueConstraint("key", name="one_alert_per_event"),
        _check(
            "kind in ('failure', 'failed_again', 'recovery', 'quarantine', 'stale')", "kind_is_one_of_the_alert_kinds"
        ),
    )
    op.create_index(
        "alerts_to_send", "alerts", ["not_before_at"], postgresql_where=sa.text("sent_at is null and dead_at is null")
    )


def _create_config_changes() -> None:
    op.create_table(
        "config_changes",
        sa.Column("config_id", sa.Integer, nullable=False),
        _now("changed_at"),
        comment="appended by a trigger on load_configs, emptied by the next tick",
    )
    op.create_index("config_changes_by_config_id", "config_changes", ["config_id"])


def _create_pools() -> None:
    op.create_table(
        "pools",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("max_parallel", sa.Integer, nullable=False),
        _check("max_parallel >= 0", "max_parallel_is_zero_or_more"),
    )


def _create_ticks() -> None:
    op.create_table(
        "ticks",
        sa.Column("id", UUID, primary_key=True),
        _at("started_at", nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
        sa.Column("counts", JSONB, nullable=False),
        sa.Column("complete", sa.Boolean, nullable=False, comment="false: the budget ended it, the next tick goes on"),
    )
    op.create_index("ticks_by_started_at", "ticks", ["started_at"])


def _create_load_configs() -> None:
    op.create_table(
        "load_configs",
        sa.Column("id", sa.Integer, sa.Identity(always=False), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column(
            "written_name", sa.Text, comment="the name as written through the older view, where names may repeat"
        ),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("source", JSONB, nullable=False, server_default="{}"),
        sa.Column("destination_project", sa.Text),
        sa.Column("destination_dataset", sa.Text),
        sa.Column("destination_table", sa.Text),
        sa.Column("load_mode", sa.Text, comment="null: the first mode of the kind"),
        sa.Column("merge_key", ARRAY(sa.Text)),
        sa.Column("schema_handling", sa.Text, nullable=False, server_default="auto_detect"),
        sa.Column("custom_schema", JSONB),
        sa.Column("run_every", INTERVAL),
        sa.Column("cron", sa.Text),
        sa.Column("timezone", sa.Text, nullable=False, server_default="UTC"),
        sa.Column("catch_up", sa.Text, nullable=False, server_default="latest"),
        sa.Column("pool", sa.Text, sa.ForeignKey("pools.name", onupdate="CASCADE", name="pool_is_one_of_pools")),
        sa.Column("priority", sa.Integer, nullable=False, server_default="0", comment="higher goes first"),
        sa.Column("size", sa.Text, nullable=False, server_default="auto"),
        sa.Column("max_attempts", sa.Integer, nullable=False, server_default="3"),
        sa.Column("timeout", INTERVAL, nullable=False, server_default=sa.text("'01:00:00'")),
        sa.Column("is_active", sa.Boolean, nullable=False, server_default=sa.true()),
        sa.Column("slack_channel", sa.Text),
        sa.Column("alert_after", sa.Integer, nullable=False, server_default="1"),
        sa.Column("allow_drop", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("metadata_columns", JSONB, comment="null: by kind; false: none; or their names"),
        sa.Column("owner", sa.Text),
        sa.Column("description", sa.Text),
        sa.Column("fresh_within", INTERVAL, comment="alert when the data is older than this"),
        _now("created_at"),
        _now("updated_at"),
        sa.UniqueConstraint("name", name="name_is_unique"),
        *(_check(condition, name) for condition, name in _CHECKS_OF_LOAD_CONFIGS),
    )
    op.create_index(
        "configs_with_freshness", "load_configs", ["id"], postgresql_where=sa.text("fresh_within is not null")
    )


def _create_load_states() -> None:
    op.create_table(
        "load_states",
        sa.Column("config_id", sa.Integer, sa.ForeignKey("load_configs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("namespace", UUID, nullable=False, server_default=sa.text("gen_random_uuid()")),
        _at("next_slot_at"),
        _at("grid_at"),
        sa.Column("schedule", sa.Text, comment="the schedule that next_slot_at was computed from"),
        _at("paused_from_at"),
        sa.Column("cursor", JSONB),
        sa.Column("identity", sa.Text, comment="of source and destination; another one starts the cursor anew"),
        sa.Column("keep_cursor", sa.Boolean, nullable=False, server_default=sa.false()),
        _at("last_launched_at"),
        _at("last_success_at"),
        _at(
            "earlier_since_at",
            comment="runs launched after this may have published units that the next run must not load again",
        ),
        sa.Column("last_rows", sa.BigInteger),
        sa.Column("consecutive_failures", sa.Integer, nullable=False, server_default="0"),
        sa.Column("incident_id", UUID, comment="the alert that opened the incident"),
        _at("stale_alerted_at"),
        _at("quarantined_at"),
        sa.Column("quarantine_reason", sa.Text),
    )
    op.create_index(
        "load_states_by_next_slot_at",
        "load_states",
        ["next_slot_at"],
        postgresql_where=sa.text("next_slot_at is not null"),
    )


def _create_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", UUID, primary_key=True),
        sa.Column("config_id", sa.Integer, sa.ForeignKey("load_configs.id", ondelete="SET NULL")),
        sa.Column("config_name", sa.Text, nullable=False),
        sa.Column("trigger", sa.Text, nullable=False),
        sa.Column("parameters", JSONB, nullable=False, server_default="{}"),
        _at("slot_at"),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("attempt", sa.Integer, nullable=False, server_default="0"),
        sa.Column("priority", sa.Integer, nullable=False, server_default="0"),
        sa.Column("pool", sa.Text),
        sa.Column("spec", JSONB, comment="the config and the defaults, frozen at the first claim"),
        sa.Column("handle", sa.Text),
        _at("launch_deadline_at"),
        _at("cancel_requested_at"),
        _at("not_before_at"),
        sa.Column("skipped_slots", sa.Integer, comment="how many slots this one skipped row stands for"),
        sa.Column(
            "may_have_published",
            sa.Boolean,
            nullable=False,
            server_default=sa.true(),
            comment="false: every attempt reported, and none published a unit",
        ),
        sa.Column("rows", sa.BigInteger),
        sa.Column("bytes", sa.BigInteger),
        sa.Column("cursor_before", JSONB),
        sa.Column("cursor_after", JSONB),
        sa.Column("error_kind", sa.Text),
        sa.Column("error", sa.Text),
        sa.Column("notes", JSONB, nullable=False, server_default="{}", comment="warnings and schema changes"),
        sa.Column("log_uri", sa.Text),
        sa.Column("requested_by", sa.Text),
        _now("queued_at"),
        _at("launching_at"),
        _at("started_at"),
        _at("ended_at"),
        _check("trigger in ('schedule', 'manual', 'backfill')", "trigger_is_schedule_manual_or_backfill"),
        _check(
            "state in ('queued', 'launching', 'running', 'succeeded', 'failed', 'cancelled', 'rejected', 'skipped')",
            "state_is_one_of_the_run_states",
        ),
        _check("trigger <> 'schedule' or slot_at is not null", "a_scheduled_run_has_a_slot"),
        _check("state not in ('launching', 'running') or spec is not null", "a_launched_run_has_a_frozen_spec"),
        _check(
            "(state in ('cancelled', 'failed', 'rejected', 'skipped', 'succeeded')) = (ended_at is not null)",
            "an_ended_run_says_when",
        ),
    )
    op.create_index(
        "one_live_run_per_config",
        "runs",
        ["config_id"],
        unique=True,
        postgresql_where=sa.text("state in ('launching', 'running') or (state = 'queued' and attempt >= 1)"),
    )
    op.create_index(
        "one_run_per_slot",
        "runs",
        ["config_id", "slot_at"],
        unique=True,
        postgresql_where=sa.text("trigger = 'schedule'"),
    )
    op.create_index("runs_by_page", "runs", ["queued_at", "id"])
    op.create_index(
        "runs_not_ended",
        "runs",
        ["state", "config_id"],
        postgresql_where=sa.text("state in ('queued', 'launching', 'running')"),
    )
    op.create_index("runs_of_config_by_page", "runs", ["config_id", "queued_at", "id"])


def _at(name: str, *, nullable: bool = True, comment: str | None = None) -> sa.Column[object]:
    return sa.Column(name, TIMESTAMP(timezone=True), nullable=nullable, comment=comment)


def _now(name: str) -> sa.Column[object]:
    return sa.Column(name, TIMESTAMP(timezone=True), nullable=False, server_default=sa.text("now()"))


def _check(condition: str, name: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(condition, name=name)
