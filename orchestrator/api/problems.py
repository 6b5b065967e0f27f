"""What goes wrong, as JSON in one shape, and never a stack trace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from orchestrator.check import ConfigError
from orchestrator.errors import UNANSWERED, DatabaseNotReady, NotFound, Refused, Unreachable, expected_by, problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastapi import FastAPI, Request

log = structlog.get_logger()

_TRY_AGAIN = {"Retry-After": "5"}


class Fault(BaseModel):
    """One thing that is wrong."""

    where: str
    """The field, with a dot for each step into it."""
    expected: str
    got: str
    advice: str
    """What to do."""


class Problem(BaseModel):
    """What went wrong."""

    message: str
    faults: list[Fault] = []


class ErrorBody(BaseModel):
    """The body of every answer that is an error."""

    error: Problem


def _example(message: str) -> dict[str, Any]:
    return {"application/json": {"example": problem(message)}}


RESPONSES: dict[int | str, dict[str, Any]] = {
    401: {
        "model": ErrorBody,
        "description": "No token, or another.",
        "content": _example("authorization: expected `Bearer` and the ADMIN_TOKEN, got none; send the header"),
    },
    422: {
        "model": ErrorBody,
        "description": "Something in the request is not as it must be: field, expected, got, what to do.",
        "content": _example("source.url: expected a value, got nothing; add it"),
    },
}
NOT_FOUND: dict[int | str, dict[str, Any]] = {
    404: {
        "model": ErrorBody,
        "description": "There is none of that name or id.",
        "content": _example("config: expected a name or id, got 'sales', which is neither; see `sluice configs list`"),
    }
}
CONFLICT: dict[int | str, dict[str, Any]] = {
    409: {
        "model": ErrorBody,
        "description": "It cannot be done as things are.",
        "content": _example("name: expected one that is not taken, got 'sales'; choose another, or change that config"),
    }
}
NOT_READY: dict[int | str, dict[str, Any]] = {
    503: {
        "model": ErrorBody,
        "description": "The database does not answer, or `sluice migrate` must be run.",
        "content": _example("database: expected migration 0003, got another; run `sluice migrate`"),
    }
}


def register(api: FastAPI) -> None:
    """Have every error answered in this shape."""
    for kind, status in ((NotFound, 404), (Refused, 409), (DatabaseNotReady, 503), (Unreachable, 503)):
        api.add_exception_handler(kind, _answering(status))
    api.add_exception_handler(ConfigError, _config_error)
    api.add_exception_handler(RequestValidationError, _request_error)
    api.add_exception_handler(HTTPException, _http_error)
    for unanswered in UNANSWERED:
        api.add_exception_handler(unanswered, _database_error)
    api.add_exception_handler(Exception, _bug)


def _answer(status: int, message: str, faults: Sequence[str] = (), **headers: str) -> JSONResponse:
    return JSONResponse(problem(message, faults), status, headers)


def _answering(status: int) -> Any:  # noqa: ANN401 - a handler of FastAPI's
    def handler(_request: Request, error: Exception) -> JSONResponse:
        return _answer(status, str(error))

    return handler


def _config_error(_request: Request, error: Exception) -> JSONResponse:
    return _answer(422, str(error), list(getattr(error, "faults", ())))


def _request_error(_request: Request, error: Exception) -> JSONResponse:
    sentences = [_sentence(fault) for fault in getattr(error, "errors", list)()]
    return _answer(422, "; ".join(sentences), sentences)


def _http_error(request: Request, error: Exception) -> JSONResponse:
    """What no endpoint was reached by."""
    status = getattr(error, "status_code", 500)
    got = f"{request.method} {request.url.path} ({getattr(error, 'detail', error)})"
    message = f"request: expected a method and path of /docs, got {got}; correct it"
    return _answer(status, message, **(getattr(error, "headers", None) or {}))


def _database_error(request: Request, error: Exception) -> JSONResponse:
    log.warning("database error", path=request.url.path, error=str(getattr(error, "orig", error)).strip())
    if getattr(getattr(error, "orig", None), "pgcode", None) == "55P03":
        return _answer(
            503, "database: expected a lock that is free, got one that a tick holds; try again", **_TRY_AGAIN
        )
    return _answer(503, "database: expected an answer, got an error (see the log); try again", **_TRY_AGAIN)


def _bug(request: Request, _error: Exception) -> JSONResponse:
    # The server logs the error itself.
    return _answer(500, f"{request.method} {request.url.path}: nobody foresaw this error; see the server's log")


def _sentence(fault: dict[str, Any]) -> str:
    place, *steps = map(str, fault["loc"])
    where = ".".join(steps) or place
    if fault["type"] == "missing":
        return f"{where}: expected a value, got nothing; add it"
    expected = expected_by(fault)
    return f"{where}: expected {expected}, got {fault.get('input')!r}; correct it"
