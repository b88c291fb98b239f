"""TensorBoard's log of a run: scalars and pictures, once for each step however often the run was killed.

TensorFlow's own summary writer doesn't report a full disk, and a run that is resumed after a crash would show
some steps twice. So the records are made with TensorBoard's own functions and written here.
"""

import contextlib
import errno
import platform
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.image.metadata import create_summary_metadata
from tensorboard.plugins.scalar.summary_v2 import scalar_pb
from tensorboard.util.tensor_util import make_tensor_proto

from facegan_tf.common.errors import in_one_line
from facegan_tf.common.files import atomic_file

_FILES = "events.out.tfevents.*"


class EventLog:
    """Appends to the log in `folder`; every record is flushed at once."""

    def __init__(self, folder: Path):
        """Nothing is written yet."""
        self.folder = folder
        self._path: Path | None = None
        self._writer: tf.io.TFRecordWriter | None = None

    def add_scalars(self, step: int, scalars: dict[str, float]) -> None:
        """Log numbers by their names. Raises OSError if writing fails."""
        for name, value in scalars.items():
            self._add(step, scalar_pb(name, value))

    def add_picture(self, step: int, name: str, picture: np.ndarray) -> None:
        """Log a picture, uint8 [H, W, 3]. Raises OSError if writing fails."""
        height, width = picture.shape[:2]
        png = tf.io.encode_png(picture).numpy()
        parts = make_tensor_proto([str(width).encode(), str(height).encode(), png])
        summary = Summary()
        metadata = create_summary_metadata(display_name=None, description=None)
        summary.value.add(tag=name, metadata=metadata, tensor=parts)
        self._add(step, summary)

    def close(self) -> None:
        """Close the file; logging again starts a new one."""
        if self._writer is not None:
            self._writer.close()
            self._writer = self._path = None

    def keep(self, keeps: Callable[[str, int], bool]) -> None:
        """Keep each record whose name and step `keeps` accepts, once; drop those cut off by a crash.

        All files become one, which is written before the others are removed: if the process is killed in
        between, this can be done again. Raises OSError if writing fails.
        """
        self.close()
        files = sorted(self.folder.glob(_FILES))
        if not files:
            return
        written = set()
        path = self._new_path()
        with _disk_errors(path), atomic_file(path) as partial, tf.io.TFRecordWriter(str(partial)) as writer:
            writer.write(_version())
            for record, event in (each for file in files for each in _records(file)):
                names = tuple(value.tag for value in event.summary.value)  # each of our records has one
                new = names and (names, event.step) not in written
                if new and all(keeps(name, event.step) for name in names):
                    written.add((names, event.step))
                    writer.write(record)
        for file in files:
            file.unlink()

    def _add(self, step: int, summary: Summary) -> None:
        self._path = self._path or self._new_path()
        with _disk_errors(self._path):
            if self._writer is None:
                self.folder.mkdir(parents=True, exist_ok=True)
                self._writer = tf.io.TFRecordWriter(str(self._path))
                self._writer.write(_version())
            event = Event(wall_time=time.time(), step=step, summary=summary)
            self._writer.write(event.SerializeToString())
            self._writer.flush()

    def _new_path(self) -> Path:
        """A name that sorts after the existing ones: TensorBoard reads the files in this order."""
        return self.folder / f"events.out.tfevents.{time.time_ns()}.{platform.node()}"


def _version() -> bytes:
    """The record that TensorBoard expects first in a file."""
    return Event(wall_time=time.time(), file_version="brain.Event:2").SerializeToString()


def _records(file: Path) -> Iterator[tuple[bytes, Event]]:
    """The records of a file up to the first that is cut off or damaged, as bytes and parsed."""
    try:
        for record in tf.data.TFRecordDataset(str(file)).as_numpy_iterator():
            yield record, Event.FromString(record)
    except (tf.errors.DataLossError, DecodeError):
        return


@contextlib.contextmanager
def _disk_errors(path: Path) -> Iterator[None]:
    """Turn TensorFlow's write errors into OSError: it calls a full disk "resource exhausted"."""
    try:
        yield
    except (tf.errors.OpError, IndexError) as error:  # IndexError: of a file that may not grow any more
        raise OSError(errno.EIO, in_one_line(error), str(path)) from error
