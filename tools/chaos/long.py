"""An hour or two in one go: streams, languages and listeners come and go, and nothing may grow.

With other models than the shipped ones, name them as for the server: TOLK_MODELS=FOLDER.
"""

import asyncio
import itertools
import os
import statistics
from collections.abc import Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from server.client.conversation import alongside
from server.client.participants import Listener
from tools.bench.serving import Serving, Speaking, serving
from tools.chaos.people import FAILURES, STREAM
from tools.figures import Figure

CLIP: Final = Path("server/demo/nl.opus")
HOUR_S, QUICK_S = 3600.0, 180.0
#: What is there after this part of an hour, ten minutes, may not grow.
SETTLED: Final = 1 / 6
#: Interpreters give memory back every 10 s: samples in step with that, just before it or just after
#: it, would differ by 4 %.
EVERY_S, QUICK_EVERY_S = 3.0, 0.5
#: A listener comes each second, and stays for a second.
STAYS_S: Final = 1.0
CHANNELS: Final = ("floor", "en", "de", "fr", "en+floor")
#: Another stream is there for every second of these spans.
OTHER_S, QUICK_OTHER_S = 45.0, 4.5
#: The level of memory is its mean over so many comings of that stream: the same number with each of
#: its languages. It takes a seventh of the memory, so a median would be that with the stream or
#: without it, by chance.
COMINGS: Final = 6
GROWTH_PERCENT: Final = 3.0
LAG_S: Final = 0.1


@dataclass(frozen=True)
class Sample:
    """What there is at one time. Memory in bytes; the sums of lags in seconds and their number."""

    memory: dict[str, float]
    descriptors: float
    tasks: float
    lags: tuple[float, float]


@dataclass
class Visits:
    """How many listeners came, and how many of them got no sound."""

    count: int = 0
    silent: int = 0


async def hour(quick: bool, busy: bool) -> list[Figure]:
    return await _last("hour", 1, quick)


async def two_hours(quick: bool, busy: bool) -> list[Figure]:
    return await _last("two_hours", 2, quick)


async def _last(name: str, hours: int, quick: bool) -> list[Figure]:
    seconds = hours * (QUICK_S if quick else HOUR_S)
    other_s, every_s = (QUICK_OTHER_S, QUICK_EVERY_S) if quick else (OTHER_S, EVERY_S)
    samples: list[Sample] = []
    async with serving() as server, AsyncExitStack() as stack:
        await stack.enter_async_context(Speaking(server.url, STREAM, "nl", CLIP))
        await stack.enter_async_context(Listener(server.url, STREAM, "en"))
        await stack.enter_async_context(alongside(_other(server, other_s), "other-stream"))
        visits = Visits()
        await stack.enter_async_context(alongside(_come_and_go(server, visits), "visitors"))
        loop = asyncio.get_running_loop()
        until_s = loop.time() + seconds
        while loop.time() < until_s:
            await asyncio.sleep(every_s)
            samples.append(await _sample(server))
    return [
        Figure(f"{name}.seconds", seconds, "s"),
        Figure(f"{name}.visitors", visits.count, ""),
        Figure(f"{name}.visitors_without_sound", visits.silent, "", bound=0),
        *_growths(name, samples, len(samples) // hours, round(COMINGS * 2 * other_s / every_s)),
    ]


async def _come_and_go(server: Serving, visits: Visits) -> None:
    """A listener comes each second; those before may still be there."""

    async def visit(channel: str) -> None:
        visits.count += 1
        try:
            async with Listener(server.url, STREAM, channel) as visitor:
                await asyncio.sleep(STAYS_S)
                visits.silent += not len(visitor.arrivals)
        except FAILURES:
            visits.silent += 1

    async with asyncio.TaskGroup() as group:
        for channel in itertools.cycle(CHANNELS):
            group.create_task(visit(channel), name="visitor")
            await asyncio.sleep(1)


async def _other(server: Serving, seconds: float) -> None:
    """A stream that comes and goes, with a listener."""
    for number in itertools.count():
        stream = f"other-{number % 4}"
        async with (
            Speaking(server.url, stream, "nl", CLIP),
            Listener(server.url, stream, CHANNELS[1 + number % 3]),
        ):
            await asyncio.sleep(seconds)
        await asyncio.sleep(seconds)


async def _sample(server: Serving) -> Sample:
    memory = {"server": _own_memory(server.pid)}
    for name, pid in zip(("interpreter", "spare"), server.children("worker"), strict=False):
        memory[name] = _own_memory(pid)
    name = "tolk_ear_voice_span_seconds"
    return Sample(
        memory,
        len(os.listdir(f"/proc/{server.pid}/fd")),
        await server.metric("tolk_tasks"),
        (await _value(server, f"{name}_sum"), await _value(server, f"{name}_count")),
    )


async def _value(server: Serving, name: str) -> float:
    try:
        return await server.metric(name)
    except KeyError:
        return 0.0


def _own_memory(pid: int) -> float:
    """Without the files that are mapped: the system drops those when memory is short."""
    resident, shared = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1:3]
    return float((int(resident) - int(shared)) * os.sysconf("SC_PAGE_SIZE"))


def _growths(row: str, samples: list[Sample], an_hour: int, window: int) -> list[Figure]:
    """How much more there is in the last ``window`` samples than in those after everything had
    settled."""
    first = round(an_hour * SETTLED)
    early, late = samples[first : first + window], samples[-window:]
    figures = []
    for name in sorted(early[0].memory.keys() & late[-1].memory.keys()):
        before, after = (_level(each.memory.get(name) for each in part) for part in (early, late))
        growth = 100 * (after / before - 1)
        figures += [
            Figure(f"{row}.{name}.memory", after / 1e6, "MB"),
            Figure(f"{row}.{name}.memory_growth", growth, "%", GROWTH_PERCENT),
        ]
    descriptors = min(each.descriptors for each in late) - min(each.descriptors for each in early)
    tasks = min(each.tasks for each in late) - min(each.tasks for each in early)
    return [
        *figures,
        Figure(f"{row}.descriptors_more", descriptors, "", bound=0),
        Figure(f"{row}.tasks_more", tasks, "", bound=0),
        Figure(f"{row}.lag", _lag_s(late), "s"),
        Figure(f"{row}.lag_more", _lag_s(late) - _lag_s(early), "s", bound=LAG_S),
    ]


def _level(values: Iterable[float | None]) -> float:
    return statistics.fmean(each for each in values if each is not None)


def _lag_s(samples: list[Sample]) -> float:
    """The mean from the end of a clause to its interpretation."""
    (total, count), (total_before, before) = samples[-1].lags, samples[0].lags
    return (total - total_before) / max(1, count - before)
