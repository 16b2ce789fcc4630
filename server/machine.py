"""What the server may use of this machine: cores and memory, within the limits of its cgroups
(version 2 or 1), how long this process waits for a core, and how long others run.

``root`` is a parameter for tests: the folder in which /proc and /sys are.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path("/")


def cores(root: Path = ROOT) -> float:
    """The number of cores that this process may use: those of its affinity, or fewer if a cgroup
    gives less time."""
    limits = [float(len(os.sched_getaffinity(0)))]
    for folder in _cgroups("cpu", root):
        if (words := _words(folder / "cpu.max")) and words[0] != "max":
            limits.append(int(words[0]) / int(words[1]))
        quota, period = _words(folder / "cpu.cfs_quota_us"), _words(folder / "cpu.cfs_period_us")
        if quota and period and int(quota[0]) > 0:
            limits.append(int(quota[0]) / int(period[0]))
    return min(limits)


def whole_cores() -> int:
    """As ``cores``, rounded down, and at least 1."""
    return max(1, int(cores()))


def memory_left(root: Path = ROOT) -> int:
    """The bytes of memory that can still be taken, of the machine and of each cgroup. Raises
    OSError if the system does not tell."""
    found = _table(root / "proc/meminfo")
    if "MemAvailable:" not in found:
        raise OSError(f"{root}proc/meminfo does not tell how much memory is available")
    left = [found["MemAvailable:"] * 1024]
    for folder in _cgroups("memory", root):
        for limit, used, cache in (
            ("memory.max", "memory.current", "inactive_file"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        ):
            most, now = _words(folder / limit), _words(folder / used)
            if most and now and most[0] != "max":
                given_back = _table(folder / "memory.stat").get(cache, 0)
                left.append(int(most[0]) - int(now[0]) + given_back)
    return max(0, min(left))


def waited_s(root: Path = ROOT) -> float:
    """How long the present threads of this process have waited for a core so far, in seconds,
    although they had work; 0 if the system does not tell."""
    threads = (root / "proc/self/task").glob("*/schedstat")
    return sum(int(words[1]) for each in threads if len(words := _words(each)) > 1) / 1e9


def ran_s(process: int, root: Path = ROOT) -> float:
    """How long the present threads of a process have run so far, in seconds; 0 if the system does
    not tell."""
    threads = (root / "proc" / str(process) / "task").glob("*/schedstat")
    return sum(int(words[0]) for each in threads if (words := _words(each))) / 1e9


def _cgroups(controller: str, root: Path) -> Iterator[Path]:
    """The folders of the cgroups that may limit this process: its own, and those above it."""
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="ascii").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        for base in (controller,) if controllers else ("", "unified"):
            top = root / "sys/fs/cgroup" / base
            inside = [part for part in path.split("/") if part]
            if ".." in inside:  # seen from another namespace
                inside = []
            yield from (top.joinpath(*inside[:depth]) for depth in range(len(inside), -1, -1))


def _words(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="ascii").split()
    except OSError:
        return []


def _table(file: Path) -> dict[str, int]:
    """The numbers of a file by the first word of their lines."""
    try:
        lines = [line.split() for line in file.read_text(encoding="ascii").splitlines()]
    except OSError:
        return {}
    return {line[0]: int(line[1]) for line in lines if len(line) > 1}
