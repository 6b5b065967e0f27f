"""The source database of the demo: January's flights from New York, with airlines, airports and planes."""

from __future__ import annotations

import csv
import gzip
import io
from typing import TYPE_CHECKING, TextIO

import psycopg2
from psycopg2 import sql

from sandbox.server import DATA

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg2.extensions import connection as Connection  # noqa: N812 - a class in spite of its name

TABLES = ("airlines", "airports", "planes", "flights")
LAST_DAY = "31"
"""The flights of this day of January are held back, to be added later."""

_SCHEMA = """
create table airlines (carrier text primary key, name text not null);
create table airports (faa text primary key, name text not null, lat double precision, lon double precision,
                       alt integer, tz numeric(4,2), dst text, tzone text);
create table planes (tailnum text primary key, year integer, type text, manufacturer text, model text,
                     engines integer, seats integer, speed integer, engine text);
create table flights (id bigint generated always as identity primary key,
                      year integer, month integer, day integer, dep_time integer, sched_dep_time integer,
                      dep_delay integer, arr_time integer, sched_arr_time integer, arr_delay integer,
                      carrier text, flight integer, tailnum text, origin text, dest text, air_time integer,
                      distance integer, hour integer, minute integer, time_hour timestamptz);
"""


def fill(url: str) -> None:
    """Make the tables and load all but the last day's flights."""
    with psycopg2.connect(url) as connection:
        connection.cursor().execute(_SCHEMA)
        for table in TABLES[:-1]:
            with (DATA / "flights" / f"{table}.csv").open() as file:
                _copy(connection, table, file)
        _copy(connection, "flights", _flights(held_back=False))


def add_flights(url: str) -> int:
    """Add the last day's flights and return how many there were."""
    with psycopg2.connect(url) as connection:
        return _copy(connection, "flights", _flights(held_back=True))


def count(url: str) -> dict[str, int]:
    """Return the rows of each table."""
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        return {table: _count(cursor, table) for table in TABLES}


def _count(cursor: psycopg2.extensions.cursor, table: str) -> int:
    cursor.execute(sql.SQL("select count(*) from {}").format(sql.Identifier(table)))
    ((rows,),) = cursor.fetchall()
    return int(rows)


def _copy(connection: Connection, table: str, file: TextIO) -> int:
    """Load a CSV file with a header, in which NA is null."""
    columns = sql.SQL(", ").join(map(sql.Identifier, next(csv.reader([file.readline()]))))
    statement = sql.SQL("copy {} ({}) from stdin with (format csv, null 'NA')").format(sql.Identifier(table), columns)
    with connection.cursor() as cursor:
        cursor.copy_expert(statement, file)
        return cursor.rowcount


def _flights(*, held_back: bool) -> TextIO:
    with gzip.open(DATA / "flights" / "flights_2013_01.csv.gz", "rt") as file:
        return io.StringIO("".join(_wanted(file, held_back=held_back)))


def _wanted(lines: TextIO, *, held_back: bool) -> Iterator[str]:
    header = next(lines)
    day = header.split(",").index("day")
    yield header
    yield from (line for line in lines if (line.split(",")[day] == LAST_DAY) is held_back)
