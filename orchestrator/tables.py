"""The tables, once. Alembic is checked against this module; the constraints' names are sentences a person can act on.

    load_configs    the admin's: what, where to, how often
    config_changes  which configs a person has touched since the last tick (written by a trigger, appended only)
    load_states     ours, one row per config: what is next, where the cursor is, how it has gone
    runs            one row per slot, manual run or backfill, whatever became of it
    pools           limits beside the global one
    alerts          the outbox of messages
    ticks           one row per tick

A tick never waits for an admin's open transaction: changes come through `config_changes`, and every row that a tick
locks is taken with SKIP LOCKED.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, INTERVAL, JSONB, TIMESTAMP, UUID

from orchestrator.model import ENDED, AlertKind, CatchUp, RunState, Trigger
from worker.contract.run_spec import LoadMode, SchemaHandling

metadata = sa.MetaData(naming_convention={"pk": "%(table_name)s_pkey", "ix": "%(table_name)s_by_%(column_0_N_name)s"})

_now = sa.text("now()")
_LIVE = "state in ('launching', 'running') or (state = 'queued' and attempt >= 1)"
SIZES = ("small", "medium", "large", "auto")


def _at(name: str, *, default: bool = False, nullable: bool = True) -> sa.Column[object]:
    return sa.Column(name, TIMESTAMP(timezone=True), nullable=nullable, server_default=_now if default else None)


def _one_of(column: str, values: object) -> str:
    return f"{column} in ({', '.join(repr(str(value)) for value in values)})"  # type: ignore[attr-defined]


def _check(condition: str, name: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(condition, name=name)


pools = sa.Table(
    "pools",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("max_parallel", sa.Integer, nullable=False),
    _check("max_parallel >= 0", "max_parallel_is_zero_or_more"),
)

load_configs = sa.Table(
    "load_configs",
    metadata,
    sa.Column("id", sa.Integer, sa.Identity(always=False), primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("written_name", sa.Text, comment="the name as written through the older view, where names may repeat"),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("source", JSONB, nullable=False, server_default="{}"),
    sa.Column("destination_project", sa.Text),
    sa.Column("destination_dataset", sa.Text),
    sa.Column("destination_table", sa.Text),
    sa.Column("load_mode", sa.Text, comment="null: the first mode of the kind"),
    sa.Column("merge_key", ARRAY(sa.Text)),
    sa.Column("schema_handling", sa.Text, nullable=False, server_default=SchemaHandling.AUTO_DETECT.value),
    sa.Column("custom_schema", JSONB(none_as_null=True)),
    sa.Column("run_every", INTERVAL),
    sa.Column("cron", sa.Text),
    sa.Column("timezone", sa.Text, nullable=False, server_default="UTC"),
    sa.Column("catch_up", sa.Text, nullable=False, server_default=CatchUp.LATEST.value),
    sa.Column("pool", sa.Text, sa.ForeignKey("pools.name", onupdate="CASCADE", name="pool_is_one_of_pools")),
    sa.Column("priority", sa.Integer, nullable=False, server_default="0", comment="higher goes first"),
    sa.Column("size", sa.Text, nullable=False, server_default="auto"),
    sa.Column("max_attempts", sa.Integer, nullable=False, server_default="3"),
    sa.Column("timeout", INTERVAL, nullable=False, server_default=sa.text("'01:00:00'")),
    sa.Column("is_active", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Column("slack_channel", sa.Text),
    sa.Column("alert_after", sa.Integer, nullable=False, server_default="1"),
    sa.Column("allow_drop", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("metadata_columns", JSONB(none_as_null=True), comment="null: by kind; false: none; or their names"),
    sa.Column("owner", sa.Text),
    sa.Column("description", sa.Text),
    sa.Column("fresh_within", INTERVAL, comment="alert when the data is older than this"),
    _at("created_at", default=True, nullable=False),
    _at("updated_at", default=True, nullable=False),
    sa.UniqueConstraint("name", name="name_is_unique"),
    sa.Index("configs_with_freshness", "id", postgresql_where=sa.text("fresh_within is not null")),
    _check("length(name) between 1 and 255", "name_has_1_to_255_characters"),
    _check("jsonb_typeof(source) = 'object'", "source_is_a_json_object"),
    _check(_one_of("load_mode", LoadMode), "load_mode_is_append_replace_partitions_or_merge"),
    _check(_one_of("schema_handling", SchemaHandling), "schema_handling_is_auto_detect_or_custom"),
    _check(_one_of("catch_up", CatchUp), "catch_up_is_latest_all_or_none"),
    _check(_one_of("size", SIZES), "size_is_small_medium_large_or_auto"),
    _check("run_every is null or cron is null", "schedule_is_run_every_or_cron_not_both"),
    _check("run_every >= interval '1 minute'", "run_every_is_a_minute_or_more"),
    _check("run_every <= interval '36500 days'", "run_every_is_36500_days_or_less"),
    _check(
        "extract(year from run_every) = 0 and extract(month from run_every) = 0", "run_every_has_no_months_or_years"
    ),
    _check("max_attempts between 1 and 20", "max_attempts_is_1_to_20"),
    _check("timeout between interval '1 second' and interval '168 hours'", "timeout_is_1_second_to_168_hours"),
    _check("alert_after >= 1", "alert_after_is_1_or_more"),
    _check("fresh_within >= interval '1 minute'", "fresh_within_is_a_minute_or_more"),
    _check("fresh_within <= interval '36500 days'", "fresh_within_is_36500_days_or_less"),
    _check(
        "metadata_columns is null or metadata_columns = 'false' or jsonb_typeof(metadata_columns) = 'object'",
        "metadata_columns_is_false_or_names",
    ),
)

config_changes = sa.Table(
    "config_changes",
    metadata,
    sa.Column("config_id", sa.Integer, nullable=False),
    _at("changed_at", default=True, nullable=False),
    sa.Index("config_changes_by_config_id", "config_id"),
    comment="appended by a trigger on load_configs, emptied by the next tick",
)

load_states = sa.Table(
    "load_states",
    metadata,
    sa.Column("config_id", sa.Integer, sa.ForeignKey("load_configs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("namespace", UUID, nullable=False, server_default=sa.text("gen_random_uuid()")),
    _at("next_slot_at"),
    _at("grid_at"),
    sa.Column("schedule", sa.Text, comment="the schedule that next_slot_at was computed from"),
    _at("paused_from_at"),
    sa.Column("cursor", JSONB(none_as_null=True)),
    sa.Column("identity", sa.Text, comment="of source and destination; another one starts the cursor anew"),
    sa.Column("keep_cursor", sa.Boolean, nullable=False, server_default=sa.false()),
    _at("last_launched_at"),
    _at("last_success_at"),
    sa.Column(
        "earlier_since_at",
        TIMESTAMP(timezone=True),
        comment="runs launched after this may have published units that the next run must not load again",
    ),
    sa.Column("last_rows", sa.BigInteger),
    sa.Column("consecutive_failures", sa.Integer, nullable=False, server_default="0"),
    sa.Column("incident_id", UUID, comment="the alert that opened the incident"),
    _at("stale_alerted_at"),
    _at("quarantined_at"),
    sa.Column("quarantine_reason", sa.Text),
    sa.Index("load_states_by_next_slot_at", "next_slot_at", postgresql_where=sa.text("next_slot_at is not null")),
)

runs = sa.Table(
    "runs",
    metadata,
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
    sa.Column("spec", JSONB(none_as_null=True), comment="the config and the defaults, frozen at the first claim"),
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
    sa.Column("cursor_before", JSONB(none_as_null=True)),
    sa.Column("cursor_after", JSONB(none_as_null=True)),
    sa.Column("error_kind", sa.Text),
    sa.Column("error", sa.Text),
    sa.Column("notes", JSONB, nullable=False, server_default="{}", comment="warnings and schema changes"),
    sa.Column("log_uri", sa.Text),
    sa.Column("requested_by", sa.Text),
    _at("queued_at", default=True, nullable=False),
    _at("launching_at"),
    _at("started_at"),
    _at("ended_at"),
    _check(_one_of("trigger", Trigger), "trigger_is_schedule_manual_or_backfill"),
    _check(_one_of("state", RunState), "state_is_one_of_the_run_states"),
    _check("trigger <> 'schedule' or slot_at is not null", "a_scheduled_run_has_a_slot"),
    _check("state not in ('launching', 'running') or spec is not null", "a_launched_run_has_a_frozen_spec"),
    _check(f"({_one_of('state', sorted(ENDED))}) = (ended_at is not null)", "an_ended_run_says_when"),
    sa.Index("one_run_per_slot", "config_id", "slot_at", unique=True, postgresql_where=sa.text("trigger = 'schedule'")),
    sa.Index("one_live_run_per_config", "config_id", unique=True, postgresql_where=sa.text(_LIVE)),
    sa.Index(
        "runs_not_ended", "state", "config_id", postgresql_where=sa.text("state in ('queued', 'launching', 'running')")
    ),
    sa.Index("runs_by_page", "queued_at", "id"),
    sa.Index("runs_of_config_by_page", "config_id", "queued_at", "id"),
)

alerts = sa.Table(
    "alerts",
    metadata,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("key", sa.Text, nullable=False, comment="the same event is told once"),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("config_id", sa.Integer),
    sa.Column("config_name", sa.Text, nullable=False),
    sa.Column("channel", sa.Text),
    sa.Column("fingerprint", sa.Text, nullable=False, server_default=""),
    sa.Column("body", JSONB, nullable=False),
    sa.Column("thread_of", UUID, comment="the alert whose message this one answers"),
    sa.Column("reference", JSONB(none_as_null=True), comment="channel and thread of the message that was sent"),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    _at("created_at", default=True, nullable=False),
    _at("not_before_at", default=True, nullable=False),
    _at("leased_until_at"),
    _at("sent_at"),
    _at("dead_at"),
    sa.Column("error", sa.Text),
    sa.UniqueConstraint("key", name="one_alert_per_event"),
    _check(_one_of("kind", AlertKind), "kind_is_one_of_the_alert_kinds"),
    sa.Index("alerts_to_send", "not_before_at", postgresql_where=sa.text("sent_at is null and dead_at is null")),
)

ticks = sa.Table(
    "ticks",
    metadata,
    sa.Column("id", UUID, primary_key=True),
    _at("started_at", nullable=False),
    sa.Column("seconds", sa.Float, nullable=False),
    sa.Column("counts", JSONB, nullable=False),
    sa.Column("complete", sa.Boolean, nullable=False, comment="false: the budget ended it, the next tick goes on"),
    sa.Index("ticks_by_started_at", "started_at"),
)
