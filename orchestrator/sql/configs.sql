-- name: list_configs
-- By name, a page at a time: everything after a name.
select c.*, s.next_slot_at, s.last_launched_at, s.last_success_at, s.last_rows, s.consecutive_failures,
       s.quarantine_reason, s.cursor
from load_configs c join load_states s on s.config_id = c.id
where c.name > :after and (cast(:kind as text) is null or c.kind = :kind)
order by c.name limit :limit

-- name: find_config
-- By name or by id; a name wins over an id that reads the same.
select c.*, s.next_slot_at, s.last_launched_at, s.last_success_at, s.last_rows, s.consecutive_failures,
       s.quarantine_reason, s.cursor, s.namespace
from load_configs c join load_states s on s.config_id = c.id
where c.name = :name or cast(c.id as text) = :name
order by c.name <> :name limit 1

-- name: get_config
-- By id alone: another config may have a name that reads like it.
select c.*, s.next_slot_at, s.last_launched_at, s.last_success_at, s.last_rows, s.consecutive_failures,
       s.quarantine_reason, s.cursor, s.namespace
from load_configs c join load_states s on s.config_id = c.id where c.id = :id

-- name: lock_config
-- Whoever changes a config writes all of its columns. No tick waits for this lock, nor is it held up by one.
select from load_configs where id = :id for no key update

-- name: set_active
-- Without a look at the rest: a config that does not work can be paused, too.
update load_configs set is_active = :active where id = :id and is_active <> :active

-- name: delete_config
-- Its live run is followed to its end; its cursor goes with it.
delete from load_configs where id = :id returning name

-- name: keep_cursor
-- The next look at this config leaves its cursor, although source or destination are other ones. That look is the next
-- tick's whatever the edit is, or it would be at another edit.
with looked_at as (
    insert into config_changes (config_id) values (:id)
)
update load_states set keep_cursor = true where config_id = :id

-- name: same_table
-- Other configs that may write the same table: one that names none may write the one of its kind.
select name, kind, destination_project, destination_dataset, destination_table from load_configs
where id is distinct from :id and (destination_table = :table or destination_table is null)
order by name
