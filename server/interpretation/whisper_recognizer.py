"""Streaming recognition with Whisper, which was made for whole recordings.

- A pass recognises all audio whose words are not certain yet, and some certain audio before it. The
  certain words of that audio are the forced prefix of the decoder. A pass is made every
  STEP_SAMPLES or more.
- A word becomes certain if it is likely and other audio follows it, or if two passes in a row agree
  on it (LocalAgreement-2: Liu et al. 2020). Certain words never change.
- At a pause the caller calls ``finish``, and all words become certain.
- Old audio is cut off at the quietest place between two certain words.
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

#: The least audio between two passes.
STEP_SAMPLES: Final = 8 * RATE_HZ // 10
#: A pass may take at most this share of the time between passes; if it takes longer, that time
#: grows.
BUSY: Final = 0.7
#: After this long without speech all words are certain.
PAUSE_SAMPLES: Final = 6 * RATE_HZ // 10
#: The certain audio that each pass gets again.
KEPT_SAMPLES: Final = 3 * RATE_HZ // 2
#: A word is certain at once if this much audio follows it and each of its tokens is this likely.
FOLLOWED_SAMPLES: Final = 3 * RATE_HZ // 10
LIKELY: Final = 0.6
#: If this much audio is not certain, all words but the last are taken as certain.
LONGEST_SAMPLES: Final = 20 * RATE_HZ
#: A pass has heard a word completely if its audio continues this long after the word.
HEARD_OUT_SAMPLES: Final = RATE_HZ // 10
#: Nobody spoke in windows of 20 ms that are all softer than this share of the loudest.
WINDOW: Final = RATE_HZ // 50
SILENT: Final = 0.05
#: Less audio than this is not recognised.
SHORTEST_SAMPLES: Final = RATE_HZ // 4


@dataclass(frozen=True, slots=True)
class Heard:
    """A recognised word. ``ids``: its tokens. Times are samples from the first ``accept``.
    ``likelihood``: of its least likely token."""

    text: str
    ids: tuple[int, ...]
    start_sample: int
    end_sample: int
    likelihood: float

    @property
    def key(self) -> str:
        """Its text for comparisons."""
        return key(self.text)


class WhisperRecognizer:
    """Recognition of one language with a model. ``clock``: returns seconds, to measure passes.
    ``prompt``: text that Whisper takes as said before the audio."""

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
        """See ``Recognizer.stream``."""
        return WhisperStream(self._model, self.language, self._clock, self._prompt)

    def expecting(self, words: Sequence[str]) -> tuple["WhisperRecognizer", dict[str, str]]:
        """See ``AdaptableRecognizer.expecting``. The words are put into the prompt, as if they had
        been said before."""
        prompt, unusable = "", {}
        for word in words:
            longer = f"{prompt}, {word.capitalize()}" if prompt else word.capitalize()
            if self._model.tokens_of(longer) <= MOST_PROMPT_TOKENS:
                prompt = longer
            else:
                unusable[word] = "is beyond the number of words that Whisper can expect"
        return WhisperRecognizer(self._model, self.language, self._clock, prompt + "."), unusable


class WhisperStream:
    """Recognition of one speaker."""

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
        self._certain: list[Heard] = []  # certain words of this utterance
        self._context: list[Heard] = []  # those of them that are in ``_sound``
        self._rest: list[Heard] = []  # the other words of the last pass
        self._due = STEP_SAMPLES  # the sample at which the next pass is made
        self._fresh = False  # whether audio came since the last pass
        self._passed = 0  # end of the audio of the last pass

    @property
    def heard_sample(self) -> int:
        """The end of the audio of the last pass."""
        return self._passed

    @property
    def _now(self) -> int:
        return self._from + len(self._sound)

    def accept(self, pcm: Pcm) -> Transcript | None:
        """See ``RecognizerStream.accept``."""
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
        # Not later than there is as much audio as the model takes, however slow a pass was.
        room = max(STEP_SAMPLES, LONGEST_SAMPLES - len(self._sound))
        self._due = self._now + min(room, max(STEP_SAMPLES, taken))
        self._fresh = False
        return self._transcript(final=False)

    def finish(self) -> Transcript | None:
        """See ``RecognizerStream.finish``. If words were shown and none is left, says so."""
        shown = bool(self._certain or self._rest)
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
        return transcript if said or shown else None

    def _hear(self, more_follows: bool) -> list[Heard]:
        """Make a pass. Returns the words after the certain ones."""
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
        """Whether the last pass heard its last word completely, and nobody has spoken since."""
        words = self._rest or self._context
        if not words or words[-1].end_sample + HEARD_OUT_SAMPLES > self._passed:
            return False
        loud = _loudness(self._sound)
        after = loud[(words[-1].end_sample - self._from) // WINDOW + 1 :]
        return not len(after) or bool(after.max() < SILENT * loud.max())

    def _how_many_certain(self, heard: Sequence[Heard]) -> int:
        """How many words of a pass are certain now; all but the last if there is too much audio."""
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
        """Cut off audio that is not needed any more."""
        end = self._certain_end
        for place in range(len(self._context) - 1, 0, -1):
            if end - self._context[place].start_sample < KEPT_SAMPLES:
                continue
            before, after = self._context[place - 1], self._context[place]
            self._drop(self._quietest(before.end_sample, after.start_sample) - self._from)
            self._context = self._context[place:]
            break
        if len(self._sound) >= LONGEST_SAMPLES:  # no word in it became certain
            self._drop(len(self._sound) - KEPT_SAMPLES)
            self._context = []

    def _quietest(self, start: int, end: int) -> int:
        """The middle of the quietest 20 ms in or around the gap from ``start`` to ``end``."""
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
    """The root mean square of each complete window."""
    windows = pcm[: len(pcm) // WINDOW * WINDOW].reshape(-1, WINDOW).astype(np.float32)
    loudness: NDArray[np.float32] = np.sqrt(np.square(windows).mean(axis=1))
    return loudness
