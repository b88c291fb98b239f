"""Pictures as they go into a page: data URIs, so that the page needs nothing beside it."""

import base64
import io
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

GIF_LIMIT = 8 * 2**20
"""Bytes; a larger one would make the page slow to open."""
FRAMES = 40
FRAME_PIXELS = 384


def embedded(path: Path) -> str | None:
    """The picture file as it is; None if there is none."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    return _uri(content, path.suffix.removeprefix("."))


def embedded_small(path: Path) -> str | None:
    """The picture at FRAME_PIXELS a side at most, as JPEG: many of these fit in a page.

    None, and a warning, if the file is damaged.
    """
    try:
        with Image.open(path) as picture:
            picture.thumbnail((FRAME_PIXELS, FRAME_PIXELS), Image.Resampling.LANCZOS)
            buffer = io.BytesIO()
            picture.convert("RGB").save(buffer, "JPEG", quality=85)
    except (OSError, SyntaxError) as error:  # SyntaxError: what Pillow says of a damaged PNG
        print(f"warning: {path} is left out: {error}", file=sys.stderr)
        return None
    return _uri(buffer.getvalue(), "jpeg")


def embedded_figure(figure: Figure) -> str:
    """A plot, as PNG."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    return _uri(buffer.getvalue(), "png")


def evenly_chosen(paths: Sequence[Path], most: int = FRAMES) -> list[Path]:
    """At most so many of the paths, the first and the last among them."""
    places = np.linspace(0, len(paths) - 1, min(len(paths), most)).round().astype(int)
    return [paths[place] for place in places]


def _uri(content: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
