"""What an environment asks for, checked without connecting to anything: load, plan and check begin with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from worker.contract.options import parse_options
from worker.contract.run_spec import RunSpec, SchemaHandling
from worker.destination import Target, open_destination
from worker.errors import ConfigurationError
from worker.settings import Settings
from worker.source import Request, open_source

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    import pyarrow as pa

    from worker.contract.custom_schema import Column
    from worker.contract.options import Options
    from worker.destination import Destination
    from worker.source import Source


@dataclass(frozen=True, slots=True)
class Job:
    """One run's spec, with the options, the destination and the table that it names."""

    spec: RunSpec
    settings: Settings
    options: Options
    destination: Destination
    target: Target

    @classmethod
    def from_env(cls, environment: Mapping[str, str]) -> Job:
        """Read and check an environment.

        Raises:
            SpecError, OptionsError, ConfigurationError: what is wrong, in the names that the environment has.
        """
        spec = RunSpec.from_env(environment)
        settings = Settings.from_env(environment)
        options = parse_options(spec.kind, spec.source)
        options.check_mode(spec.load_mode, spec.merge_key)
        if spec.schema_handling is SchemaHandling.CUSTOM and not spec.custom_schema:
            raise ConfigurationError(
                "CUSTOM_SCHEMA: expected columns, since SCHEMA_HANDLING is custom, got nothing; set it"
            )
        return cls(spec, settings, options, open_destination(spec.destination_url, settings), _target(spec, options))

    @property
    def custom_schema(self) -> list[Column] | None:
        """The columns, if they are not to be detected; a schema that stands beside `auto_detect` is left alone."""
        return self.spec.custom_schema if self.target.exact else None

    def source(self, *, cursor: Any, now: datetime, warn: Callable[[str], None]) -> Source:  # noqa: ANN401 - a cursor is any JSON
        """Open the source; its client is imported here."""
        spec = self.spec
        request = Request(
            config_name=spec.config_name,
            mode=spec.load_mode,
            now=now,
            batch_size=self.settings.batch_size,
            cursor=cursor,
            failed_before=bool(spec.earlier_runs) or spec.attempt > 1,
            start_date=spec.start_date,
            end_date=spec.end_date,
            allow_drop=spec.allow_drop,
            custom_schema=self.custom_schema,
            existing=self._existing,
            warn=warn,
        )
        return open_source(spec.kind, self.options, request)

    def metadata(self, run_id: str, now: datetime) -> dict[str, str | datetime]:
        """Return the metadata columns' values for a run, by column name."""
        names = self.spec.metadata_columns
        return {names.run_id: run_id, names.loaded_at: now} if names else {}

    def _existing(self) -> pa.Schema | None:
        from worker.batches import without

        table = self.destination.describe(self.target)
        names = self.spec.metadata_columns
        if table is None:
            return None
        return without(table.schema, [names.run_id, names.loaded_at] if names else [])


def _target(spec: RunSpec, options: Options) -> Target:
    return Target(
        project=spec.project,
        dataset=spec.dataset,
        table=spec.table,
        merge_key=spec.merge_key,
        partition_by=options.partition_by,
        cluster_by=options.cluster_by,
        exact=spec.schema_handling is SchemaHandling.CUSTOM,
    )
