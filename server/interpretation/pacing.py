"""Decides when to speak a part of an interpretation, and how fast: arithmetic in samples of stream
time, no I/O.

Parts of a language never overlap. Each is synthesized as late as possible, so that words that
arrive meanwhile are spoken with it. A late part is spoken faster and after a shorter pause, but the
pace changes only gradually. A part that is much too late is skipped.
"""

from typing import Final

import numpy as np

from server.bus.messages import RATE_HZ

#: The next part is synthesized this long before the end of the one before.
LEAD_SAMPLES: Final = 3 * RATE_HZ // 10
#: The pause between segments, at the voice's own pace.
PAUSE_SAMPLES: Final = RATE_HZ // 10
#: How late a part begins, in seconds after the end of its source, and the length scale to speak it
#: with then: 1.0 is the voice's own pace, less is faster.
LATE_S: Final = (0.0, 0.6, 2.0)
LENGTH_SCALES: Final = (0.89, 0.85, 0.7)
#: The largest change of the length scale from one part to the next.
SLEW: Final = 0.08
#: If parts have been later than BEHIND_SAMPLES for PATIENCE_SAMPLES, parts are skipped until one is
#: not. Until then all are spoken, faster: after a burst, such as replayed audio, they catch up.
BEHIND_SAMPLES: Final = 5 * RATE_HZ // 2
PATIENCE_SAMPLES: Final = 10 * RATE_HZ
#: A part that would begin later than this is always skipped.
TOO_LATE_SAMPLES: Final = 12 * RATE_HZ
#: A language is mute if parts have been skipped, and none spoken, for this long. Then the machine
#: is too slow: a speaker who is too fast causes shorter gaps.
MUTE_SAMPLES: Final = 5 * RATE_HZ


class Pacing:
    """The plan of one language: until when it will speak. In its methods ``now_sample`` is the
    present stream time, and ``source_end`` the sample at which the source of a part ended."""

    def __init__(self) -> None:
        self._end_sample = 0
        self._segment: int | None = None
        self._scale = 1.0
        self._behind_since: int | None = None
        self._asked_at = 0  # about the last part that was late
        self._mute_since: int | None = None

    def backlog(self, now_sample: int) -> int:
        """Samples of planned speech that are not played yet."""
        return max(0, self._end_sample - now_sample)

    def ahead(self, now_sample: int) -> int:
        """Samples until it is time to synthesize the next part."""
        return max(0, self.backlog(now_sample) - LEAD_SAMPLES)

    def late(self, now_sample: int, source_end: int) -> int:
        """How many samples after the end of its source a part would begin."""
        return max(0, now_sample + self.backlog(now_sample) - source_end)

    def too_late(self, now_sample: int, source_end: int) -> bool:
        """Whether to skip a part."""
        late = self.late(now_sample, source_end)
        if late <= BEHIND_SAMPLES:
            self._behind_since = None
            return False
        paused = now_sample - self._asked_at > PATIENCE_SAMPLES and not self.backlog(now_sample)
        if self._behind_since is None or paused:
            self._behind_since = now_sample
        self._asked_at = now_sample
        return late > TOO_LATE_SAMPLES or now_sample - self._behind_since > PATIENCE_SAMPLES

    def skipped(self, now_sample: int) -> None:
        """Note that a part that should have been spoken was not."""
        if self._mute_since is None:
            self._mute_since = now_sample

    def mute(self, now_sample: int) -> bool:
        """Whether parts have been skipped, and none spoken, for MUTE_SAMPLES."""
        since = self._mute_since
        return since is not None and now_sample - since >= MUTE_SAMPLES

    def length_scale(self, now_sample: int, source_end: int) -> float:
        """The length scale to speak the next part with; less is faster."""
        late_s = self.late(now_sample, source_end) / RATE_HZ
        wanted = float(np.interp(late_s, LATE_S, LENGTH_SCALES))
        self._scale = min(max(wanted, self._scale - SLEW), self._scale + SLEW)
        return self._scale

    def place(self, now_sample: int, segment: int, samples: int) -> int:
        """Plan a part of ``samples`` at 16 kHz. Returns the stream time at which to play it."""
        pause = 0 if self._segment in (None, segment) else round(PAUSE_SAMPLES * self._scale**4)
        play_at = max(now_sample, self._end_sample + pause)
        self._segment = segment
        self._end_sample = play_at + samples
        self._mute_since = None
        return play_at

    def stood_still(self, samples: int) -> None:
        """Note that stream time stood still while ``samples`` were played: the speaker paused."""
        self._end_sample -= samples
