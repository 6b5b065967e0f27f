-- What an admin writes: one row per load. Run as it stands against the orchestrator's database.

-- A Google Sheet, through the older view: nothing changes for who has written to that table before.
insert into sheet_to_bigquery_configs (name, google_sheet_url, google_sheet_tab_name,
                                       google_cloud_project_id, bigquery_dataset_id, bigquery_table_id, run_frequency_hours)
values ('penguins', 'https://docs.google.com/spreadsheets/d/sandbox-penguins_raw/edit', 'penguins_raw',
        'demo-project', 'zoo', 'penguins', 24);

-- Tables of a database. Flights only grow, so each run appends what is new; the others are replaced as a whole.
insert into load_configs (name, kind, source, destination_dataset, destination_table, load_mode, run_every)
values ('flights', 'postgresql',
        '{"connection": "env://FLIGHTS_DATABASE_URL", "table": "flights", "cursor_column": "id"}',
        'air', 'flights', 'append', '15 minutes'),
       ('airlines', 'postgresql', '{"connection": "env://FLIGHTS_DATABASE_URL", "table": "airlines"}',
        'air', 'airlines', 'replace', '1 day'),
       ('airports', 'postgresql', '{"connection": "env://FLIGHTS_DATABASE_URL", "table": "airports"}',
        'air', 'airports', 'replace', '1 day'),
       ('planes', 'postgresql', '{"connection": "env://FLIGHTS_DATABASE_URL", "table": "planes"}',
        'air', 'planes', 'replace', '1 day');

-- One that fails: there is no such tab.
insert into load_configs (name, kind, source, destination_dataset, destination_table, run_every)
values ('penguins_typo', 'google_sheet',
        '{"url": "https://docs.google.com/spreadsheets/d/sandbox-penguins_raw/edit", "tab": "pengiuns"}',
        'zoo', 'penguins_typo', '6 hours');

-- One that can never work, and that no CHECK can know: it must be quarantined, and harm no other.
insert into load_configs (name, kind, source, destination_dataset, destination_table, cron)
values ('pigeons', 'carrier_pigeon', '{}', 'zoo', 'pigeons', '0 6 * * *');
