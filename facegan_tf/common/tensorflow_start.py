"""Imports TensorFlow without the notices that it and its libraries print at every start.

They come from several C++ libraries, which write to file descriptor 2 before any log level applies: that
oneDNN is on, that CUDA was not found, that a log is not set up. None is about anything the user did.
"""

import contextlib
import faulthandler
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

LEVEL = "TF_CPP_MIN_LOG_LEVEL"
"""TensorFlow's environment variable: 0 shows everything, 1 hides notices, 2 warnings too, 3 errors too."""

NVIDIA_DRIVER = Path("/proc/driver/nvidia/version")
"""Exists on Linux where an NVIDIA driver is loaded, so there should be a GPU."""


def start_tensorflow() -> None:
    """Import TensorFlow and find the GPUs, with what they print held back.

    If the import fails, everything is printed after all. If TensorFlow can't use the GPU of this machine, one
    line says so. With TF_CPP_MIN_LOG_LEVEL set to 0 or 1, nothing is held back.
    """
    if "tensorflow" in sys.modules:
        return
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")  # leaves memory for other processes
    hides = os.environ.setdefault(LEVEL, "2") not in ("0", "1")
    held_back: list[str] = []
    with contextlib.ExitStack() as stack:
        if hides:
            stack.enter_context(_stderr_held_back(held_back))
        import tensorflow as tf

        has_gpu = bool(tf.config.list_physical_devices("GPU"))
    if not has_gpu and _expects_gpu():
        print(_gpu_note("".join(held_back)), file=sys.stderr)


@contextlib.contextmanager
def _stderr_held_back(texts: list[str]) -> Iterator[None]:
    """Redirect file descriptor 2; `texts` receives what was written to it. On an exception, it is printed."""
    import tempfile  # not for `--help`, which should start fast

    try:
        sys.stderr.flush()
        terminal = os.dup(2)
    except (OSError, AttributeError):  # stderr is closed
        yield
        return
    with tempfile.TemporaryFile() as file, _crashes_shown(terminal):
        os.dup2(file.fileno(), 2)
        try:
            yield
        except Exception:
            os.dup2(terminal, 2)
            os.write(2, _content(file.fileno()))
            raise
        finally:
            sys.stderr.flush()
            os.dup2(terminal, 2)
            os.close(terminal)
        texts.append(_content(file.fileno()).decode(errors="replace"))


def _content(descriptor: int) -> bytes:
    os.lseek(descriptor, 0, os.SEEK_SET)
    return os.read(descriptor, 2**20)


@contextlib.contextmanager
def _crashes_shown(descriptor: int) -> Iterator[None]:
    """In the block, a crash of the process prints a traceback: TensorFlow aborts on some old CPUs."""
    if faulthandler.is_enabled():
        yield
        return
    faulthandler.enable(descriptor)
    try:
        yield
    finally:
        faulthandler.disable()


def _expects_gpu() -> bool:
    return NVIDIA_DRIVER.exists() and os.environ.get("CUDA_VISIBLE_DEVICES") not in ("", "-1")


def _gpu_note(held_back: str) -> str:
    # The first error or warning, as in: E0000 00:00:1795628169.849777   11091 cuda_platform.cc:52] reason
    reason = re.search(r"^[EW]\d{4} .*?\] (.*)$", held_back, re.MULTILINE)
    return (
        "TensorFlow can't use the NVIDIA GPU of this machine, so it uses the CPU"
        + (f" ({reason[1].strip()})" if reason else "")
        + f"; check nvidia-smi, install facegan_tf[gpu], or set {LEVEL}=0 to see more"
    )
