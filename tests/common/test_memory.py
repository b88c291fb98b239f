import psutil
import pytest

from facegan_tf.common import memory
from facegan_tf.common.memory import host_memory

GIB = 2**30


@pytest.fixture
def cgroups(tmp_path, monkeypatch):
    """Make a file below /sys/fs/cgroup, and say which cgroups this process is in."""
    monkeypatch.setattr(memory, "CGROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(memory, "MEMBERSHIP", tmp_path / "membership")
    machine = type("Machine", (), {"total": 16 * GIB, "available": 12 * GIB})()
    monkeypatch.setattr(psutil, "virtual_memory", lambda: machine)

    def make(membership, **files):
        (tmp_path / "membership").write_text(membership)
        for name, text in files.items():
            path = tmp_path / "cgroup" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{text}\n")

    return make


def figures():
    found = host_memory()
    return found.place, found.total / GIB, found.free / GIB


def test_this_process_is_a_part_of_what_is_used():
    found = host_memory()
    assert 0 < found.ours < found.total
    assert 0 < found.free <= found.total <= psutil.virtual_memory().total


def test_without_cgroups_it_is_the_machines(cgroups):
    assert figures() == ("this machine", 16, 12)  # as on macOS and Windows, which have no such files


@pytest.mark.parametrize("folder", ["", "jobs/job_7/"])
def test_version_2_limits_a_container(cgroups, folder):
    files = {"memory.max": 4 * GIB, "memory.current": 2 * GIB, "memory.stat": f"anon 1\ninactive_file {GIB}"}
    cgroups("0::/jobs/job_7\n", **{folder + name: text for name, text in files.items()})
    assert figures() == ("this container", 4, 3)


def test_version_1_limits_a_container(cgroups):
    files = {
        "limit_in_bytes": 4 * GIB,
        "usage_in_bytes": 2 * GIB,
        "stat": f"inactive_file 5\ntotal_inactive_file {GIB}",
    }
    cgroups(
        "12:cpu,cpuacct:/a\n7:memory:/slurm/job_7\n0::/\n",
        **{f"memory/slurm/job_7/memory.{name}": text for name, text in files.items()},
    )
    assert figures() == ("this container", 4, 3)


def test_the_lowest_limit_counts(cgroups):
    files = {"memory.max": 8 * GIB, "memory.current": 0, "a/memory.max": 2 * GIB, "a/memory.current": GIB}
    cgroups("0::/a/b\n", **files, **{"a/b/memory.max": "max", "a/b/memory.current": GIB})
    assert figures() == ("this container", 2, 1)


@pytest.mark.parametrize("limit", ["max", 2**63 - 4096, "not a number"])
def test_no_limit_leaves_the_machines(cgroups, limit):
    cgroups("0::/\n7:memory:/\n", **{"memory.max": limit, "memory.current": GIB})
    place, total, _ = figures()
    assert (place, total) == ("this machine", 16)
