"""Measure time and memory of `facegan prepare` for very many photos in one file.

    python benchmarks/many_photos.py --count 1000000 --kinds tar parquet

Each kind of file is written with `count` copies of one photo of 16x16 pixels, under different names, and
then prepared at 8x8 from the command line, with one worker for each core. The memory is the most that the
command and its workers together had at any moment (PSS: memory that they share counts once).
"""

import argparse
import contextlib
import io
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from pathlib import Path

import psutil
from PIL import Image

KINDS = ("zip", "tar", "tar.gz", "parquet", "tfrecord")


def photo() -> bytes:
    file = io.BytesIO()
    Image.radial_gradient("L").resize((16, 16)).convert("RGB").save(file, "JPEG")
    return file.getvalue()


def write(kind: str, path: Path, count: int) -> None:
    content = photo()
    names = (f"people/{number // 1000:04}/{number:08}.jpg" for number in range(count))
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name in names:
                archive.writestr(name, content)
    elif kind.startswith("tar"):
        with tarfile.open(path, "w:gz" if kind == "tar.gz" else "w") as archive:
            for name in names:
                header = tarfile.TarInfo(name)
                header.size = len(content)
                archive.addfile(header, io.BytesIO(content))
                archive.members = []  # otherwise it keeps a kilobyte for each
    elif kind == "parquet":
        write_parquet(path, content, count)
    else:
        write_tfrecord(path, content, count)


def write_parquet(path: Path, content: bytes, count: int) -> None:
    import pyarrow as pa
    import pyarrow.parquet as parquet

    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    schema = pa.schema([("image", image), ("label", pa.int64())])
    with parquet.ParquetWriter(path, schema, use_dictionary=False, compression="snappy") as writer:
        for start in range(0, count, 10_000):
            rows = range(start, min(start + 10_000, count))
            images = [{"bytes": content, "path": f"{row:08}.jpg"} for row in rows]
            writer.write_table(pa.table({"image": images, "label": list(rows)}, schema))


def write_tfrecord(path: Path, content: bytes, count: int) -> None:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from tests.helpers.shards import example, tfrecord_bytes

    record = tfrecord_bytes([example(image=content)])
    with path.open("wb") as file:
        for _ in range(count):
            file.write(record)


def memory(process: psutil.Process) -> int:
    total = 0
    for each in (process, *process.children(recursive=True)):
        with contextlib.suppress(psutil.Error):  # it has just ended
            total += each.memory_full_info().pss
    return total


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=200_000, metavar="N", help="photos (default: 200,000)")
    parser.add_argument("--kinds", nargs="+", default=KINDS, choices=KINDS, metavar="KIND")
    options = parser.parse_args()
    for kind in options.kinds:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"photos.{kind}"
            write(kind, path, options.count)
            command = [sys.executable, "-m", "facegan_tf", "prepare", str(path)]
            started, most = time.perf_counter(), 0
            process = psutil.Popen(
                [*command, "--out", f"{folder}/store", "--size", "8"], stderr=subprocess.PIPE
            )
            while process.poll() is None:
                most = max(most, memory(process))
                time.sleep(0.2)
            seconds = time.perf_counter() - started
            _, printed = process.communicate()
            if process.returncode:
                raise SystemExit(printed.decode())
            print(
                f"{kind:9} {options.count:,} photos, {path.stat().st_size / 1e6:.0f} MB: {seconds:.0f} s "
                f"({options.count / seconds:.0f} photos/s), {most / 1e6:.0f} MB of memory at most",
                flush=True,
            )


if __name__ == "__main__":
    main()
