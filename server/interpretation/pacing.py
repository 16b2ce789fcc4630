"""When to say a part, and how fast: arithmetic in samples of stream time.

Parts of a language never overlap. Each is made as late as can be, so that what comes meanwhile
is said in one breath with it. What comes late is spoken faster, the pace changing by little at a
time, and after shorter pauses; what comes much too late is skipped.
"""

from typing import Final

import numpy as np

from server.bus.messages import RATE_HZ

#: The next part is made this long before the one before it has been said.
LEAD_SAMPLES: Final = 3 * RATE_HZ // 10
#: Between segments, at the voice's own pace.
PAUSE_SAMPLES: Final = RATE_HZ // 10
#: How late a part begins, in seconds after its source was said, and how long its sounds are to
#: be then: 1.0 is the voice's own pace.
LATE_S: Final = (0.0, 0.6, 2.0)
LENGTH_SCALES: Final = (0.89, 0.85, 0.7)
#: The pace of a part differs from that of the one before by no more than this.
SLEW: Final = 0.08
#: Parts that begin later than this for so long are skipped until one does not: after a burst, as
#: when a new interpreter is fed what the old one had not said, all is said in haste.
BEHIND_SAMPLES: Final = 5 * RATE_HZ // 2
PATIENCE_SAMPLES: Final = 10 * RATE_HZ
#: One that would begin later than this is skipped at any rate.
TOO_LATE_SAMPLES: Final = 12 * RATE_HZ
#: When parts have been skipped and none said for so long, a language is not heard any more: what
#: a speaker is too fast for is skipped at once, so it is the machine that is too slow.
MUTE_SAMPLES: Final = 5 * RATE_HZ


class Pacing:
    """One language's: until when it has planned to speak. ``source_end``: up to which sample the
    source of a part was said."""

    def __init__(self) -> None:
        self._end_sample = 0
        self._segment: int | None = None
        self._scale = 1.0
        self._behind_since: int | None = None
        self._mute_since: int | None = None

    def backlog(self, now_sample: int) -> int:
        """Samples of planned speech that are still to be heard."""
        return max(0, self._end_sample - now_sample)

    def ahead(self, now_sample: int) -> int:
        """Samples until the next part is to be made."""
        return max(0, self.backlog(now_sample) - LEAD_SAMPLES)

    def late(self, now_sample: int, source_end: int) -> int:
        """How many samples after it was said a part would begin."""
        return max(0, now_sample + self.backlog(now_sample) - source_end)

    def too_late(self, now_sample: int, source_end: int) -> bool:
        """Whether a part is to be skipped."""
        late = self.late(now_sample, source_end)
        if late <= BEHIND_SAMPLES:
            self._behind_since = None
            return False
        if self._behind_since is None:
            self._behind_since = now_sample
        return late > TOO_LATE_SAMPLES or now_sample - self._behind_since > PATIENCE_SAMPLES

    def skipped(self, now_sample: int) -> None:
        """A part that should have been said is not."""
        if self._mute_since is None:
            self._mute_since = now_sample

    def mute(self, now_sample: int) -> bool:
        """Whether nothing has been said for long of what should have been."""
        since = self._mute_since
        return since is not None and now_sample - since >= MUTE_SAMPLES

    def length_scale(self, now_sample: int, source_end: int) -> float:
        """How long the next part's sounds are to be."""
        late_s = self.late(now_sample, source_end) / RATE_HZ
        wanted = float(np.interp(late_s, LATE_S, LENGTH_SCALES))
        self._scale = min(max(wanted, self._scale - SLEW), self._scale + SLEW)
        return self._scale

    def place(self, now_sample: int, segment: int, samples: int) -> int:
        """Plan a part of ``samples`` at 16 kHz. Returns when its first one is to be heard."""
        pause = 0 if self._segment in (None, segment) else round(PAUSE_SAMPLES * self._scale**4)
        play_at = max(now_sample, self._end_sample + pause)
        self._segment = segment
        self._end_sample = play_at + samples
        self._mute_since = None
        return play_at

    def stood_still(self, samples: int) -> None:
        """Stream time stood still, the speaker being paused, while so much was played."""
        self._end_sample -= samples
