"""PostgreSQL as a source of rows: its sessions, its types, its errors, and windows of a cursor."""
