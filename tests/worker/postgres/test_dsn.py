from __future__ import annotations

import pytest

from worker.errors import ConfigurationError
from worker.postgres import dsn


@pytest.mark.parametrize(
    ("written", "host", "role"),
    [
        ("postgresql://reader:pw@db.example:5432/shop", "db.example", "reader"),
        ("postgres://a%40b:p%40w@db.example/shop?sslmode=require", "db.example", "a@b"),
        ("postgresql://reader@one.example:5432,two.example:5433/shop", "one.example,two.example", "reader"),
        ("postgresql://reader@[::1]:5432/shop", "[::1]", "reader"),
        ("postgresql://reader@/shop?host=/run/postgresql", "/run/postgresql", "reader"),
        ("postgresql:///shop", "localhost", "the role of this connection"),
        ("host=db.example port=5432 user=reader password='p w'", "db.example", "reader"),
        ("hostaddr = 10.0.0.1 dbname=shop", "10.0.0.1", "the role of this connection"),
    ],
)
def test_host_and_role_are_read_in_either_form(written: str, host: str, role: str) -> None:
    assert (dsn.host(written), dsn.role(written)) == (host, role)


def test_url_gets_defaults_for_what_it_leaves_open() -> None:
    completed = dsn.completed("postgresql://reader@db.example/shop?connect_timeout=3", reference="env://SHOP")
    assert completed.startswith("postgresql://reader@db.example/shop?connect_timeout=3&")
    assert completed.count("connect_timeout") == 1
    assert "&keepalives_idle=30" in completed


def test_pairs_get_defaults_as_pairs() -> None:
    assert "dbname=shop connect_timeout=10 " in dsn.completed("dbname=shop", reference="env://SHOP")


@pytest.mark.parametrize(
    "written",
    [
        "shop",
        "",
        "mysql://reader:geheim@db.example/shop",
        "postgresql+psycopg2://reader:geheim@db.example/shop",
        "postgresql://reader:ge@heim@db.example/shop",
        "postgresql://reader:ge/heim@db.example/shop",
        "postgresql://reader:ge#heim@db.example/shop",
        "postgresql://reader:ge?heim@db.example/shop",
        "postgresql://reader:ge[heim@db.example/shop",
    ],
)
def test_string_that_libpq_would_misread_is_refused_and_not_shown(written: str) -> None:
    with pytest.raises(ConfigurationError, match="env://SHOP: expected postgresql://") as caught:
        dsn.completed(written, reference="env://SHOP")
    assert "heim" not in str(caught.value)
