from __future__ import annotations

import pytest

from worker.postgres import relation


@pytest.mark.parametrize(
    ("written", "sql"),
    [
        ("orders", '"orders"'),
        ("public.orders", '"public"."orders"'),
        ("Sales.Order Lines", '"Sales"."Order Lines"'),
        ('"a.b".c', '"a.b"."c"'),
        ('x."say ""hi"""', '"x"."say ""hi"""'),
        ("evil; DROP TABLE x", '"evil; DROP TABLE x"'),
    ],
)
def test_table_is_quoted_as_it_is_stored(written: str, sql: str) -> None:
    assert relation.table(written).from_clause == f"FROM {sql} AS q"


def test_query_may_end_with_a_semicolon_or_a_comment() -> None:
    assert relation.query("SELECT 1;\n").from_clause == "FROM (SELECT 1\n) AS q"
    assert relation.query("SELECT 1 -- one").from_clause == "FROM (SELECT 1 -- one\n) AS q"


@pytest.mark.parametrize(("text", "sql"), [("a", "'a'"), ("it's", "'it''s'"), ("C:\\x'", " E'C:\\\\x'''")])
def test_literal_ends_where_the_text_ends(text: str, sql: str) -> None:
    assert relation.literal(text) == sql


def test_quoted_name_ends_where_the_name_ends() -> None:
    assert relation.quoted('a"b') == '"a""b"'
