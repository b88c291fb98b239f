"""Small photos, and files around them, for tests."""

import io
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

PEAK_MEMORY = "int(open('/proc/self/status').read().partition('VmHWM:')[2].split()[0]) * 1024"
"""Code that gives a Linux process its peak memory in bytes; ru_maxrss would include that of the tests."""


def pixels(height: int, width: int, seed: int = 0) -> np.ndarray:
    """uint8 [height, width, 3], with random colours."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def encoded(image: np.ndarray | Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """The bytes of an image file."""
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def raw_png(width: int, height: int, depth: int, colour_type: int, rows: bytes) -> bytes:
    """A PNG made by hand, for what Pillow doesn't write; `rows` have no filter bytes."""

    def block(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    stride = len(rows) // height
    filtered = b"".join(b"\0" + rows[y * stride : (y + 1) * stride] for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + block(b"IHDR", header)
        + block(b"IDAT", zlib.compress(filtered))
        + block(b"IEND", b"")
    )


def icc_profile(space: str, connection: str, tags: dict[str, bytes]) -> bytes:
    """An ICC profile, version 2.1, made by hand. connection: `XYZ ` or `Lab `."""
    illuminant = struct.pack(">3i", 0xF6D6, 0x10000, 0xD32D)  # D50, as the specification requires
    table, body, offset = b"", b"", 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        content += bytes(-len(content) % 4)
        table += name.encode() + struct.pack(">2I", offset + len(body), len(content))
        body += content
    header = (
        struct.pack(
            ">I4sI4s4s4s12s4s",
            0,
            b"lcms",
            0x02100000,
            b"prtr",
            space.encode(),
            connection.encode(),
            bytes(12),
            b"acsp",
        )
        + bytes(28)
        + illuminant
    )
    profile = header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body
    return struct.pack(">I", len(profile)) + profile[4:]


def write_zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def bare_pillow(content: bytes, size: int) -> np.ndarray:
    """Centred square and Lanczos by Pillow's own calls alone: uint8 [size, size, 3]."""
    image = Image.open(io.BytesIO(content)).convert("RGB")
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.crop((left, top, left + side, top + side))
    return np.asarray(square.resize((size, size), Image.Resampling.LANCZOS))
