"""The floor as it waits to be played: what the speaker says, smoothed over arrival jitter.

Sound comes in pieces of any length and leaves 20 ms at a time. A cushion of 60 ms rides out
jitter. The buffer never holds more than its limit; delay above twice the cushion is won back
where it is not heard: quiet stretches are skipped, and silence is only stored up to the
cushion.
"""

import numpy as np

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
    """Counts: ``dropped_samples`` left out to keep the delay low; ``underruns``, how often the
    sound ran out (a speaker who leaves is one)."""

    def __init__(
        self, cushion_samples: int = CUSHION_SAMPLES, limit_samples: int = LIMIT_SAMPLES
    ) -> None:
        self.dropped_samples = 0
        self.underruns = 0
        self._cushion = cushion_samples
        self._limit = limit_samples
        self._samples: Pcm = np.zeros(0, np.int16)
        self._filling = True

    @property
    def level_samples(self) -> int:
        return self._samples.size

    def push(self, pcm: Pcm) -> None:
        """Sound as received: int16 mono at 48 kHz, any length."""
        if not pcm.any():
            pcm = pcm[: max(0, self._cushion - self._samples.size)]
        self._samples = np.concatenate((self._samples, pcm))
        if self._samples.size > self._limit:
            self._drop(self._samples.size - self._cushion)

    def pull(self) -> Pcm:
        """The next 20 ms: silence until the cushion is there, and when the sound runs out."""
        if self._filling:
            if self._samples.size < self._cushion:
                return _SILENCE
            self._filling = False
        while self._samples.size > 2 * self._cushion and is_quiet(self._samples[:SAMPLES_PER_TICK]):
            self._drop(SAMPLES_PER_TICK)
        pcm, self._samples = np.split(self._samples, [SAMPLES_PER_TICK])
        if pcm.size < SAMPLES_PER_TICK:
            self.underruns += 1
            self._filling = True
            pcm = np.concatenate((pcm, _SILENCE[pcm.size :]))
        return pcm

    def _drop(self, samples: int) -> None:
        self._samples = self._samples[samples:]
        self.dropped_samples += samples
