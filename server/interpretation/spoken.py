"""Decides which language is spoken. No I/O: speech goes in, windows of it come out for an
identifier; from the identifier's probabilities it decides.

- A change of language takes several windows in a row that do not overlap and clearly name the same
  new language. A short quotation does not fill two windows.
- One window is enough for the language being interpreted, and for the first language of all.
- The identifier knows no regions: its "pt" stands for "pt-BR".
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from server.bus.messages import AUTO, RATE_HZ
from server.interpretation.types import Pcm

#: The length of a window. With shorter ones Whisper makes more mistakes; longer ones take longer.
WINDOW: Final = 3 * RATE_HZ
#: Speech between windows while the expected language is surely spoken. Identifying a window takes
#: 0.13 s of a core. A change of language is found after 6 to 8 s.
SURE_AGAIN: Final = 4 * RATE_HZ
#: Speech between windows while no language is decided on yet.
UNDECIDED_AGAIN: Final = RATE_HZ
#: After this much speech the likeliest language is chosen, however unlikely: listeners wait.
DECIDED: Final = 6 * RATE_HZ
#: The number of windows in a row that it takes to change the language.
WINDOWS: Final = 2
#: Whisper's training data, in thousands of hours (Radford et al. 2022, appendix E); less than one
#: for any other language.
LEARNT: Final = {
    **{"en": 438, "zh": 23, "de": 13, "es": 11, "ru": 10, "fr": 10, "pt": 9, "ko": 8, "ja": 7},
    **{"tr": 4, "pl": 4, "it": 3, "sv": 2, "nl": 2, "ca": 2},
}
#: Whisper prefers languages with much training data. To correct that, probabilities are divided by
#: the hours to the power of BIAS. Of 100 windows of a Flemish speaker, 22 are wrong without this
#: and 2 with it; with a power of 1.0, 3 of 100 English ones are wrong (model base; candidates
#: Dutch, English and German).
BIAS: Final = 0.75
#: The least probability, among the candidates, for a window to count as clear.
CLEAR: Final = 0.8
#: A new language also needs this probability among all languages that the identifier knows: an
#: accent can make a candidate likely that is not spoken at all.
PLAIN: Final = 0.2
#: The least probability, among all languages, for a language that is not a candidate.
CLEARLY_ELSE: Final = 0.9
#: The least probability at which the expected language is surely spoken.
SURE: Final = 0.95
#: The beginning of speech is detected late by at most this (see ``gate.PRE_ROLL``).
MARGIN: Final = 8 * RATE_HZ // 10
#: Beginnings of speech remembered, to find where a language began.
STRETCHES: Final = 100


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision: ``language`` is spoken from ``sample`` on. ``probability``: from 0 to 1."""

    language: str
    probability: float
    sample: int


class Spoken:
    """Decides for one stream. ``expected``: the language being interpreted; AUTO: none yet."""

    def __init__(self, expected: str) -> None:
        self._expected = expected
        self._language = None if expected == AUTO else expected
        self._from = 0
        # The latest WINDOW of speech, and a little more: the start and samples of each piece.
        self._pieces: deque[tuple[int, Pcm]] = deque()
        self._held = 0  # samples in these pieces
        self._heard = 0  # samples of speech so far
        self._fresh = 0  # samples of speech since the last window
        self._wait = WINDOW  # samples of speech until the next window
        self._end = -1  # end of the speech so far, in stream time
        self._stretches: deque[int] = deque(maxlen=STRETCHES)
        self._window_start = self._window_end = 0
        self._otherwise = 0  # up to here the previous language was spoken
        self._candidate: str | None = None
        self._candidate_from = 0
        self._in_a_row = 0

    def hear(self, start_sample: int, pcm: Pcm) -> None:
        """Take the next speech, 16 kHz mono int16, in order. Between two pieces nobody spoke."""
        if start_sample != self._end:
            self._stretches.append(start_sample)
        self._end = start_sample + len(pcm)
        self._pieces.append((start_sample, pcm))
        self._held += len(pcm)
        self._heard += len(pcm)
        self._fresh += len(pcm)
        while self._held - len(self._pieces[0][1]) >= WINDOW:
            self._held -= len(self._pieces.popleft()[1])

    @property
    def due(self) -> bool:
        """Whether it is time to identify a window."""
        return self._held >= WINDOW and self._fresh >= self._wait

    def window(self) -> Pcm:
        """The latest WINDOW samples of speech. The next ``judge`` is about these."""
        self._window_start, self._window_end = self._pieces[0][0], self._end
        self._fresh = 0
        return np.concatenate([pcm for _, pcm in self._pieces])[-WINDOW:]

    def judge(self, probabilities: Mapping[str, float], among: Sequence[str]) -> Verdict | None:
        """Decide which language is spoken; None if it is not clear. ``probabilities``: of all
        languages in the window. ``among``: the candidates."""
        tags = {_base(each): each for each in (*among, self._expected) if each != AUTO}
        if self._language is None:
            return self._decide(*likeliest(probabilities, tags))
        language, probability = _elsewhere(probabilities, tags) or likeliest(probabilities, tags)
        sure = language == self._language == self._expected and probability >= SURE
        self._wait = SURE_AGAIN if sure else WINDOW
        if probability < CLEAR or not (
            language == self._expected or probabilities.get(_base(language), 0.0) >= PLAIN
        ):
            self._candidate = None
            return None
        if language == self._language:
            self._settle(language, self._from)
        elif self._agrees(language) or language == self._expected:
            self._settle(language, self._candidate_from)
        else:
            return None
        return Verdict(language, probability, self._from)

    def _decide(self, language: str, probability: float) -> Verdict | None:
        """Decide on the first language of the stream."""
        self._wait = UNDECIDED_AGAIN
        if not language or (probability < CLEAR and self._heard < DECIDED):
            return None
        self._wait = WINDOW
        self._settle(language, max(0, self._stretches[0] - MARGIN))
        return Verdict(language, probability, self._from)

    def _agrees(self, language: str) -> bool:
        """Whether WINDOWS windows in a row named ``language``."""
        if language != self._candidate:
            self._candidate, self._in_a_row = language, 0
            self._candidate_from = self._began()
        self._in_a_row += 1
        return self._in_a_row >= WINDOWS

    def _began(self) -> int:
        """Where the stretch of speech began that contains the start of the window, but not before
        the end of the speech known to be in the previous language."""
        earlier = [each for each in self._stretches if each <= self._window_start]
        return max(self._otherwise, (earlier[-1] if earlier else self._window_start) - MARGIN)

    def _settle(self, language: str, sample: int) -> None:
        self._language, self._from, self._candidate = language, sample, None
        self._otherwise = self._window_end


def likeliest(probabilities: Mapping[str, float], tags: Mapping[str, str]) -> tuple[str, float]:
    """The likeliest candidate, and its probability among the candidates; ("", 0.0) for none.
    ``tags``: the candidates, by the identifier's name for each."""
    likely = {each: probabilities.get(each, 0.0) / LEARNT.get(each, 1) ** BIAS for each in tags}
    total = sum(likely.values())
    if not total:
        return "", 0.0
    best = max(likely, key=likely.__getitem__)
    return tags[best], likely[best] / total


def _elsewhere(
    probabilities: Mapping[str, float], tags: Mapping[str, str]
) -> tuple[str, float] | None:
    """A language that is clearly spoken and not a candidate, with its probability; else None."""
    best = max(probabilities, key=probabilities.__getitem__, default="")
    if best in tags or probabilities.get(best, 0.0) < CLEARLY_ELSE:
        return None
    return best, probabilities[best]


def _base(tag: str) -> str:
    return tag.split("-")[0].lower()
