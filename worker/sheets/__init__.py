"""What a sheet is made of: cells, headers, columns; all but `wire` does no I/O."""
