"""Errors as application/problem+json (RFC 9457), with the same text as on the command line."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from semsig.errors import (
    ImageError,
    IndexLockedError,
    IndexStorageError,
    OptionError,
    QueryError,
    SegmenterError,
    SemsigError,
    UnknownIdError,
)

MEDIA_TYPE = "application/problem+json"


class RefusedError(SemsigError):
    """A request that the server refuses.

    Parameters
    ----------
    message : str
        What was expected, what was got, what to do.
    status : int
        HTTP status.
    """

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


_STATUS: tuple[tuple[type[SemsigError], int], ...] = (
    (UnknownIdError, 404),
    (QueryError, 422),
    (OptionError, 422),
    (IndexLockedError, 423),
    (IndexStorageError, 500),
    (SegmenterError, 500),
)
_IMAGE_STATUS = {"too-large": 413, "unreadable": 410}
"""HTTP status by kind of unreadable photo; 415 for all other kinds."""


def status_of(error: SemsigError) -> int:
    """Return the HTTP status for an error of semsig."""
    if isinstance(error, RefusedError):
        return error.status
    if isinstance(error, ImageError):
        return _IMAGE_STATUS.get(error.reason, 415)
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 422)


def problem(status: int, detail: str, kind: str = "about:blank", **more: Any) -> JSONResponse:
    """Return a response that describes a problem."""
    content = {"type": kind, "title": kind.rpartition(":")[2], "status": status, "detail": detail}
    return JSONResponse(content | more, status, media_type=MEDIA_TYPE)


def add_handlers(app: FastAPI) -> None:
    """Make an application answer every error with a problem document."""
    app.add_exception_handler(SemsigError, _semsig)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(ClientDisconnect, _left)


async def _semsig(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, SemsigError)
    more: dict[str, Any] = {}
    if isinstance(error, QueryError) and error.text:
        more["position"] = error.position
    if isinstance(error, ImageError):
        more["reason"] = error.reason
    text = str(error).encode("utf-8", "replace").decode()
    return problem(status_of(error), text, f"urn:semsig:{type(error).__name__}", **more)


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    said = [
        f"{'.'.join(str(part) for part in one['loc'] if part != 'body')}: {one['msg']}"
        for one in error.errors()
    ]
    return problem(422, "; ".join(said), "urn:semsig:InvalidRequest")


async def _left(_: Request, __: Exception) -> Response:
    """Answer a client that disconnected while sending: this is no error of the server."""
    return Response(status_code=400)


async def _http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return problem(error.status_code, str(error.detail))
