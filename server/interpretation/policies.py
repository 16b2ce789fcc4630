"""Policies: when recognised words are interpreted. The configuration chooses one of three.

- *sentence* waits for the end of a sentence. The others are compared with it.
- *clause* cuts agreed words into clauses; each is translated with the one before as context (see
  ``context``).
- *prefix* translates the growing beginning of a sentence again and again, and speaks the words that
  successive translations agree on (see ``draft``).
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from server.bus.messages import RATE_HZ
from server.interpretation.types import Word

PolicyName = Literal["sentence", "clause", "prefix"]

#: A gap between words of this length is a good place to cut.
PAUSE_SAMPLES: Final = 15 * RATE_HZ // 100
#: After a word that may be part of a number, the gap must have this length.
NUMBER_PAUSE_SAMPLES: Final = 6 * RATE_HZ // 10


@dataclass(frozen=True, slots=True)
class Heard:
    """The input of a policy. ``words``: recognised words that are in no segment yet; the first
    ``agreed`` of them will not change. ``joints``: indices of words that may begin a clause.
    ``ends``: indices of words that begin a new sentence. ``quiet_samples``: for how long nobody has
    spoken. ``in_number``: whether the last word may be part of an incomplete number."""

    words: tuple[Word, ...]
    agreed: int
    joints: Collection[int]
    ends: Collection[int]
    quiet_samples: int
    in_number: bool = False


class Policy(Protocol):
    """Decides where segments end."""

    @property
    def grows(self) -> bool:
        """Whether segments are interpreted while they grow."""

    def cut(self, heard: Heard) -> int:
        """How many words form a complete segment now; 0 for none."""


@dataclass(frozen=True)
class Bounded:
    """Waits for the end of a sentence or for the final transcript. A segment that grows longer than
    the limits is cut earlier: at the longest pause or last joint in the second half of the words
    that fit, if there is one."""

    max_words: int
    max_samples: int
    grows: bool = False

    def cut(self, heard: Heard) -> int:
        """See ``Policy.cut``."""
        sentence = min(heard.ends, default=len(heard.words) + 1)
        return sentence if sentence <= heard.agreed else self._cut(heard)

    def _cut(self, heard: Heard) -> int:
        words, agreed = heard.words, heard.agreed
        fit = self._fit(words)
        if agreed <= fit:
            return 0
        near = range((fit + 1) // 2, fit + 1)
        longest, place = max((pause(words, i), i) for i in near)
        if longest >= PAUSE_SAMPLES:
            return place
        evenly = min(fit, (agreed + 1) // 2) if agreed == len(words) else fit
        return max((i for i in near if i in heard.joints), default=evenly)

    def _fit(self, words: tuple[Word, ...]) -> int:
        """How many of ``words`` one segment may hold."""
        within = (
            word.end_sample - words[0].start_sample <= self.max_samples
            for word in words[: self.max_words]
        )
        return max(1, sum(within))


@dataclass(frozen=True)
class Breath(Bounded):
    """Like Bounded, and cuts at a pause of the speaker without waiting for the next word."""

    def _cut(self, heard: Heard) -> int:
        whole = 0 < heard.agreed == len(heard.words) <= self._fit(heard.words)
        pauses = NUMBER_PAUSE_SAMPLES if heard.in_number else PAUSE_SAMPLES
        if whole and heard.quiet_samples >= pauses:
            return heard.agreed
        return super()._cut(heard)


@dataclass(frozen=True)
class Clauses(Breath):
    """Like Breath, and cuts at the first pause or joint after ``min_words``."""

    min_words: int = 4

    def _cut(self, heard: Heard) -> int:
        words, agreed = heard.words, heard.agreed
        for place in range(self.min_words, min(agreed, self._fit(words), len(words) - 1) + 1):
            joint = place < agreed and place in heard.joints
            if joint or pause(words, place) >= PAUSE_SAMPLES:
                return place
        return super()._cut(heard)


POLICIES: Final[dict[PolicyName, Policy]] = {
    "sentence": Breath(max_words=50, max_samples=15 * RATE_HZ),
    "clause": Clauses(max_words=7, max_samples=4 * RATE_HZ),
    "prefix": Breath(max_words=20, max_samples=8 * RATE_HZ, grows=True),
}
#: Measured on ten minutes at 180 words a minute through a whole server: *prefix* is heard 0.6 s
#: earlier than *sentence* and has 97 % of its BLEU; *clause* has 92 % (tools.evaluate
#: interpretation).
DEFAULT_POLICY: Final[PolicyName] = "prefix"


def pause(words: tuple[Word, ...], place: int) -> int:
    """Samples of silence before the word at index ``place``."""
    return words[place].start_sample - words[place - 1].end_sample
