-- Every row of the table that was set aside becomes a config of the same id, and whoever had rights on the table has
-- them on the view.
do $$
declare
    defaults sheet_to_bigquery_configs;
    config sheet_to_bigquery_configs;
    old jsonb;
    held record;
begin
    if to_regclass(format('%I.sheet_to_bigquery_configs_before_sluice', current_schema())) is null then
        return;
    end if;

    for held in
        select privilege_type as privilege, is_grantable,
               case grantee when 0 then 'public' else grantee::regrole::text end as grantee
        from pg_class, aclexplode(coalesce(relacl, acldefault('r', relowner)))
        where oid = 'sheet_to_bigquery_configs_before_sluice'::regclass
          and privilege_type in ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
    loop
        execute format('grant %s on sheet_to_bigquery_configs to %s', held.privilege, held.grantee)
            || case when held.is_grantable then ' with grant option' else '' end;
    end loop;

    -- An id that the table has given out is not given out again, even if its row is gone.
    perform setval(pg_get_serial_sequence('load_configs', 'id'), greatest(
        (select max(id) from load_configs),
        (select max(id) from sheet_to_bigquery_configs_before_sluice where id between 1 and 2147483647),
        pg_sequence_last_value(pg_get_serial_sequence('load_configs', 'id')::regclass),
        pg_sequence_last_value(pg_get_serial_sequence('sheet_to_bigquery_configs_before_sluice', 'id')::regclass)
    ));

    defaults.schema_handling := 'auto_detect';
    defaults.is_active := true;
    for old in select to_jsonb(aside) from sheet_to_bigquery_configs_before_sluice aside order by id loop
        -- There already, if this revision was undone and is done again.
        continue when exists (
            select from load_configs
            where to_jsonb(id) = old -> 'id' and kind = 'google_sheet' and source ->> 'url' = old ->> 'google_sheet_url'
        );
        begin
            config := jsonb_populate_record(defaults, old);
            insert into sheet_to_bigquery_configs select config.*;
        exception when integrity_constraint_violation or data_exception then
            -- Nothing is lost, and nothing that is wrong is run.
            raise warning 'sheet_to_bigquery_configs: row % is adopted inactive: %', old ->> 'id', sqlerrm;
            insert into load_configs (
                id, name, written_name, kind, source, destination_project, destination_dataset, destination_table,
                load_mode, custom_schema, is_active, allow_drop, metadata_columns, description
            ) values (
                coalesce(
                    (select id from sheet_to_bigquery_configs_before_sluice
                     where to_jsonb(id) = old -> 'id' and id between 1 and 2147483647
                       and id not in (select taken.id from load_configs taken)
                     limit 1),
                    next_sheet_config_id()
                ),
                left(coalesce(nullif(old ->> 'name', ''), 'sheet'), 200) || format(' (adopted row %s)', old ->> 'id'),
                left(nullif(old ->> 'name', ''), 255),
                'google_sheet',
                sheet_source(old ->> 'google_sheet_url', old ->> 'google_sheet_tab_name'),
                old ->> 'google_cloud_project_id', old ->> 'bigquery_dataset_id', old ->> 'bigquery_table_id',
                'replace', nullif(old -> 'custom_schema', 'null'), false, true, 'false',
                format('Row %s of sheet_to_bigquery_configs was refused: %s. Correct it, then set is_active. It was: %s',
                       old ->> 'id', sqlerrm, old)
            ) on conflict on constraint name_is_unique do nothing;
        end;
    end loop;
end
$$;
