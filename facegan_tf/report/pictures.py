"""Pictures as data URIs, so that a page is a single file."""

import base64
import io
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

GIF_LIMIT = 8 * 2**20
"""Bytes. A larger GIF would make the page slow to open."""
FRAMES = 40
"""Most grids that the slider of a page shows."""
FRAME_PIXELS = 384
"""Most pixels a side of a grid in the slider."""


def data_uri(path: Path) -> str | None:
    """Return the picture file, unchanged; None if it doesn't exist."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    return _uri(content, path.suffix.removeprefix("."))


def thumbnail_uri(path: Path) -> str | None:
    """Return the picture as JPEG, at most FRAME_PIXELS a side, so that many of them fit in a page.

    Returns None, and prints a warning, if the file is damaged.
    """
    try:
        with Image.open(path) as picture:
            picture.thumbnail((FRAME_PIXELS, FRAME_PIXELS), Image.Resampling.LANCZOS)
            buffer = io.BytesIO()
            picture.convert("RGB").save(buffer, "JPEG", quality=85)
    except (OSError, SyntaxError) as error:  # Pillow raises SyntaxError for a damaged PNG
        print(f"warning: {path} is left out, because it can't be read: {error}", file=sys.stderr)
        return None
    return _uri(buffer.getvalue(), "jpeg")


def figure_uri(figure: Figure) -> str:
    """Return a plot as PNG."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    return _uri(buffer.getvalue(), "png")


def evenly_spaced(paths: Sequence[Path], most: int = FRAMES) -> list[Path]:
    """Choose at most `most` of the paths, always with the first and the last; none of none."""
    places = np.linspace(0, len(paths) - 1, min(len(paths), most)).round().astype(int)
    return [paths[place] for place in places]


def _uri(content: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
