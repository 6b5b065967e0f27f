"""What holds for the options of every kind; each kind's own are tested with its source."""

from __future__ import annotations

import json

import pytest

from worker.contract.options import Options, OptionsError, kinds, options_class, parse_options
from worker.contract.run_spec import LoadMode


def test_kinds_are_the_files() -> None:
    assert kinds() == ("google_sheet", "postgresql", "stock_prices")


def test_unknown_kind_lists_those_there_are() -> None:
    with pytest.raises(OptionsError, match=r"kind: expected one of google_sheet, .*, got 'carrier_pigeon'"):
        parse_options("carrier_pigeon", {})


@pytest.mark.parametrize("kind", kinds())
class TestEveryKind:
    def test_example_is_valid(self, kind: str) -> None:
        options = parse_options(kind, options_class(kind).example)
        options.check_mode(options.modes[0], ())

    def test_option_that_is_not_known_is_named(self, kind: str) -> None:
        with pytest.raises(OptionsError, match=r"source\.colour: expected no such option"):
            parse_options(kind, {**options_class(kind).example, "colour": "red"})

    def test_identity_is_a_part_of_the_options_that_travels_as_json(self, kind: str) -> None:
        identity = parse_options(kind, options_class(kind).example).identity()
        assert identity
        assert json.loads(json.dumps(identity)) == identity

    def test_mode_that_makes_no_sense_is_refused(self, kind: str) -> None:
        options = parse_options(kind, options_class(kind).example)
        for mode in set(LoadMode) - set(options.modes):
            with pytest.raises(OptionsError, match="load_mode: expected one of"):
                options.check_mode(mode, ())

    def test_title_is_for_a_person(self, kind: str) -> None:
        assert issubclass(options_class(kind), Options)
        assert options_class(kind).title[0].isupper()


def test_merge_needs_its_key_and_nothing_else_has_one() -> None:
    options = parse_options("google_sheet", options_class("google_sheet").example)
    options.check_mode(LoadMode.MERGE, ("id",))
    for mode, key in ((LoadMode.MERGE, ()), (LoadMode.REPLACE, ("id",))):
        with pytest.raises(OptionsError, match="merge_key: expected column names"):
            options.check_mode(mode, key)
