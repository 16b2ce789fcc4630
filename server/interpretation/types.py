"""The data that the stages of an interpreter exchange. Audio is int16 mono; times are samples of
stream time at 16 kHz."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Pcm = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Word:
    """A recognised word, and when it was said."""

    text: str
    start_sample: int
    end_sample: int


@dataclass(frozen=True, slots=True)
class Transcript:
    """The words recognised so far in one utterance. ``final``: they will not change, and the next
    transcript is of the next utterance. ``certain``: this many of the first words will not change;
    None if the recogniser does not know. Word times of partial transcripts may be estimates."""

    words: tuple[Word, ...]
    final: bool
    certain: int | None = None

    @property
    def text(self) -> str:
        """The words, separated by spaces."""
        return " ".join(word.text for word in self.words)

    def shifted(self, samples: int) -> "Transcript":
        """A copy, later by ``samples``."""
        words = (
            Word(word.text, word.start_sample + samples, word.end_sample + samples)
            for word in self.words
        )
        return Transcript(tuple(words), self.final, self.certain)


@dataclass(frozen=True, slots=True)
class Clause:
    """A stretch of source text that is ready to be interpreted. If not ``ended``, it is the
    beginning of a segment: another clause of the same ``segment`` follows, which is longer and
    whose last words may differ. ``goes_on``: it continues the sentence of the segment before,
    without a pause."""

    segment: int
    text: str
    start_sample: int
    end_sample: int
    ended: bool = True
    goes_on: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """What an interpretation is of and into: one ``epoch`` of ``stream``, whose language is
    ``source``, into ``language``."""

    stream: str
    epoch: int
    source: str
    language: str
