"""The devices that a run trains on: chosen from those available, and started as a runtime."""

import os
import re
from dataclasses import dataclass

import tensorflow as tf

from facegan_tf.common.errors import FaceganError, InputError
from facegan_tf.common.status import print_status
from facegan_tf.model.runtime import ONE_DEVICE, Runtime
from facegan_tf.training.cluster import Cluster, find_cluster

TIMEOUT = 1800
"""Default number of seconds that workers wait for each other."""


@dataclass(frozen=True)
class Devices:
    """The devices that a run trains on."""

    kind: str
    """`GPU` or `CPU`."""
    count: int
    """Number of devices of this process."""
    unused: int = 0
    """Number of GPUs that are not used."""
    cluster: Cluster | None = None
    """None: this process trains alone."""
    by_strategy: bool = False
    """Whether a TensorFlow strategy is used; one device doesn't need one."""
    timeout: int = TIMEOUT
    """Seconds that workers wait for each other."""

    @property
    def workers(self) -> int:
        """Number of processes that train together."""
        return self.cluster.workers if self.cluster else 1

    @property
    def replicas(self) -> int:
        """Number of devices of all workers together; each worker has the same number."""
        return self.count * self.workers

    @property
    def shares_of_memory(self) -> int:
        """How many memories share a batch: those of all GPUs, or of all machines."""
        return self.replicas if self.kind == "GPU" else self.workers

    def check_batch(self, batch_size: int, jit: bool) -> None:
        """Raise InputError unless a batch divides into equal shares, and steps can be compiled as asked."""
        count = self.replicas
        if batch_size % count:
            below = batch_size // count * count
            above = below + count
            nearest = below if below and batch_size - below <= above - batch_size else above
            problem = f"can't be shared equally among {count} devices; the nearest that can is {nearest}"
            raise InputError("training.batch_size", batch_size, problem)
        if jit and self.by_strategy and self.kind == "CPU":
            problem = "XLA can't compile for chosen CPUs; set it to false, or leave the choice of devices out"
            raise InputError("training.jit", jit, problem)

    def describe(self) -> list[str]:
        """The devices as text for people, one fact per line."""
        each = f"{self.count} x {self.kind}" if self.count > 1 else f"1 {self.kind}"
        if self.kind == "CPU" and not tf.config.list_physical_devices("GPU"):
            each += " (TensorFlow sees no GPU)"
        lines = [f"devices          {each}" + (f" in each of {self.workers} workers" if self.cluster else "")]
        if self.unused:
            lines[0] += f" ({self.unused} more are idle; to use them: --devices all)"
        if self.replicas > 1:
            lines.append("grids, scores    computed by the first device of worker 0 alone")
        if self.cluster:
            lines.append(
                f"worker           {self.cluster.worker} of {self.workers}, at {self.cluster.address}"
            )
        return lines

    def start(self) -> Runtime:
        """Start the devices. In a cluster, this waits for all workers. A process can't start others later."""
        return _start(self)


ONE = Devices("CPU", 1)


def choose_devices(
    devices: str | int | None = None,
    cluster: str | None = None,
    worker: int | None = None,
    timeout: int | None = None,
) -> Devices:
    """Choose from the devices that TensorFlow sees; nothing is started yet.

    devices: `all` GPUs, a number of GPUs, or `cpu:N`, the processor split into N. None: one device; in
    a cluster, all GPUs of each worker. cluster, worker: as in `find_cluster`. timeout: seconds that workers
    wait for each other (None: half an hour). Raises InputError for devices that aren't there.
    """
    found, gpus = find_cluster(cluster, worker), len(_gpus_of_task())
    if timeout is not None and timeout < 1:
        raise InputError("timeout", timeout, "must be 1 second or more")
    if timeout is not None and not found:
        raise InputError("timeout", timeout, "needs a cluster: this process waits for no other worker")
    wanted = str(("all" if found else 1) if devices is None else devices)
    if match := re.fullmatch("cpu:([1-9][0-9]{0,2})", wanted):
        kind, count = "CPU", int(match[1])
        if found and count > 1:
            problem = "can't be used in a cluster, where each worker's processor is one device; give cpu:1"
            raise InputError("devices", devices, problem)
    elif wanted == "all" or re.fullmatch("[1-9][0-9]{0,2}", wanted):
        kind, count = "GPU" if gpus else "CPU", max(gpus, 1) if wanted == "all" else int(wanted)
        if count > max(gpus, 1):
            sees = f"TensorFlow sees {gpus or 'no'} GPU{'s' * (gpus != 1)}"
            problem = f"{sees}; to try it on the processor, give cpu:{count}"
            raise InputError("devices", devices, problem)
    else:
        raise InputError("devices", devices, "must be all, a number of GPUs, or cpu:N")
    return Devices(
        kind,
        count,
        unused=gpus - count if kind == "GPU" else 0,
        cluster=found,
        by_strategy=devices is not None or found is not None,
        timeout=timeout or TIMEOUT,
    )


def _gpus_of_task() -> list[tf.config.PhysicalDevice]:
    """The GPUs of this process: Slurm tasks that all see the same GPUs take equal parts of them."""
    gpus = tf.config.list_physical_devices("GPU")
    tasks = re.match("[0-9]+", os.environ.get("SLURM_STEP_TASKS_PER_NODE", ""))
    bound = any(name in os.environ for name in ("SLURM_GPUS_PER_TASK", "SLURM_TRES_PER_TASK"))
    if not tasks or bound or len(gpus) < int(tasks[0]):
        return gpus
    own, place = len(gpus) // int(tasks[0]), int(os.environ.get("SLURM_LOCALID", "0"))
    return gpus[place * own : (place + 1) * own]


_started: tuple[Devices, Runtime] | None = None


def _start(devices: Devices) -> Runtime:
    global _started
    if not devices.by_strategy:
        return ONE_DEVICE
    if _started and _started[0] != devices:
        problem = f"this process has trained with {_started[0].describe()[0].split(None, 1)[1]}"
        raise InputError("devices", None, f"{problem}; TensorFlow needs a new process for other devices")
    if _started is None:
        try:
            _started = devices, _new_runtime(devices)
        except RuntimeError as error:  # TensorFlow has started
            problem = f"must be chosen before TensorFlow computes anything; start a new process ({error})"
            raise InputError("devices", None, problem) from None
    return _started[1]


def _new_runtime(devices: Devices) -> Runtime:
    gpus = _gpus_of_task()[: devices.count] if devices.kind == "GPU" else []
    tf.config.set_visible_devices(gpus, "GPU")
    if devices.cluster:
        return Runtime(_multi_worker_strategy(devices), devices.cluster.worker, devices.workers)
    if devices.kind == "CPU":
        [cpu] = tf.config.list_physical_devices("CPU")
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration()] * devices.count
        )
    names = [f"{devices.kind}:{place}" for place in range(devices.count)]
    return Runtime(tf.distribute.MirroredStrategy(names))


def _multi_worker_strategy(devices: Devices) -> tf.distribute.Strategy:
    cluster = devices.cluster
    assert cluster is not None
    print_status(f"worker {cluster.worker} of {cluster.workers} at {cluster.address}: waiting for the others")
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec({job: list(addresses) for job, addresses in cluster.addresses.items()}),
        task_type=cluster.job,
        task_id=cluster.task,
        num_accelerators={"GPU": devices.count} if devices.kind == "GPU" else {},
        rpc_layer="grpc",
    )
    options = tf.distribute.experimental.CommunicationOptions(timeout_seconds=devices.timeout)
    try:
        return tf.distribute.MultiWorkerMirroredStrategy(resolver, options)
    except tf.errors.OpError as error:
        raise FaceganError(
            f"worker {cluster.worker} of {cluster.workers}: can't join the others from {cluster.address} "
            f"({' '.join(error.message.split())}). Is its port in use, or did another worker not start?"
        ) from error
