"""The API as a FastAPI app."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import fastapi_offline
from fastapi import Depends, FastAPI, Request
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from gateway.api import catalogue, metrics, problems, samples, status, stream, waveforms
from gateway.api.broadcast import Broadcast
from gateway.api.gatekeeper import Gatekeeper
from gateway.api.readers import ReaderPool
from gateway.api.settings import WebSettings
from gateway.view import View

TITLE = "Smart factory showroom gateway"
PREFIX = "/api/v1"
_DESCRIPTION = """Reading side of the gateway: what has announced itself, newest and stored values, the state of the
data path. Every value carries its quality (good, uncertain, bad, stale) and its origin (real, simulated, replayed).
Times are UTC. Errors are problem details (RFC 9457) that name the remedy. Nothing here writes to a machine."""
_TAGS = [
    {"name": "Equipment", "description": "What has announced itself, and its newest values"},
    {"name": "Samples", "description": "Stored values"},
    {"name": "Live", "description": "Values as they come"},
    {"name": "State", "description": "Health of the data path and delivery"},
]
_ALL_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]
# Swagger UI as files of a package: FastAPI's own page loads them from the internet.
_SWAGGER_FILES = Path(fastapi_offline.__file__).parent / "static"


def create_api(view: View, settings: WebSettings | None = None, clock_ns: Callable[[], int] = time.time_ns) -> FastAPI:
    """Build the app with `/api/v1`, `/metrics`, `/openapi.json` and `/docs`; it starts nothing before its lifespan.

    Args:
        view: reading side of the running gateway.
        settings: limits and host names.
        clock_ns: gives the time, UTC nanoseconds since 1970.
    """
    settings = settings or WebSettings()
    readers = ReaderPool(settings.reader_threads, settings.reader_queue)
    broadcast = Broadcast(view, clock_ns, settings.stream_interval_s)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        readers.close()

    app = FastAPI(
        title=TITLE,
        version=_version(),
        description=_DESCRIPTION,
        openapi_tags=_TAGS,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    problems.install(app)
    app.add_middleware(Gatekeeper, allowed_hosts=settings.allowed_hosts)
    for routes in (
        catalogue.router(view, clock_ns),
        samples.router(view, readers, clock_ns),
        waveforms.router(view, readers, clock_ns),
        stream.router(view, broadcast, settings),
        status.router(view, readers, clock_ns),
    ):
        app.include_router(routes, prefix=PREFIX, dependencies=[Depends(_refuse_unknown_parameters)])
    app.include_router(metrics.router(view, lambda: broadcast.clients))
    _add_documentation(app)
    _add_fallback(app)
    return app


def _refuse_unknown_parameters(connection: HTTPConnection) -> None:
    """Raise ProblemError 422 for a query parameter that the path does not have: a typo must not pass for an answer."""
    operations = connection.app.openapi()["paths"].get(connection.url.path, {})
    if connection.scope["type"] != "http" or "get" not in operations:
        return
    known = [parameter["name"] for parameter in operations["get"].get("parameters", ()) if parameter["in"] == "query"]
    unknown = sorted(set(connection.query_params) - set(known))
    if unknown:
        raise problems.ProblemError(
            422,
            "invalid-parameter",
            f"there is no query parameter {unknown[0][:100]!r}",
            title="Invalid parameter",
            remedy=f"{connection.url.path} has {', '.join(known) or 'no parameters'}; /docs shows them with examples",
        )


def _version() -> str:
    try:
        return version("smart-factory-showroom")
    except PackageNotFoundError:
        return "0"  # run from a source tree that was never installed


def _add_documentation(app: FastAPI) -> None:
    app.mount("/docs/files", StaticFiles(directory=_SWAGGER_FILES))

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return get_swagger_ui_html(
            openapi_url="/openapi.json",
            title=f"{TITLE} - API",
            swagger_js_url="/docs/files/swagger-ui-bundle.js",
            swagger_css_url="/docs/files/swagger-ui.css",
            swagger_favicon_url="/docs/files/favicon.png",
            swagger_ui_parameters={"defaultModelsExpandDepth": 0, "validatorUrl": None},
        )

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(
                title=app.title,
                version=app.version,
                description=app.description,
                routes=app.routes,
                tags=app.openapi_tags,
                license_info=app.license_info,
            )
            schema["components"]["schemas"]["Problem"] = problems.Problem.model_json_schema()
            app.openapi_schema = schema
        return app.openapi_schema

    # FastAPI's documented way to extend the schema: https://fastapi.tiangolo.com/how-to/extending-openapi/
    app.openapi = openapi  # type: ignore[method-assign]


def _add_fallback(app: FastAPI) -> None:
    """Answer what no route of the API matches, before an app mounted at `/` would answer with a page."""

    @app.api_route("/api/{rest:path}", methods=_ALL_METHODS, include_in_schema=False)
    async def fallback(request: Request, rest: str) -> None:  # noqa: ARG001 - named in the path
        raise _mismatch(app, request)

    @app.api_route("/metrics", methods=[method for method in _ALL_METHODS if method != "GET"], include_in_schema=False)
    async def metrics_fallback(request: Request) -> None:
        raise _mismatch(app, request)


def _mismatch(app: FastAPI, request: Request) -> HTTPException:
    """Return 405 for a documented path asked with another method, else 404; no path of the API has parameters."""
    operations = app.openapi()["paths"].get(request.url.path)
    if operations is None:
        return HTTPException(404)
    return HTTPException(405, headers={"Allow": ", ".join(sorted(method.upper() for method in operations))})
