"""The floor as it waits to be played: what the speaker says, smoothed over arrival jitter.

Sound comes in pieces of any length and leaves 20 ms at a time. A cushion of 60 ms rides out
jitter. The buffer never holds more than its limit; delay above twice the cushion is won back
where it is not heard: quiet stretches are skipped, and silence is only stored up to the
cushion. The speaker's own packets, where there are any, wait and leave with their sound.
"""

from collections import deque

import numpy as np

from server.media.counts import PlayoutCounts
from server.media.opus import SAMPLES_PER_TICK, Pcm

CUSHION_SAMPLES = 3 * SAMPLES_PER_TICK
LIMIT_SAMPLES = 15 * SAMPLES_PER_TICK
#: Peak below which sound is quiet: about -40 dBFS.
QUIET_PEAK = 300

_SILENCE: Pcm = np.zeros(SAMPLES_PER_TICK, np.int16)
_SILENCE.flags.writeable = False


def is_quiet(pcm: Pcm) -> bool:
    """Whether a few milliseconds of this can be left out unheard."""
    return not pcm.size or bool(pcm.max() < QUIET_PEAK and pcm.min() > -QUIET_PEAK)


class FloorBuffer:
    """One stream's."""

    def __init__(self, counts: PlayoutCounts | None = None) -> None:
        self.counts = PlayoutCounts() if counts is None else counts
        self._samples: Pcm = np.zeros(0, np.int16)
        self._packets: deque[tuple[int, bytes]] = deque()  # and where in all sound they begin
        self._left = 0
        self._filling = True

    def push(self, pcm: Pcm, packet: bytes | None = None) -> None:
        """Sound as received: int16 mono at 48 kHz, any length; the packet that it came in, if
        it is just that. Of nothing but zeros, as of what could not be decoded, none is kept."""
        if not pcm.any():
            pcm = pcm[: max(0, CUSHION_SAMPLES - self._samples.size)]
        elif packet is not None:
            self._packets.append((self._left + self._samples.size, packet))
        self._samples = np.concatenate((self._samples, pcm))
        if self._samples.size > LIMIT_SAMPLES:
            self._drop(self._samples.size - CUSHION_SAMPLES)

    def pull(self) -> tuple[Pcm, bytes | None]:
        """The next 20 ms: silence until the cushion is there, and when the sound runs out. And
        the packet that begins in them, if there is just one."""
        if self._filling:
            if self._samples.size < CUSHION_SAMPLES:
                return _SILENCE, None
            self._filling = False
        while self._samples.size > 2 * CUSHION_SAMPLES and is_quiet(
            self._samples[:SAMPLES_PER_TICK]
        ):
            self._drop(SAMPLES_PER_TICK)
        packets = self._begin_before(self._left + SAMPLES_PER_TICK)
        pcm, self._samples = np.split(self._samples, [SAMPLES_PER_TICK])
        self._left += pcm.size
        if pcm.size < SAMPLES_PER_TICK:
            self.counts.floor_underruns += 1
            self._filling = True
            pcm = np.concatenate((pcm, _SILENCE[pcm.size :]))
        return pcm, packets[0] if len(packets) == 1 else None

    def _begin_before(self, position: int) -> list[bytes]:
        """Packets, which wait no longer."""
        packets = []
        while self._packets and self._packets[0][0] < position:
            packets.append(self._packets.popleft()[1])
        return packets

    def _drop(self, samples: int) -> None:
        self._samples = self._samples[samples:]
        self._left += samples
        self._begin_before(self._left)
        self.counts.floor_dropped_samples += samples
