"""preview.png of a store of aligned faces: which faces were found, and which photos were rejected."""

import base64
import io
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from facegan_tf.common.files import atomic_file
from facegan_tf.data.chunks import Outcome

PREVIEW = "preview.png"
TILE = 160
"""Length of a photo's longer side in the preview, in pixels."""
_MOST = 24  # items shown of each kind, kept and rejected
_COLUMNS = 6
_LINE = 12  # pixels of a line of text
_PAPER, _INK, _RED = (255, 255, 255), (30, 30, 30), (176, 0, 0)


def as_tile(photo: Image.Image, boxes: Sequence[tuple[Sequence[float], bool]]) -> bytes:
    """A small copy of a photo, as JPEG, with boxes drawn.

    boxes: for each, its corners as x, y, x, y and so on, in pixels of the photo, and whether it was kept.
    """
    tile = photo.copy()
    tile.thumbnail((TILE, TILE), Image.Resampling.LANCZOS)
    scale = tile.width / photo.width
    draw = ImageDraw.Draw(tile)
    for corners, kept in boxes:
        points = [coordinate * scale for coordinate in corners]
        draw.polygon(points, outline=(0, 220, 90) if kept else (255, 60, 60), width=2)
    file = io.BytesIO()
    tile.save(file, "JPEG", quality=85)
    return file.getvalue()


class Preview:
    """A sample of the kept items and one of the rejected items, each spread evenly over all of them."""

    def __init__(self, state: dict[str, Any] | None = None) -> None:
        """state: continue with what `state()` gave."""
        self._state = state or {kind: {"seen": 0, "every": 1, "cells": []} for kind in ("kept", "rejected")}

    def state(self) -> dict[str, Any]:
        """The sample as JSON values."""
        return self._state

    def add(self, name: str, outcome: Outcome, size: int) -> None:
        """Add an item to the sample, if it is its turn. size: width of its faces, in pixels."""
        tile = outcome.faces[0].tile if outcome.faces else outcome.tile
        if tile is None:
            return
        sample = self._state["kept" if outcome.faces else "rejected"]
        number = sample["seen"]
        sample["seen"] += 1
        if number % sample["every"]:
            return
        faces = [Image.frombytes("RGB", (size, size), face.pixels) for face in outcome.faces[:2]]
        sample["cells"].append([name, outcome.reason, _as_text(tile), *map(_small, faces)])
        if len(sample["cells"]) > _MOST:  # keep every second one, of those so far and of those to come
            sample["cells"] = sample["cells"][::2]
            sample["every"] *= 2

    def save(self, folder: Path) -> None:
        """Write preview.png, if there is anything to show."""
        rows = []
        for kind, title in (("kept", "kept: the photo, and its faces"), ("rejected", "rejected")):
            sample = self._state[kind]
            if sample["seen"]:
                shown = f"{len(sample['cells'])} of {sample['seen']}"
                rows += [_title(f"{title} ({shown})")]
                rows += _rows([_cell(*cell) for cell in sample["cells"]])
        if rows:
            sheet = Image.new("RGB", (_COLUMNS * (TILE + 8) + 8, sum(row.height for row in rows)), _PAPER)
            top = 0
            for row in rows:
                sheet.paste(row, (0, top))
                top += row.height
            with atomic_file(folder / PREVIEW) as partial:
                sheet.save(partial, "PNG")


def _small(face: Image.Image) -> str:
    file = io.BytesIO()
    face.resize((TILE // 2 - 2,) * 2, Image.Resampling.LANCZOS).save(file, "JPEG", quality=90)
    return _as_text(file.getvalue())


def _as_text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _cell(name: str, reason: str, tile: str, *faces: str) -> Image.Image:
    lines = [textwrap.shorten(name.rpartition("/")[2], 28, placeholder="..."), *textwrap.wrap(reason, 28)]
    top = TILE + (TILE // 2 if faces else 0)
    cell = Image.new("RGB", (TILE, top + 2 + _LINE * len(lines)), _PAPER)
    cell.paste(_picture(tile), (0, 0))
    for number, face in enumerate(faces):
        cell.paste(_picture(face), (number * TILE // 2, TILE))
    draw = ImageDraw.Draw(cell)
    for number, line in enumerate(lines):
        draw.text((1, top + _LINE * number), _printable(line), fill=_RED if number else _INK)
    return cell


def _printable(text: str) -> str:
    """The text, with `?` for characters that Pillow's own font can't show."""
    return text.encode("latin-1", "replace").decode("latin-1")


def _picture(text: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(text)))


def _title(text: str) -> Image.Image:
    row = Image.new("RGB", (_COLUMNS * (TILE + 8) + 8, 24), _PAPER)
    ImageDraw.Draw(row).text((8, 6), text, fill=_INK)
    return row


def _rows(cells: Sequence[Image.Image]) -> list[Image.Image]:
    rows = []
    for start in range(0, len(cells), _COLUMNS):
        line = cells[start : start + _COLUMNS]
        row = Image.new("RGB", (_COLUMNS * (TILE + 8) + 8, max(cell.height for cell in line) + 6), _PAPER)
        for column, cell in enumerate(line):
            row.paste(cell, (8 + column * (TILE + 8), 0))
        rows.append(row)
    return rows
