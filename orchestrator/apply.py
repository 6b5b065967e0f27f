"""Make the table say what a file says: what differs, and how to write it. Configs that the file does not name stay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestrator.check import ConfigError
from orchestrator.errors import NotFound
from orchestrator.views import ConfigView

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from orchestrator.config_form import ConfigForm
    from orchestrator.configs import Configs

Difference = tuple[str, Any, Any]
"""Field, what it is, what it shall be."""


@dataclass(frozen=True, slots=True)
class Change:
    """What applying does to one config."""

    form: ConfigForm
    is_new: bool
    differences: tuple[Difference, ...]
    warnings: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Whether the table says it already."""
        return not (self.is_new or self.differences)


def plan_changes(configs: Configs, forms: Sequence[ConfigForm], *, now: datetime) -> list[Change]:
    """Compare configs with the table; nothing is written.

    Raises:
        ConfigError: with every fault of every config.
    """
    changes, faults = [], []
    for form in forms:
        try:
            changes.append(_change(configs, form, now=now))
        except ConfigError as error:
            faults += [f"{form.name}, {fault}" for fault in error.faults]
    if faults:
        raise ConfigError(*faults)
    return changes


def make_changes(configs: Configs, changes: Sequence[Change], *, now: datetime) -> None:
    """Write what differs, in the caller's transaction: all of it or nothing."""
    for change in changes:
        if change.is_new:
            configs.create(change.form, now=now)
        elif change.differences:
            configs.change(change.form.name, change.form.model_dump(), now=now)


def _change(configs: Configs, form: ConfigForm, *, now: datetime) -> Change:
    try:
        row = configs.find_by_name(form.name)
    except NotFound:
        return Change(form, is_new=True, differences=(), warnings=configs.check(form, now=now).warnings)
    warnings = configs.check(form, config_id=row["id"], now=now).warnings
    return Change(form, is_new=False, differences=tuple(_differences(ConfigView.written(row), form)), warnings=warnings)


def _differences(before: dict[str, Any], wanted: ConfigForm) -> Iterator[Difference]:
    after = wanted.model_dump(mode="json")
    source_before, source_after = before.pop("source"), after.pop("source")
    for field in after:
        if before[field] != after[field]:
            yield field, before[field], after[field]
    for option in sorted({*source_before, *source_after}):
        was, shall = source_before.get(option), source_after.get(option)
        if was != shall:
            yield f"source.{option}", was, shall
