-- name: list_runs
-- Newest first, by keyset: the history is too long for OFFSET or an exact count.
select r.id, r.config_id, r.config_name, r.trigger, r.parameters, r.slot_at, r.state, r.reason, r.skipped_slots,
       r.attempt, r.rows, r.bytes, r.error_kind, r.error, r.not_before_at, r.queued_at, r.launching_at, r.started_at,
       r.ended_at, r.requested_by
from runs r
where (cast(:config_id as integer) is null or r.config_id = :config_id)
  and (cast(:states as text[]) is null or r.state = any(cast(:states as text[])))
  and (cast(:before_at as timestamptz) is null or (r.queued_at, r.id) < (:before_at, cast(:before_id as uuid)))
order by r.queued_at desc, r.id desc limit :limit

-- name: runs_of_ids
-- These runs, in the order in which they were asked for.
select r.id, r.config_id, r.config_name, r.trigger, r.parameters, r.slot_at, r.state, r.reason, r.skipped_slots,
       r.attempt, r.rows, r.bytes, r.error_kind, r.error, r.not_before_at, r.queued_at, r.launching_at, r.started_at,
       r.ended_at, r.requested_by
from runs r where r.id = any(cast(:ids as uuid[])) order by r.queued_at, r.config_name, r.id

-- name: not_ended
-- Whatever is waiting or live.
select id from runs where state in ('queued', 'launching', 'running')

-- name: find_run
-- By its id, or by the beginning of it.
select * from runs where id between :first and :last limit 2

-- name: request_run
-- A manual run or a backfill is no slot: it queues behind what is live.
insert into runs (id, config_id, config_name, trigger, parameters, state, priority, pool, requested_by)
values (:id, :config_id, :config_name, :trigger, cast(:parameters as jsonb), 'queued', :priority, :pool, :requested_by)
on conflict (id) do nothing

-- name: cancel_run
-- What no launcher has is cancelled at once; what one may have is asked to end, and a tick confirms it. One statement:
-- between two, a tick could move the run from one to the other.
update runs set
    state = case when state = 'queued' then 'cancelled' else state end,
    reason = case when state = 'queued' then 'cancelled on request' else reason end,
    ended_at = case when state = 'queued' then now() end,
    cancel_requested_at = coalesce(cancel_requested_at, now())
where id = :id and state in ('queued', 'launching', 'running') returning state

-- name: status
-- One look at everything: what is live, waiting, quarantined, failing, and whether ticks happen.
select (select count(*) from load_configs) as configs,
       (select count(*) from load_configs where is_active) as active,
       (select count(*) from load_states where quarantined_at is not null) as quarantined,
       (select count(*) from load_states where incident_id is not null) as failing,
       (select count(*) from runs where state = 'queued') as queued,
       (select count(*) from runs where state in ('launching', 'running')) as live,
       (select count(*) from alerts where sent_at is null and dead_at is null) as alerts_waiting,
       (select count(*) from alerts where dead_at is not null) as alerts_dead,
       (select min(next_slot_at) from load_states) as next_slot_at,
       (select max(started_at) from ticks) as last_tick_at,
       (select seconds from ticks order by started_at desc limit 1) as last_tick_seconds,
       clock_timestamp() as now

-- name: troubled_configs
-- Configs that somebody should look at: in quarantine, or failing.
select c.name, s.quarantine_reason, s.consecutive_failures, s.last_success_at
from load_states s join load_configs c on c.id = s.config_id
where s.quarantined_at is not null or s.incident_id is not null
order by c.name limit :limit

-- name: unfinished_by_state
-- From the index of what has not ended; the whole history is never counted.
select state, count(*) as count from runs where state in ('queued', 'launching', 'running') group by state

-- name: recent_ends
-- How runs ended in the last hour, as the ticks counted it: a row per tick, never a row per run.
select t.key as state, sum(cast(t.value as bigint)) as count
from ticks, jsonb_each_text(counts) t
where started_at > now() - interval '1 hour' and t.key in ('succeeded', 'failed', 'cancelled', 'rejected')
group by t.key

-- name: dead_alerts
-- Messages that will never arrive, and why.
select id, kind, config_name, error, dead_at from alerts where dead_at is not null order by dead_at desc limit :limit
