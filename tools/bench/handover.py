"""A person takes a language over from the machine and gives it back: is there a gap, are there two
at once?

- What listeners hear is played and encoded by the server's own playout, but not in real time, so
  that the load of this machine does not matter. The machine's speech is the English clip. The
  person is a tone above the highest frequency of its voice. A second playout that nobody takes over
  tells when the machine itself makes a pause, which is no gap.
- Then a running server with a speaker, an interpreter and a listener tells whether the listener's
  packets go on in order, and how soon the listener is told.
"""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from server.client.conversation import alongside
from server.client.participants import Interpreter, Listener, Speaker
from server.demo import clip
from server.media.broadcast import SubscriberTrack
from server.media.floor import FloorBuffer
from server.media.opus import RATE_HZ, SAMPLES_PER_TICK, OpusDecoder, Pcm
from server.media.playout import StreamPlayout
from signaling.messages import ChannelState
from tools.bench.serving import serving
from tools.figures import Figure

GAP_MS = 300
TIMES, TIMES_QUICK = 20, 4
TONE_HZ, VOICE_HZ = 9_500, (100, 5_000)
#: Loudness is looked at in windows of 10 ms, relative to the loudest.
WINDOW, WINDOW_MS = RATE_HZ // 100, 10
WINDOWS_A_TICK = SAMPLES_PER_TICK // WINDOW
HEARD = 0.02
#: How long each is heard before it is changed, in ticks: two to four seconds.
LEAST, MOST = 100, 200
#: The packets of the encoder are late by that much.
LATE_WINDOWS = 1
READY_S, PATIENCE_S = 60.0, 20.0

Heard = NDArray[np.bool_]


class Played(NamedTuple):
    """Who is heard in each window: the machine, the person; and the machine where nobody takes
    over. ``presses``: the ticks at which the person took over, or gave back."""

    machine: Heard
    person: Heard
    undisturbed: Heard
    presses: list[int]


async def run(quick: bool) -> list[Figure]:
    """Take over and give back many times; returns the gaps and what was heard at once."""
    times = TIMES_QUICK if quick else TIMES
    return [Figure("handover.times", times, ""), *judged(played(times)), *await live(times)]


# --- what is heard -----------------------------------------------------------------------------


def played(times: int) -> Played:
    """Hand over so many times, there and back."""
    chance = random.Random(1)
    presses = list(np.cumsum([chance.randint(LEAST, MOST) for _ in range(2 * times)]))
    taken, alone = _Channel(), _Channel()
    hum, person = tone(), None
    for tick in range(int(presses[-1]) + MOST):
        if tick in presses:
            person = FloorBuffer() if person is None else None
            taken.playout.hand_over("en", person)
        if person is not None:
            begin = tick * SAMPLES_PER_TICK % hum.size
            person.push(hum[begin : begin + SAMPLES_PER_TICK])
        taken.tick(tick)
        alone.tick(tick)
    voice, other = loudness(np.concatenate(taken.heard))
    undisturbed, _ = loudness(np.concatenate(alone.heard))
    return Played(voice > HEARD, other > HEARD, undisturbed > HEARD, [int(at) for at in presses])


class _Channel:
    """A stream's English channel, and what its listeners hear: the clip, again and again."""

    def __init__(self) -> None:
        self.playout = StreamPlayout()
        self.playout.set_status("en", "live")
        self.heard: list[Pcm] = []
        self._track = SubscriberTrack(self.playout.channel("en"), gapless=True)
        self._decoder = OpusDecoder()
        self._clauses = 0
        self._speech = clip("en")

    def tick(self, tick: int) -> None:
        if self.playout.backlog_s("en") < 1:
            self._clauses += 1
            self.playout.speak("en", self._clauses, self._speech, RATE_HZ, tick, last=True)
        self.playout.tick(tick)
        self.heard += [self._decoder.decode(bytes(packet)) for packet in self._track.taken()]


def judged(heard: Played) -> list[Figure]:
    """The figures of what was heard."""
    to_person, to_machine = [], []
    for number, press in enumerate(heard.presses):
        begin = press * WINDOWS_A_TICK + LATE_WINDOWS
        who = heard.machine if number % 2 else heard.person
        first = begin + int(np.argmax(who[begin:]))
        silent = ~(heard.machine | heard.person)[begin:first]
        if number % 2:  # the machine's own pauses are no gaps
            to_machine.append(WINDOW_MS * int(np.sum(silent & heard.undisturbed[begin:first])))
        else:
            to_person.append(WINDOW_MS * int(np.sum(silent)))
    both = heard.machine & heard.person
    # The packet of a change has the end of one and the beginning of the other, one after the other;
    # as it is encoded as a whole, both windows of it may have something of both.
    at_once = WINDOW_MS * int(np.sum(both[2:] & both[1:-1] & both[:-2]))
    return [
        Figure("handover.gap_to_person_max", max(to_person), "ms", bound=GAP_MS),
        Figure("handover.gap_to_machine_p50", float(np.median(to_machine)), "ms"),
        Figure("handover.gap_to_machine_max", max(to_machine), "ms", bound=GAP_MS),
        Figure("handover.both_at_once", at_once, "ms", bound=0),
    ]


def loudness(pcm: Pcm) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The loudness of the voice and of the tone in each window, relative to their loudest."""
    pieces = pcm[: pcm.size // WINDOW * WINDOW].reshape(-1, WINDOW) * np.hanning(WINDOW)
    spectrum = np.abs(np.fft.rfft(pieces, axis=1))
    hz = np.fft.rfftfreq(WINDOW, 1 / RATE_HZ)
    voice = spectrum[:, (hz >= VOICE_HZ[0]) & (hz <= VOICE_HZ[1])].sum(axis=1)
    other = spectrum[:, np.abs(hz - TONE_HZ) < 300].sum(axis=1)
    return voice / voice.max(), other / max(other.max(), voice.max() * HEARD)


def tone() -> Pcm:
    """Two seconds of what the person says."""
    wave = 8000 * np.sin(2 * np.pi * TONE_HZ * np.arange(2 * RATE_HZ) / RATE_HZ)
    return wave.astype(np.int16)


# --- what a listener's connection gets -----------------------------------------------------------


async def live(times: int) -> list[Figure]:
    """Take over and give back in a running server."""
    told_s: list[float] = []
    async with (
        serving() as server,
        Listener(server.url, "bench", "en") as listener,
        Interpreter(server.url, "bench", "en", "A person") as person,
        Speaker(server.url, "bench", "nl") as speaker,
        repeating(speaker, clip("nl")),
        repeating(person, tone()),
    ):
        await listener.expect(ChannelState, lambda state: state.status == "live", within_s=READY_S)
        for number in range(2 * times):
            told_s.append(await change(person, listener, on=number % 2 == 0))
            await asyncio.sleep(1)
        sequences, timestamps = listener.arrivals.sequences, listener.arrivals.timestamps
    return [
        Figure("handover.told_p50", 1000 * float(np.median(told_s)), "ms"),
        Figure("handover.lost_packets", int(np.sum(np.diff(sequences) - 1)), "", bound=0),
        Figure("handover.times_back", int(np.sum(np.diff(timestamps) <= 0)), "", bound=0),
    ]


async def change(person: Interpreter, listener: Listener, *, on: bool) -> float:
    """Put the person on air, or off; returns the seconds until the listener is told."""
    told, began_s = len(listener.received), asyncio.get_running_loop().time()
    await person.on_air(on)
    await listener.expect(
        ChannelState,
        lambda state: bool(state.interpreter) is on,
        since=told,
        within_s=PATIENCE_S,
    )
    return asyncio.get_running_loop().time() - began_s


@contextlib.asynccontextmanager
async def repeating(who: Speaker | Interpreter, pcm: Pcm) -> AsyncIterator[None]:
    """Somebody says this again and again."""

    async def say() -> None:
        while True:
            await who.play(pcm)

    async with alongside(say(), "says"):
        yield
