"""What passes between the stages of an interpreter. Sound is int16 mono; times are samples
of stream time at 16 kHz."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Pcm = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Word:
    """One recognised word and when it was said."""

    text: str
    start_sample: int
    end_sample: int


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was heard so far of one utterance. ``final``: it will not change; the next
    transcript is of the next utterance. Partial ones may have no word times: then ``words``
    are spread evenly by the recogniser's stream. ``certain``: so many of the first words will
    not change; None where the recogniser does not know."""

    words: tuple[Word, ...]
    final: bool
    certain: int | None = None

    @property
    def text(self) -> str:
        """Its words, with spaces between them."""
        return " ".join(word.text for word in self.words)

    def shifted(self, samples: int) -> "Transcript":
        """The same, so much later."""
        words = (
            Word(word.text, word.start_sample + samples, word.end_sample + samples)
            for word in self.words
        )
        return Transcript(tuple(words), self.final, self.certain)


@dataclass(frozen=True, slots=True)
class Clause:
    """A stretch of source text that may be said in another language. Unless ``ended``, it is a
    beginning: a longer one of the same ``segment`` follows, whose last words may differ.
    ``goes_on``: the segment before was cut from it, not at a pause."""

    segment: int
    text: str
    start_sample: int
    end_sample: int
    ended: bool = True
    goes_on: bool = False
