"""The web application: all routes, errors and headers put together."""

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from facegan_tf.serving.server import pages
from facegan_tf.serving.server.errors import add_error_handlers
from facegan_tf.serving.server.headers import AroundAnswers
from facegan_tf.serving.server.pictures import picture_routes
from facegan_tf.serving.server.predict import malformed, predict_routes
from facegan_tf.serving.server.service import Service

DESCRIPTION = (
    """Faces from a trained generator: as plain pictures, and through TensorFlow Serving's REST protocol."""
)


def build_app(service: Service, allow_origin: str | None = None) -> FastAPI:
    """The application that serves a service.

    allow_origin: the only other site whose pages may read the responses, or `*` for all.
    """
    app = FastAPI(title=f"facegan: {service.name}", description=DESCRIPTION, docs_url=None, redoc_url=None)
    app.include_router(predict_routes(service))
    app.add_api_route("/v1/{rest:path}", malformed, methods=["GET", "POST"], include_in_schema=False)
    app.include_router(picture_routes(service))
    app.include_router(pages.page_routes(service))
    app.include_router(pages.operator_routes(service))
    app.mount("/page", pages.page_files())
    app.mount("/docs/swagger", pages.swagger_files())
    add_error_handlers(app)
    app.add_middleware(AroundAnswers, metrics=service.metrics)
    if allow_origin:
        app.add_middleware(CORSMiddleware, allow_origins=[allow_origin], allow_methods=["GET", "POST"])
    return app
