"""TFRecord files of photos: StyleGAN's (`shape` and `data`), and examples with encoded photos.

TensorFlow's own reader stops at the first damaged record without saying which it is, and would load
TensorFlow into each worker process. The framing has only four fields, so it is read here:
https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details
"""

import math
import struct
import zlib
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import google_crc32c

from facegan_tf.common.errors import Rejected, in_short
from facegan_tf.data.decode import one_line
from facegan_tf.data.sources import base
from facegan_tf.data.sources.example_message import example_message
from facegan_tf.data.sources.names import NumberedNames
from facegan_tf.data.sources.reading import OpenedOnDemand, Reader, open_reader

_HEADER = struct.Struct("<QI")  # the length of the data, and the checksum of these eight bytes
_CHECKSUM = struct.Struct("<I")
_READ_ERRORS = (OSError, EOFError, zlib.error, MemoryError)
_MOST_SIDE = 2**15  # pixels of StyleGAN's raw photos

_BEGINNINGS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"P5", b"P6")
"""First bytes of encoded photos; those of WebP, AVIF and HEIC come a few bytes later."""


class TfrecordShard(OpenedOnDemand):
    """The records of one TFRecord file."""

    def __init__(self, path: Path, feature: str | None) -> None:
        """Read the lengths of all records. feature: the one with the photo; None: found by its content.

        Raises Rejected if the first one is damaged.
        """
        self.path, self._feature = path, feature
        self._starts, self._sizes = array("Q"), array("Q")
        self._rest: str | None = None
        try:
            reader = open_reader(path)
        except OSError as error:
            raise Rejected(f"can't be read: {error.strerror}") from None
        try:
            for start, size in _records(reader):
                self._starts.append(start)
                self._sizes.append(size)
        except (Rejected, *_READ_ERRORS) as error:
            self._rest = str(error) if isinstance(error, Rejected) else one_line(error)
            if not self._starts:
                raise Rejected(f"can't be read as TFRecord: {self._rest}") from None
        finally:
            reader.close()
        self.names: Sequence[str] = NumberedNames(len(self._starts) + (self._rest is not None))

    def read(self, index: int) -> bytes:
        """The encoded photo of record `index`. Raises Rejected if it is damaged, or holds none."""
        if index == len(self._starts):
            raise Rejected(f"this record and the rest of the file are lost: {self._rest}")
        base.check_bytes(self._sizes[index])
        try:
            record = self.reader.read_at(self._starts[index], self._sizes[index] + _CHECKSUM.size)
        except _READ_ERRORS as error:
            raise Rejected(f"can't be read from the TFRecord: {one_line(error)}") from None
        if len(record) < self._sizes[index] + _CHECKSUM.size:
            raise Rejected("the record is cut off")
        data = record[: -_CHECKSUM.size]
        if _masked_crc(data) != _CHECKSUM.unpack(record[-_CHECKSUM.size :])[0]:
            raise Rejected("the record is damaged: its checksum (CRC-32C) is wrong")
        return _photo(data, self._feature)


def begins_with_record(content: bytes) -> bool:
    """Whether a file's first bytes are a length and its checksum."""
    header = content[: _HEADER.size]
    return len(header) == _HEADER.size and _masked_crc(header[:8]) == _HEADER.unpack(header)[1]


def _records(reader: Reader) -> Iterator[tuple[int, int]]:
    """Yield (place of the data, its size) of each record. Raises Rejected where a length is damaged."""
    place = 0
    while header := reader.read_at(place, _HEADER.size):
        if len(header) < _HEADER.size:
            raise Rejected(f"the file is cut off at byte {place}")
        size, checksum = _HEADER.unpack(header)
        if _masked_crc(header[:8]) != checksum:
            raise Rejected(f"the length at byte {place} is damaged: its checksum (CRC-32C) is wrong")
        if size > base.FILE_LIMIT:
            raise Rejected(f"the record at byte {place} is larger than {base.FILE_LIMIT // 2**20} MiB")
        yield place + _HEADER.size, size
        place += _HEADER.size + size + _CHECKSUM.size


def _masked_crc(data: bytes) -> int:
    crc = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _photo(record: bytes, feature: str | None) -> bytes:
    """The encoded photo in a `tf.train.Example`. Raises Rejected unless there is exactly one."""
    try:
        features = example_message().FromString(record).features.feature
    except Exception as error:  # protobuf raises several types on damaged messages
        raise Rejected(f"not a tf.train.Example: {one_line(error)}") from None
    if feature is None and {"shape", "data"} <= features.keys():
        return _raw_photo(list(features["shape"].int64_list.value), _only(features["data"].bytes_list.value))
    if feature is not None:
        if feature not in features:
            raise Rejected(f"its example has no feature {in_short(feature)}; it has {_listed(features)}")
        return _only(features[feature].bytes_list.value)
    photos = {name: value.bytes_list.value for name, value in features.items()}
    found = {name: values[0] for name, values in photos.items() if len(values) == 1 and _is_photo(values[0])}
    if len(found) != 1:
        problem = "several features hold photos" if found else "no feature holds a photo"
        raise Rejected(f"{problem}; its features are {_listed(found or features)}")
    return next(iter(found.values()))


def _only(values: Any) -> bytes:
    if len(values) != 1:
        raise Rejected(f"its feature holds {len(values)} values, not the bytes of one photo")
    return values[0]


def _is_photo(content: bytes) -> bool:
    return content.startswith(_BEGINNINGS) or content[8:12] == b"WEBP" or content[4:8] == b"ftyp"


def _listed(names: Any) -> str:
    return in_short(", ".join(sorted(names)), 200) or "none"


def _raw_photo(shape: list[int], data: bytes) -> bytes:
    """StyleGAN's raw photo, uint8 [C, H, W] with 1 or 3 channels, as a PPM or PGM file."""
    if len(shape) != 3 or shape[0] not in (1, 3) or not all(0 < side <= _MOST_SIDE for side in shape[1:]):
        raise Rejected(f"a photo with the shape {in_short(str(shape))}, not [1 or 3, height, width]")
    channels, height, width = shape
    if len(data) != math.prod(shape):
        raise Rejected(f"holds {len(data)} bytes, not the {math.prod(shape)} of the shape {shape}")
    if channels == 1:
        return b"P5 %d %d 255\n" % (width, height) + data
    pixels = bytearray(len(data))
    for channel in range(3):
        pixels[channel::3] = data[channel * height * width : (channel + 1) * height * width]
    return b"P6 %d %d 255\n" % (width, height) + bytes(pixels)
