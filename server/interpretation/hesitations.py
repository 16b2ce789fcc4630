"""Removes hesitations from transcripts: they are neither shown nor translated.

A hesitation is a sound ("uh") or a small word repeated at once ("the the house"). Repetitions of
other words stay, because "very, very old" is meant. Repetitions of several words stay, too: the
first of them may already have been shown as certain.
"""

import re
from typing import Final

from server.interpretation.types import Transcript, Word

#: Hesitation sounds as recognisers write them; letters may repeat: "uhhh".
_HESITATIONS: Final = {
    "en": r"u+h+|u+h*m+|e+r+m*|h+m+|m+h*m+",
    "nl": r"e+u*h+|e+h*m+|u+h+|u+h*m+|h+m+|m+h*m+",
    "de": r"ä+h*|ä+h*m+|ö+h+|e+h+|e+h*m+|u+h+|u+h*m+|h+m+|m+h*m+",
    "fr": r"e+u+h+m*|h+e+u+|e+h*m+|h+u*m+|u+h+|u+h*m+|m+h*m+",
}
#: A repetition of these is a false start. Words that can correctly follow themselves are left out:
#: Dutch "dat dat", German "die die", French "nous nous", English "had had".
_SMALL: Final = {
    "en": "a an the i he she it we they you and or but of to in on at for with from by as if is "
    "was are were this my your his our their there then so because when",
    "nl": "een de het ik hij we wij jullie u en of maar van te in op aan voor met om bij als is "
    "was zijn deze mijn uw ons onze er dan dus omdat wanneer naar ook",
    "de": "ein eine einen einem einer das den dem des ich er es wir ihr und oder aber von zu in "
    "im auf an für mit aus bei als ist war sind dieser mein dein sein unser da dann also weil wenn",
    "fr": "un une le la les l je j il elle on ils elles et ou mais de du des d à au aux dans sur "
    "pour avec par si est était sont ce cette mon ma ton ta notre votre alors donc parce quand que",
}
_FILLERS: Final = {
    language: re.compile(pattern, re.IGNORECASE) for language, pattern in _HESITATIONS.items()
}
_SMALL_WORDS: Final = {language: frozenset(words.split()) for language, words in _SMALL.items()}
#: A word with one of these endings ends a sentence, so the next word is not a repetition.
_ENDS: Final = (".", "?", "!", "…")


def without_hesitations(transcript: Transcript, language: str) -> Transcript:
    """``transcript`` without hesitations; unchanged if its language is unknown here."""
    base = language.partition("-")[0]
    fillers, small = _FILLERS.get(base), _SMALL_WORDS.get(base, frozenset())
    if fillers is None:
        return transcript
    meant: list[int] = []
    for place, word in enumerate(transcript.words):
        again = bool(meant) and _is_again(transcript.words[meant[-1]], word, small)
        if not again and not fillers.fullmatch(_bare(word.text)):
            meant.append(place)
    certain = transcript.certain
    if certain is not None:
        certain = sum(place < certain for place in meant)
    words = tuple(transcript.words[place] for place in meant)
    return Transcript(words, transcript.final, certain)


def _is_again(before: Word, word: Word, small: frozenset[str]) -> bool:
    """Whether ``word`` repeats the small word ``before``."""
    text = _bare(word.text)
    return text in small and text == _bare(before.text) and not before.text.endswith(_ENDS)


def _bare(text: str) -> str:
    return text.strip(" ,.;:!?…-–—\"'’“”").casefold()
