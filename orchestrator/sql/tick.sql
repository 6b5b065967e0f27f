-- name: lock_tick
-- Ticks' transactions run one after the other. A statement of its own, so that the snapshot of the next statement
-- sees what the tick before has committed. 0x536c7563 is "Sluc".
select pg_advisory_xact_lock(1399616867)

-- name: set_lock_timeout
-- A dry run gives up rather than hold up a real tick, and no tick waits for ever.
select set_config('lock_timeout', :milliseconds || 'ms', true)

-- name: clock
-- The tick's one reading of the time.
select clock_timestamp()

-- name: live_runs
-- What launchers may be working on, with what its config's health decides. One live run per config: nobody else
-- changes that health before this run is settled.
select r.id, r.config_id, r.config_name, r.trigger, r.state, r.attempt, r.slot_at, r.parameters, r.spec, r.handle,
       r.launch_deadline_at, r.cancel_requested_at, r.started_at, r.queued_at, r.cursor_before, r.may_have_published,
       coalesce(c.alert_after, 1) as alert_after,
       case when c.id is null then r.spec ->> 'slack_channel' else c.slack_channel end as slack_channel, coalesce(s.consecutive_failures, 0) as failures,
       s.incident_id, s.last_success_at
from runs r
left join load_configs c on c.id = r.config_id
left join load_states s on s.config_id = r.config_id
where r.state in ('launching', 'running') and (cast(:only as uuid[]) is null or r.id = any(cast(:only as uuid[])))
order by r.started_at nulls first, r.id

-- name: record_transitions
-- Compare-and-set on the state and attempt that each transition leaves. A run or a config's state that an admin's
-- open transaction holds is left for the next tick, both or neither; so is a retry of what was cancelled meanwhile.
with wanted as (
    select * from jsonb_to_recordset(cast(:transitions as jsonb)) as t(
        run_id uuid, attempt integer, leaves text, enters text, error_kind text, error text,
        not_before timestamptz, handle text, rows bigint, bytes bigint, cursor_after jsonb, log_uri text,
        notes jsonb, published boolean, ended boolean)
), state as materialized (
    select s.config_id from load_states s
    where s.config_id in (select r.config_id from runs r join wanted w on w.run_id = r.id)
    order by s.config_id for update of s skip locked
), held as materialized (
    select r.id from runs r join wanted w on w.run_id = r.id
    where r.state = w.leaves and r.attempt = w.attempt
      and (w.enters <> 'queued' or r.cancel_requested_at is null)
      and (r.config_id is null or r.config_id in (select config_id from state))
    order by r.id for update of r skip locked
)
update runs r set
    state = w.enters,
    error_kind = w.error_kind,
    error = w.error,
    not_before_at = w.not_before,
    handle = coalesce(w.handle, r.handle),
    rows = coalesce(w.rows, r.rows),
    bytes = coalesce(w.bytes, r.bytes),
    cursor_after = w.cursor_after,
    log_uri = coalesce(w.log_uri, r.log_uri),
    notes = coalesce(w.notes, r.notes),
    may_have_published = coalesce(w.published, r.may_have_published),
    started_at = case when w.enters = 'running' then coalesce(r.started_at, :now) else r.started_at end,
    launch_deadline_at = case when w.enters = 'running' then null else r.launch_deadline_at end,
    ended_at = case when w.ended then cast(:now as timestamptz) end
from wanted w
where r.id = w.run_id and r.id in (select id from held)
returning r.id

-- name: record_health
-- What the ends of runs do to their configs. The cursor moves only from where the run started, and only while the
-- config still means the same data.
update load_states s set
    consecutive_failures = h.failures,
    incident_id = h.incident_id,
    last_success_at = case when h.fresh then cast(:now as timestamptz) else s.last_success_at end,
    stale_alerted_at = case when h.fresh then null else s.stale_alerted_at end,
    earlier_since_at = case when h.fresh then cast(:now as timestamptz) else s.earlier_since_at end,
    last_rows = case when h.fresh then r.rows else s.last_rows end,
    cursor = case
        when h.fresh and r.cursor_after is not null and s.cursor is not distinct from r.cursor_before
             and s.identity is not distinct from r.spec ->> 'identity' then r.cursor_after
        else s.cursor end
from jsonb_to_recordset(cast(:health as jsonb)) as h(run_id uuid, failures integer, incident_id uuid, fresh boolean)
join runs r on r.id = h.run_id
where s.config_id = r.config_id

-- name: insert_alerts
-- The outbox, in the transaction of what it tells about.
insert into alerts (id, key, kind, config_id, config_name, channel, fingerprint, body, thread_of, created_at, not_before_at)
select id, key, kind, config_id, config_name, channel, fingerprint, body, thread_of, :now, :now
from jsonb_to_recordset(cast(:alerts as jsonb)) as a(
    id uuid, key text, kind text, config_id integer, config_name text, channel text, fingerprint text, body jsonb,
    thread_of uuid)
on conflict do nothing

-- name: changed_configs
-- Configs that a person has touched. One snapshot sees the changes and takes them away, so that a change committed
-- meanwhile stays for the next tick; a config that an open transaction holds stays, too. Each config is text: one whose
-- JSON a program cannot read, say for its numbers of thousands of digits, must not take the others along.
with seen as materialized (
    select ctid as place, config_id from config_changes order by changed_at limit :most
), ready as materialized (
    select cast(to_jsonb(c) || jsonb_build_object('run_every_seconds', extract(epoch from c.run_every)) as text) as config,
           schedule_text(c.run_every, c.cron, c.timezone) as schedule_text,
           c.id, c.name, c.slack_channel, c.is_active, s.schedule, s.next_slot_at, s.grid_at, s.paused_from_at, s.cursor, s.identity, s.keep_cursor,
           s.quarantine_reason, s.namespace,
           (select max(changed_at) from config_changes x where x.config_id = c.id) as changed_at
    from load_configs c join load_states s on s.config_id = c.id
    where c.id in (select config_id from seen)
    order by c.id for update of s skip locked for key share of c skip locked
), gone as (
    delete from config_changes
    where ctid = any(array(
        select place from seen
        where config_id in (select id from ready) or not exists (select from load_configs c where c.id = seen.config_id)))
)
select * from ready

-- name: plan_configs
-- What looking at changed configs came to.
update load_states s set
    next_slot_at = p.next_slot_at,
    grid_at = p.grid_at,
    schedule = p.schedule,
    paused_from_at = p.paused_from_at,
    identity = p.identity,
    keep_cursor = s.keep_cursor and p.quarantine_reason is not null,
    cursor = case when p.reset_cursor then null else s.cursor end,
    earlier_since_at = case when p.reset_cursor then cast(:now as timestamptz) else s.earlier_since_at end,
    quarantined_at = case when p.quarantine_reason is not null then coalesce(s.quarantined_at, :now) end,
    quarantine_reason = p.quarantine_reason
from jsonb_to_recordset(cast(:plans as jsonb)) as p(
    config_id integer, next_slot_at timestamptz, grid_at timestamptz, schedule text, paused_from_at timestamptz,
    identity text, reset_cursor boolean, quarantine_reason text)
where s.config_id = p.config_id

-- name: keep_earlier_runs
-- Where a cursor is kept although source or destination are other ones, so are the runs that belong to it: what a
-- failed one has published is not loaded again, and the live one moves the cursor.
update runs r set spec = jsonb_set(r.spec, '{identity}', to_jsonb(p.identity))
from jsonb_to_recordset(cast(:plans as jsonb)) as p(config_id integer, identity text, kept_identity text)
join load_states s on s.config_id = p.config_id
where r.config_id = p.config_id and r.launching_at >= s.earlier_since_at and r.spec ->> 'identity' = p.kept_identity

-- name: due_configs
-- Configs with a slot that has come. A row that an admin's open transaction holds is due at the next tick, and one
-- that somebody has touched and nobody has looked at yet, too.
select s.config_id, c.name, s.namespace, s.next_slot_at, s.grid_at, c.run_every, c.cron, c.timezone, c.catch_up,
       c.priority, c.pool,
       exists (
           select from runs r
           where r.config_id = s.config_id and r.state in ('queued', 'launching', 'running')
             and (r.trigger = 'schedule' or r.state <> 'queued' or r.attempt > 0)
       ) as busy
from load_states s join load_configs c on c.id = s.config_id
where s.next_slot_at <= :now and not exists (select from config_changes x where x.config_id = s.config_id)
order by s.next_slot_at, s.config_id limit :most
for update of s skip locked for key share of c skip locked

-- name: look_again
-- The next tick shall look at these configs as if somebody had touched them.
insert into config_changes (config_id) select unnest(cast(:config_ids as integer[]))

-- name: enqueue_runs
-- A slot becomes one row whatever happens: the id is derived from it, and `one_run_per_slot` forbids a second.
insert into runs (id, config_id, config_name, trigger, slot_at, state, reason, skipped_slots, priority, pool, queued_at,
                  ended_at)
select id, config_id, config_name, 'schedule', slot_at, state, reason, skipped_slots, priority, pool, :now,
       case when state = 'skipped' then cast(:now as timestamptz) end
from jsonb_to_recordset(cast(:runs as jsonb)) as r(
    id uuid, config_id integer, config_name text, slot_at timestamptz, state text, reason text, skipped_slots integer,
    priority integer, pool text)
on conflict do nothing
returning id

-- name: advance_slots
-- The watermark of what was scheduled lives here, never in the history.
update load_states s set next_slot_at = a.next_slot_at
from jsonb_to_recordset(cast(:slots as jsonb)) as a(config_id integer, next_slot_at timestamptz)
where s.config_id = a.config_id

-- name: end_hopeless_runs
-- Runs that wait for their first attempt and will never get it: their config is gone, or quarantined.
with hopeless as (
    select r.id, s.quarantine_reason from runs r left join load_states s on s.config_id = r.config_id
    where r.state = 'queued' and r.attempt = 0 and (r.config_id is null or s.quarantined_at is not null)
    for update of r skip locked
)
update runs r set
    state = case when r.config_id is null then 'cancelled' else 'rejected' end,
    reason = case when r.config_id is null then 'the config was deleted' else 'quarantined' end,
    error_kind = case when r.config_id is not null then 'configuration' end,
    error = h.quarantine_reason,
    ended_at = :now
from hopeless h where r.id = h.id
returning r.id, r.state, r.config_name, h.quarantine_reason

-- name: live_count
-- Counted under the lock: a counter would drift.
select count(*) from runs where state in ('launching', 'running')

-- name: claim_runs
-- Within a config the run that is live already (its retry), then slot order; then priority; then who waits longest.
-- The first claim freezes the config, the defaults, the cursor and which earlier runs must be looked at. A config that
-- somebody has touched and nobody has looked at yet is not frozen: its cursor may be that of other data.
with first_of_config as (
    select distinct on (coalesce(cast(r.config_id as text), cast(r.id as text)))
           r.id, r.pool, r.priority, coalesce(r.slot_at, r.queued_at) as since
    from runs r left join load_configs c on c.id = r.config_id
    where r.state = 'queued'
      and (r.not_before_at is null or r.not_before_at <= :now)
      and (r.attempt > 0 or r.config_id is not null and (c.is_active or r.trigger <> 'schedule')
           and not exists (select from config_changes x where x.config_id = r.config_id))
      and not exists (
          select from runs o where o.config_id = r.config_id and o.id <> r.id
            and (o.state in ('launching', 'running') or (o.state = 'queued' and o.attempt >= 1)))
    order by coalesce(cast(r.config_id as text), cast(r.id as text)), r.attempt desc, coalesce(r.slot_at, r.queued_at), r.id
), pool_room as (
    select p.name, p.max_parallel - count(o.id) as room
    from pools p left join runs o on o.pool = p.name and o.state in ('launching', 'running')
    group by p.name
), in_pool as (
    select f.*, p.room, row_number() over (partition by f.pool order by f.priority desc, f.since, f.id) as place
    from first_of_config f left join pool_room p on p.name = f.pool
), chosen as (
    select id, priority, since from in_pool where room is null or place <= room
    order by priority desc, since, id limit :free
), held as materialized (
    select r.id from runs r
    where r.id in (select id from chosen) and r.state = 'queued'
    order by r.id for update of r skip locked
)
update runs r set
    state = 'launching',
    reason = null,
    attempt = r.attempt + 1,
    handle = null,
    started_at = null,
    launching_at = :now,
    launch_deadline_at = cast(:now as timestamptz) + :launch_within,
    cursor_before = case when r.attempt > 0 or r.trigger = 'backfill' then r.cursor_before else s.cursor end,
    spec = coalesce(r.spec, to_jsonb(c) || cast(:defaults as jsonb) || jsonb_build_object(
        'identity', s.identity,
        'timeout_seconds', extract(epoch from c.timeout),
        'earlier_runs', case when r.trigger = 'backfill' then '[]' else coalesce((
            select jsonb_agg(jsonb_build_object('id', e.id, 'runs_url', e.runs_url) order by e.launching_at)
            from (
                select o.id, o.spec ->> 'runs_url' as runs_url, o.launching_at, o.may_have_published,
                       row_number() over (order by o.launching_at desc) as last
                from runs o
                where o.config_id = r.config_id and o.id <> r.id and o.launching_at >= s.earlier_since_at
                  and o.trigger <> 'backfill' and o.spec ->> 'identity' is not distinct from s.identity
            ) e
            where e.may_have_published or e.last = 1), '[]') end))
from held h
join runs q on q.id = h.id
left join load_configs c on c.id = q.config_id
left join load_states s on s.config_id = q.config_id
where r.id = h.id
returning r.id

-- name: relaunch_runs
-- The same attempt again: its launch was never answered, nothing was found, and its fence lets one execution act.
with held as materialized (
    select id from runs
    where id = any(cast(:run_ids as uuid[])) and state = 'launching' and launch_deadline_at <= :now
    order by id for update skip locked
)
update runs r set launch_deadline_at = cast(:now as timestamptz) + :launch_within
from held h where r.id = h.id
returning r.id

-- name: mark_launched
-- The launcher's answers, compare-and-set: a run that was settled meanwhile keeps what it has. A config's state that
-- an admin's open transaction holds misses the time of this launch, and nothing else.
with held as materialized (
    select r.id, l.handle, r.config_id
    from runs r join jsonb_to_recordset(cast(:launched as jsonb)) as l(run_id uuid, attempt integer, handle text)
      on l.run_id = r.id and l.attempt = r.attempt
    where r.state = 'launching'
    order by r.id for update of r skip locked
), state as materialized (
    select s.config_id from load_states s where s.config_id in (select config_id from held)
    order by s.config_id for update of s skip locked
), noted as (
    update load_states s set last_launched_at = clock_timestamp()
    where s.config_id in (select config_id from state)
)
update runs r set state = 'running', handle = h.handle, started_at = clock_timestamp(), launch_deadline_at = null
from held h where r.id = h.id
returning r.id

-- name: release_runs
-- Claimed, and the budget ended before anybody called the launcher: as if it had not been claimed. Another deadline
-- is another tick's, which may have called. A run that an open transaction holds stays `launching` until its deadline.
with held as materialized (
    select r.id
    from runs r join jsonb_to_recordset(cast(:runs as jsonb))
        as l(run_id uuid, attempt integer, launch_deadline_at timestamptz)
      on r.id = l.run_id and r.attempt = l.attempt and r.launch_deadline_at = l.launch_deadline_at
    where r.state = 'launching'
    order by r.id for update of r skip locked
)
update runs r set
    state = 'queued', attempt = r.attempt - 1, launch_deadline_at = null,
    launching_at = case when r.attempt > 1 then r.launching_at end,
    spec = case when r.attempt > 1 then r.spec end
from held h where r.id = h.id

-- name: stale_configs
-- Data older than its owner said it may be; told once until a run succeeds.
update load_states s set stale_alerted_at = :now
from load_configs c
where c.id = s.config_id and s.config_id in (
    select i.config_id from load_states i join load_configs j on j.id = i.config_id
    where j.fresh_within is not null and j.is_active and i.stale_alerted_at is null
      and coalesce(i.last_success_at, j.created_at) < :now - j.fresh_within
    for update of i skip locked)
returning c.id, c.name, c.slack_channel, c.fresh_within, s.last_success_at

-- name: waiting_runs
-- For a dry run: what stays queued, and why.
select r.id, r.config_id, r.config_name, r.trigger, r.slot_at, r.attempt, r.not_before_at, r.pool, c.is_active,
       exists (
           select from runs o where o.config_id = r.config_id and o.id <> r.id
             and (o.state in ('launching', 'running') or (o.state = 'queued' and o.attempt >= 1))) as behind_live
from runs r left join load_configs c on c.id = r.config_id
where r.state = 'queued'
order by r.queued_at, r.id

-- name: idle_configs
-- For a dry run: what is not due.
select c.id, c.name, c.is_active, s.next_slot_at, s.quarantine_reason, r.id as live_run, r.state as live_state
from load_configs c
join load_states s on s.config_id = c.id
left join runs r on r.config_id = c.id and r.state in ('launching', 'running')
order by c.id

-- name: record_tick
-- One row per tick: `status` and the age of the last tick come from here.
insert into ticks (id, started_at, seconds, counts, complete)
values (:id, :started_at, :seconds, cast(:counts as jsonb), :complete)
