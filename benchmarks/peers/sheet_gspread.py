"""gspread: all records of the sheet KEY at SHEETS_API_URL, as a pandas frame. Run with .venv-benchmarks."""

from __future__ import annotations

import os
import sys
from typing import Any
from urllib.parse import urlsplit

import google.auth
import gspread
import pandas as pd


class Elsewhere(gspread.HTTPClient):
    """gspread's client, asking the sandbox."""

    def request(self, method: str, endpoint: str, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - gspread's own
        there = urlsplit(os.environ["SHEETS_API_URL"])
        endpoint = urlsplit(endpoint)._replace(scheme=there.scheme, netloc=there.netloc).geturl()
        return super().request(method, endpoint, *args, **kwargs)


credentials, _ = google.auth.default(scopes=gspread.auth.READONLY_SCOPES)
client = gspread.authorize(credentials, http_client=Elsewhere)
print(len(pd.DataFrame(client.open_by_key(sys.argv[1]).sheet1.get_all_records())))
