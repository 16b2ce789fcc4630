"""Sends one stream to many listeners: the cost to the sending process, and how packets arrive.

The server has one core, the listeners have the others. Systems take turns, each in a new process.
On a busy machine times alone mean little: compare systems within one run. A server of several
processes gets a core for each, as long as one core is left for the listeners. If there are too few
cores, the CPU time of the busiest process still tells how many listeners it could have.
"""

import asyncio
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from statistics import median
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tools.bench import janus
from tools.bench.fanout_processes import children_of, cpu_of, memory_of, process
from tools.bench.fanout_server import SYSTEMS
from tools.bench.load import (
    Delivered,
    Listeners,
    answering_janus,
    delivered,
    offering_to,
)
from tools.figures import Figure

LISTENERS, QUICK_LISTENERS = (20, 100, 300, 600, 1000), (20, 100)
ROUNDS, QUICK_ROUNDS = 2, 1
SECONDS, QUICK_SECONDS = 30, 6
#: From this number of listeners on, a run takes longer.
LARGE, LARGE_SECONDS = 1000, 60
#: After the last join, before measuring begins.
SETTLE_S = 3.0
#: Systems to compare with.
AGAINST = (*SYSTEMS, "janus")
#: The system that the bounds are about.
OURS = "tolk"
#: Stands between the name of a system and its number of processes, if that is not one.
TIMES = "_x"
#: The most listeners of a baseline; with more it falls behind.
MOST = {"mediarelay": 30, "packets": 300, "janus": 300}
#: Bounds on how many times less CPU is used, and the numbers of listeners they apply to.
TIMES_LESS = {
    ("tolk", "mediarelay"): (20.0, (300, 600)),
    ("tolk", "janus"): (1.4, (300,)),
}


class Run(NamedTuple):
    """One system with a number of listeners. ``cpu_s``: of all its processes. ``join_cpu_s``: of
    joining, without the packets sent meanwhile. ``memory_bytes``: added by the listeners."""

    cpu_s: float
    busiest_cpu_s: float
    seconds: float
    join_cpu_s: float
    join_s: float
    memory_bytes: int
    listeners: Listeners
    delivered: Delivered


async def run(
    quick: bool,
    listeners: Sequence[int] = (),
    against: Sequence[str] = (),
    processes: Sequence[int] = (1,),
) -> list[Figure]:
    """``against``: those of AGAINST to compare with. ``processes``: numbers of processes that the
    server is to have, one after the other."""
    measured = [OURS if number == 1 else f"{OURS}{TIMES}{number}" for number in processes]
    against = comparable(against)
    counts = list(listeners) or list(QUICK_LISTENERS if quick else LISTENERS)
    plan = [(system, count) for system in measured for count in counts]
    for system in against:
        reachable = [min(count, MOST.get(system, count)) for count in counts]
        plan += [(system, count) for count in reachable]
    runs: dict[tuple[str, int], list[Run]] = {each: [] for each in plan}
    for _ in range(QUICK_ROUNDS if quick else ROUNDS):
        for each in runs:
            seconds = LARGE_SECONDS if each[1] >= LARGE else SECONDS
            runs[each].append(await _measured(*each, QUICK_SECONDS if quick else seconds))
    figures = [figure for each, of in runs.items() for figure in _figures(*each, of)]
    return figures + _ratios(runs, measured, against)


def comparable(systems: Sequence[str]) -> list[str]:
    """Those ``systems`` that this machine can run. Says what is left out."""
    reason = janus.missing() if "janus" in systems else ""
    if reason:
        print(f"left out: {reason}", file=sys.stderr)
    return [system for system in systems if not (reason and system == "janus")]


async def _measured(system: str, count: int, seconds: float) -> Run:
    cores = sorted(os.sched_getaffinity(0))
    system, _, processes = system.partition(TIMES)
    own = max(1, min(int(processes or 1), len(cores) - 1))
    os.sched_setaffinity(0, cores[own:] or cores)
    try:
        async with AsyncExitStack() as stack:
            serving = process(system, cores[:own], int(processes or 1))
            url, pid = await stack.enter_async_context(serving)
            joining = answering_janus if system == "janus" else offering_to
            listeners = Listeners(await stack.enter_async_context(joining(url)))
            async with listeners.alive():
                loop = asyncio.get_running_loop()
                pids = (pid, *children_of(pid))
                memory, cpu_s, began_s = memory_of(pids), cpu_of(pids), loop.time()
                async with listeners.recorded() as heard_meanwhile:
                    await listeners.join(count)
                join_s, join_cpu_s = loop.time() - began_s, sum(cpu_of(pids) - cpu_s)
                await asyncio.sleep(SETTLE_S)
                cpu_s = cpu_of(pids)
                async with listeners.recorded() as heard:
                    await asyncio.sleep(seconds)
                cpu_s = cpu_of(pids) - cpu_s
                memory = memory_of(pids) - memory
            came = delivered(heard, count)
            sent_meanwhile = sum(each.listener.size for each in heard_meanwhile)
            return Run(
                cpu_s=sum(cpu_s),
                busiest_cpu_s=max(cpu_s),
                seconds=seconds,
                join_cpu_s=join_cpu_s - sent_meanwhile * sum(cpu_s) / max(came.packets, 1),
                join_s=join_s,
                memory_bytes=memory,
                listeners=listeners,
                delivered=came,
            )
    finally:
        os.sched_setaffinity(0, cores)


def _figures(system: str, count: int, runs: Sequence[Run]) -> list[Figure]:
    prefix = f"fanout.{system}.{count}"
    bound = system == OURS  # baselines have no bounds
    return [
        *_cpu_figures(prefix, count, runs),
        *_arrival_figures(prefix, runs, bound),
        *_joining_figures(prefix, count, runs, bound),
    ]


def _typical(runs: Sequence[Run], of: Callable[[Run], float]) -> float:
    return median(of(each) for each in runs)


def _cpu_figures(prefix: str, count: int, runs: Sequence[Run]) -> list[Figure]:
    return [
        Figure(f"{prefix}.cpu_per_packet", 1e6 * _cost_s(runs), "us"),
        Figure(
            f"{prefix}.cpu_per_listener_second",
            1e3 * _typical(runs, lambda run: run.cpu_s / run.seconds / count),
            "ms",
        ),
        Figure(
            f"{prefix}.busiest_process",
            100 * _typical(runs, lambda run: run.busiest_cpu_s / run.seconds),
            "% of a core",
        ),
    ]


def _arrival_figures(prefix: str, runs: Sequence[Run], bound: bool) -> list[Figure]:
    none = 0 if bound else None

    def late_ms(percent: float) -> float:
        return _typical(runs, lambda run: _percentile_ms(run.delivered.lateness_s, percent))

    return [
        Figure(f"{prefix}.packets_lost", sum(run.delivered.lost for run in runs), "", bound=none),
        Figure(f"{prefix}.silent", sum(run.delivered.silent for run in runs), "", bound=none),
        Figure(
            f"{prefix}.packets_not_as_they_should_be",
            sum(run.listeners.sampled - run.listeners.sound for run in runs),
            f"of {sum(run.listeners.sampled for run in runs)}",
            bound=none,
        ),
        Figure(f"{prefix}.lateness_p50", late_ms(50), "ms"),
        Figure(f"{prefix}.lateness_p99", late_ms(99), "ms", bound=10 if bound else None),
        Figure(f"{prefix}.lateness_max", late_ms(100), "ms"),
        Figure(
            f"{prefix}.jitter_p99",
            _typical(runs, lambda run: _percentile_ms(run.delivered.jitters_s, 99)),
            "ms",
            bound=1 if bound else None,
        ),
    ]


def _joining_figures(prefix: str, count: int, runs: Sequence[Run], bound: bool) -> list[Figure]:
    return [
        Figure(
            f"{prefix}.memory_per_listener",
            _typical(runs, lambda run: run.memory_bytes / count / 1e3),
            "kB",
        ),
        Figure(
            f"{prefix}.join_cpu",
            1e3 * _typical(runs, lambda run: run.join_cpu_s / count),
            "ms",
            bound=6 if bound else None,
        ),
        Figure(
            f"{prefix}.joins_per_second",
            _typical(runs, lambda run: count / run.join_s),
            "",
            better="higher",
        ),
        Figure(
            f"{prefix}.first_packet_p50",
            1e3
            * _typical(runs, lambda run: median(run.listeners.first_packet_s or [float("inf")])),
            "ms",
            bound=300 if bound else None,
        ),
    ]


def _cost_s(runs: Sequence[Run]) -> float:
    """CPU time per packet."""
    return median(run.cpu_s / max(run.delivered.packets, 1) for run in runs)


def _percentile_ms(seconds: NDArray[np.float64], percent: float) -> float:
    return 1e3 * float(np.percentile(seconds, percent)) if seconds.size else float("inf")


def _ratios(
    runs: Mapping[tuple[str, int], Sequence[Run]], measured: Sequence[str], against: Sequence[str]
) -> list[Figure]:
    """The cost of a packet of each baseline, at its cheapest, divided by that of ours."""
    costs = {each: _cost_s(of) for each, of in runs.items()}
    figures = []
    for other in against:
        best = min(cost for (system, _), cost in costs.items() if system == other)
        for (system, count), cost in costs.items():
            if system in measured and system != other:
                bound, at = TIMES_LESS.get((system, other), (None, ()))
                figures.append(
                    Figure(
                        f"fanout.{system}.{count}.times_less_cpu_than_{other}",
                        best / cost,
                        "",
                        bound=bound if count in at else None,
                        better="higher",
                    )
                )
    return figures
