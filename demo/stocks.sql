-- Stock prices: the dataset, the table, its columns and its partitions are the kind's own.
-- No schedule: on demand. The prices of the demo end in 2018, so they are loaded by a backfill.
insert into load_configs (name, kind, source)
values ('stocks', 'stock_prices', '{"tickers": ["^GSPC", "^IXIC"]}');
