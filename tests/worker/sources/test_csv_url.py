"""The example of docs/how-to/add-a-source.md: it keeps the promises of a source, and the page shows it as it is."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import pytest

import worker.contract.options
import worker.sources
from tests.support.documents import DOCS, blocks
from tests.worker.sources.conformance import HEAVY, SourceConformance, Subject, open_with, read_all
from worker.errors import ConfigurationError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = DOCS / "how-to" / "add-a-source.md"
SUPPORT = Path(__file__).parents[2] / "support"
OPTIONS, SOURCE = SUPPORT / "source_options" / "csv_url.py", SUPPORT / "sources" / "csv_url.py"
RATES = "day;currency;rate\n2026-03-01;USD;1.08\n2026-03-01;GBP;0.84\n2026-03-02;USD;1.09\n"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Say nothing."""


@pytest.fixture(autouse=True)
def _kind_is_known(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put the two files where they would be."""
    options, sources = worker.contract.options, worker.sources
    monkeypatch.setattr(options, "__path__", [*options.__path__, str(OPTIONS.parent)])
    monkeypatch.setattr(sources, "__path__", [*sources.__path__, str(SOURCE.parent)])
    options.kinds.cache_clear()
    yield
    options.kinds.cache_clear()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ThreadingHTTPServer]:
    """A web server with some rates."""
    (tmp_path / "rates.csv").write_text(RATES)
    (tmp_path / "empty.csv").write_text("day;currency;rate\n")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=tmp_path)) as running:
        thread = Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


class TestCsvUrlConformance(SourceConformance):
    @pytest.fixture
    def subject(self, server: ThreadingHTTPServer) -> Subject:
        folder = f"http://127.0.0.1:{server.server_port}"
        return Subject(
            kind="csv_url",
            options={"url": f"{folder}/rates.csv", "delimiter": ";"},
            rows=3,
            empty={"url": f"{folder}/empty.csv", "delimiter": ";"},
            refused={"url": f"{folder}/gone.csv"},
            refused_says=f"{folder}/gone.csv",
            go_down=server.server_close,
        )

    def test_import_brings_no_other_kinds_client(self, subject: Subject) -> None:
        """As in the suite, but a fresh interpreter must be told where the example is."""
        program = (
            f"import sys, worker.sources; worker.sources.__path__.append({str(SOURCE.parent)!r})\n"
            f"import worker.sources.{subject.kind}; print(*(m for m in {HEAVY} if m in sys.modules))"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert done.stdout.split() == []


def test_values_have_the_types_that_they_show(server: ThreadingHTTPServer) -> None:
    url = f"http://127.0.0.1:{server.server_port}/rates.csv"
    batches = read_all(open_with("csv_url", {"url": url, "delimiter": ";"}))
    assert [str(field.type) for field in batches[0].schema] == ["date32[day]", "string", "double"]


def test_file_that_is_no_csv_is_refused(server: ThreadingHTTPServer, tmp_path: Path) -> None:
    (tmp_path / "odd.csv").write_text("a;b\n1;2;3\n")
    with pytest.raises(ConfigurationError, match=r"odd\.csv: expected CSV, got: .*; correct the file"):
        read_all(open_with("csv_url", {"url": f"http://127.0.0.1:{server.server_port}/odd.csv", "delimiter": ";"}))


def test_server_that_fails_is_tried_again(server: ThreadingHTTPServer) -> None:
    server.RequestHandlerClass = _Broken
    with pytest.raises(Unavailable, match="HTTP Error 503"):
        read_all(open_with("csv_url", {"url": f"http://127.0.0.1:{server.server_port}/rates.csv"}))


class _Broken(_Quiet):
    def do_GET(self) -> None:
        self.send_error(503)


@pytest.mark.parametrize(("place", "file"), [(0, OPTIONS), (1, SOURCE)], ids=["options", "source"])
def test_page_shows_the_files_as_they_are(place: int, file: Path) -> None:
    shown = blocks(PAGE, "python")[place].text
    assert shown == file.read_text().replace("tests.support.source_options", "worker.contract.options")
