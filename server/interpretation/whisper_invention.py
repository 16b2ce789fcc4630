"""Detects text that Whisper invented: loops, and words in audio without speech."""

import re
from collections.abc import Sequence
from typing import Final

import numpy as np

#: A repetition of this many words in a row is a loop.
LOOP_WORDS: Final = 4
#: Also a loop: one to four characters, not digits, five times in a row: "a'a'a'a'a".
LOOP: Final = re.compile(r"([^\d]{1,4})\1{4}")
#: Nobody says more letters per second. Text with more was invented at the end of the audio.
LETTERS_PER_SECOND: Final = 30
#: Text with a lower likelihood, the geometric mean over its tokens, is invented.
LEAST_LIKELIHOOD: Final = 0.15
#: The same for the beginning of an utterance, until more audio follows: Whisper invents beginnings
#: in the noise of a crowd. On development recordings, 7 % of first passes are shown one pass later
#: because of this.
LEAST_LIKELIHOOD_AT_FIRST: Final = 0.3
#: If Whisper's probability that nobody speaks is above NO_SPEECH, text is invented if it has a
#: lower likelihood or fewer tokens per second than these. This removes 97 % of the passes over the
#: noise of a crowd, and 4 % of those of development recordings (6 % in a noisy room).
NO_SPEECH: Final = 0.5
NO_SPEECH_LIKELIHOOD: Final = 0.5
NO_SPEECH_TOKENS_PER_SECOND: Final = 1.0


def key(text: str) -> str:
    """``text`` without case and punctuation, for comparisons."""
    return "".join(filter(str.isalnum, text.casefold()))


def before_a_loop(words: Sequence[str], before: Sequence[str]) -> int:
    """How many of ``words`` come before the first loop: a word that repeats characters, or
    LOOP_WORDS words that are already in ``words`` or in ``before``, the words before them."""
    count = next((at for at, word in enumerate(words) if LOOP.search(word)), len(words))
    keys = [key(word) for word in (*before, *words[:count])]
    seen: set[tuple[str, ...]] = set()
    for place in range(len(keys) - LOOP_WORDS + 1):
        several = tuple(keys[place : place + LOOP_WORDS])
        if several in seen:
            return max(0, place - len(before))
        seen.add(several)
    return count


def is_made_up(
    likelihoods: Sequence[float], no_speech: float, seconds: float, at_first: bool = False
) -> bool:
    """Whether text is invented. ``likelihoods``: of its tokens, 0 to 1. ``no_speech``: the
    probability that nobody speaks, 0 to 1. ``seconds``: the length of its audio. ``at_first``: the
    text begins an utterance, and more audio follows."""
    if not likelihoods:
        return True
    likelihood = float(np.exp(np.mean(np.log(np.maximum(likelihoods, 1e-9)))))
    if no_speech > NO_SPEECH and len(likelihoods) < NO_SPEECH_TOKENS_PER_SECOND * seconds:
        return True
    least = LEAST_LIKELIHOOD_AT_FIRST if at_first else LEAST_LIKELIHOOD
    return likelihood < (NO_SPEECH_LIKELIHOOD if no_speech > NO_SPEECH else least)
