create function schedule_text(run_every interval, cron text, timezone text) returns text
language sql immutable parallel safe
return concat_ws('|', coalesce(trim_scale(extract(epoch from run_every))::text, ''), coalesce(cron, ''), timezone);

comment on function schedule_text is 'a schedule as text, to see whether next_slot_at was computed from it';


create function touch_config() returns trigger language plpgsql as $$
begin
    if new.updated_at is not distinct from old.updated_at then
        new.updated_at := now();
    end if;
    -- Renamed here and not through the older view: now this is its only name.
    if new.name <> old.name and new.written_name is not distinct from old.written_name then
        new.written_name := null;
    end if;
    return new;
end
$$;

create trigger touch_config before update on load_configs
for each row when (old is distinct from new) execute function touch_config();


-- The rest runs as its owner: who may write configs need not be able to write what is ours.
-- Once per statement and not per row: a hundred thousand configs may be written at once.

create function record_new_configs() returns trigger language plpgsql security definer as $$
begin
    insert into load_states (config_id) select id from written;
    insert into config_changes (config_id) select id from written;
    return null;
end
$$;

create trigger record_new_configs after insert on load_configs
referencing new table as written for each statement execute function record_new_configs();


create function record_config_changes() returns trigger language plpgsql security definer as $$
declare
    of_no_matter constant text[] := array['updated_at', 'description', 'owner'];
begin
    insert into config_changes (config_id)
    select written.id
    from written join before on before.id = written.id
    where to_jsonb(written) - of_no_matter is distinct from to_jsonb(before) - of_no_matter;
    return null;
end
$$;

create trigger record_config_changes after update on load_configs
referencing old table as before new table as written for each statement execute function record_config_changes();


create function refuse_to_truncate_configs() returns trigger language plpgsql as $$
begin
    raise feature_not_supported using
        message = 'load_configs: expected DELETE, got TRUNCATE, which would empty runs and load_states, too; '
            'delete the rows, which keeps the history';
end
$$;

create trigger refuse_to_truncate_configs before truncate on load_configs
for each statement execute function refuse_to_truncate_configs();


do $$
declare
    function regprocedure;
begin
    foreach function in array array['record_new_configs()', 'record_config_changes()']::regprocedure[] loop
        execute format('alter function %s set search_path = %I, pg_temp', function, current_schema());
    end loop;
end
$$;
