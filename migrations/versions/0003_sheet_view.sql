create view sheet_to_bigquery_configs as
select
    config.id,
    coalesce(config.written_name, config.name)::varchar(255) as name,
    config.source ->> 'url' as google_sheet_url,
    (config.source ->> 'tab')::varchar(255) as google_sheet_tab_name,
    config.destination_project::varchar(255) as google_cloud_project_id,
    config.destination_dataset::varchar(255) as bigquery_dataset_id,
    config.destination_table::varchar(255) as bigquery_table_id,
    config.schema_handling::varchar(50) as schema_handling,
    config.custom_schema,
    config.is_active,
    -- Not a join: so SELECT .. FOR UPDATE locks the admin's row and not the one that ticks write.
    (select state.last_launched_at from load_states state where state.config_id = config.id) as last_run,
    case
        when mod(extract(epoch from config.run_every), 3600) = 0
            then (extract(epoch from config.run_every) / 3600)::integer
    end as run_frequency_hours,
    config.created_at,
    config.updated_at
from load_configs config
where config.kind = 'google_sheet';

comment on view sheet_to_bigquery_configs is 'the google_sheet rows of load_configs, as the table of this name had them';


-- The owner's, like all that writes: who may write the view needs rights on nothing else.

create function next_sheet_config_id() returns integer language sql security definer
return nextval(pg_get_serial_sequence('load_configs', 'id'))::integer;

alter view sheet_to_bigquery_configs
    alter column id set default next_sheet_config_id(),
    alter column schema_handling set default 'auto_detect',
    alter column is_active set default true,
    alter column created_at set default now(),
    alter column updated_at set default now();


-- A config made elsewhere may leave a column to the defaults; an update that says nothing of it leaves it so.
create function require_sheet_columns(written sheet_to_bigquery_configs, before sheet_to_bigquery_configs default null)
returns void language plpgsql as $$
declare
    required constant text[] := array['id', 'name', 'google_sheet_url', 'google_cloud_project_id',
                                      'bigquery_dataset_id', 'bigquery_table_id'];
    missing text;
begin
    foreach missing in array required loop
        if to_jsonb(written) ->> missing is null and (before is null or to_jsonb(before) ->> missing is not null) then
            raise not_null_violation using
                message = format('null value in column "%s" of relation "sheet_to_bigquery_configs" violates '
                                 'not-null constraint', missing),
                detail = format('Failing row contains %s.', written),
                schema = current_schema(), table = 'sheet_to_bigquery_configs', column = missing;
        end if;
    end loop;
end
$$;

create function numbered_name(written text, number integer) returns text language sql immutable
return case
    when number > 1 then left(written, 252 - length(number::text)) || ' (' || number || ')'
    when number = 1 then written
end;

create function free_number(written text) returns integer language plpgsql as $$
declare
    number integer := 1;
begin
    while exists (select from load_configs where name = numbered_name(written, number)) loop
        number := number + 1;
    end loop;
    return number;
end
$$;

create function sheet_source(url text, tab text) returns jsonb language sql immutable
return jsonb_strip_nulls(jsonb_build_object('url', url, 'tab', nullif(tab, '')));


create function as_written(was anycompatible, is_now anycompatible, stored anycompatible) returns anycompatible
language sql immutable as $$ select case when is_now is distinct from was then is_now else stored end $$;

create function plan_sheet_config(written_id integer, last_run timestamptz) returns void language plpgsql as $$
declare
    config load_configs;
    every interval;
    slot timestamptz := now();
    is_running boolean;
begin
    -- What a datetime of the programs that read it can hold, in any time zone.
    if last_run not between '1900-01-01' and '3000-01-01' then
        raise datetime_field_overflow using
            message = format('last_run: expected a time between 1900 and 3000, got %s; write NULL for "due now"', last_run);
    end if;
    select * into config from load_configs where id = written_id;
    if config.run_every is null then
        update load_states set last_launched_at = last_run where config_id = written_id;
        return;
    end if;
    if last_run is not null then
        -- In seconds: a day is 24 hours, also where the session's time zone says otherwise.
        every := make_interval(secs => extract(epoch from config.run_every)::double precision);
        slot := last_run + every;
        -- A slot runs once, and whoever writes the same last_run again wants another run.
        if slot <= now() and exists (
            select from runs
            where config_id = written_id and trigger = 'schedule' and slot_at = date_bin(every, now(), slot)
        ) then
            slot := now();
        end if;
    end if;
    -- Paused or in quarantine it has no slot; if it never ran, it then is due, as a new one, when it comes back.
    select config.is_active and quarantined_at is null into is_running
    from load_states where config_id = written_id for update;
    update load_states set
        last_launched_at = last_run,
        grid_at = slot,
        next_slot_at = case when is_running then slot end,
        paused_from_at = case when not config.is_active then slot end,
        schedule = case
            when is_running or last_run is not null then schedule_text(config.run_every, config.cron, config.timezone)
        end
    where config_id = written_id;
end
$$;


create function insert_sheet_config() returns trigger language plpgsql security definer as $$
declare
    number integer;
begin
    perform require_sheet_columns(new);
    loop
        number := free_number(new.name);
        insert into load_configs (
            id, name, written_name, kind, source, destination_project, destination_dataset, destination_table,
            load_mode, schema_handling, custom_schema, run_every, is_active, allow_drop, metadata_columns,
            created_at, updated_at
        ) values (
            new.id, numbered_name(new.name, number), case when number > 1 then new.name end, 'google_sheet',
            sheet_source(new.google_sheet_url, new.google_sheet_tab_name),
            new.google_cloud_project_id, new.bigquery_dataset_id, new.bigquery_table_id,
            'replace', coalesce(new.schema_handling, 'auto_detect'), new.custom_schema,
            make_interval(hours => new.run_frequency_hours), coalesce(new.is_active, false), true, 'false',
            coalesce(new.created_at, now()), coalesce(new.updated_at, now())
        ) on conflict on constraint name_is_unique do nothing;
        -- Else somebody else took the name in this very moment.
        exit when found;
    end loop;
    if new.last_run is not null then
        perform plan_sheet_config(new.id, new.last_run);
    end if;
    select * into new from sheet_to_bigquery_configs where id = new.id;
    return new;
end
$$;

create function update_sheet_config() returns trigger language plpgsql security definer as $$
declare
    number integer;
begin
    if new.id <> old.id then
        raise feature_not_supported using
            message = format('sheet_to_bigquery_configs: expected id %s to stay, got %s; insert a new row and delete '
                             'this one', old.id, new.id);
    end if;
    perform require_sheet_columns(new, old);
    if new.name <> old.name then
        number := free_number(new.name);
    end if;
    -- What is not written stays as it is now, which may be newer than what this statement has read.
    update load_configs config set
        name = coalesce(numbered_name(new.name, number), config.name),
        written_name = case when number > 1 then new.name when number is null then config.written_name end,
        source = case
            when new.google_sheet_tab_name is distinct from old.google_sheet_tab_name
                then config.source - 'tab' - 'gid' || sheet_source(new.google_sheet_url, new.google_sheet_tab_name)
            when new.google_sheet_url is distinct from old.google_sheet_url
                then config.source || sheet_source(new.google_sheet_url, null)
            else config.source
        end,
        destination_project =
            as_written(old.google_cloud_project_id, new.google_cloud_project_id, config.destination_project),
        destination_dataset = as_written(old.bigquery_dataset_id, new.bigquery_dataset_id, config.destination_dataset),
        destination_table = as_written(old.bigquery_table_id, new.bigquery_table_id, config.destination_table),
        schema_handling =
            coalesce(as_written(old.schema_handling, new.schema_handling, config.schema_handling), 'auto_detect'),
        custom_schema = as_written(old.custom_schema, new.custom_schema, config.custom_schema),
        run_every = case
            when new.run_frequency_hours is distinct from old.run_frequency_hours
                then make_interval(hours => new.run_frequency_hours)
            else config.run_every
        end,
        cron = case when new.run_frequency_hours is distinct from old.run_frequency_hours then null else config.cron end,
        is_active = coalesce(as_written(old.is_active, new.is_active, config.is_active), false),
        created_at = coalesce(as_written(old.created_at, new.created_at, config.created_at), now()),
        updated_at = coalesce(as_written(old.updated_at, new.updated_at, config.updated_at), now())
    where id = old.id and kind = 'google_sheet';
    if not found then
        return null;
    end if;
    if new.last_run is distinct from old.last_run then
        perform plan_sheet_config(new.id, new.last_run);
    elsif new.run_frequency_hours is distinct from old.run_frequency_hours then
        perform plan_sheet_config(new.id, last_launched_at) from load_states where config_id = new.id;
    end if;
    select * into new from sheet_to_bigquery_configs where id = new.id;
    return new;
end
$$;

create function delete_sheet_config() returns trigger language plpgsql security definer as $$
begin
    delete from load_configs where id = old.id and kind = 'google_sheet';
    return case when found then old end;
end
$$;

create trigger insert_sheet_config instead of insert on sheet_to_bigquery_configs
for each row execute function insert_sheet_config();

create trigger update_sheet_config instead of update on sheet_to_bigquery_configs
for each row execute function update_sheet_config();

create trigger delete_sheet_config instead of delete on sheet_to_bigquery_configs
for each row execute function delete_sheet_config();


do $$
declare
    function regprocedure;
begin
    foreach function in array array[
        'next_sheet_config_id()', 'insert_sheet_config()', 'update_sheet_config()', 'delete_sheet_config()'
    ]::regprocedure[] loop
        execute format('alter function %s set search_path = %I, pg_temp', function, current_schema());
    end loop;
end
$$;
