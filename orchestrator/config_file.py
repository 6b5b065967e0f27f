"""Files of configs, in JSON or YAML: one config, a list of them, or `configs:` with a list."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from orchestrator.check import ConfigError
from orchestrator.config_form import ConfigForm

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

STDIN = Path("-")


def read_configs(path: Path) -> list[ConfigForm]:
    """Read the configs of a file, or of standard input (`-`).

    Raises:
        ConfigError: with every fault of every config, or why the file cannot be read.
    """
    entries = _entries(_parse(_text(path), str(path)), str(path))
    forms, faults = [], []
    for number, entry in enumerate(entries, 1):
        try:
            forms.append(ConfigForm.read(entry))
        except ConfigError as error:
            name = entry.get("name") if isinstance(entry, dict) else None
            which = [name or f"config {number}"] if len(entries) > 1 else []
            faults += [", ".join([*map(str, which), fault]) for fault in error.faults]
    names = [form.name for form in forms]
    faults += [
        f"{path}: expected each name once, got {name!r} again; rename one"
        for name in {name for name in names if names.count(name) > 1}
    ]
    if faults:
        raise ConfigError(*faults)
    return forms


def read_config(path: Path) -> ConfigForm:
    """Read the one config of a file, or of standard input (`-`).

    Raises:
        ConfigError: it is not one, or has faults.
    """
    return ConfigForm.read(_one(path))


def read_new(file: Path | None, flags: dict[str, Any], source: list[str], fields: list[str]) -> ConfigForm:
    """Read a config of a file, if there is one, with what flags change: fields, `option=value`, and `field=value`.

    Raises:
        ConfigError: with every fault.
    """
    written = _one(file) if file else {}
    changes = flags | _pairs(fields, "--set")
    if source:
        changes["source"] = {**(written.get("source") or {}), **_pairs(source, "--source")}
    return ConfigForm.read_changed(written, changes)


def write_configs(configs: Sequence[Mapping[str, Any]]) -> str:
    """Write configs as YAML that `read_configs` reads."""
    return yaml.safe_dump(list(configs), sort_keys=False, allow_unicode=True, width=120)


def _one(path: Path) -> dict[str, Any]:
    entries = _entries(_parse(_text(path), str(path)), str(path))
    if len(entries) != 1 or not isinstance(entries[0], dict):
        raise ConfigError(f"{path}: expected one config, got {len(entries)}; use `sluice configs apply` for several")
    return entries[0]


def _pairs(texts: list[str], flag: str) -> dict[str, Any]:
    """Read `name=value`; a value is read as YAML, so that numbers and lists are what they look like."""
    pairs = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise ConfigError(f"{flag}: expected NAME=VALUE, got {text!r}; correct it")
        pairs[name] = _parse(value, f"{flag} {name}")
    return pairs


def _text(path: Path) -> str:
    try:
        return sys.stdin.read() if path == STDIN else path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: expected a file of configs, got: {error}; name another") from None


def _parse(text: str, where: str) -> Any:  # noqa: ANN401 - YAML is what it is
    try:
        # JSON may be indented by tabs, which YAML is not.
        return json.loads(text)
    except ValueError:
        pass
    try:
        return yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        what = " ".join(str(error).split())
        raise ConfigError(f"{where}: expected JSON or YAML, got: {what}; correct it") from None


def _entries(parsed: object, where: str) -> list[Any]:
    if isinstance(parsed, dict) and parsed.keys() == {"configs"}:
        parsed = parsed["configs"]
    if isinstance(parsed, dict):
        return [parsed]
    if isinstance(parsed, list):
        return parsed
    raise ConfigError(f"{where}: expected a config or a list of configs, got {type(parsed).__name__}; correct it")


class _Loader(yaml.SafeLoader):
    """YAML 1.2's plain values: `no`, `on`, `010`, `1:30` and dates are words, not what YAML 1.1 makes of them."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML's own attribute, which is a class's

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - PyYAML's signature
        """Refuse a key that is there twice: one of its values would be lost."""
        keys = [key.value for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"the key {key!r} twice", node.start_mark)
        return super().construct_mapping(node, deep=deep)


_NUMBER = r"-?(0|[1-9][0-9]*)"
for _tag, _pattern, _first in (
    ("bool", r"true|false", "tf"),
    ("null", r"null|~|", "n~"),
    ("int", _NUMBER, "-0123456789"),
    ("float", rf"{_NUMBER}(\.[0-9]+)?([eE][-+]?[0-9]+)?", "-0123456789"),
    ("merge", r"<<", "<"),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_pattern})$"), [*_first, *([""] if _tag == "null" else [])]
    )
