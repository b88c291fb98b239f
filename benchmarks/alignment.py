"""Measure how well `prepare --align` aligns faces, and where CelebA's landmarks are.

    python benchmarks/alignment.py spread LFW_ZIP --count 300 --keep DIR
    python benchmarks/alignment.py template CELEBA_ZIP --count 1000

`spread` turns each photo of the zip by a random angle of up to 30 degrees, shifts it by up to a tenth of its
side, and prepares stores of the result with `--align` and with the crop `square`. MTCNN then finds the
landmarks again in the prepared faces, and their standard deviations are printed, in % of the side. The
target for the eyes is 2 %. --keep: folder for both stores, with preview.png.

`template` finds the landmarks in CelebA's aligned photos, at 178x218 pixels, and prints their means: the
constants of facegan_tf/data/align/geometry.py.
"""

import argparse
import io
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from facegan_tf.data.align.detect import LANDMARKS, find_faces
from facegan_tf.data.align.geometry import FRAME
from facegan_tf.data.prepare import prepare
from facegan_tf.data.store import FaceStore

TURN = 30  # degrees
SHIFT = 0.1  # of the photo's side
TARGET = 2.0  # % of the side, for each coordinate of the eyes


def photos(source: Path, count: int) -> list[tuple[str, bytes]]:
    """(name, content) of `count` photos, spread evenly over the zip."""
    with zipfile.ZipFile(source) as archive:
        names = sorted(name for name in archive.namelist() if name.lower().endswith(".jpg"))
        step = max(1, len(names) // count)
        return [(name, archive.read(name)) for name in names[::step][:count]]


def disturbed(content: bytes, rng: np.random.Generator) -> bytes:
    """A photo, turned and shifted at random, as JPEG. What was outside the photo becomes its mean colour."""
    photo = Image.open(io.BytesIO(content)).convert("RGB")
    shift = rng.uniform(-SHIFT, SHIFT, 2) * photo.size
    mean = tuple(int(level) for level in np.asarray(photo).mean(axis=(0, 1)))
    moved = photo.rotate(
        rng.uniform(-TURN, TURN), Image.Resampling.BICUBIC, translate=tuple(shift.round()), fillcolor=mean
    )
    file = io.BytesIO()
    moved.save(file, "JPEG", quality=95)
    return file.getvalue()


def landmarks_in(faces: np.ndarray) -> np.ndarray:
    """float64 [N, 5, 2]: the landmarks of the largest face of each picture that has one."""
    found = []
    for face in tqdm(faces, "finding landmarks"):
        if seen := find_faces(Image.fromarray(face), smallest=20):
            found.append(seen[0].landmarks)
    return np.array(found)


def print_spread(name: str, store: FaceStore) -> np.ndarray:
    faces = store.gather(np.arange(len(store)))
    found = landmarks_in(faces) / store.size * 100
    print(f"\n{name}: {len(store)} faces, {store.manifest.rejected} rejected, {len(found)} found again")
    for number, landmark in enumerate(LANDMARKS):
        (x, y), (x_deviation, y_deviation) = found[:, number].mean(axis=0), found[:, number].std(axis=0)
        print(f"  {landmark:26} mean {x:5.1f} {y:5.1f} %   deviation {x_deviation:5.2f} {y_deviation:5.2f} %")
    return found[:, :2].std(axis=0).max()


def spread(options: argparse.Namespace, folder: Path) -> None:
    rng = np.random.default_rng(options.seed)
    source = folder / "disturbed.zip"
    with zipfile.ZipFile(source, "w") as archive:
        for name, content in photos(options.source, options.count):
            archive.writestr(name, disturbed(content, rng))
    started = time.perf_counter()
    aligned = prepare(source, folder / "aligned", options.size, align=True)
    print(f"aligned in {time.perf_counter() - started:.0f} s")
    worst = print_spread("--align", aligned)
    print_spread("--crop square", prepare(source, folder / "square", options.size))
    print(f"\nlargest deviation of an eye after --align: {worst:.2f} % of the side, target {TARGET} %")


def template(options: argparse.Namespace) -> None:
    pictures = [
        np.asarray(Image.open(io.BytesIO(content)).convert("RGB").resize(FRAME, Image.Resampling.BICUBIC))
        for _, content in photos(options.source, options.count)
    ]
    found = landmarks_in(np.stack(pictures))
    print(f"{len(found)} of {len(pictures)} faces found; pixels of {FRAME[0]}x{FRAME[1]}")
    for number, landmark in enumerate(LANDMARKS):
        (x, y), (x_deviation, y_deviation) = found[:, number].mean(axis=0), found[:, number].std(axis=0)
        print(f"  {landmark:26} mean {x:6.1f} {y:6.1f}   deviation {x_deviation:4.1f} {y_deviation:4.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("measure", choices=("spread", "template"))
    parser.add_argument("source", type=Path, metavar="ZIP")
    parser.add_argument("--count", type=int, default=300, metavar="N", help="photos (default: 300)")
    parser.add_argument("--size", type=int, default=128, metavar="S", help="pixels a side (default: 128)")
    parser.add_argument(
        "--seed", type=int, default=0, metavar="S", help="seed of the turns and shifts (default: 0)"
    )
    parser.add_argument("--keep", type=Path, metavar="DIR", help="folder for the stores (default: removed)")
    options = parser.parse_args()
    if options.measure == "template":
        template(options)
    elif options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
        spread(options, options.keep)
    else:
        with tempfile.TemporaryDirectory() as folder:
            spread(options, Path(folder))


if __name__ == "__main__":
    main()
