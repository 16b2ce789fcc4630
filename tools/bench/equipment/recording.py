"""An hour of four channels recorded: what it costs, and whether sound and captions stay together.

The cost is the difference to the same server right before and after the recording, with the same
speech. Times of the channels are compared with when listeners got the same packets, times of
captions with where in the floor the same sound ends.
"""

import asyncio
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import mean, median
from typing import NamedTuple

import aiohttp
import av
import numpy as np
from numpy.typing import NDArray

from server.client.arrivals import Arrivals
from server.client.participants import Listener
from server.demo import clip
from server.media.files import SoundFile, WavWriter
from server.media.opus import RATE_HZ
from server.recording.files import CAPTIONS, SOUND
from server.recording.transcript import latest
from signaling.messages import ChannelState
from tools.bench.fanout import SETTLE_S
from tools.bench.fanout_processes import cpu_of
from tools.bench.joining import joining
from tools.bench.load import Listeners, delivered
from tools.bench.serving import Serving, Speaking, serving
from tools.figures import Figure

STREAM, SPOKEN = "bench", "nl"
FLOOR = "floor"
CHANNELS = (FLOOR, "en", "de", "fr")
#: Speech that is repeated: four phrases and pauses.
SPEECH_S, LOOP_S = 11.8, 12.0
HOURS, QUICK_SECONDS = 1.0, 36.0
#: Loops for which the cost is measured, twice with and twice without recording.
LOOPS, QUICK_LOOPS = 8, 1
LISTENERS = 20
READY_S, WRITTEN_S = 180.0, 60.0
#: A part of the recording in which the earliest packet of each channel is looked for.
PART_S = 24.0
#: Opus packets of silence are smaller, and not unique.
SILENT_BYTES = 40
#: Where the floor is louder, somebody speaks. Sound ends where so long a pause follows.
LOUD, PAUSE_MS = 1000, 300
#: The end of a caption and that of the same sound are not further apart.
NEAR_MS = 400


class Cost(NamedTuple):
    """``cpu``: of the media process, in cores. ``late_ms``: the 99th percentile."""

    cpu: float
    late_ms: float


async def run(quick: bool, hours: float = HOURS) -> list[Figure]:
    seconds = QUICK_SECONDS if quick else max(hours * 3600, 4 * LOOP_S)
    window_s = min(LOOP_S * (QUICK_LOOPS if quick else LOOPS), seconds / 2)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = await stack.enter_async_context(serving("--max-languages", str(len(CHANNELS))))
        heard = {
            channel: await stack.enter_async_context(
                Listener(server.url, STREAM, channel, audio="socket", keep_sound=True)
            )
            for channel in CHANNELS
        }
        await stack.enter_async_context(
            Speaking(server.url, STREAM, SPOKEN, _loop(folder / "speech.wav"))
        )
        for channel in CHANNELS[1:]:
            await heard[channel].expect(
                ChannelState, lambda state: state.status == "live", within_s=READY_S
            )
        listeners = Listeners(
            await stack.enter_async_context(joining(server.url, STREAM, CHANNELS[1]))
        )
        await stack.enter_async_context(listeners.alive())
        await listeners.join(LISTENERS)
        await asyncio.sleep(SETTLE_S)
        without = [await _cost(server, listeners, window_s)]
        await _switch(server, on=True)
        cost = [await _cost(server, listeners, window_s)]
        await asyncio.sleep(max(0.0, seconds - 2 * window_s))
        cost.append(await _cost(server, listeners, window_s))
        await _switch(server, on=False)
        without.append(await _cost(server, listeners, window_s))
        recording = await _written(server)
        channels = sum((recording / f"{channel}{SOUND}").exists() for channel in CHANNELS)
        arrivals = {channel: each.arrivals for channel, each in heard.items()}
        apart_ms = channels_apart_ms(recording, arrivals)
        lines, drift_ms = text_drift_ms(recording)
    return [
        Figure("equipment.recording.length", seconds, "s"),
        Figure("equipment.recording.channels", channels, "", bound=len(CHANNELS), better="higher"),
        *_costs(without, cost),
        Figure("equipment.recording.channels_apart", apart_ms, "ms", bound=20),
        Figure("equipment.recording.lines_compared", lines, ""),
        Figure("equipment.recording.captions_drift", drift_ms, "ms", bound=20),
    ]


def _costs(without: Sequence[Cost], cost: Sequence[Cost]) -> list[Figure]:
    more = mean(each.cpu for each in cost) - mean(each.cpu for each in without)
    late_ms = mean(each.late_ms for each in without)
    later_ms = mean(each.late_ms for each in cost) - late_ms
    return [
        Figure("equipment.recording.cpu_more", more, "cores", bound=0.03),
        Figure("equipment.recording.lateness_p99_without", late_ms, "ms"),
        Figure("equipment.recording.lateness_p99_more", later_ms, "ms", bound=1),
    ]


def _loop(file: Path) -> Path:
    pcm = np.zeros(round(LOOP_S * RATE_HZ), np.int16)
    said = clip(SPOKEN)[: round(SPEECH_S * RATE_HZ)]
    pcm[: said.size] = said
    with WavWriter(file, RATE_HZ) as wav:
        wav.write(pcm)
    return file


async def _cost(server: Serving, listeners: Listeners, seconds: float) -> Cost:
    cpu_s = cpu_of([server.pid])[0]
    async with listeners.recorded() as heard:
        await asyncio.sleep(seconds)
    cpu_s = cpu_of([server.pid])[0] - cpu_s
    late_s = delivered(heard, LISTENERS).lateness_s
    late_ms = 1e3 * float(np.percentile(late_s, 99)) if late_s.size else float("nan")
    return Cost(float(cpu_s) / seconds, late_ms)


async def _switch(server: Serving, on: bool) -> None:
    headers = {"Authorization": f"Bearer {server.token(stream=STREAM, operate=True)}"}
    body = {"recording": ["audio", "text"] if on else []}
    address = f"{server.url}/api/streams/{STREAM}/recording"
    async with (
        aiohttp.ClientSession(raise_for_status=True) as http,
        http.put(address, json=body, headers=headers),
    ):
        pass


async def _written(server: Serving) -> Path:
    """The folder of the only recording, once all of it is written."""
    async with asyncio.timeout(WRITTEN_S):
        while True:
            for folder in (server.state / "recordings").iterdir():
                if (folder / f"{SPOKEN}.txt").exists():
                    return folder
            await asyncio.sleep(0.1)


def channels_apart_ms(folder: Path, heard: Mapping[str, Arrivals]) -> float | None:
    """How much the time lines of the channels differ, at any time of the recording: None if a
    channel cannot be compared. Of each part the packet counts that came earliest."""
    offsets_s: list[float] = []
    for channel, arrivals in heard.items():
        file = folder / f"{channel}{SOUND}"
        pairs = _pairs(file, arrivals) if file.exists() else np.zeros((0, 2))
        if not len(pairs):
            return None
        parts = (pairs[:, 0] // PART_S).astype(int)
        late_s = pairs[:, 1] - pairs[:, 0]
        offsets_s += [float(late_s[parts == part].min()) for part in np.unique(parts)]
    return 1e3 * (max(offsets_s) - min(offsets_s))


def _pairs(file: Path, arrivals: Arrivals) -> NDArray[np.float64]:
    """For each packet that is in the recording and was heard: where it is, and when it came."""
    recorded: list[tuple[bytes, float]] = []
    with av.open(str(file)) as container:
        for packet in container.demux(audio=0):
            if packet.pts is not None and packet.time_base is not None:
                recorded.append((bytes(packet), float(packet.pts * packet.time_base)))
    came = [data for _, data in arrivals.payloads]
    times = [Counter(data for data, _ in recorded), Counter(came)]
    at_s = dict(zip(came, arrivals.at_s, strict=False))
    pairs = [
        (position_s, at_s[data])
        for data, position_s in recorded
        if len(data) > SILENT_BYTES and all(each[data] == 1 for each in times)
    ]
    return np.array(pairs, np.float64).reshape(-1, 2)


def text_drift_ms(folder: Path) -> tuple[int, float | None]:
    """How much more, or less, the captions of the second half are after their sound in the floor
    than those of the first half: the largest difference of the same text. Also the number of lines
    that were compared."""
    ends = _sound_ends_ms(folder / f"{FLOOR}{SOUND}")
    found: dict[str, list[tuple[int, float]]] = {}
    count = 0
    for line in latest(folder / CAPTIONS):
        if line.source and ends.size:
            off_ms = float(line.end_ms - ends[np.abs(ends - line.end_ms).argmin()])
            if abs(off_ms) < NEAR_MS:
                found.setdefault(line.text, []).append((line.end_ms, off_ms))
                count += 1
    middle = float(ends[-1]) / 2 if ends.size else 0.0
    drifts = []
    for each in found.values():
        halves = [[off for at, off in each if (at > middle) is later] for later in (False, True)]
        if all(halves):
            drifts.append(abs(median(halves[1]) - median(halves[0])))
    return count, max(drifts, default=None)


def _sound_ends_ms(file: Path) -> NDArray[np.int64]:
    """When speech stops for a while."""
    step = RATE_HZ // 1000
    peaks = []
    rest = np.zeros(0, np.int16)
    with SoundFile(file, RATE_HZ) as sound:
        for part in sound:
            pcm = np.concatenate((rest, part))
            whole = pcm.size // step * step
            peaks.append(np.abs(pcm[:whole].astype(np.int32)).reshape(-1, step).max(axis=1))
            rest = pcm[whole:]
    loud = np.flatnonzero(np.concatenate(peaks) > LOUD) if peaks else np.zeros(0, np.int64)
    return loud[np.append(np.diff(loud) > PAUSE_MS, True)] if loud.size else loud
