"""Errors as responses: JSON with one text, `{"error": "..."}`, as in TensorFlow Serving."""

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from facegan_tf.common.errors import InputError
from facegan_tf.serving.batching import QueueFullError

LOG = logging.getLogger("facegan_tf.serving")


class ErrorBody(BaseModel):
    """What is wrong with a request, and what to do about it."""

    error: str


REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorBody, "description": "A value is wrong; the text names it."},
    503: {"model": ErrorBody, "description": "Too busy now; try again after Retry-After seconds."},
}
"""The error responses of a route that draws, for OpenAPI."""


class RefusedError(Exception):
    """A request that can't be answered; the text says why."""

    def __init__(self, status: int, error: str):
        super().__init__(error)
        self.status = status


def answer(status: int, error: str, **headers: str) -> JSONResponse:
    """An error as a response."""
    return JSONResponse({"error": error}, status, headers)


def too_busy(error: str) -> JSONResponse:
    """The response to a request that may succeed later."""
    return answer(503, error, **{"Retry-After": "1"})


def unexpected(error: Exception) -> JSONResponse:
    """The response after a failure of our own; only the log has the traceback."""
    LOG.error("a request failed", exc_info=error)
    return answer(500, "the server failed; its log says why")


def add_error_handlers(app: FastAPI) -> None:
    """Turn these exceptions into responses; `AroundAnswers` does so for all others."""

    @app.exception_handler(RefusedError)
    async def refused(_: Request, error: RefusedError) -> JSONResponse:
        # The rest of a body is not read, so the connection can't be reused.
        close = {"Connection": "close"} if error.status in (408, 413) else {}
        return answer(error.status, str(error), **close)

    @app.exception_handler(ClientDisconnect)
    async def gone(_: Request, _error: ClientDisconnect) -> JSONResponse:
        return answer(400, "the client disconnected before its request was complete")

    @app.exception_handler(InputError)
    async def wrong_input(_: Request, error: InputError) -> JSONResponse:
        return answer(400, str(error))

    @app.exception_handler(RequestValidationError)
    async def wrong_parameter(_: Request, error: RequestValidationError) -> JSONResponse:
        return answer(400, "; ".join(_in_words(each) for each in error.errors()))

    @app.exception_handler(QueueFullError)
    async def full(_: Request, _error: QueueFullError) -> JSONResponse:
        return too_busy("the queue is full; try again soon")

    @app.exception_handler(TimeoutError)
    async def late(_: Request, _error: TimeoutError) -> JSONResponse:
        return too_busy("this took too long; try again, or ask for fewer faces")

    @app.exception_handler(HTTPException)
    async def other(_: Request, error: HTTPException) -> JSONResponse:
        return answer(error.status_code, str(error.detail), **(error.headers or {}))


def _in_words(problem: dict) -> str:
    name = str(problem["loc"][-1])
    message = problem["msg"][0].lower() + problem["msg"][1:]
    return f"{name}: {message}"
