"""Recognition with Whisper, which was made for whole recordings, of speech without end.

- Every ``step`` all sound that is not certain yet is heard again, with some certain sound before
  it. The decoder is made to begin with the certain words of that sound and goes on from there.
- A word becomes certain when it is likely and other sound follows it, or when two passes in a row
  agree on it (LocalAgreement-2: Liu et al. 2020). What is certain never changes.
- At a pause all is certain: whoever feeds the sound calls ``finish``.
- Old sound is cut off in the quietest place between two certain words.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from server.bus.messages import RATE_HZ
from server.interpretation.types import Pcm, Transcript, Word
from server.interpretation.whisper_invention import (
    LETTERS_PER_SECOND,
    before_a_loop,
    is_made_up,
    key,
)
from server.interpretation.whisper_model import MOST_PROMPT_TOKENS, WhisperModel

#: Sound between two passes, when they take less time than that.
STEP_SAMPLES: Final = 8 * RATE_HZ // 10
#: Of the time between two passes a pass takes this share at most: where the cores are short the
#: step grows.
BUSY: Final = 0.7
#: After so long without speech all is certain.
PAUSE_SAMPLES: Final = 6 * RATE_HZ // 10
#: Certain sound that is heard again before what is not certain.
KEPT_SAMPLES: Final = 3 * RATE_HZ // 2
#: A word is certain at once when so much sound follows it, and each of its tokens is so likely.
FOLLOWED_SAMPLES: Final = 3 * RATE_HZ // 10
LIKELY: Final = 0.6
#: Where so much sound waits to be certain, what was heard is taken for it.
LONGEST_SAMPLES: Final = 20 * RATE_HZ
#: A word was heard out when the sound of a pass goes on for so long after it.
HEARD_OUT_SAMPLES: Final = RATE_HZ // 10
#: Windows of 20 ms: where none is louder than this share of the loudest, nobody spoke.
WINDOW: Final = RATE_HZ // 50
SILENT: Final = 0.05
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
        """For comparing."""
        return key(self.text)


class WhisperRecognizer:
    """One language of a model. ``clock``: seconds, to tell how long a pass takes. ``prompt``: what
    was said before, as far as Whisper knows."""

    def __init__(
        self,
        model: WhisperModel,
        language: str,
        clock: Callable[[], float] = time.monotonic,
        prompt: str = "",
    ) -> None:
        self.language = language
        self._model = model
        self._clock = clock
        self._prompt = prompt

    def stream(self) -> "WhisperStream":
        """As engines has it."""
        return WhisperStream(self._model, self.language, self._clock, self._prompt)

    def expecting(self, words: Sequence[str]) -> tuple["WhisperRecognizer", dict[str, str]]:
        """As engines has it: they stand in the prompt, as if they had been said before."""
        prompt, unusable = "", {}
        for word in words:
            longer = f"{prompt}, {word.capitalize()}" if prompt else word.capitalize()
            if self._model.tokens_of(longer) <= MOST_PROMPT_TOKENS:
                prompt = longer
            else:
                unusable[word] = "there are more words than Whisper can expect at a time"
        return WhisperRecognizer(self._model, self.language, self._clock, prompt + "."), unusable


class WhisperStream:
    """One speaker."""

    pause_samples = PAUSE_SAMPLES

    def __init__(
        self, model: WhisperModel, language: str, clock: Callable[[], float], prompt: str
    ) -> None:
        self._clock = clock
        self._prompt = prompt
        self._model = model
        self._language = language
        self._sound: Pcm = np.zeros(0, np.int16)
        self._from = 0  # the sample at which ``_sound`` begins
        self._certain: list[Heard] = []  # of this utterance
        self._context: list[Heard] = []  # certain, and in ``_sound``
        self._rest: list[Heard] = []  # what the last pass heard besides
        self._due = STEP_SAMPLES
        self._fresh = False  # sound came since the last pass
        self._passed = 0  # up to here the last pass heard

    @property
    def heard_sample(self) -> int:
        """Up to here the last pass heard."""
        return self._passed

    @property
    def _now(self) -> int:
        return self._from + len(self._sound)

    def accept(self, pcm: Pcm) -> Transcript | None:
        """As engines has it."""
        self._sound = np.concatenate((self._sound, pcm))
        self._fresh = True
        if self._now < self._due or len(self._sound) < SHORTEST_SAMPLES:
            return None
        began_s = self._clock()
        heard = self._hear(more_follows=True)
        self._passed = self._now
        count = self._how_many_certain(heard)
        self._commit(heard, count)
        taken = round((self._clock() - began_s) / BUSY * RATE_HZ)
        self._due = self._now + max(STEP_SAMPLES, taken)
        self._fresh = False
        return self._transcript(final=False)

    def finish(self) -> Transcript | None:
        """As engines has it."""
        if self._fresh and len(self._sound) >= SHORTEST_SAMPLES and not self._is_all_heard():
            self._rest = self._hear(more_follows=False)
        self._commit(self._rest, len(self._rest))
        said = bool(self._certain)
        transcript = self._transcript(final=True)
        self._certain, self._context, self._rest = [], [], []
        self._from, self._sound = self._now, self._sound[:0]
        self._due = self._now + STEP_SAMPLES
        self._passed = self._now
        self._fresh = False
        return transcript if said else None

    def _hear(self, more_follows: bool) -> list[Heard]:
        """What is said after the certain words."""
        sound = self._model.encode(self._sound)
        begins = [each for word in self._context for each in word.ids]
        new_s = (self._now - self._certain_end) / RATE_HZ
        decoded = self._model.decode(sound, self._language, begins, new_s, self._prompt)
        words = [*self._model.words(decoded.ids[len(begins) :], self._language)]
        texts = [self._model.text(word) for word in words]
        words = words[: before_a_loop(texts, [word.text for word in self._context])]
        ids = [each for word in words for each in word]
        tokens = self._model.aligned(sound, self._language, [*begins, *ids])[len(begins) :]
        at_first = more_follows and not self._certain
        if is_made_up([each.likelihood for each in tokens], decoded.no_speech, new_s, at_first):
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
        letters = sum(len(word.key) for word in heard)
        return heard if letters <= LETTERS_PER_SECOND * new_s else []

    @property
    def _certain_end(self) -> int:
        return self._context[-1].end_sample if self._context else self._from

    def _is_all_heard(self) -> bool:
        """Whether the last pass heard the last word out, and nothing was said since."""
        words = self._rest or self._context
        if not words or words[-1].end_sample + HEARD_OUT_SAMPLES > self._passed:
            return False
        loud = _loudness(self._sound)
        after = loud[(words[-1].end_sample - self._from) // WINDOW + 1 :]
        return not len(after) or bool(after.max() < SILENT * loud.max())

    def _how_many_certain(self, heard: Sequence[Heard]) -> int:
        """Of the words of a pass. Where there is too much sound, all but the last."""
        if len(self._sound) >= LONGEST_SAMPLES:
            return max(0, len(heard) - 1)
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
        end = self._certain_end
        for place in range(len(self._context) - 1, 0, -1):
            if end - self._context[place].start_sample < KEPT_SAMPLES:
                continue
            before, after = self._context[place - 1], self._context[place]
            self._drop(self._quietest(before.end_sample, after.start_sample) - self._from)
            self._context = self._context[place:]
            break
        if len(self._sound) >= LONGEST_SAMPLES:  # nothing that was said in it is certain
            self._drop(len(self._sound) - KEPT_SAMPLES)
            self._context = []

    def _quietest(self, start: int, end: int) -> int:
        """The middle of the quietest 20 ms around a gap between two words."""
        low = min(max(0, start - 3 * WINDOW - self._from), len(self._sound) - WINDOW)
        high = max(end + 3 * WINDOW - self._from, low + WINDOW)
        quietest = int(np.argmin(_loudness(self._sound[low:high])))
        return self._from + low + quietest * WINDOW + WINDOW // 2

    def _drop(self, samples: int) -> None:
        self._from += samples
        self._sound = self._sound[samples:]

    def _transcript(self, final: bool) -> Transcript:
        words = tuple(
            Word(word.text, word.start_sample, word.end_sample)
            for word in (*self._certain, *self._rest)
        )
        return Transcript(words, final, len(self._certain))


def _loudness(pcm: Pcm) -> NDArray[np.float32]:
    """Root mean square of each whole window."""
    windows = pcm[: len(pcm) // WINDOW * WINDOW].reshape(-1, WINDOW).astype(np.float32)
    loudness: NDArray[np.float32] = np.sqrt(np.square(windows).mean(axis=1))
    return loudness
