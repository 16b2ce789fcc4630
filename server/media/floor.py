"""The floor's buffer: the speaker's audio until it is played, smoothed over arrival jitter.

Audio comes in pieces of any length and leaves 20 ms at a time. Playout starts once a cushion of
60 ms is filled: it is the only buffer of audio from a WebSocket, and while the process is busy,
audio over WebRTC comes up to three ticks late for playout, which has a clock of its own. Delay
above twice the cushion is reduced by skipping quiet parts, and silence is only stored up to the
cushion. The buffer never holds more than its limit, and what ``expect`` allows besides. The
speaker's own Opus packets, where there are any, wait and leave together with their audio.
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
    """Whether all of it is below QUIET_PEAK, so that leaving it out is not heard."""
    return not pcm.size or bool(pcm.max() < QUIET_PEAK and pcm.min() > -QUIET_PEAK)


class FloorBuffer:
    """One stream's."""

    def __init__(self, counts: PlayoutCounts | None = None) -> None:
        self.counts = PlayoutCounts() if counts is None else counts
        self._samples: Pcm = np.zeros(0, np.int16)
        self._packets: deque[tuple[int, bytes]] = deque()  # with the position of their first sample
        self._left = 0
        #: The position of the first sample that was pulled last; None if it was silence.
        self.pulled: int | None = None
        self._filling = True
        self._late = 0  # samples above the limit that are allowed

    @property
    def received(self) -> int:
        """The position of what is pushed next: the number of samples before it."""
        return self._left + self._samples.size

    def expect(self, samples: int) -> None:
        """So much is pushed next that was said before: what somebody said who takes over. It is
        played late, and the delay is reduced in quiet parts."""
        self._late = samples

    def push(self, pcm: Pcm, packet: bytes | None = None) -> None:
        """Add received audio: int16 mono at 48 kHz, of any length. ``packet``: the Opus packet
        that it was decoded from, if it is exactly that. The packet of nothing but zeros, such as
        of audio that could not be decoded, is not kept."""
        if not pcm.any():
            pcm = pcm[: max(0, CUSHION_SAMPLES - self._samples.size)]
        elif packet is not None:
            self._packets.append((self.received, packet))
        self._samples = np.concatenate((self._samples, pcm))
        if self._samples.size > LIMIT_SAMPLES + self._late:
            self._drop(self._samples.size - CUSHION_SAMPLES)

    def pull(self) -> tuple[Pcm, bytes | None]:
        """The next 20 ms: silence until the cushion is filled, and after the audio ran out. Also
        the Opus packet that begins in them, if there is exactly one."""
        self.pulled = None
        if self._filling:
            if self._samples.size < CUSHION_SAMPLES:
                return _SILENCE, None
            self._filling = False
        while self._samples.size > 2 * CUSHION_SAMPLES and is_quiet(
            self._samples[:SAMPLES_PER_TICK]
        ):
            self._drop(SAMPLES_PER_TICK)
        packets = self._begin_before(self._left + SAMPLES_PER_TICK)
        self.pulled = self._left
        pcm, self._samples = np.split(self._samples, [SAMPLES_PER_TICK])
        self._left += pcm.size
        self._late = min(self._late, self._samples.size)
        if pcm.size < SAMPLES_PER_TICK:
            self.counts.floor_underruns += 1
            self._filling = True
            pcm = np.concatenate((pcm, _SILENCE[pcm.size :]))
        return pcm, packets[0] if len(packets) == 1 else None

    def _begin_before(self, position: int) -> list[bytes]:
        """Remove and return the packets that begin before ``position``."""
        packets = []
        while self._packets and self._packets[0][0] < position:
            packets.append(self._packets.popleft()[1])
        return packets

    def _drop(self, samples: int) -> None:
        self._samples = self._samples[samples:]
        self._left += samples
        self._begin_before(self._left)
        self.counts.floor_dropped_samples += samples
