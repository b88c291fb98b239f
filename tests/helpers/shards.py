"""Small tar, parquet and TFRecord files, written by different code from the code that reads them."""

import io
import struct
import tarfile
from collections.abc import Mapping, Sequence
from typing import Any

import pytest


def parquet_bytes(photos: Sequence[bytes | None], rows: int = 100, **columns: Sequence[Any]) -> bytes:
    """As the Hub writes it: a column `image` of {bytes, path}, and more columns. rows: in a row group."""
    pa = pytest.importorskip("pyarrow", reason="needs the extra `parquet`")
    import pyarrow.parquet as parquet

    images = [{"bytes": photo, "path": f"{number:03}.png"} for number, photo in enumerate(photos)]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    table = pa.table(
        {"image": pa.array(images, kind)} | {name: list(column) for name, column in columns.items()}
    )
    file = io.BytesIO()
    parquet.write_table(table, file, row_group_size=rows)
    return file.getvalue()


def tar_bytes(members: Mapping[str, bytes], mode: str = "w", **options: Any) -> bytes:
    """A tar, written by `tarfile`."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode, **options) as archive:
        for name, content in members.items():
            header = tarfile.TarInfo(name)
            header.size = len(content)
            archive.addfile(header, io.BytesIO(content))
    return file.getvalue()


def _varint(number: int) -> bytes:
    parts = bytearray()
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    return bytes([*parts, number])


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def example(**features: bytes | Sequence[int]) -> bytes:
    """A `tf.train.Example`, assembled by hand: each feature is bytes, or a list of integers."""
    entries = b""
    for name, value in features.items():
        if isinstance(value, bytes):
            feature = _field(1, _field(1, value))
        else:
            feature = _field(3, _field(1, b"".join(map(_varint, value))))
        entries += _field(1, _field(1, name.encode()) + _field(2, feature))
    return _field(1, entries)


_POLYNOMIAL = 0x82F63B78  # Castagnoli's, reversed


def masked_crc32c(data: bytes) -> int:
    """The checksum, bit by bit."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (_POLYNOMIAL if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return (crc >> 15 | crc << 17) + 0xA282EAD8 & 0xFFFFFFFF


def tfrecord_bytes(records: Sequence[bytes]) -> bytes:
    """A TFRecord file, assembled by hand."""
    parts = []
    for record in records:
        length = struct.pack("<Q", len(record))
        parts += [length, struct.pack("<I", masked_crc32c(length))]
        parts += [record, struct.pack("<I", masked_crc32c(record))]
    return b"".join(parts)
