"""`sluice configs`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.support.configs import SHEET_URL, add_config, rows
from worker.contract.options import kinds

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

    from orchestrator.tick import Ticker
    from tests.orchestrator.cli.conftest import Sluice

SHEET: dict[str, Any] = {
    "name": "sheet",
    "kind": "google_sheet",
    "source": {"url": SHEET_URL},
    "destination_dataset": "raw",
    "destination_table": "t",
    "run_every": "6h",
}
FLAGS = ("--kind", "google_sheet", "--source", f"url={SHEET_URL}", "--dataset", "raw", "--table", "t")


def _file(folder: Path, *configs: dict[str, Any]) -> str:
    path = folder / "configs.yaml"
    path.write_text(yaml.safe_dump(list(configs)))
    return str(path)


@pytest.mark.parametrize("kind", [None, *kinds()])
@pytest.mark.parametrize("piped", [True, False])
def test_example_is_a_config_that_add_takes(run: Sluice, tmp_path: Path, kind: str | None, *, piped: bool) -> None:
    example = run("example", *([kind] if kind else [])).stdout
    (tmp_path / "config.json").write_text(example)
    added = run("configs", "add", "--json", typed=example) if piped else run("configs", "add", "config.json", "--json")
    assert added["name"] == json.loads(example)["name"]
    assert run("configs", "list", "--json") == [added]


def test_example_of_the_older_form_has_its_keys(run: Sluice) -> None:
    assert json.loads(run("example").stdout).keys() >= {
        "name",
        "google_sheet_url",
        "google_sheet_tab_name",
        "google_cloud_project_id",
        "bigquery_dataset_id",
        "bigquery_table_id",
        "schema_handling",
    }


def test_example_of_no_kind_says_which_there_are(run: Sluice) -> None:
    assert "kind: expected one of google_sheet," in run("example", "fax", code=78).stderr


def test_add_by_flags(run: Sluice) -> None:
    flags = ("--name", "shop", "--kind", "postgresql", "--source", "connection=env://SHOP", "--source", "table=orders")
    where = ("--project", "p", "--dataset", "d", "--table", "t")
    added = run(
        "configs",
        "add",
        *flags,
        *where,
        "--cron",
        "0 9 * * *",
        "--timezone",
        "Europe/Kiev",
        "--set",
        "priority=3",
        "--json",
    )
    assert added["source"] == {"connection": "env://SHOP", "table": "orders"}
    assert (added["cron"], added["timezone"], added["priority"]) == ("0 9 * * *", "Europe/Kiev", 3)
    assert (added["destination_project"], added["destination_dataset"], added["destination_table"]) == ("p", "d", "t")


def test_flags_win_over_the_file(run: Sluice, tmp_path: Path) -> None:
    added = run("configs", "add", _file(tmp_path, SHEET), "--name", "other", "--cron", "0 9 * * *", "--json")
    assert (added["name"], added["run_every"], added["cron"]) == ("other", None, "0 9 * * *")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--name", "x", "--kind", "fax"), 78, "error: kind: expected one of "),
        (("--name", "x"), 78, "error: kind: expected a value, got nothing; add it"),
        (("nowhere.json",), 78, "error: nowhere.json: expected a file of configs, got: "),
        (("--name", "sheet", *FLAGS), 1, "error: name: expected one that is not taken, got 'sheet'"),
        (("--nmae", "x"), 2, "No such option"),
    ],
)
def test_add_that_cannot_be_done_says_why(
    run: Sluice, engine: Engine, arguments: tuple[str, ...], code: int, said: str
) -> None:
    add_config(engine, "sheet")
    assert said in run("configs", "add", *arguments, code=code).stderr
    assert len(rows(engine, "select from load_configs")) == 1


def test_apply_shows_the_difference_first_and_does_nothing_the_second_time(run: Sluice, tmp_path: Path) -> None:
    file = _file(tmp_path, SHEET, SHEET | {"name": "other"})
    assert "+ sheet (google_sheet)\n+ other (google_sheet)\n" in run("configs", "apply", "-f", file, "--yes").stdout
    file = _file(tmp_path, SHEET | {"run_every": "1h"}, SHEET | {"name": "other"})
    assert (
        "~ sheet.run_every: 6h -> 1h\n1 to write, 1 as they are\n"
        in run("configs", "apply", "-f", file, "--yes").stdout
    )
    assert run("configs", "apply", "-f", file).stdout == "0 to write, 2 as they are\n"


def test_apply_with_nobody_to_ask_writes_nothing_without_yes(run: Sluice, tmp_path: Path) -> None:
    done = run("configs", "apply", "-f", _file(tmp_path, SHEET), code=2)
    assert "expected --yes, since there is nobody to ask" in done.stderr
    assert "+ sheet" in done.stdout
    assert run("configs", "list", "--json") == []


def test_dry_apply_shows_and_writes_nothing(run: Sluice, tmp_path: Path) -> None:
    assert "+ sheet" in run("configs", "apply", "-f", _file(tmp_path, SHEET), "--dry-run").stdout
    assert run("configs", "list", "--json") == []


def test_apply_of_flat_keys(run: Sluice) -> None:
    assert "+ sales_data_sync" in run("configs", "apply", "-f", "-", "--yes", typed=run("example").stdout).stdout


def test_apply_with_a_fault_tells_all_of_them_and_writes_nothing(run: Sluice, tmp_path: Path) -> None:
    file = _file(tmp_path, SHEET, SHEET | {"name": "bad", "cron": "x"}, SHEET | {"name": "worse", "source": {}})
    said = run("configs", "apply", "-f", file, "--yes", code=78).stderr
    assert "bad, schedule: expected run_every or cron" in said
    assert "worse, source.url: expected a value" in said
    assert run("configs", "list", "--json") == []


def test_export_is_what_apply_takes(run: Sluice, engine: Engine, tmp_path: Path) -> None:
    add_config(engine, "sheet", slack_channel="#x")
    add_config(engine, "stocks", kind="stock_prices", source={"tickers": ["ON", "AAPL"]}, cron="0 22 * * 1-5")
    exported = run("configs", "export").stdout
    (tmp_path / "all.yaml").write_text(exported)
    assert run("configs", "apply", "-f", "all.yaml").stdout == "0 to write, 2 as they are\n"
    assert [config["name"] for config in yaml.safe_load(run("configs", "export", "stocks").stdout)] == ["stocks"]


def test_check_names_each_config_and_ends_with_78_if_one_cannot_work(run: Sluice, engine: Engine) -> None:
    add_config(engine, "good")
    assert run("configs", "check").stdout.startswith("good: ok; next ")
    add_config(engine, "bad", source={}, cron="x")
    done = run("configs", "check", code=78)
    assert "good: ok; next " in done.stdout
    assert "bad: cron: expected" in done.stdout
    assert "bad: source.url: expected a value, got nothing; add it" in done.stdout
    run("configs", "check", "good")
    run("configs", "check", "gone", code=3)


def test_check_of_a_file_writes_nothing_and_warns(run: Sluice, engine: Engine, tmp_path: Path) -> None:
    add_config(engine, "old", destination_table="t")
    done = run("configs", "check", "-f", _file(tmp_path, SHEET))
    assert "sheet: ok; next " in done.stdout
    assert "warning: sheet: destination_table: t is written by old, too" in done.stderr
    assert len(rows(engine, "select from load_configs")) == 1


def test_list_shows_how_each_goes(run: Sluice, engine: Engine, ticker: Ticker) -> None:
    add_config(engine, "good", cron="0 9 * * *", timezone="Europe/Kiev")
    add_config(engine, "paused", is_active=False)
    add_config(engine, "bad", source={})
    ticker.tick()
    lines = [line.split("\t") for line in run("configs", "list").stdout.splitlines()]
    assert lines[0][:5] == ["id", "name", "kind", "destination", "schedule"]
    shown = {line[1]: (line[4], line[-1]) for line in lines[1:]}
    assert shown == {
        "good": ("0 9 * * * Europe/Kiev", "ok"),
        "paused": ("1h", "paused"),
        "bad": ("1h", "quarantined"),
    }


def test_show_pause_resume_and_remove(run: Sluice, engine: Engine) -> None:
    config_id = add_config(engine, "sheet")
    assert "name\tsheet\n" in run("configs", "show", str(config_id)).stdout
    assert run("configs", "pause", "sheet").stdout == "paused sheet\n"
    assert run("configs", "show", "sheet", "--json")["is_active"] is False
    assert run("configs", "resume", str(config_id)).stdout == "resumed sheet\n"
    assert "--yes" in run("configs", "remove", "sheet", code=2).stderr
    assert run("configs", "remove", "sheet", "--yes").stdout == "deleted sheet\n"
    run("configs", "show", "sheet", code=3)


@pytest.mark.parametrize("command", ["show", "pause", "resume", "remove", "export"])
def test_config_that_is_not_there_ends_with_3(run: Sluice, command: str) -> None:
    done = run("configs", command, "gone", *(["--yes"] if command == "remove" else []), code=3)
    assert (
        done.stderr == "error: config: expected a name or id, got 'gone', which is neither; see `sluice configs list`\n"
    )


def test_pausing_several_is_all_or_nothing(run: Sluice, engine: Engine) -> None:
    add_config(engine, "sheet")
    run("configs", "pause", "sheet", "gone", code=3)
    assert run("configs", "show", "sheet", "--json")["is_active"] is True


def test_secret_that_somebody_wrote_into_a_source_is_not_shown(run: Sluice, engine: Engine, tmp_path: Path) -> None:
    """It does not work there; whoever takes it out should not have to look at it, nor find it in a log."""
    add_config(engine, "shop", kind="postgresql", source={"connection": "postgresql://me:hunter2@db/x", "table": "t"})
    for command in (("show", "shop"), ("show", "shop", "--json"), ("list", "--json")):
        assert "hunter2" not in str(run("configs", *command))
    right = {"source": {"connection": "env://SHOP", "table": "t"}, "destination_dataset": "raw"}
    file = _file(tmp_path, {"name": "shop", "kind": "postgresql", "destination_table": "t"} | right)
    shown = run("configs", "apply", "-f", file, "--dry-run").stdout
    assert "~ shop.source.connection: postgresql://***@db/x -> env://SHOP\n" in shown
    assert "hunter2" in run("configs", "export").stdout
