"""Around every response: headers that protect the page, the count for Prometheus, and status 500."""

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from facegan_tf.serving.server.errors import unexpected
from facegan_tf.serving.server.metrics import Metrics

_ONLY_OURS = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    f"connect-src 'self'; {_ONLY_OURS}"
)
"""What the page may load: its own files, nothing from other sites, and nothing inline."""
DOCS_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' blob: data:; "
    f"connect-src 'self'; {_ONLY_OURS}"
)
"""The same for `/docs`: Swagger UI sets styles inline."""


class AroundAnswers:
    """ASGI middleware: adds the headers, and counts requests by route, method and status.

    It also responds when the application fails: Starlette would do so further out, without headers and count.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics):
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = "none"  # the client left
        csp = DOCS_CSP if scope["path"].startswith("/docs") else CSP

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
                message["headers"] = [*message["headers"], *_protecting(csp)]
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except Exception as error:
            if status != "none":
                raise  # too late for another response
            await unexpected(error)(scope, receive, send_with_headers)
        finally:
            route = getattr(scope.get("route"), "path", "none")  # not the path: anyone can make up many
            method = scope["method"] if scope["method"] in ("GET", "HEAD", "POST", "OPTIONS") else "other"
            self._metrics.requests.labels(route, method, status).inc()
            self._metrics.seconds.labels(route).observe(time.perf_counter() - started)


def _protecting(csp: str) -> list[tuple[bytes, bytes]]:
    return [
        (b"content-security-policy", csp.encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),
        (b"cross-origin-opener-policy", b"same-origin"),
    ]
