"""Read thousands of damaged tar, parquet and TFRecord files, and check that damage is refused or reported.

    python tools/fuzz_shards.py --cases 5000 --seed 0

Each case is a small file of photos, with bytes changed, cut off, repeated, removed, or set to extreme values,
in headers above all. It is opened and read by a worker process, which must answer within a time limit, with
photos or with reasons; anything else (an exception that is not an error of ours, a crash, a hang, too much
memory) is printed and counted. Case k of a seed is always the same file; `--keep` keeps those that caused
faults. The exit code is 1 if there were any. Linux only.
"""

import argparse
import random
import struct
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from fuzz_workers import HARM, Worker

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from facegan_tf.common.errors import InputError, Rejected
from facegan_tf.data.sources import open_source
from tests.helpers.photos import encoded, pixels
from tests.helpers.shards import example, masked_crc32c, parquet_bytes, tar_bytes, tfrecord_bytes

KINDS = ("tar", "tar.gz", "parquet", "tfrecord")
MEMORY_LIMIT = 300 * 10**6  # bytes that a worker may need beyond what it had before the first case
EXTREMES = (b"\0", b"\xff", b"\x7f", b"\x80", b"7", b"\xff\xff\xff\xff", b"\0\0\0\x80", b"777777777777")


def originals() -> dict[str, list[bytes]]:
    photos = {f"people/{k:03}.png": encoded(pixels(12, 12, k)) for k in range(4)}
    long_names = {"x" * 150 + name: content for name, content in photos.items()}
    contents = list(photos.values())
    raw = pixels(6, 5).transpose(2, 0, 1)
    examples = [example(image=photo, label=[k]) for k, photo in enumerate(contents)]
    stylegan = [example(shape=list(raw.shape), data=raw.tobytes())] * 3
    return {
        "tar": [tar_bytes(photos), tar_bytes(long_names, format=1), tar_bytes(long_names, format=2)],
        "tar.gz": [tar_bytes(photos, "w:gz")],
        "parquet": [parquet_bytes(contents, rows=2), parquet_bytes(contents, age=[1, 2, 3, 4])],
        "tfrecord": [tfrecord_bytes(examples), tfrecord_bytes(stylegan)],
    }


def damaged(content: bytes, rng: random.Random) -> bytes:
    """Make 1 to 4 changes at random places, half of them near the beginning or the end, where headers are."""
    changed = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(len(changed)) if changed else 0
        if rng.random() < 0.5:
            place = rng.choice([place % 600, max(0, len(changed) - 1 - place % 400)])
        match rng.randrange(6):
            case 0:
                changed[place : place + 1] = bytes([rng.randrange(256)])
            case 1:
                extreme = rng.choice(EXTREMES)
                changed[place : place + len(extreme)] = extreme
            case 2:
                del changed[place:]
            case 3:
                del changed[place : place + rng.randint(1, 600)]
            case 4:
                changed[place:place] = changed[place : place + rng.randint(1, 600)]
            case 5:
                changed[place:place] = rng.randbytes(rng.randint(1, 16))
    return bytes(changed)


def repaired(kind: str, content: bytes, rng: random.Random) -> bytes:
    """Half of the time, correct the checksums of damaged headers, so that the reader trusts them."""
    changed = bytearray(content)
    if rng.random() < 0.5:
        if kind == "tfrecord" and len(changed) >= 12:
            changed[8:12] = struct.pack("<I", masked_crc32c(bytes(changed[:8])))
        if kind == "tar":
            for start in range(0, len(changed) - 511, 512):
                block = changed[start : start + 512]
                if block[257:262] == b"ustar":
                    block[148:156] = b" " * 8
                    changed[start + 148 : start + 156] = b"%06o\0 " % sum(block)
    return bytes(changed)


def attempt(path: str) -> tuple[str, str]:
    """Open and read a file; return the outcome and the reason."""
    try:
        source = open_source(path)
    except InputError as error:
        return "refused", str(error)
    good = bad = 0
    for index in range(len(source.names)):
        try:
            source.read(index)  # type: ignore[attr-defined]
            good += 1
        except Rejected:
            bad += 1
    return "read" if not bad else "read in part" if good else "rejected", ""


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=5000, metavar="N", help="of each kind (default: 5000)")
    parser.add_argument("--seed", type=int, default=0, metavar="S")
    parser.add_argument(
        "--limit", type=float, default=20.0, metavar="SECONDS", help="for a case (default: 20)"
    )
    parser.add_argument("--keep", type=Path, metavar="DIR", help="folder for the files that caused faults")
    options = parser.parse_args()
    files, faults = originals(), 0
    with tempfile.TemporaryDirectory() as folder:
        for kind in KINDS:
            worker = Worker(attempt, options.limit)
            path = Path(folder) / f"a.{kind}"
            path.write_bytes(files[kind][0])
            *_, before = worker.outcome(str(path))
            outcomes, peak, started = Counter[str](), 0, time.perf_counter()
            for number in range(options.cases):
                rng = random.Random(f"{options.seed}/{kind}/{number}")
                path.write_bytes(repaired(kind, damaged(rng.choice(files[kind]), rng), rng))
                outcome, reason, _, memory = worker.outcome(str(path))
                peak = max(peak, memory)
                if outcome in HARM:
                    faults += 1
                    print(f"{outcome}, case {number}: {kind}: {reason}")
                    if options.keep:
                        options.keep.mkdir(parents=True, exist_ok=True)
                        (options.keep / f"{options.seed}-{number}.{kind}").write_bytes(path.read_bytes())
                outcomes[outcome] += 1
            more = max(0, peak - before)
            faults += more > MEMORY_LIMIT
            listed = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common())
            print(
                f"{kind}: {options.cases} cases in {time.perf_counter() - started:.0f} s: {listed}; "
                f"{more / 1e6:.0f} MB more than before at most"
            )
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
