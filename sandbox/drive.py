"""The Google Drive API v3, as far as a reader of spreadsheets needs it: the metadata of one file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

from sandbox.field_mask import FieldMask
from sandbox.google_api import GoogleApi, GoogleError, Inspection, Operation, bare_error

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sandbox.google_identity import Identity
    from sandbox.sheets.service import Sheets
    from sandbox.streamed_json import Json
    from sandbox.web import Reply, Request

_AUTH = "https://www.googleapis.com/auth"
_SCOPES = [
    f"{_AUTH}/{name}" for name in ("drive", "drive.readonly", "drive.file", "drive.metadata", "drive.metadata.readonly")
]
_DEFAULT_FIELDS = "kind,id,name,mimeType"  # what `files.get` answers without a mask


class Drive:
    """Serves the spreadsheets of the sandbox as files; one that is not shared is not found, as in Drive."""

    name: ClassVar[str] = "drive"
    prefixes: ClassVar[tuple[str, ...]] = ("/drive/v3/",)

    def __init__(self, sheets: Sheets, identity: Identity, inspection: Inspection) -> None:
        self._sheets = sheets
        operation = Operation("drive.files.get", re.compile("/drive/v3/files/(?P<file_id>[^/]+)"), self._get)
        self._api = GoogleApi([operation], _SCOPES, identity, inspection)

    def answer(self, request: Request) -> Reply:
        return self._api.answer(request)

    def refusal(self, status: int) -> Reply:
        return bare_error(status, "drive.googleapis.com")

    def _get(self, names: Mapping[str, str], request: Request, mask: FieldMask) -> Json:
        file = self._sheets.get(names["file_id"])
        if file is None or not file.shared:
            raise _file_not_found(names["file_id"])
        document = {
            "kind": "drive#file",
            "id": file.id,
            "name": file.title,
            "mimeType": file.mime_type,
            "version": str(file.version),
            "createdTime": _timestamp(file.created_at),
            "modifiedTime": _timestamp(file.modified_at),
            "trashed": False,
            "capabilities": {"canDownload": True, "canEdit": False},
            "webViewLink": file.url,
        }
        return (
            document if mask.names or request.parameter("fields") else FieldMask.parse(_DEFAULT_FIELDS).select(document)
        )


def _timestamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _file_not_found(file_id: str) -> GoogleError:
    message = f"File not found: {file_id}."
    reason = {
        "message": message,
        "domain": "global",
        "reason": "notFound",
        "location": "fileId",
        "locationType": "parameter",
    }
    return GoogleError(404, message, errors=[reason])
