"""How the input pipeline scales with the store: time to the first batch, memory, images per second.

    python benchmarks/store_growth.py --counts 10000 1000000 50000000

Makes stores of 32 pixels whose files are sparse: they have the size of that many faces, but take no space on
the disk. Each store is read in its own process, in random order, as training does.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

SIZE, BATCH, BATCHES = 32, 64, 500


def sparse_store(folder: Path, count: int) -> None:
    """A store of `count` black faces that take no disk space."""
    from facegan_tf.data.manifest import FORMAT_VERSION, Manifest, write_manifest
    from facegan_tf.data.store import SHARD_BYTES

    folder.mkdir(parents=True)
    rows = SHARD_BYTES // (3 * SIZE**2)
    counts = [min(rows, count - first) for first in range(0, count, rows)]
    names = [f"faces-{k:05d}-of-{len(counts):05d}.npy" for k in range(len(counts))]
    for name, own in zip(names, counts, strict=True):
        with (folder / name).open("wb") as file:
            header = {"descr": "|u1", "fortran_order": False, "shape": (own, SIZE, SIZE, 3)}
            np.lib.format.write_array_header_1_0(file, header)
            file.truncate(file.tell() + own * 3 * SIZE**2)
    manifest = Manifest(
        format_version=FORMAT_VERSION,
        count=count,
        size=SIZE,
        fingerprint=f"sparse {count}",
        shards=[{"file": name, "count": own} for name, own in zip(names, counts, strict=True)],
        crop="square",
        filter="lanczos",
        source="nothing",
        source_identity={"kind": "sparse"},
        limit=None,
        rejected=0,
        versions={},
        created="2000-01-01T00:00:00+00:00",
    )
    write_manifest(folder, manifest)


def measure(folder: Path) -> None:
    """Read the store, and print its row of the table."""
    from facegan_tf.data.store import FaceStore
    from facegan_tf.data.training_set import TrainingSet

    next(iter(TrainingSet(FaceStore.open(folder), 1, 0).batches()))  # starts TensorFlow
    before = own_memory()
    began = time.perf_counter()
    store = FaceStore.open(folder)
    opened = time.perf_counter() - began
    batches = iter(TrainingSet(store, BATCH, 0, flip=True).batches(start_step=10**6))
    next(batches)
    first = time.perf_counter() - began
    began = time.perf_counter()
    for _ in range(BATCHES):
        next(batches)
    speed = BATCHES * BATCH / (time.perf_counter() - began)
    mib = (own_memory() - before) / 1024
    print(f"{len(store):>12,} {opened:10.3f} s {first:10.3f} s {speed:12,.0f} {mib:10.0f} MiB", flush=True)


def own_memory() -> int:
    """Memory of this process in KiB, without parts of files that the system keeps in free memory."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"RssAnon:\s+(\d+)", status)[1])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--counts", type=int, nargs="+", default=[10_000, 1_000_000, 50_000_000])
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        measure(arguments.measure)
        return
    print(
        f"{'images':>12} {'opened':>12} {'first batch':>12} {'images/s':>12} {'more memory':>14}", flush=True
    )
    with tempfile.TemporaryDirectory() as folder:
        for count in arguments.counts:
            store = Path(folder) / str(count)
            sparse_store(store, count)
            subprocess.run([sys.executable, __file__, "--measure", str(store)], check=True)


if __name__ == "__main__":
    main()
