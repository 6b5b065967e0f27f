"""What a source of each kind may be told: one pydantic model per kind, in a file that is named after the kind.

From these come the API's 422, `sluice example`, the quarantine of a bad row, the reference pages and the worker's own
check.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, ValidationError

from worker.contract.run_spec import LoadMode

SECRET_IN_CLEAR = "secret_in_clear"  # noqa: S105 - the type of a fault, not a secret
"""A fault of this type is about a value that no message may show."""


class OptionsError(ValueError):
    """Options that a source cannot be told; the text names field, expected, got."""

    def __init__(self, *faults: str) -> None:
        """Keep the faults, one sentence each."""
        super().__init__("; ".join(faults))
        self.faults = faults


class Options(BaseModel):
    """What a source of one kind may be told. A subclass is called `Options`, too, and lives in `options/<kind>.py`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: ClassVar[str]
    """For a person: `Google Sheet`."""
    modes: ClassVar[tuple[LoadMode, ...]]
    """The load modes that make sense, the default first."""
    has_range: ClassVar[bool] = False
    """Whether a backfill (`START_DATE`, `END_DATE`) means something."""
    metadata_columns: ClassVar[bool] = True
    """Whether metadata columns are on unless the config says otherwise."""
    partition_by: ClassVar[str | None] = None
    cluster_by: ClassVar[tuple[str, ...]] = ()
    default_table: ClassVar[tuple[str, str] | None] = None
    """Dataset and table unless the config names others."""
    example: ClassVar[dict[str, Any]]
    """Options that work once the names in them are replaced."""

    def identity(self) -> dict[str, Any]:
        """Return the options that say *which* data this is; a change of these starts the cursor anew."""
        return self.model_dump(mode="json")

    def check_mode(self, mode: LoadMode, merge_key: tuple[str, ...]) -> None:
        """Refuse options that do not go with a load mode.

        Raises:
            OptionsError: names the field to change.
        """
        if mode not in self.modes:
            message = f"load_mode: expected one of {', '.join(self.modes)} for a {self.title}, got {mode!r}; change it"
            raise OptionsError(message)
        if (mode is LoadMode.MERGE) != bool(merge_key):
            got = f"{list(merge_key)!r} with {mode.value!r}"
            message = (
                f"merge_key: expected column names when load_mode is 'merge', and only then, got {got}; change one"
            )
            raise OptionsError(message)


@cache
def kinds() -> tuple[str, ...]:
    """Return every kind, by the files of this folder."""
    return tuple(sorted(module.name for module in iter_modules(__path__)))


def options_class(kind: str) -> type[Options]:
    """Return the options model of a kind.

    Raises:
        OptionsError: there is no such kind; lists those there are.
    """
    if kind not in kinds():
        message = f"kind: expected one of {', '.join(kinds())}, got {kind!r}; correct it"
        raise OptionsError(message)
    found: type[Options] = import_module(f"{__name__}.{kind}").Options
    return found


def parse_options(kind: str, source: dict[str, Any]) -> Options:
    """Check what a config says about its source.

    Raises:
        OptionsError: every fault, as `source.<field>: expected ..., got ...`.
    """
    try:
        return options_class(kind).model_validate(source)
    except ValidationError as error:
        raise OptionsError(*map(_sentence, error.errors())) from None


def _sentence(fault: Any) -> str:  # noqa: ANN401 - pydantic's ErrorDetails
    where = ".".join(["source", *map(str, fault["loc"])])
    if fault["type"] == "missing":
        return f"{where}: expected a value, got nothing; add it"
    if fault["type"] == "extra_forbidden":
        # Its value is not shown: it may be a password that somebody put there.
        return f"{where}: expected no such option, got a value; remove it or correct its name"
    expected = fault["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    got = "something else (not shown)" if fault["type"] == SECRET_IN_CLEAR else repr(fault["input"])
    return f"{where}: expected {expected}, got {got}; correct it"
