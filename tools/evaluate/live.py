"""One talk through a whole server in real time: a PeerConnection speaks, others listen."""

import asyncio
import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from server.bus.messages import RATE_HZ as RECOGNIZER_HZ
from server.client.participants import Listener, Speaker
from server.interpretation.engines import Recognizer
from server.media.opus import RATE_HZ, Pcm, Resampler
from tools.bench.fanout_processes import memory_of
from tools.bench.serving import Serving, serving
from tools.evaluate.captions import Line
from tools.evaluate.latency_metrics import percentiles, stretches
from tools.evaluate.talks import Talk, Timed
from tools.packets import lateness_s

STREAM = "talk"
#: Waits: before the talk for the voice to be ready, after it for the last interpretation.
READY_S, TAIL_S = 2.0, 10.0
#: Windows of WINDOW_S seconds with a lower peak are silence.
WINDOW_S = 0.01
SILENT_PEAK = 200
#: Shorter silences are part of a word.
WITHIN_S = 0.05
CHUNK = RECOGNIZER_HZ // 10


class Heard(msgspec.Struct, frozen=True):
    """What was heard of a talk in one language. Times are of arrival, by RTP time, in seconds from
    the talk's first sample. ``voiced``: (start, end) of sound. ``words``: None if there is no
    recogniser of the language."""

    language: str
    captions: list[Line]
    words: list[Timed] | None
    voiced: list[tuple[float, float]]


class Observation(msgspec.Struct, frozen=True):
    """One run. ``cpu``: cores used, by process. ``dropped``: how many things of any kind the
    interpreter dropped. ``lateness_p99_ms``: of all packets to all ``listeners`` since the talk
    began. ``memory_mb``: at the end, by process."""

    policy: str
    source_captions: list[Line]
    heard: list[Heard]
    cpu: dict[str, float]
    dropped: float
    listeners: int
    lateness_p99_ms: float | None
    memory_mb: dict[str, float] = {}


async def observe(
    talk: Talk,
    pcm: Pcm,
    policy: str,
    recognizers: dict[str, Recognizer],
    targets: Sequence[str],
    extra_listeners: int = 0,
    options: Sequence[str] = (),
) -> Observation:
    """Speak ``talk`` to a server started with these ``options`` and ``policy``; "default" leaves
    the policy out. What was heard is recognised after the server has ended."""
    options = (*options, *(() if policy == "default" else ("--policy", policy)))
    loop = asyncio.get_running_loop()
    async with contextlib.AsyncExitStack() as stack:
        server = await stack.enter_async_context(serving(*options))
        ours = [
            Listener(server.url, STREAM, target, captions=[talk.source, target], keep_sound=True)
            for target in targets
        ]
        others = [
            Listener(server.url, STREAM, targets[number % len(targets)])
            for number in range(extra_listeners)
        ]
        for listener in (*ours, *others):
            await stack.enter_async_context(listener)
        speaker = await stack.enter_async_context(Speaker(server.url, STREAM, talk.source))
        await asyncio.sleep(READY_S)
        usage = Usage(server)
        began_s = loop.time()
        await speaker.play(pcm)
        await asyncio.sleep(TAIL_S)
        used, held_mb = usage.cores(loop.time() - began_s), usage.memory_mb()
        dropped = await interpreter_dropped(server)
    late_s = [_late_s(listener, began_s) for listener in (*ours, *others)]
    return Observation(
        policy=policy,
        source_captions=_lines(ours[0], talk.source, began_s),
        heard=[
            _heard(listener, target, recognizers.get(target), began_s)
            for listener, target in zip(ours, targets, strict=True)
        ],
        cpu=used,
        dropped=dropped,
        listeners=len(late_s),
        lateness_p99_ms=percentiles((1e3 * np.concatenate(late_s)).tolist(), 99)[0],
        memory_mb=held_mb,
    )


def _late_s(listener: Listener, began_s: float) -> NDArray[np.float64]:
    at_s, timestamps = listener.arrivals.at_s, listener.arrivals.timestamps
    since = at_s >= began_s
    return lateness_s(at_s[since], timestamps[since])


def _lines(listener: Listener, language: str, began_s: float) -> list[Line]:
    return [
        Line(at_s - began_s, each.segment, each.status, each.text)
        for at_s, each in listener.captions
        if each.language == language
    ]


def _heard(
    listener: Listener, language: str, recognizer: Recognizer | None, began_s: float
) -> Heard:
    arrivals = listener.arrivals
    captions = _lines(listener, language, began_s)
    if not arrivals.payloads:
        return Heard(language, captions, [] if recognizer else None, [])
    # The packet that came earliest, by its RTP time, tells when each timestamp can be played.
    zero_s = float((arrivals.at_s - arrivals.timestamps / RATE_HZ).min())
    zero_s += float(arrivals.timestamps.min()) / RATE_HZ - began_s
    pcm = arrivals.sound()
    voiced = [(start_s + zero_s, end_s + zero_s) for start_s, end_s in voiced_s(pcm, RATE_HZ)]
    words = None if recognizer is None else recognized(pcm, recognizer, zero_s)
    return Heard(language, captions, words, voiced)


def voiced_s(pcm: Pcm, rate_hz: int) -> list[tuple[float, float]]:
    """(start, end) of sound in ``pcm``."""
    window = round(WINDOW_S * rate_hz)
    windows = pcm[: len(pcm) // window * window].reshape(-1, window)
    loud = np.maximum(windows.max(axis=1), -windows.min(axis=1).astype(np.int32)) > SILENT_PEAK
    at_s = (np.flatnonzero(loud) * WINDOW_S).tolist()
    return stretches([(start_s, start_s + WINDOW_S) for start_s in at_s], WITHIN_S)


def recognized(pcm: Pcm, recognizer: Recognizer, zero_s: float = 0.0) -> list[Timed]:
    """The words in 48 kHz sound whose first sample is at ``zero_s``."""
    resampler = Resampler(RATE_HZ, RECOGNIZER_HZ)
    sound = np.concatenate((resampler.push(pcm), resampler.flush()))
    stream = recognizer.stream()
    transcripts = [
        stream.accept(sound[start : start + CHUNK]) for start in range(0, len(sound), CHUNK)
    ]
    transcripts.append(stream.finish())
    return [
        Timed(
            word.text,
            zero_s + word.start_sample / RECOGNIZER_HZ,
            zero_s + word.end_sample / RECOGNIZER_HZ,
        )
        for transcript in transcripts
        if transcript is not None and transcript.final
        for word in transcript.words
    ]


class Usage:
    """Measures the server's processes: their processor time from now on, and their memory."""

    def __init__(self, server: Serving) -> None:
        self._pids = {"media": server.pid, "interpreter": server.interpreter_pid()}
        self._before_s = {name: cpu_s(pid) for name, pid in self._pids.items()}

    def cores(self, seconds: float) -> dict[str, float]:
        """Cores used by each process that still runs."""
        used = {}
        for name, pid in self._pids.items():
            with contextlib.suppress(OSError):
                used[name] = (cpu_s(pid) - self._before_s[name]) / seconds
        return used

    def memory_mb(self) -> dict[str, float]:
        """Resident memory of each process that still runs."""
        held = {}
        for name, pid in self._pids.items():
            with contextlib.suppress(OSError):
                held[name] = memory_of([pid]) / 1e6
        return held


def cpu_s(pid: int) -> float:
    """User and system time of a process, all threads: proc(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def interpreter_dropped(server: Serving) -> float:
    try:
        return await server.metric("tolk_interpreter_dropped")
    except KeyError:  # there was no sound
        return 0.0
