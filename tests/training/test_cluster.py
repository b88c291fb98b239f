"""Which workers there are, and which this one is."""

import json

import pytest

from facegan_tf.common.errors import InputError
from facegan_tf.training.cluster import find_cluster


def tf_config(jobs, job, index):
    return {"TF_CONFIG": json.dumps({"cluster": jobs, "task": {"type": job, "index": index}})}


def slurm(nodes, tasks, count, rank, **others):
    variables = {"STEP_NODELIST": nodes, "STEP_TASKS_PER_NODE": tasks, "STEP_NUM_TASKS": str(count)}
    return (
        {f"SLURM_{name}": value for name, value in variables.items()} | {"SLURM_PROCID": str(rank)} | others
    )


def test_without_a_cluster_a_process_trains_alone():
    assert find_cluster(environment={}) is None
    assert find_cluster(environment={"TF_CONFIG": '{"task": {"type": "worker", "index": 0}}'}) is None
    assert find_cluster(environment=tf_config({"worker": ["a:1"]}, "worker", 0)) is None


def test_addresses_by_hand():
    found = find_cluster("a:1, b:2,[::1]:3", 2)
    assert (found.workers, found.worker, found.address) == (3, 2, "[::1]:3")


@pytest.mark.parametrize(("job", "index", "number"), [("chief", 0, 0), ("worker", 0, 1), ("worker", 1, 2)])
def test_the_chief_of_tf_config_is_worker_0(job, index, number):
    found = find_cluster(environment=tf_config({"worker": ["b:1", "c:1"], "chief": ["a:1"]}, job, index))
    assert (found.workers, found.worker, found.job, found.task) == (3, number, job, index)


@pytest.mark.parametrize(
    ("nodes", "tasks", "rank", "node", "local", "host"),
    [
        ("n[1-2]", "2(x2)", 2, "n2", 0, "n2"),
        ("n[9-10]", "1(x2)", 0, "n9", 0, "n9"),  # TensorFlow sorts n10 before n9
        ("n[9-10]", "1(x2)", 1, "n10", 0, "n10"),
    ],
)
def test_a_task_of_slurm_has_the_address_of_its_own_node(monkeypatch, nodes, tasks, rank, node, local, host):
    count = 4 if "2(" in tasks else 2
    variables = slurm(
        nodes, tasks, count, rank, SLURMD_NODENAME=node, SLURM_LOCALID=str(local), SLURM_JOB_ID="3"
    )
    for name, value in variables.items():  # TensorFlow reads them itself
        monkeypatch.setenv(name, value)
    found = find_cluster("slurm", environment=variables)
    assert (found.workers, found.address) == (count, f"{host}:{12000 + 8 * 3 + local}")


@pytest.mark.parametrize(
    ("cluster", "worker", "environment", "name"),
    [
        ("a:1,b", 0, {}, "cluster"),
        ("a:1,a:1", 0, {}, "cluster"),
        ("a:1,b:1", None, {}, "cluster"),
        ("a:1,b:1", 2, {}, "worker"),
        (None, 0, {}, "worker"),
        ("slurm", None, {}, "cluster"),
        ("slurm", 1, {}, "worker"),
        (None, None, {"TF_CONFIG": "{"}, "TF_CONFIG"),
        (None, None, {"TF_CONFIG": '{"cluster": {"worker": ["a:1", "b:1"]}}'}, "TF_CONFIG"),
        (None, None, tf_config({"worker": ["a:1", "b:1"]}, "worker", 2), "TF_CONFIG"),
        (None, None, tf_config({"worker": ["a:1"], "ps": ["b:1"]}, "worker", 0), "TF_CONFIG"),
    ],
)
def test_what_does_not_name_a_cluster_is_refused(cluster, worker, environment, name):
    with pytest.raises(InputError) as refused:
        find_cluster(cluster, worker, environment)
    assert refused.value.name == name
