"""Removes hesitations from transcripts: they are neither shown nor translated.

A hesitation is a sound ("uh") or a small word repeated at once ("the the house"). Repetitions of
other words stay, because "very, very old" is meant. Repetitions of several words stay, too: the
first of them may already have been shown as certain.
"""

import re
from typing import Final

from server.interpretation.types import Transcript, Word

#: Hesitation sounds as recognisers write them; letters may repeat: "uhhh". Words are left out:
#: German "um", Dutch "'em", and "mm" for millimetres.
_HESITATIONS: Final = {
    "en": r"u+h+|u+h*m+|e+r+m+|e+r|e+r{3,}|h+m+|m+h+m+|m{3,}",
    "nl": r"e+u*h+|e+h+m+|u+h+|u+h*m+|h+m+|m+h+m+|m{3,}",
    "de": r"ä+h*|ä+h*m+|ö+h+|e+h+|e+h+m+|u+h+|u+h+m+|h+m+|m+h+m+|m{3,}",
    "fr": r"e+u+h+m*|h+e+u+|e+h*m+|h+u*m+|u+h+|u+h*m+|m+h+m+|m{3,}",
}
#: A repetition of these is a false start. Words that can correctly follow themselves are left out:
#: "had had", and, as recognisers may write no comma, "what it is is", "look at it it moves",
#: "wij zijn zijn kinderen", "hij stond op op de derde dag", "das Wort, das das Leben bringt".
_SMALL: Final = {
    "en": "a an the i he she we they and or but of to at for with from by as if "
    "my your his our their then so because when",
    "nl": "een de ik hij we wij en of maar van te voor met bij als "
    "deze mijn uw onze dan dus omdat wanneer naar ook",
    "de": "ein eine einen einem einer des ich er wir und oder aber von zu in "
    "im auf an für mit aus bei als dieser mein dein unser dann also weil wenn",
    "fr": "un une le la les l je j il on ils et ou mais de du des d à au aux dans sur "
    "pour avec par ce cette mon ma ton ta notre votre alors donc parce quand que",
}
#: Of these, the ones that end no clause: repeated after a comma, they are a false start, too.
_GO_ON: Final = {
    "en": "a an the and or but of my your our their because",
    "nl": "een de en of maar van te mijn uw onze omdat",
    "de": "ein eine einen einem einer des und oder aber mein dein unser weil",
    "fr": "un une les l j et ou mais de du des d au aux mon ma ton ta notre votre parce que",
}
_FILLERS: Final = {
    language: re.compile(pattern, re.IGNORECASE) for language, pattern in _HESITATIONS.items()
}
_SMALL_WORDS: Final = {language: frozenset(words.split()) for language, words in _SMALL.items()}
_GOING_ON: Final = {language: frozenset(words.split()) for language, words in _GO_ON.items()}
#: A word with one of these endings ends a sentence, so the next word is not a repetition.
_ENDS: Final = (".", "?", "!", "…")
#: These may end a clause.
_PAUSES: Final = (",", ";", ":")


def without_hesitations(transcript: Transcript, language: str) -> Transcript:
    """``transcript`` without hesitations; unchanged if its language is unknown here."""
    base = language.partition("-")[0]
    fillers = _FILLERS.get(base)
    if fillers is None:
        return transcript
    meant: list[int] = []
    for place, word in enumerate(transcript.words):
        again = bool(meant) and _is_again(transcript.words[meant[-1]], word, base)
        text = _bare(word.text)
        acronym = len(text) == 2 and word.text.isupper()  # "ER", "HM"
        if not again and (acronym or not fillers.fullmatch(text)):
            meant.append(place)
    certain = transcript.certain
    if certain is not None:
        certain = sum(place < certain for place in meant)
    words = tuple(transcript.words[place] for place in meant)
    return Transcript(words, transcript.final, certain)


def _is_again(before: Word, word: Word, language: str) -> bool:
    """Whether ``word`` repeats the small word ``before``."""
    text = _bare(word.text)
    if text != _bare(before.text) or before.text.endswith(_ENDS):
        return False
    small = _GOING_ON if before.text.endswith(_PAUSES) else _SMALL_WORDS
    return text in small[language]


def _bare(text: str) -> str:
    return text.strip(" ,.;:!?…-–—\"'’“”").casefold()
