"""When to play a clause, and how fast to say it: arithmetic in samples of stream time.

Clauses of a language never overlap. Speech that falls behind is spoken faster, and when that is
not enough, whole clauses are skipped.
"""

from server.bus.messages import RATE_HZ

PAUSE_SAMPLES = 15 * RATE_HZ // 100
#: Up to this much backlog the voice keeps its own pace,
UNHURRIED_SAMPLES = 2 * RATE_HZ
#: from this much on it speaks fastest,
HURRIED_SAMPLES = 6 * RATE_HZ
FASTEST_LENGTH_SCALE = 0.75
#: and beyond this nothing is added to it.
FULL_SAMPLES = 12 * RATE_HZ


class Pacing:
    """One language's: until when it has planned to speak."""

    def __init__(self) -> None:
        self._end_sample = 0

    def backlog(self, now_sample: int) -> int:
        """Samples of planned speech that are still to be heard."""
        return max(0, self._end_sample - now_sample)

    def full(self, now_sample: int) -> bool:
        """Whether the next clause is to be skipped."""
        return self.backlog(now_sample) > FULL_SAMPLES

    def length_scale(self, now_sample: int) -> float:
        """How long the next clause's sounds are to be: 1.0 is the voice's own pace."""
        late = self.backlog(now_sample) - UNHURRIED_SAMPLES
        hurry = min(1.0, max(0.0, late / (HURRIED_SAMPLES - UNHURRIED_SAMPLES)))
        return 1.0 - hurry * (1.0 - FASTEST_LENGTH_SCALE)

    def place(self, now_sample: int, samples: int) -> int:
        """Plan a clause of ``samples`` at 16 kHz. Returns when its first one is to be heard."""
        play_at = max(now_sample, self._end_sample)
        self._end_sample = play_at + samples + PAUSE_SAMPLES
        return play_at

    def stood_still(self, samples: int) -> None:
        """Stream time stood still, the speaker being paused, while so much was played."""
        self._end_sample -= samples
