"""Pictures as data URIs, so that a page is a single file."""

import base64
import io
from pathlib import Path

from matplotlib.figure import Figure

from facegan_tf.common.thumbnails import thumbnail

GIF_LIMIT = 8 * 2**20
"""In bytes. A larger GIF would make the page slow to open."""
FRAMES = 40
"""Most grids that a page's slider shows."""
FRAME_PIXELS = 384
"""Largest height and width of a grid in the slider."""


def data_uri(path: Path) -> str | None:
    """Return the picture file, unchanged, as a data URI; None if it doesn't exist."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    return _uri(content, path.suffix.removeprefix("."))


def thumbnail_uri(path: Path) -> str | None:
    """Return the picture as the data URI of a JPEG of at most FRAME_PIXELS a side: many fit in a page.

    Returns None, and prints a warning, if the file is damaged.
    """
    picture = thumbnail(path, FRAME_PIXELS)
    if picture is None:
        return None
    buffer = io.BytesIO()
    picture.convert("RGB").save(buffer, "JPEG", quality=85)
    return _uri(buffer.getvalue(), "jpeg")


def figure_uri(figure: Figure) -> str:
    """Return a plot as the data URI of a PNG."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    return _uri(buffer.getvalue(), "png")


def _uri(content: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
