"""Which language is spoken? Sans-I/O: speech in, windows of it to identify out; and from what an
identifier says of these, which language it is.

- Another language than before is taken for spoken when successive windows, which do not overlap,
  say the same and say it clearly. A quotation of a few words fills no two windows.
- The language that is interpreted, or any at all while none is, needs one window.
- Of regional tags the identifier knows the language only: "pt" stands for "pt-BR".
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from server.bus.messages import AUTO, RATE_HZ
from server.interpretation.types import Pcm

#: What is identified at a time. On less, Whisper mistakes more; on more, it is told later.
WINDOW: Final = 3 * RATE_HZ
#: As long as the expected language is surely spoken, a window is taken after so much speech:
#: identifying one costs 0.13 s of a core. Another language is told after 6 to 8 s.
SURE_AGAIN: Final = 4 * RATE_HZ
#: While no language is decided on, the latest window is asked about again after so much speech.
UNDECIDED_AGAIN: Final = RATE_HZ
#: After so much speech the likeliest is decided on, however unlikely: somebody waits.
DECIDED: Final = 6 * RATE_HZ
#: So many windows in a row say that the language is another one.
WINDOWS: Final = 2
#: What Whisper learnt from, in thousands of hours (Radford et al. 2022, appendix E); of any other
#: language less than one.
LEARNT: Final = {
    **{"en": 438, "zh": 23, "de": 13, "es": 11, "ru": 10, "fr": 10, "pt": 9, "ko": 8, "ja": 7},
    **{"tr": 4, "pl": 4, "it": 3, "sv": 2, "nl": 2, "ca": 2},
}
#: It takes for those what is none: among languages in question, as likely as each other, its
#: probabilities are divided by the hours to this power. Of 100 windows of a Flemish speaker 22 are
#: mistaken without, 2 with this one; with 1.0, three of 100 English ones (base, Dutch, English and
#: German in question).
BIAS: Final = 0.75
#: From this probability among the languages in question on, a window says it clearly.
CLEAR: Final = 0.8
#: A language that is not interpreted yet is also, among all that the identifier knows, at least so
#: likely: an accent makes a little of another language.
PLAIN: Final = 0.2
#: The probability of a language that is none of those in question, among all, to be clear.
CLEARLY_ELSE: Final = 0.9
#: From this on the expected language is surely spoken.
SURE: Final = 0.95
#: Beginnings of speech are found late, by so much at most (see ``gate.PRE_ROLL``).
MARGIN: Final = 8 * RATE_HZ // 10
#: Beginnings remembered, to tell from where on a language was spoken.
STRETCHES: Final = 100


@dataclass(frozen=True, slots=True)
class Verdict:
    """``language`` is spoken, from ``sample`` on."""

    language: str
    probability: float
    sample: int


class Spoken:
    """One stream's, where ``expected`` is interpreted; AUTO: none yet."""

    def __init__(self, expected: str) -> None:
        self._expected = expected
        self._language = None if expected == AUTO else expected
        self._from = 0
        # The latest WINDOW of speech, and little more: where each piece begins, and its samples.
        self._pieces: deque[tuple[int, Pcm]] = deque()
        self._held = 0  # samples in these
        self._heard = 0  # samples of speech in all
        self._fresh = 0  # of these, those since the last window
        self._wait = WINDOW
        self._end = -1  # of the speech so far, in stream time
        self._stretches: deque[int] = deque(maxlen=STRETCHES)
        self._window_start = self._window_end = 0
        self._otherwise = 0  # up to here the language was the one before
        self._candidate: str | None = None
        self._candidate_from = 0
        self._in_a_row = 0

    def hear(self, start_sample: int, pcm: Pcm) -> None:
        """Speech, 16 kHz mono int16, in order. What lies between two pieces is none."""
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
        """Whether a window is to be identified."""
        return self._held >= WINDOW and self._fresh >= self._wait

    def window(self) -> Pcm:
        """The latest WINDOW samples of speech. ``judge`` is told of these next."""
        self._window_start, self._window_end = self._pieces[0][0], self._end
        self._fresh = 0
        return np.concatenate([pcm for _, pcm in self._pieces])[-WINDOW:]

    def judge(self, probabilities: Mapping[str, float], among: Sequence[str]) -> Verdict | None:
        """What is spoken, given the ``probabilities`` of all languages in the window, where
        ``among`` are those in question. None: it is not clear."""
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
        """The first language of all."""
        self._wait = UNDECIDED_AGAIN
        if not language or (probability < CLEAR and self._heard < DECIDED):
            return None
        self._wait = WINDOW
        self._settle(language, max(0, self._stretches[0] - MARGIN))
        return Verdict(language, probability, self._from)

    def _agrees(self, language: str) -> bool:
        """Whether enough windows in a row say so."""
        if language != self._candidate:
            self._candidate, self._in_a_row = language, 0
            self._candidate_from = self._began()
        self._in_a_row += 1
        return self._in_a_row >= WINDOWS

    def _began(self) -> int:
        """Where the speech began in which the window begins, as far as it was not heard to be
        in the language before."""
        earlier = [each for each in self._stretches if each <= self._window_start]
        return max(self._otherwise, (earlier[-1] if earlier else self._window_start) - MARGIN)

    def _settle(self, language: str, sample: int) -> None:
        self._language, self._from, self._candidate = language, sample, None
        self._otherwise = self._window_end


def likeliest(probabilities: Mapping[str, float], tags: Mapping[str, str]) -> tuple[str, float]:
    """Of the languages in question, with its probability among these; ("", 0.0) for none.
    ``tags``: by what the identifier calls each."""
    likely = {each: probabilities.get(each, 0.0) / LEARNT.get(each, 1) ** BIAS for each in tags}
    total = sum(likely.values())
    if not total:
        return "", 0.0
    best = max(likely, key=likely.__getitem__)
    return tags[best], likely[best] / total


def _elsewhere(
    probabilities: Mapping[str, float], tags: Mapping[str, str]
) -> tuple[str, float] | None:
    """A language that is clearly spoken and none of those in question."""
    best = max(probabilities, key=probabilities.__getitem__, default="")
    if best in tags or probabilities.get(best, 0.0) < CLEARLY_ELSE:
        return None
    return best, probabilities[best]


def _base(tag: str) -> str:
    return tag.split("-")[0].lower()
