"""What a run's bits depend on besides its config: noted with the run, held to on resuming.

Tried on CPUs: kernels share a sum out among the threads of TensorFlow's pool and add in that order, so that
another number of threads gives other bits; how many cores these threads have does not matter. Other versions
and other instruction sets, which choose other kernels, may give other bits too.
"""

import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tensorflow as tf

from facegan_tf.common.cores import available_cores
from facegan_tf.common.versions import versions

_WIDEST = ("amx_tile", "avx512_bf16", "avx512_vnni", "avx512f", "avx2", "avx", "asimd")
"""Instruction sets that TensorFlow's kernels are chosen by, as Linux names them, the widest first."""


def environment() -> dict[str, Any]:
    """Versions, what the bits depend on, and host, for the record."""
    return {
        "versions": versions("tensorflow", "keras", "numpy", "pillow"),
        "compute": {
            "device": device(),
            "threads": threads(),
            "instructions": _instructions(),
            "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "TensorFlow's default"),
        },
        "host": {"name": platform.node(), "platform": platform.platform(), "cores": os.cpu_count()},
        "command": sys.argv,
    }


def device() -> str:
    """The GPUs that TensorFlow sees, or that it sees none."""
    gpus = tf.config.list_physical_devices("GPU")
    return ", ".join(gpu.name for gpu in gpus) or "CPU (TensorFlow sees no GPU)"


def threads() -> int:
    """How many threads TensorFlow's kernels share their work among."""
    chosen = tf.config.threading.get_intra_op_parallelism_threads()
    return chosen or int(os.environ.get("TF_NUM_INTRAOP_THREADS") or available_cores())


def take_threads_of(record: dict[str, Any]) -> None:
    """Use as many threads as the run of this record had, whatever the number of cores here.

    Where TensorFlow has begun its work already it stays as it is, and `changes` tells.
    """
    before = record.get("compute", {}).get("threads")
    if before and before != threads():
        try:
            tf.config.threading.set_intra_op_parallelism_threads(before)
        except RuntimeError:  # begun already
            return


def changes(record: dict[str, Any]) -> Iterator[str]:
    """A line for each way in which this process may round otherwise than the run of this record."""
    now = environment()
    for block in ("versions", "compute"):
        before = record.get(block, {})
        for name, value in now[block].items():
            if before.get(name) != value:
                yield (
                    f"note: this run had {name} {before.get(name)}, now it is {value}: it may end in other "
                    "bits than if it had never stopped"
                )


def _instructions() -> str:
    """The widest instruction set of this CPU that counts, or its architecture where that can't be told."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return platform.machine()
    flags = next((line.split() for line in text.splitlines() if line.startswith(("flags", "Features"))), [])
    return next((name for name in _WIDEST if name in flags), platform.machine())
