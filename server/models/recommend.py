"""Recommends the best Whisper model that this machine is fast enough for, by a measurement."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np

from server import machine

#: The cores that recognition of one stream takes, on the machine of docs/benchmarks.md; the better
#: models last.
COSTS: Final = {
    "whisper-tiny": 0.25,
    "whisper-base": 0.45,
    "whisper-small": 1.5,
    "whisper-medium": 4.0,
    "whisper-large-v3-turbo": 4.0,
}
#: The share of all cores that recognition may take: translation and speech need the rest.
HEARING_PART: Final = 0.6
#: The speed of a core of that machine, in billions of floating-point operations per second.
CORE_GFLOPS: Final = 74.0
MEASURE_S: Final = 2.0
LIMIT_S: Final = 60.0
SIDE: Final = 512


class Carried(msgspec.Struct, frozen=True):
    """A model, and how many streams at once this machine can recognise with it; 0: none."""

    model: str
    streams: int


class Recommendation(msgspec.Struct, frozen=True):
    """``cores``: this machine's speed, in cores of the machine of docs/benchmarks.md. ``model``:
    the best that it is fast enough for; "" for none. ``carried``: all models."""

    cores: float
    model: str
    carried: Sequence[Carried]


def recommendation(cores: float) -> Recommendation:
    """The recommendation for a machine with a speed of ``cores``."""
    carried = [
        Carried(name, int(HEARING_PART * cores / cost + 1e-9)) for name, cost in COSTS.items()
    ]
    best = [each.model for each in carried if each.streams]
    return Recommendation(round(cores, 2), best[-1] if best else "", carried)


def measured_cores() -> float:
    """Measure this machine's speed, in cores of the machine of docs/benchmarks.md. Blocks for some
    seconds. Raises OSError if it cannot be measured."""
    command = [sys.executable, "-m", "server.models.recommend"]
    # One thread: several would wait for each other if another process is running.
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    try:
        ran = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=True, timeout=LIMIT_S
        )
        return machine.cores() * float(ran.stdout) / CORE_GFLOPS
    except (subprocess.SubprocessError, ValueError) as error:
        raise OSError(f"this machine's speed could not be measured: {error}") from error


def core_gflops() -> float:
    """The speed of the present core in GFLOPS, measured with matrix products. Only the thread's own
    CPU time counts, so other processes have little influence."""
    matrix = np.random.default_rng(0).random((SIDE, SIDE), np.float32)
    rates = []
    until = time.monotonic() + MEASURE_S
    while time.monotonic() < until:
        began = time.thread_time()
        for _ in range(8):
            matrix @ matrix
        rates.append(8 * 2 * SIDE**3 / (time.thread_time() - began) / 1e9)
    return float(np.percentile(rates, 75))


if __name__ == "__main__":
    print(core_gflops())
