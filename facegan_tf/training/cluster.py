"""The processes that train together, on one or several machines, and which of them this is."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from facegan_tf.common.errors import InputError

SLURM = "slurm"
JOBS = ("chief", "worker")
"""TensorFlow's names for the jobs that train, in the order of the workers' numbers."""


@dataclass(frozen=True)
class Cluster:
    """The workers of a job. Each is a separate process; worker 0 is the chief."""

    addresses: Mapping[str, tuple[str, ...]]
    """HOST:PORT of each task, by TensorFlow's name for its job: `worker`, and perhaps `chief`."""
    job: str
    """Job of this process."""
    task: int
    """Number of this process in its job."""

    @property
    def workers(self) -> int:
        """How many workers there are, including the chief."""
        return sum(map(len, self.addresses.values()))

    @property
    def worker(self) -> int:
        """Number of this worker."""
        before = JOBS[: JOBS.index(self.job)]
        return sum(len(self.addresses.get(job, ())) for job in before) + self.task

    @property
    def address(self) -> str:
        """HOST:PORT of this worker."""
        return self.addresses[self.job][self.task]


def find_cluster(
    cluster: str | None = None, worker: int | None = None, environment: Mapping[str, str] = os.environ
) -> Cluster | None:
    """The cluster that this process belongs to; None if it trains alone.

    cluster: `slurm`, or HOST:PORT of each worker, separated by commas; `worker` is then the number of this
    one. None: what TF_CONFIG says. Raises InputError for what can't be understood.
    """
    if cluster is None:
        if worker is not None:
            raise InputError("worker", worker, "needs `cluster`, which names all workers")
        found = _of_tf_config(environment["TF_CONFIG"]) if environment.get("TF_CONFIG") else None
    elif cluster == SLURM:
        if worker is not None:
            raise InputError("worker", worker, "comes from Slurm itself; leave it out")
        found = _of_slurm(environment)
    else:
        found = _of_addresses(cluster, worker)
    return found if found and found.workers > 1 else None


def _of_addresses(text: str, worker: int | None) -> Cluster:
    addresses = tuple(address.strip() for address in text.split(","))
    for address in addresses:
        if not re.fullmatch(r"(\[[0-9a-fA-F:]+\]|[^:,\s]+):[0-9]{1,5}", address):
            problem = f"{address or 'nothing'} is not HOST:PORT; give slurm, or HOST:PORT of each worker"
            raise InputError("cluster", text, problem)
    if len(set(addresses)) < len(addresses):
        raise InputError("cluster", text, "names a worker twice; each needs its own address")
    if worker is None:
        raise InputError("cluster", text, "needs `worker`, the number of this worker in it, from 0")
    if not 0 <= worker < len(addresses):
        raise InputError("worker", worker, f"must be from 0 to {len(addresses) - 1}, its place in `cluster`")
    return Cluster({"worker": addresses}, "worker", worker)


def _of_tf_config(text: str) -> Cluster | None:
    """The cluster in TF_CONFIG, which platforms such as Kubeflow and Vertex set; None if it names none."""
    try:
        config = json.loads(text)
        jobs: dict[str, Any] = config.get("cluster") or {}
        if not jobs:
            return None
        others = sorted(set(jobs) - {*JOBS, "evaluator"})
        job, task = config["task"]["type"], int(config["task"]["index"])
        addresses = {job: tuple(map(str, jobs[job])) for job in JOBS if jobs.get(job)}
        if others or job not in addresses:
            problem = f"has the job {others[0] if others else job}; facegan_tf trains with {', '.join(JOBS)}"
            raise InputError("TF_CONFIG", None, problem)
        if not 0 <= task < len(addresses[job]):
            raise InputError("TF_CONFIG", None, f"says that this is {job} {task}, which doesn't exist")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        problem = (
            f"can't be read ({type(error).__name__}: {error}); it must be JSON such as "
            '{"cluster": {"worker": ["host1:8888", "host2:8888"]}, "task": {"type": "worker", "index": 0}}'
        )
        raise InputError("TF_CONFIG", text, problem) from None
    return Cluster(addresses, job, task)


def _of_slurm(environment: Mapping[str, str]) -> Cluster:
    """The tasks of the Slurm step that this process belongs to."""
    # Jobs that share a node need different ports: one for each of up to 8 tasks on it.
    first_port = 12000 + 8 * (int(environment.get("SLURM_JOB_ID", "0")) % 2500)
    try:
        # TensorFlow's own count of GPUs fails on nodes without any, or if each task sees only its own.
        resolver = tf.distribute.cluster_resolver.SlurmClusterResolver(
            port_base=first_port, gpus_per_node=2**16, gpus_per_task=1, auto_set_gpu=False
        )
        addresses = tuple(resolver.cluster_spec().as_dict()["worker"])
    except (RuntimeError, ValueError, AssertionError) as error:
        problem = f"{error}; start each worker with srun"
        raise InputError("cluster", SLURM, problem) from None
    task = int(environment["SLURM_PROCID"])
    # TensorFlow sorts the hosts by name, so n10 comes before n9, but Slurm counts its tasks in its own order.
    host, local = environment.get("SLURMD_NODENAME"), environment.get("SLURM_LOCALID", "0")
    own = f"{host}:{first_port + int(local)}"
    return Cluster({"worker": addresses}, "worker", addresses.index(own) if own in addresses else task)
