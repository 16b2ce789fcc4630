"""What somebody says while looking for words: it is neither shown nor translated.

Words are hesitations ("uh"), or are said again at once ("the the house"): only small words are
left out then, as "very, very old" and "holy, holy, holy" are meant. Of several words said again
nothing is left out: the first of them would have been shown as certain already.
"""

import re
from typing import Final

from server.interpretation.types import Transcript, Word

#: As recognisers write them, however long the sound: "uhhh" is "uh".
_HESITATIONS: Final = {
    "en": r"u+h+|u+h*m+|e+r+m*|h+m+|m+h*m+",
    "nl": r"e+u*h+|e+h*m+|u+h+|u+h*m+|h+m+|m+h*m+",
    "de": r"ä+h*|ä+h*m+|ö+h+|e+h+|e+h*m+|u+h+|u+h*m+|h+m+|m+h*m+",
    "fr": r"e+u+h+m*|h+e+u+|e+h*m+|h+u*m+|u+h+|u+h*m+|m+h*m+",
}
#: Said twice they are a false start. None that is rightly said twice: Dutch "dat dat", German "die
#: die", French "nous nous", English "had had".
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
#: A word that ends so ends a sentence: what follows is not the same word again.
_ENDS: Final = (".", "?", "!", "…")


def without_hesitations(transcript: Transcript, language: str) -> Transcript:
    """``transcript`` as it was meant; of a language that is not known here, as it is."""
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
    """Whether a small word is said again at once."""
    text = _bare(word.text)
    return text in small and text == _bare(before.text) and not before.text.endswith(_ENDS)


def _bare(text: str) -> str:
    return text.strip(" ,.;:!?…-–—\"'’“”").casefold()
