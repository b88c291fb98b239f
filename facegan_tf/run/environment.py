"""What a run's exact bits depend on besides its config: recorded with the run, restored when it resumes.

Found by experiment, on CPUs: kernels split a sum among the threads of TensorFlow's pool and add up the parts
in that order, so a different number of threads gives different bits. How many cores these threads run on does
not matter. Different versions or instruction sets select different kernels, and may change the bits too.
"""

import os
import platform
import sys
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from facegan_tf.common.cores import available_cores
from facegan_tf.common.processor import processor_flags
from facegan_tf.common.versions import versions

_INSTRUCTION_SETS = ("amx_tile", "avx512_bf16", "avx512_vnni", "avx512f", "avx2", "avx", "asimd")
"""Instruction sets that TensorFlow selects kernels by, widest first, by the names that Linux uses."""


def environment(replicas: int = 1) -> dict[str, Any]:
    """Versions, whatever else the bits depend on, and the host, as JSON values for run.json.

    replicas: devices that share each batch.
    """
    return {
        "versions": versions("tensorflow", "keras", "numpy", "pillow"),
        "compute": {
            "device": device(),
            "replicas": replicas,
            "threads": threads(),
            "instructions": _instructions(),
            "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "TensorFlow's default"),
        },
        "host": {"name": platform.node(), "platform": platform.platform(), "cores": os.cpu_count()},
        "command": sys.argv,
    }


def device() -> str:
    """The names of the GPUs that TensorFlow sees, or that it sees none."""
    gpus = tf.config.list_physical_devices("GPU")
    return ", ".join(gpu.name for gpu in gpus) or "CPU (TensorFlow sees no GPU)"


def threads() -> int:
    """The number of threads among which TensorFlow's kernels split their work."""
    configured = tf.config.threading.get_intra_op_parallelism_threads()
    return configured or int(os.environ.get("TF_NUM_INTRAOP_THREADS") or available_cores())


def restore_threads(record: dict[str, Any]) -> None:
    """Use as many threads as the run with this record did, however many cores there are here.

    If TensorFlow has already started its threads, their number stays, and `differences` reports it.
    """
    before = record.get("compute", {}).get("threads")
    if before and before != threads():
        try:
            tf.config.threading.set_intra_op_parallelism_threads(before)
        except RuntimeError:  # TensorFlow has started
            return


def differences(record: dict[str, Any], replicas: int = 1) -> Iterator[str]:
    """A line for each way in which this process may round differently from the run with this record.

    replicas: devices that share each batch now.
    """
    now = environment(replicas)
    for block in ("versions", "compute"):
        before = {"replicas": 1} | record.get(block, {})  # runs of earlier versions had one
        for name, value in now[block].items():
            if before.get(name) != value:
                yield (
                    f"note: this run had {name} {before.get(name)} and now has {value}: its bits may differ "
                    "from those of a run that never stopped"
                )


def _instructions() -> str:
    """The widest of these instruction sets that this CPU has; outside Linux, its architecture."""
    flags = processor_flags()
    return next((name for name in _INSTRUCTION_SETS if name in flags), platform.machine())
