from __future__ import annotations

import pytest

from sandbox.field_mask import FieldMask, FieldMaskError

DOCUMENT = {
    "id": "x",
    "properties": {"timeZone": "Etc/GMT", "locale": "en_US"},
    "sheets": [
        {"properties": {"title": "A", "sheetId": 0}},
        {"properties": {"title": "B", "sheetId": 1}, "merges": [1]},
    ],
}


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        ("", DOCUMENT),
        ("*", DOCUMENT),
        ("id", {"id": "x"}),
        ("id,properties.locale", {"id": "x", "properties": {"locale": "en_US"}}),
        ("properties/timeZone", {"properties": {"timeZone": "Etc/GMT"}}),
        ("properties.*", {"properties": DOCUMENT["properties"]}),
        ("sheets.properties.title", {"sheets": [{"properties": {"title": "A"}}, {"properties": {"title": "B"}}]}),
        (
            "sheets(properties(sheetId),merges)",
            {"sheets": [{"properties": {"sheetId": 0}}, {"properties": {"sheetId": 1}, "merges": [1]}]},
        ),
        ("properties.timeZone,properties.locale", {"properties": DOCUMENT["properties"]}),
        ("properties,properties.locale", {"properties": DOCUMENT["properties"]}),
        ("sheets(merges), id", {"id": "x", "sheets": [{}, {"merges": [1]}]}),
    ],
)
def test_field_mask_selects(mask: str, expected: object) -> None:
    assert FieldMask.parse(mask).select(DOCUMENT) == expected


@pytest.mark.parametrize("mask", ["a(", "a(b", "a)", "a,", ",a", "a.", "a(b))", "a b(", "ä"])
def test_field_mask_refuses_what_is_none(mask: str) -> None:
    with pytest.raises(FieldMaskError):
        FieldMask.parse(mask)


def test_field_mask_says_what_is_wanted_below() -> None:
    mask = FieldMask.parse("sheets(properties,data(rowData.values(effectiveValue)))")
    wanted = mask.at("sheets", "data", "rowData", "values")
    assert wanted == FieldMask({"effectiveValue": FieldMask()})
    assert mask.at("sheets", "merges") is None
    assert mask.at("sheets", "properties", "title") == FieldMask()
