"""The Google Sheets API v4, for reading."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

from sandbox.google_api import GoogleApi, GoogleError, Inspection, Operation, bare_error
from sandbox.sheets import a1, grid_json
from sandbox.sheets.number_format import shown
from sandbox.sheets.spreadsheet import SPREADSHEET, Spreadsheet, Tab

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from sandbox.field_mask import FieldMask
    from sandbox.google_identity import Identity
    from sandbox.streamed_json import Json
    from sandbox.web import Reply, Request

_AUTH = "https://www.googleapis.com/auth"
_SCOPES = [
    f"{_AUTH}/{name}" for name in ("spreadsheets", "spreadsheets.readonly", "drive", "drive.readonly", "drive.file")
]
_FILE = r"/v4/spreadsheets/(?P<spreadsheet_id>[^/:]+)"


class Sheets:
    """The spreadsheets of the sandbox, by id, and the service that serves them.

    `api_enabled = False` answers as a project does in which nobody has enabled the API.
    """

    name: ClassVar[str] = "sheets"
    prefixes: ClassVar[tuple[str, ...]] = ("/v4/spreadsheets",)

    def __init__(self, identity: Identity, inspection: Inspection) -> None:
        self._files: dict[str, Spreadsheet] = {}
        self.api_enabled = True
        operations = [
            Operation("sheets.spreadsheets.get", re.compile(_FILE), self._get),
            Operation("sheets.spreadsheets.values.get", re.compile(_FILE + "/values/(?P<range>[^/]+)"), self._values),
            Operation(
                "sheets.spreadsheets.values.batchGet", re.compile(_FILE + "/values:batchGet"), self._value_ranges
            ),
        ]
        self._api = GoogleApi(operations, _SCOPES, identity, inspection)

    def add(self, spreadsheet: Spreadsheet) -> Spreadsheet:
        """Add a spreadsheet, or replace the one of that id, and return it."""
        self._files[spreadsheet.id] = spreadsheet
        return spreadsheet

    def remove(self, spreadsheet_id: str) -> None:
        del self._files[spreadsheet_id]

    def get(self, spreadsheet_id: str) -> Spreadsheet | None:
        return self._files.get(spreadsheet_id)

    def __getitem__(self, spreadsheet_id: str) -> Spreadsheet:
        return self._files[spreadsheet_id]

    def __iter__(self) -> Iterator[Spreadsheet]:
        return iter(self._files.values())

    def answer(self, request: Request) -> Reply:
        return self._api.answer(request)

    def refusal(self, status: int) -> Reply:
        return bare_error(status, "sheets.googleapis.com")

    def _readable(self, spreadsheet_id: str) -> Spreadsheet:
        if not self.api_enabled:
            raise _service_disabled()
        file = self._files.get(spreadsheet_id)
        if file is None:
            raise GoogleError(404, "Requested entity was not found.")
        if not file.shared:
            raise GoogleError(403, "The caller does not have permission")
        if file.mime_type != SPREADSHEET:
            raise GoogleError(400, "This operation is not supported for this document", "FAILED_PRECONDITION")
        return file

    def _get(self, names: Mapping[str, str], request: Request, mask: FieldMask) -> Json:
        file = self._readable(names["spreadsheet_id"])
        with_grid = request.parameter("fields") or request.parameter("includeGridData") == "true"
        grid = mask.at("sheets", "data") if with_grid else None
        areas = [_located(file, text) for text in request.query.get("ranges", [])]
        tabs = [tab for tab in file.tabs if not areas or any(tab is located for located, _ in areas)]
        return {
            "spreadsheetId": file.id,
            "properties": {
                "title": file.title,
                "locale": file.locale,
                "autoRecalc": "ON_CHANGE",
                "timeZone": file.time_zone,
            },
            "sheets": [_sheet(file, tab, [area for located, area in areas if located is tab], grid) for tab in tabs],
            "spreadsheetUrl": file.url,
        }

    def _values(self, names: Mapping[str, str], request: Request, mask: FieldMask) -> Json:
        return _value_range(self._readable(names["spreadsheet_id"]), names["range"], request)

    def _value_ranges(self, names: Mapping[str, str], request: Request, mask: FieldMask) -> Json:
        file = self._readable(names["spreadsheet_id"])
        ranges = [_value_range(file, text, request) for text in request.query.get("ranges", [])]
        return {"spreadsheetId": file.id, "valueRanges": ranges}


def _located(file: Spreadsheet, text: str) -> tuple[Tab, a1.Area]:
    try:
        tab, bounds = file.locate(text)
        return tab, tab.area(bounds)
    except a1.RangeError as error:
        raise GoogleError(400, str(error)) from error


def _sheet(file: Spreadsheet, tab: Tab, areas: list[a1.Area], grid: FieldMask | None) -> dict[str, Any]:
    rows, columns = tab.size()
    properties: dict[str, Any] = {
        "sheetId": tab.id,
        "title": tab.title,
        "index": file.tabs.index(tab),
        "sheetType": "GRID",
        "gridProperties": {"rowCount": rows, "columnCount": columns},
    }
    if tab.hidden:
        properties["hidden"] = True
    sheet: dict[str, Any] = {"properties": properties}
    if tab.merges:
        sheet["merges"] = [_grid_range(tab, area) for area in tab.merged_areas()]
    if grid is not None:
        sheet["data"] = [_grid_data(tab, area, grid) for area in areas or [a1.Area(0, rows, 0, columns)]]
    return sheet


def _grid_range(tab: Tab, area: a1.Area) -> dict[str, int]:
    return {
        "sheetId": tab.id,
        "startRowIndex": area.top,
        "endRowIndex": area.bottom,
        "startColumnIndex": area.left,
        "endColumnIndex": area.right,
    }


def _grid_data(tab: Tab, area: a1.Area, mask: FieldMask) -> dict[str, Any]:
    data: dict[str, Any] = {}
    if area.top:
        data["startRow"] = area.top
    if area.left:
        data["startColumn"] = area.left
    cells = mask.at("rowData", "values")
    if cells is not None:
        data["rowData"] = grid_json.row_data(tab.cells, area, cells)
    return data


def _value_range(file: Spreadsheet, text: str, request: Request) -> dict[str, Any]:
    tab, area = _located(file, text)
    dimension = request.parameter("majorDimension", "ROWS")
    layout = grid_json.value_columns if dimension == "COLUMNS" else grid_json.value_rows
    answer: dict[str, Any] = {"range": a1.label(tab.title, area), "majorDimension": dimension}
    if any(any(cell is not None for cell in row[area.left : area.right]) for row in tab.cells[area.top : area.bottom]):
        answer["values"] = layout(tab.cells, area, _renderer(request))
    return answer


def _renderer(request: Request) -> Callable[[Any], Any]:
    option = request.parameter("valueRenderOption", "FORMATTED_VALUE")
    if option == "FORMATTED_VALUE":
        return shown
    if option == "FORMULA":
        return grid_json.formula
    if request.parameter("dateTimeRenderOption") == "FORMATTED_STRING":
        return grid_json.unformatted_but_dates
    return grid_json.unformatted


def _service_disabled() -> GoogleError:
    project, service = "123456789012", "sheets.googleapis.com"
    address = f"https://console.developers.google.com/apis/api/{service}/overview?project={project}"
    return GoogleError(
        403,
        f"Google Sheets API has not been used in project {project} before or it is disabled. "
        f"Enable it by visiting {address} then retry. If you enabled this API recently, "
        "wait a few minutes for the action to propagate to our systems and retry.",
        details=[
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "SERVICE_DISABLED",
                "domain": "googleapis.com",
                "metadata": {"consumer": f"projects/{project}", "service": service, "activationUrl": address},
            }
        ],
    )
