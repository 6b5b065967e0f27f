"""The demo: real loads of a sheet, of stock prices and of database tables, in parallel, on this machine."""
