"""What Whisper writes and nobody said: loops, and words in sound without any."""

import re
from collections.abc import Sequence
from typing import Final

import numpy as np

#: So many words in a row that were there before are a loop.
LOOP_WORDS: Final = 4
#: So are a few letters or signs, not figures, five times in a row: "a'a'a'a'a".
LOOP: Final = re.compile(r"([^\d]{1,4})\1{4}")
#: Nobody says more letters a second; what has more was made up at the end of the sound.
LETTERS_PER_SECOND: Final = 30
#: What is this unlikely, by the geometric mean over its tokens, is made up.
LEAST_LIKELIHOOD: Final = 0.15
#: So is what begins an utterance, until more is heard: over a crowd Whisper begins some. Of
#: development recordings 7 % of first passes are shown a pass later for that.
LEAST_LIKELIHOOD_AT_FIRST: Final = 0.3
#: Where Whisper says that likelier than not nobody speaks, so is what is less likely than this, or
#: has fewer tokens a second. Of development recordings that costs 4 % of the passes, 6 in a noisy
#: room; of those over a crowd it takes 97.
NO_SPEECH: Final = 0.5
NO_SPEECH_LIKELIHOOD: Final = 0.5
NO_SPEECH_TOKENS_PER_SECOND: Final = 1.0


def key(text: str) -> str:
    """``text`` without case and punctuation, for comparing."""
    return "".join(filter(str.isalnum, text.casefold()))


def before_a_loop(words: Sequence[str], before: Sequence[str]) -> int:
    """How many of ``words`` come before one that is a loop of letters, or before some in a row that
    were there already: in ``words``, or in ``before``, which was said before them."""
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
    """Whether nobody said tokens so likely, in so many seconds in which so likely nobody spoke.
    ``at_first``: nothing was said before, and more will be heard."""
    if not likelihoods:
        return True
    likelihood = float(np.exp(np.mean(np.log(np.maximum(likelihoods, 1e-9)))))
    if no_speech > NO_SPEECH and len(likelihoods) < NO_SPEECH_TOKENS_PER_SECOND * seconds:
        return True
    least = LEAST_LIKELIHOOD_AT_FIRST if at_first else LEAST_LIKELIHOOD
    return likelihood < (NO_SPEECH_LIKELIHOOD if no_speech > NO_SPEECH else least)
