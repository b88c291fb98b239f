"""Plain pictures: `/faces/SEED.png`, `/grid.png` and `/walk.gif`."""

from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Path, Query, Request, Response

from facegan_tf.common.errors import InputError
from facegan_tf.serving import pictures
from facegan_tf.serving.face import Face, parse_moves, parse_seeds
from facegan_tf.serving.interpolation import round_trip
from facegan_tf.serving.server.errors import REFUSALS
from facegan_tf.serving.server.service import Served, Service

MAX_PIXELS = 2**23
"""Most pixels in a picture, or in all frames of a GIF together."""

Seed = Annotated[int, Path(ge=0, le=2**63 - 1, description="The same seed always gives the same face.")]
Truncation = Annotated[
    float,
    Query(gt=0, le=1, description="Multiplies the latents; lower gives more typical, less varied faces."),
]
Size = Annotated[
    int | None,
    Query(ge=16, le=1024, description="Width of a face in pixels, if not the model's own."),
]
Mix = Annotated[int | None, Query(ge=0, le=2**63 - 1, description="Seed of a face to mix it with.")]
Share = Annotated[float, Query(ge=0, le=1, description="The share of that face.")]
Moves = Annotated[str, Query(max_length=400, description="Moves along directions, such as `0:1.5,3:-2`.")]
Frames = Annotated[int, Query(ge=2, le=100, description="From one face to the next.")]
Seeds = Annotated[str, Query(max_length=4096, description="Seeds and ranges, such as `1,2,7-9`.")]
Version = Annotated[
    str | None,
    Query(
        max_length=64,
        description="The `version` in `/model.json`. With it, browsers cache the picture forever.",
    ),
]

PNG: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/png": {}}, "description": "A PNG file."},
    **REFUSALS,
}
GIF: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/gif": {}}, "description": "A GIF file."},
    **REFUSALS,
}


def picture_routes(service: Service) -> APIRouter:
    """The routes of the pictures."""
    routes = APIRouter(tags=["pictures"])
    _add_face(routes, service)
    _add_grid(routes, service)
    _add_walk(routes, service)
    return routes


def _add_face(routes: APIRouter, service: Service) -> None:
    @routes.get("/faces/{seed}.png", response_class=Response, responses=PNG)
    async def face(
        request: Request,
        seed: Seed,
        truncation: Truncation = 1.0,
        size: Size = None,
        mix: Mix = None,
        share: Share = 0.5,
        directions: Moves = "",
        v: Version = None,
    ) -> Response:
        """One face: the same bytes as `facegan sample` writes, unless it is resized, mixed or moved."""
        served = service.current
        recipe = Face(seed, truncation, mix, share, parse_moves(directions))
        latents = recipe.latents(served.model)
        cached = _Cached(request, v, served)

        async def draw() -> bytes:
            faces = await service.draw(served, latents)
            return await service.encode(pictures.face_png, faces[0], size)

        return await cached.answer(draw, "image/png")


def _add_grid(routes: APIRouter, service: Service) -> None:
    @routes.get("/grid.png", response_class=Response, responses=PNG)
    async def grid(
        request: Request,
        seeds: Seeds = "1-36",
        truncation: Truncation = 1.0,
        size: Size = None,
        v: Version = None,
    ) -> Response:
        """Several faces in a square: the same bytes as the grid of `facegan sample`."""
        served = service.current
        numbers = parse_seeds(seeds, served.max_faces)
        _check_pixels(len(numbers), size or served.model.size)
        cached = _Cached(request, v, served)

        async def draw() -> bytes:
            latents = served.model.generator.latents(numbers, truncation)
            return await service.encode(pictures.grid_png, await service.draw(served, latents), size)

        return await cached.answer(draw, "image/png")


def _add_walk(routes: APIRouter, service: Service) -> None:
    @routes.get("/walk.gif", response_class=Response, responses=GIF)
    async def walk(
        request: Request,
        seeds: Seeds = "1,2,3",
        frames: Frames = 24,
        truncation: Truncation = 1.0,
        size: Size = None,
        v: Version = None,
    ) -> Response:
        """A GIF that goes from face to face and back: the same bytes as `facegan interpolate` writes."""
        served = service.current
        numbers = parse_seeds(seeds, served.max_faces // 2)  # a walk has at least 2 frames for each
        most = served.max_faces // len(numbers)
        if frames > most:
            raise InputError("frames", frames, f"must be at most {most} for {len(numbers)} seeds")
        _check_pixels(len(numbers) * frames, size or served.model.size)
        cached = _Cached(request, v, served)

        async def draw() -> bytes:
            latents = round_trip(served.model.generator.latents(numbers), frames) * np.float32(truncation)
            return await service.encode(pictures.walk_gif, await service.draw(served, latents), size)

        return await cached.answer(draw, "image/gif")


def _check_pixels(faces: int, size: int) -> None:
    if faces * size * size > MAX_PIXELS:
        most = MAX_PIXELS // (size * size)
        problem = f"{faces:,} faces of this width are too many; ask for at most {most:,}, or for smaller ones"
        raise InputError("size", size, problem)


class _Cached:
    """A response that a browser may cache: its content depends only on its URL and the model's weights."""

    def __init__(self, request: Request, version: str | None, served: Served):
        self._etag = served.etag(request.url.path, request.url.query)
        known = request.headers.get("if-none-match", "")
        self._is_known = self._etag in (tag.strip().removeprefix("W/") for tag in known.split(","))
        for_ever = version == served.model.fingerprint
        control = "public, max-age=31536000, immutable" if for_ever else "no-cache"
        self._headers = {"ETag": self._etag, "Cache-Control": control}

    async def answer(self, draw: Callable, media_type: str) -> Response:
        """The picture that `draw` makes or, if the client already has it, a response that says so (304)."""
        if self._is_known:
            return Response(status_code=304, headers=self._headers)
        return Response(await draw(), media_type=media_type, headers=self._headers)
