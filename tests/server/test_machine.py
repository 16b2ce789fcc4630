"""What the server may use of a machine. The files of cgroups are imitated; the rest is real."""

import os
import threading
import time
from pathlib import Path

import pytest

from server import machine

MANY = float(len(os.sched_getaffinity(0)))
MB = 1_000_000


def system(root: Path, files: dict[str, str]) -> Path:
    files = {"proc/meminfo": "MemTotal: 9000 kB\nMemAvailable: 8000 kB\n", **files}
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return root


def test_without_cgroups_all_cores_and_the_available_memory_count(tmp_path: Path) -> None:
    root = system(tmp_path, {})
    assert machine.cores(root) == MANY
    assert machine.memory_left(root) == 8000 * 1024


def test_a_quota_of_version_2_limits_the_cores_also_in_a_cgroup_above(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "0::/system.slice/tolk.service\n",
        "sys/fs/cgroup/system.slice/tolk.service/cpu.max": "max 100000\n",
        "sys/fs/cgroup/system.slice/cpu.max": "50000 100000\n",
    }
    assert machine.cores(system(tmp_path, files)) == 0.5


@pytest.mark.parametrize(("quota", "cores"), [("25000", 0.25), ("-1", MANY)])
def test_a_quota_of_version_1_limits_the_cores(tmp_path: Path, quota: str, cores: float) -> None:
    files = {
        "proc/self/cgroup": "4:memory:/a\n2:cpu,cpuacct:/a\n0::/\n",
        "sys/fs/cgroup/cpu/a/cpu.cfs_quota_us": f"{quota}\n",
        "sys/fs/cgroup/cpu/a/cpu.cfs_period_us": "100000\n",
    }
    assert machine.cores(system(tmp_path, files)) == cores


@pytest.mark.parametrize(
    ("cgroup", "folder", "limit", "used", "cache"),
    [
        ("0::/a", "a", "memory.max", "memory.current", "inactive_file"),
        # Docker: the path is one of the machine, but the folder is mounted as the topmost.
        ("0::/../b", "", "memory.max", "memory.current", "inactive_file"),
        (
            *("4:memory:/a", "memory/a", "memory.limit_in_bytes", "memory.usage_in_bytes"),
            "total_inactive_file",
        ),
    ],
)
def test_a_limit_of_memory_counts_without_what_is_cached(
    tmp_path: Path, cgroup: str, folder: str, limit: str, used: str, cache: str
) -> None:
    own = Path("sys/fs/cgroup") / folder
    files = {
        "proc/self/cgroup": f"{cgroup}\n",
        str(own / limit): f"{5 * MB}\n",
        str(own / used): f"{4 * MB}\n",
        str(own / "memory.stat"): f"anon 7\n{cache} {MB}\n",
    }
    assert machine.memory_left(system(tmp_path, files)) == 2 * MB


def test_a_limit_that_says_max_is_none(tmp_path: Path) -> None:
    files = {"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.max": "max\n"}
    assert machine.memory_left(system(tmp_path, files)) == 8000 * 1024


def test_a_system_that_does_not_tell_its_memory_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="meminfo"):
        machine.memory_left(tmp_path)


def test_threads_that_want_the_same_core_wait() -> None:
    ended = threading.Event()
    allowed = os.sched_getaffinity(0)

    def spin() -> None:
        os.sched_setaffinity(0, {min(allowed)})
        while not ended.is_set():
            sum(range(1000))

    before_s = machine.waited_s()
    threads = [threading.Thread(target=spin) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        until = time.monotonic() + 10
        while machine.waited_s() == before_s and time.monotonic() < until:
            time.sleep(0.01)
        assert machine.waited_s() > before_s
    finally:
        ended.set()
        for thread in threads:
            thread.join()
