"""Measure the speed of `facegan prepare` against a bare Pillow loop in one process.

    python benchmarks/prepare_speed.py SOURCE_ZIP [SAME_PHOTOS ...] --size 64

SAME_PHOTOS: the photos of the zip in other forms, such as a folder, a tar, or parquet files, each of which is
measured too. Rounds of all forms alternate, so that all meet the same noise. The bare loop opens the zip,
decodes, crops the centred square, resizes with Lanczos, and keeps the pixels in an array. `prepare` does all
that it does for a user, from opening the source to the finished store, on all cores. Target: 0.8 x cores x
the bare loop.
"""

import argparse
import contextlib
import io
import os
import statistics
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from facegan_tf.common.cores import available_cores
from facegan_tf.data.prepare import prepare

TARGET = 0.8  # x cores x the bare loop


def bare_loop(source: Path, size: int) -> np.ndarray:
    """All files of the zip, sorted by name: uint8 [N, size, size, 3]."""
    with zipfile.ZipFile(source) as archive:
        names = sorted(name for name in archive.namelist() if not name.endswith("/"))
        faces = np.empty((len(names), size, size, 3), np.uint8)
        for row, name in enumerate(names):
            image = Image.open(io.BytesIO(archive.read(name))).convert("RGB")
            side = min(image.size)
            left, top = (image.width - side) // 2, (image.height - side) // 2
            square = image.crop((left, top, left + side, top + side))
            faces[row] = square.resize((size, size), Image.Resampling.LANCZOS)
    return faces


def timed_prepare(source: str, size: int) -> tuple[float, np.ndarray]:
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()):
        started = time.perf_counter()
        store = prepare(source, Path(folder) / "store", size)
        seconds = time.perf_counter() - started
        return seconds, store.gather(np.arange(len(store)))


def timed_bare(source: Path, size: int) -> tuple[float, np.ndarray]:
    started = time.perf_counter()
    faces = bare_loop(source, size)
    return time.perf_counter() - started, faces


def line(name: str, speeds: list[float]) -> str:
    return (
        f"{name:28}{statistics.median(speeds):8.0f} images/s   "
        f"({min(speeds):.0f} to {max(speeds):.0f} in {len(speeds)} rounds)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path, metavar="SOURCE_ZIP")
    parser.add_argument("others", nargs="*", metavar="SAME_PHOTOS")
    parser.add_argument("--size", type=int, default=64, help="pixels a side (default: 64)")
    parser.add_argument("--rounds", type=int, default=5, help="of each kind (default: 5)")
    arguments = parser.parse_args()

    sources = [str(arguments.source), *arguments.others]
    bare_speeds: list[float] = []
    speeds: dict[str, list[float]] = {source: [] for source in sources}
    for _ in range(arguments.rounds):
        seconds, expected = timed_bare(arguments.source, arguments.size)
        bare_speeds.append(len(expected) / seconds)
        for source in sources:
            seconds, faces = timed_prepare(source, arguments.size)
            speeds[source].append(len(faces) / seconds)
            if not np.array_equal(faces, expected):
                raise SystemExit(f"prepare {source} and the bare loop gave different pixels")

    cores = available_cores()
    print(f"{len(expected)} images at {arguments.size}x{arguments.size}, {cores} cores, ", end="")
    print(f"load average {os.getloadavg()[0]:.1f}; pixels identical; target {TARGET} per core")
    print(line("bare Pillow loop, 1 process", bare_speeds))
    for source in sources:
        ratio = statistics.median(p / b for p, b in zip(speeds[source], bare_speeds, strict=True))
        print(f"{line(source[-28:], speeds[source])}   ratio {ratio:.2f}, per core {ratio / cores:.2f}")


if __name__ == "__main__":
    main()
