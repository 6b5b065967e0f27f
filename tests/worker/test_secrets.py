"""References to secrets, and what is shown of the secrets."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from worker import secrets
from worker.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _nothing_resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "_resolved", set())


def test_reference_to_the_environment_is_resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", "hunter22")
    assert secrets.resolve("env://SHOP_PASSWORD") == "hunter22"


@pytest.mark.parametrize("content", ["hunter22", "hunter22\n", "hunter22\r\n"])
def test_reference_to_a_file_is_resolved_without_the_newline(tmp_path: Path, content: str) -> None:
    path = tmp_path / "pass word"
    path.write_bytes(content.encode())
    assert secrets.resolve(path.as_uri()) == "hunter22"


@pytest.mark.parametrize(
    ("reference", "text"),
    [
        ("env://SHOP_PASSWORD", "env://SHOP_PASSWORD: expected a value in the worker's environment, got nothing"),
        ("file:///no/such/file", "file:///no/such/file: expected a readable file, got 'No such file or directory'"),
        ("secret://projects/p/secrets/s/versions/latest", "not supported by this worker"),
    ],
)
def test_reference_to_nothing_is_refused(reference: str, text: str) -> None:
    with pytest.raises(ConfigurationError, match=text):
        secrets.resolve(reference)


def test_empty_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty"
    path.write_text("\n")
    with pytest.raises(ConfigurationError, match="expected a secret, got an empty file"):
        secrets.resolve(path.as_uri())


def test_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match="got 'not UTF-8 text'"):
        secrets.resolve(path.as_uri())


@pytest.mark.parametrize("literal", ["hunter22", "postgresql://me:hunter22@db/shop", "hunter22://x", ""])
def test_literal_value_is_refused_and_not_shown(literal: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        secrets.resolve(literal)
    assert "got a literal value" in str(raised.value)
    assert "hunter22" not in str(raised.value)


@pytest.mark.parametrize("written", [str, repr, json.dumps, lambda secret: quote(secret, safe="")])
def test_resolved_secret_is_masked_however_it_is_written(monkeypatch: pytest.MonkeyPatch, written: object) -> None:
    secret = 'p"ass\\wörd/1'
    monkeypatch.setenv("SHOP_PASSWORD", secret)
    secrets.resolve("env://SHOP_PASSWORD")
    assert callable(written)
    assert "ass" not in secrets.mask(f"cannot connect with {written(secret)}!")


def test_password_inside_a_resolved_url_is_masked_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_URL", "postgresql://me:hunt%2Fer@db/shop")
    secrets.resolve("env://SHOP_URL")
    assert secrets.mask("user me, password hunt/er or hunt%2Fer") == "user me, password *** or ***"


def test_longer_secret_is_masked_whole() -> None:
    secrets.register("hunter")
    secrets.register("hunter22")
    assert secrets.mask("hunter22 hunter") == "*** ***"


def test_secret_too_short_to_hide_is_left() -> None:
    secrets.register("abc")
    assert secrets.mask("abcdef") == "abcdef"


def test_odd_url_is_masked_whole() -> None:
    secrets.register("http://[half")
    assert secrets.mask("at http://[half") == "at ***"
