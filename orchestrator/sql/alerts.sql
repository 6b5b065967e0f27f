-- name: take_alerts
-- The next message: the oldest alert that may be told now, and with it those that tell the same cause in one tick.
-- An alert waits for the one that opened its incident and for earlier ones of it, unless they never arrive.
-- Whoever locks the first alert of a message takes the others with it, so that two drainers never split one.
with ready as materialized (
    select a.id, a.created_at, o.reference,
           case when a.kind in ('failure', 'failed_again') and a.fingerprint <> ''
                then jsonb_build_array(a.kind, a.fingerprint, a.channel, a.created_at, o.reference)
                else jsonb_build_array(a.id) end as message
    from alerts a left join alerts o on o.id = a.thread_of
    where a.sent_at is null and a.dead_at is null and a.not_before_at <= :now
      and (a.leased_until_at is null or a.leased_until_at <= :now)
      and (o.id is null or o.sent_at is not null or o.dead_at is not null)
      and not exists (
          select from alerts e
          where e.sent_at is null and e.dead_at is null
            and e.thread_of = a.thread_of and (e.created_at, e.id) < (a.created_at, a.id))
), firsts as (
    select distinct on (message) id, message from ready order by message, created_at, id
), locked as (
    select f.message from alerts a join firsts f on f.id = a.id
    where a.sent_at is null and a.dead_at is null and (a.leased_until_at is null or a.leased_until_at <= :now)
    order by a.created_at, a.id limit 1 for update of a skip locked
), taken as (
    select a.id, r.reference from alerts a join ready r on r.id = a.id join locked l on l.message = r.message
    where a.sent_at is null and a.dead_at is null and (a.leased_until_at is null or a.leased_until_at <= :now)
    for update of a skip locked
)
update alerts a set leased_until_at = :leased_until
from taken t where t.id = a.id
returning a.id, a.key, a.kind, a.config_id, a.config_name, a.channel, a.fingerprint, a.body, a.thread_of, a.attempts,
          t.reference

-- name: mark_sent
-- Each alert of a message knows where it went, so that what follows finds its thread.
update alerts set sent_at = :now, reference = cast(:reference as jsonb), attempts = attempts + 1,
                  leased_until_at = null, error = null
where id = any(cast(:ids as uuid[]))

-- name: delay_alerts
update alerts set not_before_at = :until, attempts = attempts + 1, leased_until_at = null, error = :error
where id = any(cast(:ids as uuid[]))

-- name: hold_alerts
-- The other side asked everybody to wait, so whatever nobody is sending just now waits.
update alerts set not_before_at = :until
where id in (
    select id from alerts
    where sent_at is null and dead_at is null and leased_until_at is null and not_before_at < :until
    for update skip locked)

-- name: bury_alerts
-- A dead letter: kept and shown, never sent again by itself, in nobody's way.
update alerts set dead_at = :now, attempts = attempts + 1, leased_until_at = null, error = :error
where id = any(cast(:ids as uuid[]))
