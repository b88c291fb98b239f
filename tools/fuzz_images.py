"""Decode mutated photos with `decode_face`, to see whether damaged files can harm `facegan prepare`.

    python tools/fuzz_images.py --cases 10000 SOURCE_ZIP_OR_FOLDER

Photos of the source are encoded in the formats below. Then bytes are changed, cut, repeated and spliced, and
the lengths, sizes and tags in their headers are set to awkward values. A worker process decodes each case
within a time limit. Case k of a seed is always the same file; `--keep` keeps those that did harm. The exit
code is 1 if there was a traceback, a hang, a dead worker, or a use of more than 1 GiB of memory. What
libraries write to stderr is counted; `prepare` discards it. HEIC is included if pillow-heif is installed.
"""

import argparse
import io
import random
import re
import struct
import sys
import time
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fuzz_workers import HARM, Worker
from PIL import Image, ImageCms

from facegan_tf.common.errors import Rejected
from facegan_tf.config.crop import Crop
from facegan_tf.data.decode import PHOTO_FORMATS, decode_face, pillow_warnings
from facegan_tf.data.heic import HEIC, require_heic
from facegan_tf.data.sources import PhotoSource, open_source

PHOTOS = 40  # taken from the source, at random
MEMORY_LIMIT = 2**30
AWKWARD = [
    0,
    1,
    2,
    3,
    7,
    8,
    0x7F,
    0x80,
    0xFF,
    0x100,
    0x7FFF,
    0x8000,
    0xFFFF,
    2**24,
    2**31 - 1,
    2**31,
    2**32 - 1,
]


def encodings(photo: Image.Image, next_photo: Image.Image) -> list[tuple[str, bytes]]:
    """(format, file) for each way of writing a photo; several for JPEG and PNG, which most photos are."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x011A] = 6, "Maker", 72.0
    grey, alpha, animation = photo.convert("L"), photo.convert("RGBA"), {"save_all": True}
    animation["append_images"] = [next_photo.resize(photo.size)]
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    red, green = profile.index(b"rXYZ"), profile.index(b"gXYZ")  # swapped, so that it is not skipped
    profile = profile[:red] + b"gXYZ" + profile[red + 4 : green] + b"rXYZ" + profile[green + 4 :]
    variants: list[tuple[str, Image.Image, dict[str, Any]]] = [
        ("JPEG", photo, {"exif": exif, "icc_profile": profile}),
        ("JPEG", photo, {"progressive": True, "subsampling": 0}),
        ("JPEG", grey, {"restart_marker_blocks": 4}),
        ("JPEG", photo.convert("CMYK"), {}),
        ("PNG", photo, {"exif": exif, "icc_profile": profile}),
        ("PNG", photo.quantize(64), {"transparency": 3}),
        ("PNG", alpha, {}),
        ("PNG", grey.convert("I;16"), {}),
        ("PNG", photo, animation),
        ("GIF", photo.quantize(64), animation),
        ("WEBP", photo, {"exif": exif, "icc_profile": profile}),
        ("WEBP", alpha, {"lossless": True}),
        ("TIFF", photo, {"compression": "tiff_lzw", "exif": exif, "icc_profile": profile}),
        ("TIFF", photo, {"compression": "jpeg"}),
        ("TIFF", grey.convert("F"), {}),
        ("AVIF", photo, {"speed": 10}),
        ("ICO", alpha, {"sizes": [(32, 32), (16, 16)]}),
        ("PCX", photo.quantize(64), {}),
        *((kind, photo, {}) for kind in ("BMP", "JPEG2000", "PPM", "TGA", "SGI", "QOI", "DDS", "ICNS")),
        *((HEIC, photo, {"exif": exif.tobytes()}) for _ in range(_heic_is_read())),
    ]
    files = []
    for kind, image, options in variants:
        file = io.BytesIO()
        image.save(file, kind, **options)
        files.append((kind, file.getvalue()))
    return files


def _heic_is_read() -> bool:
    try:
        require_heic()
    except Rejected:
        return False
    return True


def parts(content: bytes) -> list[tuple[int, int]]:
    """(start, stop) of each chunk of a PNG, segment of a JPEG, or block of 64 bytes of other formats."""
    found, place = [], 8 if content[:4] == b"\x89PNG" else 2
    while content[:4] == b"\x89PNG" and place + 8 <= len(content):
        stop = place + 12 + int.from_bytes(content[place : place + 4], "big")
        found.append((place, min(stop, len(content))))
        place = stop
    while content[:2] == b"\xff\xd8" and content[place : place + 1] == b"\xff":
        stop = place + 2 + int.from_bytes(content[place + 2 : place + 4], "big")
        found.append((place, min(stop, len(content))))
        place = stop
    return found or [(k, min(k + 64, len(content))) for k in range(0, len(content), 64)]


def with_checksums(content: bytes) -> bytes:
    """The file; if it is a PNG, with the checksums of its chunks corrected, so that their content is read."""
    if content[:4] != b"\x89PNG":
        return content
    fixed = bytearray(content)
    for start, stop in parts(content):
        if stop - start >= 12:
            fixed[stop - 4 : stop] = struct.pack(">I", zlib.crc32(fixed[start + 4 : stop - 4]))
    return bytes(fixed)


def change_bytes(rng: random.Random, content: bytes, _: bytes) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.choice([1, 1, 2, 4, 16])):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def change_header(rng: random.Random, content: bytes, _: bytes) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.choice([1, 2, 4])):
        changed[rng.randrange(min(len(changed), 600))] = rng.choice(AWKWARD) & 0xFF
    return bytes(changed)


def set_number(rng: random.Random, content: bytes, _: bytes) -> bytes:
    """Overwrite a number near the start of a part: a length, a width, a count, an offset."""
    start, stop = rng.choice(parts(content))
    place = min(start + rng.choice([0, 2, 4, 5, 7, 8, 12, rng.randrange(max(1, stop - start))]), len(content))
    code = rng.choice([">B", ">H", "<H", ">I", "<I"])
    number = rng.choice([rng.choice(AWKWARD), rng.randrange(2**32)]) % 256 ** struct.calcsize(code)
    return content[:place] + struct.pack(code, number) + content[place + struct.calcsize(code) :]


def truncate(rng: random.Random, content: bytes, _: bytes) -> bytes:
    return content[: rng.randrange(len(content))]


def repeat_part(rng: random.Random, content: bytes, _: bytes) -> bytes:
    start, stop = rng.choice(parts(content))
    return content[:stop] + content[start:stop] * rng.choice([1, 1, 2, 50]) + content[stop:]


def move_part(rng: random.Random, content: bytes, other: bytes) -> bytes:
    """Remove a part, or insert one from another file."""
    (start, stop), (place, _) = rng.choice(parts(content)), rng.choice(parts(content))
    first, last = rng.choice(parts(other))
    if rng.random() < 0.5:
        return content[:start] + content[stop:]
    return content[:place] + other[first:last] + content[place:]


def splice(rng: random.Random, content: bytes, other: bytes) -> bytes:
    return content[: rng.randrange(len(content))] + other[rng.randrange(len(other)) :]


MUTATIONS: list[Callable[[random.Random, bytes, bytes], bytes]] = [
    *(change_bytes, change_header, set_number, set_number, truncate, repeat_part, move_part, splice)
]


class Cases:
    """The files to try, each a function of its number."""

    def __init__(self, source: str, seed: int) -> None:
        """Encode photos of the source in all formats. seed: that of everything random."""
        self.seed = seed
        photos = self._photos(source)
        self.files = [
            file for k, photo in enumerate(photos) for file in encodings(photo, photos[(k + 1) % len(photos)])
        ]

    def _photos(self, source: str) -> list[Image.Image]:
        opened = open_source(source)
        assert isinstance(opened, PhotoSource), "give a folder or a zip"
        places = random.Random(self.seed).sample(range(len(opened.names)), min(PHOTOS, len(opened.names)))
        photos = [Image.open(io.BytesIO(opened.read(place))).convert("RGB") for place in places]
        return [photo.resize((photo.width // 2, photo.height // 2)) for photo in photos]

    def case(self, number: int) -> tuple[str, str, bytes]:
        """Format, mutation and content of a case."""
        rng = random.Random(f"{self.seed}/{number}")
        (kind, content), (_, other) = rng.choice(self.files), rng.choice(self.files)
        mutation = rng.choice(MUTATIONS)
        mutated = mutation(rng, content, other)
        return kind, mutation.__name__, with_checksums(mutated) if rng.random() < 0.7 else mutated


def attempt(content: bytes) -> tuple[str, str]:
    """Decode a file; return the outcome and the reason."""
    with pillow_warnings():
        try:
            decode_face(content, 64, Crop())
        except Rejected as error:
            return "rejected", str(error)
    return "decoded", ""


def kind_of(reason: str) -> str:
    """A reason without the parts that differ from file to file."""
    return re.sub(r"b'.*?'|b\".*?\"", "B", re.sub(r"\d+", "N", reason))[:70]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", metavar="SOURCE_ZIP_OR_FOLDER")
    parser.add_argument("--cases", type=int, default=10_000, metavar="N")
    parser.add_argument("--seed", type=int, default=0, metavar="S")
    parser.add_argument(
        "--limit", type=float, default=20.0, metavar="SECONDS", help="for a case (default: 20)"
    )
    parser.add_argument("--keep", type=Path, metavar="DIR", help="folder for the files that did harm")
    options = parser.parse_args()

    cases, worker = Cases(options.source, options.seed), Worker(attempt, options.limit)
    outcomes, reasons, kinds, harm = Counter[str](), Counter[str](), Counter[str](), []
    slowest, peak = (0.0, ""), (0, "")
    started = time.perf_counter()
    for number in range(options.cases):
        kind, mutation, content = cases.case(number)
        outcome, reason, seconds, memory = worker.outcome(content)
        name = f"case {number}: {kind}, {mutation}"
        outcomes[outcome] += 1
        kinds[f"{kind} {outcome}"] += 1
        slowest, peak = max(slowest, (seconds, name)), max(peak, (memory, name))
        if outcome == "rejected":
            reasons[kind_of(reason)] += 1
        elif outcome in HARM:
            harm.append(f"{outcome}, {name}: {reason}")
            if options.keep:
                options.keep.mkdir(parents=True, exist_ok=True)
                (options.keep / f"{options.seed}-{number}.{kind.lower()}").write_bytes(content)
    worker.printed.seek(0)
    printed = worker.printed.read()

    print(f"{options.cases} cases, seed {options.seed}, in {time.perf_counter() - started:.0f} s")
    for outcome in ("decoded", "rejected", *HARM):
        print(f"{outcome:10} {outcomes[outcome]}")
    for kind in (*PHOTO_FORMATS, HEIC):
        print(f"  {kind:9} {kinds[f'{kind} decoded']} decoded, {kinds[f'{kind} rejected']} rejected")
    print("reasons:")
    for reason, count in reasons.most_common():
        print(f"  {count:6} {reason}")
    print(f"slowest    {slowest[0]:.2f} s ({slowest[1]})")
    print(f"memory     {peak[0] / 1e6:.0f} MB at most ({peak[1]})")
    print(f"on stderr  {len(printed)} bytes {printed[:60]!r}")
    for line in harm:
        print(line)
    return 1 if harm or peak[0] > MEMORY_LIMIT else 0


if __name__ == "__main__":
    sys.exit(main())
