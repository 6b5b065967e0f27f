"""The run folder: objects that are made once, read by others, and never half there."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.support.processes import codes
from worker.contract.report import Report
from worker.contract.run_folder import (
    LOG_TAIL_BYTES,
    SPILL_OVER_BYTES,
    CorruptDocument,
    Fence,
    Manifest,
    Part,
    Plan,
    PlannedUnit,
    RunFolder,
    RunFolderError,
    delete_folder,
    local_path,
    run_folder_url,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.processes import ForkServer

NOW = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)
PLAN = Plan(units=(PlannedUnit(key="a/b c", cursor={"at": 1}, window=[1, 2]), PlannedUnit(key="z")))


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(run_folder_url(f"file://{tmp_path}/", "sales & co", "run-1"))


def path_of(folder: RunFolder, name: str) -> Path:
    return local_path(folder.url) / name


class TestFence:
    def test_first_to_take_it_holds_it(self, folder: RunFolder) -> None:
        first, second = (Fence(nonce=nonce, execution=f"jobs/{nonce}", at=NOW) for nonce in "ab")
        assert folder.fence(1) is None
        assert folder.take_fence(1, first) == first
        assert folder.take_fence(1, second) == first
        assert folder.fence(1) == first

    def test_holder_that_asks_again_still_holds_it(self, folder: RunFolder) -> None:
        """After a write whose answer was lost, the nonce tells that it was one's own."""
        fence = Fence(nonce="a", at=NOW)
        assert folder.take_fence(1, fence) == folder.take_fence(1, fence) == fence

    def test_each_attempt_has_its_own(self, folder: RunFolder) -> None:
        folder.take_fence(1, Fence(nonce="a", at=NOW))
        assert folder.take_fence(2, Fence(nonce="b", at=NOW)).nonce == "b"

    def test_of_many_processes_one_holds_it(self, folder: RunFolder, processes: ForkServer, tmp_path: Path) -> None:
        take = "tests.support.rivals:take_fence"
        for attempt in range(1, 6):
            started = [
                processes.start(take, folder.url, attempt, nonce, output=tmp_path / f"{nonce}.log")
                for nonce in "abcdef"
            ]
            assert sorted(codes(started)) == [0, 1, 1, 1, 1, 1]

    def test_revoked_fence_is_held_by_nobody(self, folder: RunFolder) -> None:
        assert folder.revoke(1)
        assert folder.revoke(1)
        standing = folder.take_fence(1, Fence(nonce="a", at=NOW))
        assert (standing.revoked, standing.nonce == "a") == (True, False)

    def test_fence_that_is_held_cannot_be_revoked(self, folder: RunFolder) -> None:
        folder.take_fence(1, Fence(nonce="a", at=NOW))
        assert not folder.revoke(1)


class TestDocuments:
    def test_nothing_is_there_before_it_is_written_and_looking_makes_nothing(
        self, folder: RunFolder, tmp_path: Path
    ) -> None:
        assert (folder.plan(), folder.manifest("a"), folder.report(1), folder.log(1)) == (None, None, None, None)
        assert list(tmp_path.iterdir()) == []

    def test_first_plan_stands(self, folder: RunFolder) -> None:
        assert folder.save_plan(PLAN) == PLAN
        assert folder.save_plan(Plan(units=())) == PLAN
        assert folder.plan() == PLAN

    def test_first_manifest_stands_unless_its_parts_are_gone(self, folder: RunFolder) -> None:
        first, second = (Manifest(parts=(Part(url=f"file:///{n}", rows=1, bytes=2),), warnings=("w",)) for n in "ab")
        key = "a/b c?"
        assert folder.save_manifest(key, first) == first
        assert folder.save_manifest(key, second) == first
        assert folder.save_manifest(key, second, instead=True) == second
        assert folder.manifest(key) == second
        assert folder.manifest("a") is None

    def test_report_is_read_back(self, folder: RunFolder) -> None:
        report = Report(
            run_id="r", attempt=2, nonce="n", status="succeeded", cursor=[1], started_at=NOW, finished_at=NOW
        )
        folder.save_report(report)
        assert folder.report(2) == report
        assert folder.report(1) is None

    def test_log_keeps_its_end(self, folder: RunFolder) -> None:
        folder.save_log(1, b"x" + b"y" * LOG_TAIL_BYTES)
        assert folder.log(1) == b"y" * LOG_TAIL_BYTES

    @pytest.mark.parametrize("content", ["", "{", "[]", '{"version": 2, "units": []}', '{"units": [{"cursor": 1}]}'])
    def test_document_that_is_none_is_named(self, folder: RunFolder, content: str) -> None:
        folder.save_plan(PLAN)
        path_of(folder, "plan.json").write_text(content)
        with pytest.raises(CorruptDocument, match=r"/plan\.json: expected Plan, got b"):
            folder.plan()

    def test_folder_that_cannot_be_made_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "runs").write_text("")
        with pytest.raises(RunFolderError, match="expected a folder that can be made"):
            RunFolder(f"file://{tmp_path}/runs/a/b").save_plan(PLAN)

    def test_plan_of_today_reads_what_was_written_yesterday(self, folder: RunFolder) -> None:
        """Runs outlive an upgrade; a field that is added needs a default."""
        path = path_of(folder, "plan.json")
        path.parent.mkdir(parents=True)
        path.write_text('{"version":1,"units":[{"key":"k","cursor":5,"window":null}]}')
        assert folder.plan() == Plan(units=(PlannedUnit(key="k", cursor=5),))


class TestSpilling:
    LONG = "ä" * SPILL_OVER_BYTES

    def test_long_values_travel_through_the_folder(self, folder: RunFolder) -> None:
        environment = {"SHORT": "x" * SPILL_OVER_BYTES, "LONG": self.LONG}
        spilled = folder.spill(environment)
        assert spilled["SHORT"] == environment["SHORT"]
        assert len(spilled["LONG"]) < 100
        assert folder.unspill(spilled) == environment

    def test_spilling_twice_is_the_same(self, folder: RunFolder) -> None:
        assert folder.spill({"LONG": self.LONG}) == folder.spill({"LONG": self.LONG})

    def test_value_that_is_gone_is_named(self, folder: RunFolder) -> None:
        spilled = folder.spill({"LONG": self.LONG})
        for path in path_of(folder, "spilled").iterdir():
            path.unlink()
        with pytest.raises(RunFolderError, match=r"LONG: expected its value in .*, got nothing"):
            folder.unspill(spilled)

    def test_value_that_is_another_is_named(self, folder: RunFolder) -> None:
        spilled = folder.spill({"LONG": self.LONG})
        for path in path_of(folder, "spilled").iterdir():
            path.write_text("another")
        with pytest.raises(RunFolderError, match=r"LONG: expected its value in .*, got another"):
            folder.unspill(spilled)


class TestParts:
    def test_parts_lie_beside_the_runs(self, folder: RunFolder, tmp_path: Path) -> None:
        assert folder.url == f"file://{tmp_path}/runs/sales%20%26%20co/run-1"
        assert folder.parts_url() == f"file://{tmp_path}/parts/sales%20%26%20co/run-1"
        assert RunFolder("file:///tmp/by-hand").parts_url() == "file:///tmp/by-hand/parts"

    def test_parts_are_deleted_with_what_was_half_written(self, folder: RunFolder, tmp_path: Path) -> None:
        other = tmp_path / "parts/sales & co/run-2/1/part"
        mine = tmp_path / "parts/sales & co/run-1/1/part#1"
        for path in (mine, other):
            path.parent.mkdir(parents=True)
            path.write_text("")
        folder.delete_parts()
        folder.delete_parts()
        assert not mine.parent.parent.exists()
        assert other.exists()

    def test_folder_that_is_not_there_can_be_deleted(self, tmp_path: Path) -> None:
        delete_folder(f"file://{tmp_path}/none")
        assert list(tmp_path.iterdir()) == []


def test_documents_are_plain_json(folder: RunFolder) -> None:
    """A person reads them, and so may another version."""
    folder.save_plan(PLAN)
    assert json.loads(path_of(folder, "plan.json").read_text()) == {
        "version": 1,
        "units": [
            {"key": "a/b c", "cursor": {"at": 1}, "window": [1, 2]},
            {"key": "z", "cursor": None, "window": None},
        ],
    }
