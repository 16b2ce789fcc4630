"""Which Whisper this machine carries. The rule is one function; what it needs is measured."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

#: Cores that hearing one stream takes, of the machine of docs/benchmarks.md; those that hear
#: better last.
COSTS: Final = {
    "whisper-tiny": 0.25,
    "whisper-base": 0.45,
    "whisper-small": 1.5,
    "whisper-medium": 4.0,
    "whisper-large-v3-turbo": 4.0,
}
#: Of all cores, hearing one stream may take this part: translating and speaking need the rest.
HEARING_PART: Final = 0.6
#: Billions of multiplications and additions a second that a core of that machine does.
CORE_GFLOPS: Final = 74.0
MEASURE_S: Final = 2.0
LIMIT_S: Final = 60.0
SIDE: Final = 512


class Carried(msgspec.Struct, frozen=True):
    """A model, and how many streams at a time this machine hears with it; 0: not one."""

    model: str
    streams: int


class Recommendation(msgspec.Struct, frozen=True):
    """``cores``: what this machine is worth, in cores of the one that was measured. ``model``:
    the best that it carries; empty where it carries none."""

    cores: float
    model: str
    carried: Sequence[Carried]


def recommendation(cores: float) -> Recommendation:
    """For a machine worth ``cores``."""
    carried = [
        Carried(name, int(HEARING_PART * cores / cost + 1e-9)) for name, cost in COSTS.items()
    ]
    best = [each.model for each in carried if each.streams]
    return Recommendation(round(cores, 2), best[-1] if best else "", carried)


def measured_cores() -> float:
    """What this machine is worth. Blocks for some seconds. Raises OSError where it cannot be
    measured."""
    command = [sys.executable, "-m", "server.models.recommend"]
    # More threads would wait for each other where something else runs.
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    try:
        ran = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=True, timeout=LIMIT_S
        )
        return allowed_cores() * float(ran.stdout) / CORE_GFLOPS
    except (subprocess.SubprocessError, ValueError) as error:
        raise OSError(f"this machine's speed could not be measured: {error}") from error


def allowed_cores() -> float:
    """Cores that this process may use, whatever the machine has."""
    cores = float(len(os.sched_getaffinity(0)))
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return min(cores, int(quota) / int(period))
    except (OSError, ValueError):
        return cores


def core_gflops(seconds: float = MEASURE_S) -> float:
    """Of the core that this runs on, by products of matrices. Counts its own time only, so that
    what else runs decides little."""
    matrix = np.random.default_rng(0).random((SIDE, SIDE), np.float32)
    rates = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        began = time.thread_time()
        for _ in range(8):
            matrix @ matrix
        rates.append(8 * 2 * SIDE**3 / (time.thread_time() - began) / 1e9)
    return float(np.percentile(rates, 75))


if __name__ == "__main__":
    print(core_gflops())
