"""Files of configs: JSON and YAML, one or many, and what YAML must not make of words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.check import ConfigError
from orchestrator.config_file import read_config, read_configs, read_new, write_configs
from orchestrator.config_form import ConfigForm
from orchestrator.example_configs import FLAT_CONFIG, example_config
from worker.contract.options import kinds

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "configs.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def _config(name: str = "a", **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of any type
    return {"name": name, "kind": "google_sheet", **fields}


@pytest.mark.parametrize("indent", ["\t", 2, None])
def test_json_is_read_however_it_is_indented(written: Callable[[str], Path], indent: str | int | None) -> None:
    assert read_config(written(json.dumps(FLAT_CONFIG, indent=indent))) == ConfigForm.read(FLAT_CONFIG)


@pytest.mark.parametrize(
    "text",
    [
        "- {name: a, kind: k}\n- {name: b, kind: k}\n",
        "configs:\n- {name: a, kind: k}\n- {name: b, kind: k}\n",
        '[{"name": "a", "kind": "k"}, {"name": "b", "kind": "k"}]',
    ],
)
def test_several_configs_are_a_list(written: Callable[[str], Path], text: str) -> None:
    assert [form.name for form in read_configs(written(text))] == ["a", "b"]


def test_yaml_leaves_words_as_they_are_written(written: Callable[[str], Path]) -> None:
    """YAML 1.1 would make False, True, a date, 8, 5400 and None of these."""
    text = (
        "name: a\nkind: stock_prices\ncron: 0 9 * * *\n"
        "source: {tickers: [NO, ON, YES, 2024-01-05, 010, 1:30, Null], n: 3, x: 1.5, on: true, off: null}\n"
    )
    source = read_config(written(text)).source
    assert source["tickers"] == ["NO", "ON", "YES", "2024-01-05", "010", "1:30", "Null"]
    assert (source["n"], source["x"], source["on"], source["off"]) == (3, 1.5, True, None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: [", "expected JSON or YAML, got: "),
        ("name: a\nkind: k\nname: b\n", "the key 'name' twice"),
        ("just words", "expected a config or a list of configs, got str"),
        ("", "expected a config or a list of configs, got NoneType"),
        (
            "- name: a\n- {name: b, kind: k, x: 1}\n",
            "a, kind: expected a value, got nothing; add it; b, x: expected no",
        ),
        ("- {kind: k}\n- {name: b, kind: k}\n", "config 1, name: expected a value, got nothing"),
        ("- {name: a, kind: k}\n- {name: a, kind: k}\n", "expected each name once, got 'a' again; rename one"),
    ],
)
def test_bad_file_is_told_whole_and_in_words(written: Callable[[str], Path], text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_configs(written(text))
    assert said in str(caught.value)


def test_file_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigError, match=r"^nowhere\.json: expected a file of configs, got: "):
        read_configs(Path("nowhere.json"))


def test_file_of_several_is_not_one_config(written: Callable[[str], Path]) -> None:
    with pytest.raises(ConfigError, match="expected one config, got 2; use `sluice configs apply`"):
        read_config(written("- {name: a, kind: k}\n- {name: b, kind: k}\n"))


@pytest.mark.parametrize("kind", kinds())
def test_what_is_written_is_read_again(written: Callable[[str], Path], kind: str) -> None:
    config = example_config(kind)
    assert read_configs(written(write_configs([config]))) == [ConfigForm.read(config)]


def test_flags_change_what_the_file_says(written: Callable[[str], Path]) -> None:
    file = written(json.dumps(_config(source={"url": "u", "tab": "old"}, run_every="1h")))
    form = read_new(file, {"name": "b"}, ["tab=new", "header_row=3"], ["priority=7", "merge_key=[id]", "run_every=2h"])
    assert (form.name, form.priority, form.merge_key) == ("b", 7, ["id"])
    assert form.source == {"url": "u", "tab": "new", "header_row": 3}
    assert form.model_dump(mode="json")["run_every"] == "2h"


def test_flag_without_a_value_is_told() -> None:
    with pytest.raises(ConfigError, match=r"--set: expected NAME=VALUE, got 'priority'; correct it"):
        read_new(None, _config(), [], ["priority"])
