"""The run folder: what both sides of a run write down, as objects that are created once and never changed.

    <RUNS_URL>/runs/<config>/<run>/fence-<attempt>.json     who may act for this attempt
                                   plan.json                the units of the run, the same for every attempt
                                   units/<key>.json         manifest: exactly the parts that make a unit
                                   report-<attempt>.json    how the attempt ended
                                   log-<attempt>.jsonl      the last 256 KB of its log
                                   spilled/<sha256>         environment values too long to travel
    <RUNS_URL>/parts/<config>/<run>/<attempt>/...           staged Parquet files

Parts lie beside `runs/`, not in it, because bucket lifecycle rules match prefixes and parts expire first.
"""

from __future__ import annotations

import hashlib
import shutil
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import quote, unquote, urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError
from obstore.store import LocalStore, from_url
from pydantic import BaseModel, ConfigDict, ValidationError

from worker.contract.report import Report

LOG_TAIL_BYTES = 256 * 1024
SPILL_OVER_BYTES = 16 * 1024
SPILLED = "spilled:"
"""Prefix of an environment value that stands for an object in the run folder: `spilled:<sha256>`."""


class RunFolderError(Exception):
    """An object that must be in a run folder is not there, or cannot be used."""


class CorruptDocument(RunFolderError):  # noqa: N818 - it names the fault
    """An object in a run folder is there and is not what it must be; trying again meets it again."""


class Fence(BaseModel):
    """Who may act for an attempt. Created once; whoever creates it holds it."""

    model_config = ConfigDict(frozen=True)

    nonce: str
    """Random, one per process: after an ambiguous write it tells whether it was one's own."""
    execution: str = ""
    """The launcher's name for the holder, as the holder knows it."""
    revoked: bool = False
    """Taken by the orchestrator, so that no execution of this attempt may act any more."""
    at: datetime


class PlannedUnit(BaseModel):
    """A unit of the plan: the smallest thing that is published atomically."""

    model_config = ConfigDict(frozen=True)

    key: str
    """Stable within the run; the destination refuses it twice."""
    cursor: Any = None
    """The config's cursor once this unit, and all before it, are published."""
    window: Any = None
    """What the source needs to read exactly this unit again."""


class Plan(BaseModel):
    """The units of a run in cursor order."""

    model_config = ConfigDict(frozen=True)

    version: Literal[1] = 1
    units: tuple[PlannedUnit, ...]


class Part(BaseModel):
    """A staged Parquet file."""

    model_config = ConfigDict(frozen=True)

    url: str
    rows: int
    bytes: int


class Manifest(BaseModel):
    """Exactly the parts that make a unit; publishing names these and never a glob."""

    model_config = ConfigDict(frozen=True)

    parts: tuple[Part, ...]
    warnings: tuple[str, ...] = ()
    """What reading the unit had to say, kept so that a later attempt that reuses the parts still says it."""


Document = TypeVar("Document", bound=BaseModel)


class RunFolder:
    """The folder of one run, given as a URL (`file:///...`; other object stores by their scheme)."""

    def __init__(self, url: str) -> None:
        """Name it; nothing is created before the first write."""
        self.url = url.rstrip("/")

    def take_fence(self, attempt: int, fence: Fence) -> Fence:
        """Try to create the attempt's fence and return the one that stands: one's own, or the winner's."""
        return self._create(f"fence-{attempt}.json", fence)

    def revoke(self, attempt: int) -> bool:
        """Take the fence so that nobody can act for this attempt; False if somebody holds it."""
        return self.take_fence(attempt, Fence(nonce="revoked", revoked=True, at=datetime.now(UTC))).revoked

    def fence(self, attempt: int) -> Fence | None:
        """Return the fence of an attempt, or None while nobody took it."""
        return self._read(f"fence-{attempt}.json", Fence)

    def save_plan(self, plan: Plan) -> Plan:
        """Write the plan unless one stands, and return the one that stands."""
        return self._create("plan.json", plan)

    def plan(self) -> Plan | None:
        """Return the plan, or None before there is one."""
        return self._read("plan.json", Plan)

    def save_manifest(self, key: str, manifest: Manifest, *, instead: bool = False) -> Manifest:
        """Write a unit's manifest unless one stands, and return the one that stands.

        `instead` puts it in the place of one whose parts are gone; only for a unit that is not published.
        """
        name = f"units/{quote(key, safe='')}.json"
        if instead:
            self._put(name, manifest.model_dump_json().encode(), overwrite=True)
            return manifest
        return self._create(name, manifest)

    def manifest(self, key: str) -> Manifest | None:
        """Return a unit's manifest, or None while its parts are not complete."""
        return self._read(f"units/{quote(key, safe='')}.json", Manifest)

    def save_report(self, report: Report) -> None:
        """Write the attempt's report; only the holder of its fence may."""
        self._put(f"report-{report.attempt}.json", report.model_dump_json().encode(), overwrite=True)

    def report(self, attempt: int) -> Report | None:
        """Return the attempt's report, or None while there is none."""
        return self._read(f"report-{attempt}.json", Report)

    def save_log(self, attempt: int, tail: bytes) -> None:
        """Write the end of the attempt's log."""
        self._put(f"log-{attempt}.jsonl", tail[-LOG_TAIL_BYTES:], overwrite=True)

    def log(self, attempt: int) -> bytes | None:
        """Return the end of the attempt's log, or None if it left none."""
        return self._get(f"log-{attempt}.jsonl")

    def spill(self, environment: dict[str, str]) -> dict[str, str]:
        """Replace values that are too long for an environment by pointers into this folder."""
        return {name: self._spill(value) for name, value in environment.items()}

    def unspill(self, environment: dict[str, str]) -> dict[str, str]:
        """Put the values back that `spill` took out.

        Raises:
            RunFolderError: a value is gone, or is not what was spilled.
        """
        return {name: self._unspill(name, value) for name, value in environment.items()}

    def parts_url(self) -> str:
        """Return the folder for the run's parts; each attempt has its own folder in it."""
        root, _, run = self.url.rpartition("/runs/")
        return f"{root}/parts/{run}" if root else f"{self.url}/parts"

    def delete_parts(self) -> None:
        """Remove the staged parts of every attempt; what is already gone is no error."""
        delete_folder(self.parts_url())

    def _spill(self, value: str) -> str:
        content = value.encode()
        if len(content) <= SPILL_OVER_BYTES:
            return value
        digest = hashlib.sha256(content).hexdigest()
        self._put(f"spilled/{digest}", content, overwrite=True)
        return f"{SPILLED}{digest}"

    def _unspill(self, name: str, value: str) -> str:
        if not value.startswith(SPILLED):
            return value
        digest = value.removeprefix(SPILLED)
        content = self._get(f"spilled/{digest}")
        if content is None or hashlib.sha256(content).hexdigest() != digest:
            got = "nothing" if content is None else "another"
            message = f"{name}: expected its value in {self.url}/spilled/{digest}, got {got}; run it again"
            raise RunFolderError(message)
        return content.decode()

    def _create(self, name: str, document: Document) -> Document:
        if self._put(name, document.model_dump_json().encode(), overwrite=False):
            return document
        standing = self._read(name, type(document))
        if standing is None:
            message = f"{self.url}/{name}: expected the object that a create-only write met, got nothing; try again"
            raise RunFolderError(message)
        return standing

    def _put(self, name: str, content: bytes, *, overwrite: bool) -> bool:
        try:
            obstore.put(open_store(self.url), name, content, mode="overwrite" if overwrite else "create")
        except AlreadyExistsError:
            return False
        return True

    def _get(self, name: str) -> bytes | None:
        try:
            return bytes(obstore.get(open_store(self.url, to_write=False), name).bytes())
        except FileNotFoundError:
            return None

    def _read(self, name: str, document: type[Document]) -> Document | None:
        content = self._get(name)
        if content is None:
            return None
        try:
            return document.model_validate_json(content)
        except ValidationError as error:
            message = (
                f"{self.url}/{name}: expected {document.__name__}, got {content[:80]!r} ({error.error_count()} faults)"
            )
            raise CorruptDocument(message) from error


def open_store(url: str, *, to_write: bool = True) -> obstore.store.ObjectStore:
    """Open the object store below a URL; a `file://` folder that is not there is made for writing.

    Raises:
        FileNotFoundError: a `file://` folder is not there to be read.
        RunFolderError: a `file://` folder cannot be made.
    """
    if not url.startswith("file://"):
        return _remote_store(url)
    path = local_path(url)
    if not (to_write or path.exists()):
        raise FileNotFoundError(path)
    try:
        return LocalStore(prefix=path, mkdir=to_write, automatic_cleanup=False)
    except OSError as error:
        message = f"{url}: expected a folder that can be made, got {error}; correct RUNS_URL or its permissions"
        raise RunFolderError(message) from error


@cache
def _remote_store(url: str) -> obstore.store.ObjectStore:
    return from_url(url)


def local_path(url: str) -> Path:
    """Return the path of a `file://` URL."""
    return Path(unquote(urlsplit(url).path))


def delete_folder(url: str) -> None:
    """Delete every object below a URL; of a local folder also what a killed process left half-written."""
    if url.startswith("file://"):
        shutil.rmtree(local_path(url), ignore_errors=True)
        return
    store = open_store(url)
    paths = [item["path"] for batch in obstore.list(store) for item in batch]
    if paths:
        obstore.delete(store, paths)


def run_folder_url(runs_url: str, config: str, run_id: str) -> str:
    """Return the URL of a run's folder below `RUNS_URL`."""
    return f"{runs_url.rstrip('/')}/runs/{quote(config, safe='')}/{run_id}"
