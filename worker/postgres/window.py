"""The end of a window: the highest value at or below which no row can still appear.

- A time (timestamptz, timestamp, date) is held back to before the oldest open transaction, whose `now()` its rows may
  carry, and by the lag. A standby is not ahead of what it has replayed.
- Any other value (a serial number) may have been drawn by a transaction that is still open; it holds a lock on the
  table since before it drew. So: look up the highest value, then wait for all who hold such a lock now.

Where the role may not see when others' transactions began, those that are open now are waited for in the same way.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from worker.postgres import relation
from worker.postgres.cursor import TIMES, Window
from worker.postgres.relation import literal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from worker.postgres.projection import Column
    from worker.postgres.relation import Relation
    from worker.postgres.session import Session

_LONGEST_WAIT = timedelta(minutes=1)
_GUARDS = {
    "timestamptz": "guard",
    # Columns without a zone are written in the database's zone or in UTC: the earlier of the two loses nothing.
    "timestamp": "least(guard AT TIME ZONE 'UTC', guard::timestamp)",
    "date": "least((guard AT TIME ZONE 'UTC')::date, guard::date)",
}
_CLOCK = """
WITH activity AS (
    SELECT pid, xact_start, query = '<insufficient privilege>' AS is_hidden
    FROM pg_catalog.pg_stat_activity
    -- What has no user (autovacuum) writes no rows.
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND usesysid IS NOT NULL
), bounds AS (
    SELECT least(now(), CASE WHEN pg_is_in_recovery() THEN pg_last_xact_replay_timestamp() END)
               - make_interval(secs => {lag_seconds}) AS by_lag,
           (SELECT min(xact_start) FROM activity) AS oldest
)
SELECT ({guard})::text AS guard, CASE WHEN oldest < by_lag THEN oldest::text END AS held_since,
       ARRAY(SELECT l.virtualtransaction FROM pg_catalog.pg_locks AS l JOIN activity USING (pid)
             WHERE l.locktype = 'virtualxid' AND l.granted AND is_hidden) AS hidden
FROM bounds, LATERAL (SELECT least(by_lag, oldest) AS guard) AS lowest
"""
_WRITERS = """
SELECT DISTINCT virtualtransaction
FROM pg_catalog.pg_locks
WHERE locktype = 'relation' AND granted AND pid IS DISTINCT FROM pg_backend_pid()
  AND mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
  AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
  AND {is_ours}
"""
_IS_ANY_TABLE = "relation >= 16384"  # FirstNormalObjectId: what initdb made is below
_IS_IN_TREE = """
relation IN (
    WITH RECURSIVE tree AS (
        SELECT {table}::regclass::oid AS oid
        UNION SELECT inhrelid FROM pg_catalog.pg_inherits JOIN tree ON inhparent = tree.oid
    ) SELECT oid FROM tree
)
"""
_IS_TABLE = "SELECT relkind IN ('r', 'p') AS is_table FROM pg_catalog.pg_class WHERE oid = {table}::regclass"


def next_window(
    session: Session,
    source: Relation,
    column: Column,
    after: str | None,
    *,
    lag: timedelta,
    warn: Callable[[str], None],
) -> Window | None:
    """Return the window that is complete now, or None: nothing is new, or nothing certain yet (with a warning)."""
    if session.fetch("SELECT pg_is_in_recovery() AS answer")[0]["answer"]:
        warn(
            f"{session.host} is a standby, which does not show what is open on its primary: late commits may be missed"
        )
    if column.type_name not in TIMES:
        highest = _highest(session, source, column, after)
        waited_for = _writers(session, source) if highest is not None else []
    else:
        clock = _clock(session, column, lag)
        highest = _highest(session, source, column, after, below=clock["guard"])
        waited_for = clock["hidden"]
        if clock["held_since"]:
            warn(f"rows since {clock['held_since']} wait for the next run: a transaction is open since then")
    if highest is None:
        return None
    if not _are_done(session, waited_for, patience=min(lag, _LONGEST_WAIT)):
        warn(
            f"new rows wait for the next run: of the transactions that may write them, {len(waited_for)} were not done"
        )
        return None
    return Window(after, highest)


def count_empty(session: Session, source: Relation, column: Column) -> int:
    """Return how many rows have no value in the cursor column, so that no window ever holds them."""
    [row] = session.fetch(f"SELECT count(*) AS rows {source.from_clause} WHERE {relation.column(column.name)} IS NULL")
    return int(row["rows"])


def _clock(session: Session, column: Column, lag: timedelta) -> dict[str, Any]:
    [row] = session.fetch(_CLOCK.format(guard=_GUARDS[column.type_name], lag_seconds=lag.total_seconds()))
    return row


def _highest(
    session: Session, source: Relation, column: Column, after: str | None, *, below: str | None = None
) -> str | None:
    value = relation.column(column.name)
    conditions = [f"{value} IS NOT NULL"]
    conditions += [f"{value} > {literal(after)}"] if after is not None else []
    conditions += [f"{value} < {literal(below)}"] if below is not None else []
    rows = session.fetch(
        f"SELECT {value}::text AS highest {source.from_clause} WHERE {' AND '.join(conditions)} "
        f"ORDER BY {value} DESC LIMIT 1"
    )
    return rows[0]["highest"] if rows else None


def _writers(session: Session, source: Relation) -> list[str]:
    """Return the transactions that hold a lock to write: on the table or a partition; for a view or a query, on any."""
    is_ours = _IS_ANY_TABLE
    if source.table:
        table = literal(source.table)
        if session.fetch(_IS_TABLE.format(table=table))[0]["is_table"]:
            is_ours = _IS_IN_TREE.format(table=table)
    return [row["virtualtransaction"] for row in session.fetch(_WRITERS.format(is_ours=is_ours))]


def _are_done(session: Session, transactions: Sequence[str], *, patience: timedelta) -> bool:
    if not transactions:
        return True
    listed = ", ".join(map(literal, transactions))
    still_open = f"SELECT EXISTS (SELECT FROM pg_catalog.pg_locks WHERE virtualtransaction IN ({listed})) AS answer"  # noqa: S608 - literals are quoted
    waiting = Retrying(
        retry=retry_if_result(bool),
        stop=stop_after_delay(patience),
        wait=wait_fixed(0.1),
        retry_error_callback=lambda _: True,
    )
    return not waiting(lambda: session.fetch(still_open)[0]["answer"])
