-- An older system's table of the view's name makes room, with all that is in it.
do $$
declare
    found "char" := (
        select relkind from pg_class
        where relname = 'sheet_to_bigquery_configs' and relnamespace = current_schema()::regnamespace
    );
begin
    if found in ('r', 'p') then
        alter table sheet_to_bigquery_configs rename to sheet_to_bigquery_configs_before_sluice;
    elsif found is not null then
        raise wrong_object_type using
            message = 'sheet_to_bigquery_configs: expected a table or nothing, got something else of that name; '
                'rename it, then migrate again';
    end if;
end
$$;
