"""Errors of the API as problem details (RFC 9457), each with a remedy."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from gateway.store.base import StoreUnavailableError

MEDIA_TYPE = "application/problem+json"
_NAMESPACE = "urn:smart-factory-showroom:problem:"
_MAX_ECHO = 200
"""Characters of a wrong value that an answer repeats; enough to recognise it, too few to be misused."""


class Problem(BaseModel):
    """Problem details object, RFC 9457 section 3, extended by `remedy`."""

    type: str = Field(description="URN of the kind of problem", examples=[f"{_NAMESPACE}unknown-series"])
    title: str = Field(description="The kind of problem in words", examples=["Unknown series"])
    status: int = Field(description="HTTP status", ge=400, le=599, examples=[404])
    detail: str = Field(description="What was wrong here", examples=["no series 'showroom/line-edge/MIX-10/flow'"])
    instance: str = Field(description="Path that was asked for", examples=["/api/v1/samples"])
    remedy: str = Field(description="What to do about it", examples=["GET /api/v1/series lists the known series"])


class ProblemError(Exception):
    """A request that cannot be answered; becomes a `Problem`.

    Attributes:
        status: HTTP status, 400..599.
        kind: last part of the type URN, lower case with dashes.
        title, detail, remedy: see Problem.
        headers: further response headers.
    """

    def __init__(
        self, status: int, kind: str, detail: str, *, title: str, remedy: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.title = title
        self.detail = detail
        self.remedy = remedy
        self.headers = dict(headers or {})


REMEDIES: Mapping[int, str] = {
    404: "GET /openapi.json lists the paths; /docs shows them with examples",
    405: "use a method that the header Allow names",
    426: "open a WebSocket to this path, e.g. new WebSocket('ws://HOST/api/v1/stream')",
    500: "report this with the gateway's log of that moment",
}


def body(status: int, kind: str, *, title: str, detail: str, instance: str, remedy: str) -> dict[str, Any]:
    """Return the JSON object of one problem."""
    problem = Problem(
        type=_NAMESPACE + kind, title=title, status=status, detail=detail, instance=instance, remedy=remedy
    )
    return problem.model_dump()


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` argument of a route for these error statuses."""
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in statuses
    }


def install(app: FastAPI) -> None:
    """Let every error of the app's own routes leave as a problem."""
    app.add_exception_handler(ProblemError, _on_problem)
    app.add_exception_handler(StoreUnavailableError, _on_store_unavailable)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(Exception, _on_unexpected)


def _answer(
    request: Request, status: int, kind: str, headers: Mapping[str, str] | None = None, **texts: str
) -> JSONResponse:
    instance = request.url.path[:_MAX_ECHO]
    content = body(status, kind, instance=instance, **texts)
    return JSONResponse(content, status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


async def _on_problem(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ProblemError)  # noqa: S101 - the handler is registered for this class only
    return _answer(
        request, error.status, error.kind, error.headers, title=error.title, detail=error.detail, remedy=error.remedy
    )


async def _on_store_unavailable(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, StoreUnavailableError)  # noqa: S101 - the handler is registered for this class only
    headers = {}
    if not error.permanent:
        headers["Retry-After"] = str(max(1, round(error.retry_after_s or 5)))
    return _answer(
        request, 503, "store-unavailable", headers, title="Store unavailable", detail=str(error), remedy=error.remedy
    )


async def _on_invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - the handler is registered for this class only
    details = [_describe(item) for item in error.errors()]
    return _answer(
        request,
        422,
        "invalid-parameter",
        title="Invalid parameter",
        detail="; ".join(details),
        remedy="/docs shows every parameter with its type, limits and an example",
    )


def _describe(item: Mapping[str, Any]) -> str:
    place: Sequence[Any] = item["loc"]
    where = " ".join(str(part) for part in place)
    given = "" if item["type"] == "missing" else f" = {str(item['input'])[:_MAX_ECHO]!r}"
    return f"{where}{given}: {item['msg']}"


async def _on_http_exception(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - the handler is registered for this class only
    phrase = HTTPStatus(error.status_code).phrase
    detail = (
        error.detail if error.detail and error.detail != phrase else f"{request.method} {request.url.path[:_MAX_ECHO]}"
    )
    return _answer(
        request,
        error.status_code,
        phrase.lower().replace(" ", "-"),
        error.headers,
        title=phrase,
        detail=detail,
        remedy=REMEDIES.get(error.status_code, "/docs describes what this path accepts"),
    )


async def _on_unexpected(request: Request, error: Exception) -> JSONResponse:
    # Starlette logs the traceback; the answer names the kind alone, because a message may hold paths or addresses.
    return _answer(
        request,
        500,
        "internal-error",
        title="Internal error",
        detail=f"the gateway failed with {type(error).__name__}",
        remedy=REMEDIES[500],
    )
