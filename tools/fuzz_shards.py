"""Read thousands of damaged tar, parquet and TFRecord files, and check that damage is refused or reported.

    python tools/fuzz_shards.py --cases 5000 --seed 0

Each case is a small file of photos, with bytes flipped, cut off, repeated, removed, or set to extreme values,
in headers above all. It is opened and read by a worker process, which must answer within a time
limit, with photos or with reasons; anything else (an exception that is not an error of ours, a crash, a hang,
much memory) is printed and counted. The exit code is 1 if there was any. Linux only.
"""

import argparse
import random
import resource
import struct
import sys
import tempfile
import time
from collections import Counter
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

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
    """One to four changes at random places; half of them near the beginning or the end, where headers are."""
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
    """Sometimes the checksum of a damaged header is corrected, so that the reader trusts it."""
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


def serve(connection: Connection) -> None:
    """Open and read the file at each path received; answer with what happened, and the peak memory."""
    while True:
        path = connection.recv()
        try:
            source = open_source(path)
            good = bad = 0
            for index in range(len(source.names)):
                try:
                    source.read(index)  # type: ignore[attr-defined]
                    good += 1
                except Rejected:
                    bad += 1
            outcome = "read" if not bad else "read in part" if good else "rejected"
        except InputError:
            outcome = "refused"
        except BaseException as error:
            outcome = f"FAULT {type(error).__name__}: {error}"
        connection.send((outcome, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024))


class Reader:
    """The worker process, started again after a case that ended it."""

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self.start()

    def start(self) -> None:
        self.connection, theirs = get_context("fork").Pipe()
        self.process = get_context("fork").Process(target=serve, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()

    def read(self, path: Path) -> tuple[str, int]:
        self.connection.send(str(path))
        try:
            if self.connection.poll(self.limit):
                return self.connection.recv()
            outcome = f"FAULT longer than {self.limit:g} s"
        except EOFError:
            self.process.join()
            outcome = f"FAULT the process died, exit code {self.process.exitcode}"
        self.process.kill()
        self.process.join()
        self.start()
        return outcome, 0


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
            rng, reader = random.Random(f"{options.seed} {kind}"), Reader(options.limit)
            path = Path(folder) / f"a.{kind}"
            path.write_bytes(files[kind][0])
            _, before = reader.read(path)
            outcomes, peak, started = Counter[str](), 0, time.perf_counter()
            for number in range(options.cases):
                path.write_bytes(repaired(kind, damaged(rng.choice(files[kind]), rng), rng))
                outcome, memory = reader.read(path)
                peak = max(peak, memory)
                if outcome.startswith("FAULT"):
                    faults += 1
                    print(f"{kind}, case {number}: {outcome}")
                    if options.keep:
                        options.keep.mkdir(parents=True, exist_ok=True)
                        (options.keep / f"{number}.{kind}").write_bytes(path.read_bytes())
                outcomes[outcome.partition(" ")[0] if outcome.startswith("FAULT") else outcome] += 1
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
