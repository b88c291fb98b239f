"""The page, its files, what it knows about the model, and the routes for operators."""

from typing import Any

import prometheus_client
from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.staticfiles import StaticFiles

from facegan_tf.serving.server.errors import ErrorBody, RefusedError, too_busy
from facegan_tf.serving.server.service import Served, Service
from facegan_tf.serving.web import PAGE

STATIC = {"Cache-Control": "no-cache"}
"""Headers of the pages: browsers ask each time whether they have changed."""


def page_routes(service: Service) -> APIRouter:
    """The routes of the page."""
    routes = APIRouter(tags=["page"])

    @routes.get("/", include_in_schema=False)
    async def index() -> FileResponse:
        return FileResponse(PAGE / "index.html", headers=STATIC)

    @routes.get("/model.json")
    async def model() -> JSONResponse:
        """What the page needs to know about the model."""
        return JSONResponse(_facts(service, service.current), headers={"Cache-Control": "no-store"})

    @routes.post("/reload", responses={403: {"model": ErrorBody, "description": "Asked by another site."}})
    async def reload(request: Request) -> JSONResponse:
        """Load the newest checkpoint of a run that is being trained."""
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            raise RefusedError(403, "only this server's own page may ask for this")
        return JSONResponse(_facts(service, await service.reload()))

    return routes


def operator_routes(service: Service) -> APIRouter:
    """The routes for those who run the server."""
    routes = APIRouter(tags=["operation"])

    @routes.get("/healthz", responses={503: {"model": ErrorBody, "description": "The server can't draw."}})
    async def health() -> JSONResponse:
        """Whether the server can draw."""
        served = service.current
        if not served.batcher.alive:
            return too_busy("the drawing thread has died; restart the server")
        return JSONResponse({"status": "ok", "version": served.model.version})

    @routes.get("/metrics", response_class=PlainTextResponse)
    async def metrics() -> Response:
        """Requests, latencies, batch sizes, the queue and memory, for Prometheus."""
        content = prometheus_client.generate_latest(service.metrics.registry)
        return Response(content, media_type=prometheus_client.CONTENT_TYPE_LATEST)

    @routes.get("/docs", include_in_schema=False)
    async def docs() -> FileResponse:
        return FileResponse(PAGE / "docs.html", headers=STATIC)

    return routes


def page_files() -> StaticFiles:
    """The page's scripts and styles."""
    return StaticFiles(directory=PAGE)


def swagger_files() -> StaticFiles:
    """Swagger UI, for `/docs`."""
    return StaticFiles(packages=[("fastapi_swagger", "resources")])


def _facts(service: Service, served: Served) -> dict[str, Any]:
    model = served.model
    return {
        "painter": "server",
        "name": model.name,
        "size": model.size,
        "step": model.step,
        "newest": service.newest(),
        "version": model.fingerprint,
        "latent_dim": model.generator.latent_dim,
        "max_faces": served.max_faces,
        "movements": model.directions.to_json()["movements"],
    }
