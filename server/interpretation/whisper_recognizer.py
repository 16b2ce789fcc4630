"""Recognition with Whisper, which was made for whole recordings, of speech without end.

- Every ``step`` all sound that is not certain yet is heard again, with some certain sound before
  it. The decoder is made to begin with the certain words of that sound and goes on from there.
- A word becomes certain when it is likely and other sound follows it, or when two passes in a row
  agree on it (LocalAgreement-2: Liu et al. 2020). What is certain never changes.
- At a pause all is certain: whoever feeds the sound calls ``finish``.
- Old sound is cut off in the quietest place between two certain words.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from server.bus.messages import RATE_HZ
from server.interpretation.types import Pcm, Transcript, Word
from server.interpretation.whisper_model import WhisperModel

#: Sound between two passes, when they take less time than that.
STEP_SAMPLES: Final = 8 * RATE_HZ // 10
#: Of the time between two passes a pass takes this share at most: where the cores are short the
#: step grows.
BUSY: Final = 0.7
#: After so long without speech all is certain.
PAUSE_SAMPLES: Final = 4 * RATE_HZ // 10
#: Certain sound that is heard again before what is not certain.
KEPT_SAMPLES: Final = 2 * RATE_HZ
#: A word is certain at once when so much sound follows it, and each of its tokens is so likely.
FOLLOWED_SAMPLES: Final = RATE_HZ // 2
LIKELY: Final = 0.6
#: More sound than this is never heard at a time: what is not certain by then is left behind.
LONGEST_SAMPLES: Final = 22 * RATE_HZ
#: So many words in a row that were there before are a loop.
LOOP_WORDS: Final = 4
#: So many words in a row that were certain before, said again in less time than this each, were
#: said once.
REPEATED_WORDS: Final = 3
REPEATED_SAMPLES: Final = RATE_HZ // 8
#: A hypothesis less likely than this, on average, is made up.
LEAST_LIKELIHOOD: Final = 0.25
#: Less sound than this is not listened to.
SHORTEST_SAMPLES: Final = RATE_HZ // 4


@dataclass(frozen=True, slots=True)
class Heard:
    """A word as Whisper writes it. ``ids``: its tokens. Times are samples of all that was fed."""

    text: str
    ids: tuple[int, ...]
    start_sample: int
    end_sample: int
    likelihood: float

    @property
    def key(self) -> str:
        """For comparing: no case, no punctuation."""
        return "".join(filter(str.isalnum, self.text.casefold()))


class WhisperRecognizer:
    """One language of a model."""

    def __init__(self, model: WhisperModel, language: str) -> None:
        self.language = language
        self._model = model

    def stream(self) -> "WhisperStream":
        return WhisperStream(self._model, self.language)


class WhisperStream:
    """One speaker."""

    def __init__(self, model: WhisperModel, language: str) -> None:
        self.pause_samples = PAUSE_SAMPLES
        self._model = model
        self._language = language
        self._sound: Pcm = np.zeros(0, np.int16)
        self._from = 0  # the sample at which ``_sound`` begins
        self._certain: list[Heard] = []  # of this utterance
        self._context: list[Heard] = []  # certain, and in ``_sound``
        self._rest: list[Heard] = []  # what the last pass heard besides
        self._due = STEP_SAMPLES
        self._fresh = False  # sound came since the last pass

    @property
    def _now(self) -> int:
        return self._from + len(self._sound)

    def accept(self, pcm: Pcm) -> Transcript | None:
        self._sound = np.concatenate((self._sound, pcm))
        self._fresh = True
        if self._now < self._due or len(self._sound) < SHORTEST_SAMPLES:
            return None
        began_s = time.monotonic()
        heard = self._hear()
        count = self._how_many_certain(heard)
        self._commit(heard, count)
        taken = round((time.monotonic() - began_s) / BUSY * RATE_HZ)
        self._due = self._now + max(STEP_SAMPLES, taken)
        self._fresh = False
        return self._transcript(final=False)

    def finish(self) -> Transcript | None:
        if self._fresh and len(self._sound) >= SHORTEST_SAMPLES:
            self._rest = self._hear()
        self._commit(self._rest, len(self._rest))
        said = bool(self._certain)
        transcript = self._transcript(final=True)
        self._certain, self._context, self._rest = [], [], []
        self._from, self._sound = self._now, self._sound[:0]
        self._due = self._now + STEP_SAMPLES
        self._fresh = False
        return transcript if said else None

    def _hear(self) -> list[Heard]:
        """What is said after the certain words."""
        sound = self._model.encode(self._sound)
        begins = [each for word in self._context for each in word.ids]
        ids = self._model.decode(sound, self._language, begins)[len(begins) :]
        words = without_loops([*self._model.words(ids, self._language)], self._model)
        ids = [each for word in words for each in word]
        tokens = self._model.aligned(sound, self._language, [*begins, *ids])[len(begins) :]
        if not tokens or float(np.mean([each.likelihood for each in tokens])) < LEAST_LIKELIHOOD:
            return []
        heard, place = [], 0
        for word in words:
            own = tokens[place : place + len(word)]
            place += len(word)
            text = self._model.text(word).strip()
            if not any(map(str.isalnum, text)):
                continue
            heard.append(
                Heard(
                    text,
                    tuple(word),
                    self._from + own[0].start_sample,
                    self._from + own[-1].end_sample,
                    min(each.likelihood for each in own),
                )
            )
        return heard[_repeated(self._context, heard) :]

    def _how_many_certain(self, heard: Sequence[Heard]) -> int:
        """Of the words of a pass."""
        count = 0
        for place, word in enumerate(heard[:-1]):
            followed = word.end_sample + FOLLOWED_SAMPLES <= self._now
            agreed = place < len(self._rest) and self._rest[place].key == word.key
            if not agreed and not (followed and word.likelihood >= LIKELY):
                break
            count += 1
        return count

    def _commit(self, heard: list[Heard], count: int) -> None:
        new, self._rest = heard[:count], heard[count:]
        self._certain += new
        self._context += new
        self._cut()

    def _cut(self) -> None:
        """Off the sound that is not needed any more."""
        if not self._context:
            if len(self._sound) > LONGEST_SAMPLES:
                self._drop(len(self._sound) - LONGEST_SAMPLES // 2)
            return
        end = self._context[-1].end_sample
        for place in range(len(self._context) - 1, 0, -1):
            if end - self._context[place].start_sample < KEPT_SAMPLES:
                continue
            before, after = self._context[place - 1], self._context[place]
            self._drop(self._quietest(before.end_sample, after.start_sample) - self._from)
            self._context = self._context[place:]
            return

    def _quietest(self, start: int, end: int) -> int:
        """The middle of the quietest 20 ms around a gap between two words."""
        window = RATE_HZ // 50
        low = max(0, start - 3 * window - self._from)
        high = min(len(self._sound), end + 3 * window - self._from)
        windows = self._sound[low : low + max(1, (high - low) // window) * window]
        energies = np.square(windows.reshape(-1, window).astype(np.float32)).mean(axis=1)
        return self._from + low + int(np.argmin(energies)) * window + window // 2

    def _drop(self, samples: int) -> None:
        self._from += samples
        self._sound = self._sound[samples:]

    def _transcript(self, final: bool) -> Transcript:
        words = tuple(
            Word(word.text, word.start_sample, word.end_sample)
            for word in (*self._certain, *self._rest)
        )
        return Transcript(words, final, len(self._certain))


def _repeated(before: Sequence[Heard], heard: Sequence[Heard]) -> int:
    """How many words of ``heard`` are there only because the decoder said its beginning twice:
    it found next to no sound for them."""
    for count in range(min(len(before), len(heard)), REPEATED_WORDS - 1, -1):
        again = heard[:count]
        if [each.key for each in before[-count:]] == [each.key for each in again]:
            length = again[-1].end_sample - again[0].start_sample
            return count if length < count * REPEATED_SAMPLES else 0
    return 0


def without_loops(words: list[list[int]], model: WhisperModel) -> list[list[int]]:
    """``words`` up to where some that were there before come again."""
    keys = [model.text(word).strip().casefold() for word in words]
    seen: set[tuple[str, ...]] = set()
    for place in range(len(keys) - LOOP_WORDS + 1):
        several = tuple(keys[place : place + LOOP_WORDS])
        if several in seen:
            return words[:place]
        seen.add(several)
    return words
