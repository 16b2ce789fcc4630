"""The pronunciation of words, in the phones of the starter recognisers.

espeak-ng gives a pronunciation in the International Phonetic Alphabet (IPA). The tables here map it
to the recognisers' phones. They follow from ``training/recognizer/phones.py``, and were derived
from 4,000 words of each language's lexicon.
"""

import unicodedata
from collections.abc import Callable
from typing import Final

#: espeak-ng's voice for each language.
VOICES: Final = {"en": "en-us", "nl": "nl"}


def _table(text: str) -> dict[str, tuple[str, ...]]:
    """Parse "sign|sign PHONE PHONE, …": the phones of each IPA sign."""
    rows = (row.split() for row in text.split(","))
    return {
        unicodedata.normalize("NFD", sign): tuple(phones)
        for signs, *phones in rows
        for sign in signs.split("|")
    }


_SIGNS: Final = {
    "en": _table(
        "aɪ AY, aɪɚ AY ER, aʊ AW, b B, d D, dʒ JH, eɪ EY, f F, h HH, i|iː IY, iə IY AX, j Y, "
        "k|x K, l L, m M, n|n̩ N, oʊ OW, oː|oːɹ|ɔːɹ AO R, p P, s S, t|ɾ T, tʃ CH, uː UW, v V, w W, "
        "z Z, æ|a AE, ð DH, ŋ NG, ɐ|ə AX, ɑː AA, ɑːɹ AA R, ɑ̃ AA N, ɔ|ɔː AO, ɔɪ OY, əl AX L, "
        "ɚ|ɜː ER, ɛ EH, ɛɹ EH R, ɡ G, ɪ|ᵻ IH, ɪɹ IH R, ɹ|r R, ʃ SH, ʊ UH, ʊɹ UH R, ʌ AH, ʒ ZH, θ TH"
    ),
    "nl": _table(
        "a|ɑ A, aɪ A J, aː AA, b B, d D, eɪ|eː EE, eʊ EE W, f F, h H, i|iː IY, j J, k K, l L, m M, "
        "n N, oː|ɔː|oʊ OO, p P, r|ɹ|ɾ R, s S, t T, tʃ T SH, dʒ D ZH, u|uː OE, v V, w|ʋ W, x|ɣ X, "
        "y UU, yʊ UU W, z Z, øː OU, ŋ NG, œy UI, ɒ|ɔ O, ə|ɚ AX, ɛ|æ E, ɛɪ EI, ɡ G, ɪ I, ɵ|ʌ|ɜː U, "
        "ʃ SH, ʌʊ|aʊ AU, ʒ ZH"
    ),
}
#: Signs without a phone of their own: stress, length, syllables, ties, glottal stops,
#: palatalisation.
_SILENT: Final = frozenset("ˈˌ ːʔʲ̩͡\u200d-_")


def phones_of(ipa: str, language: str) -> tuple[str, ...] | None:
    """The phones of a word given in ``ipa``. None if a sound of it has no phone in ``language``."""
    signs = _SIGNS.get(language, {})
    ipa = unicodedata.normalize("NFD", ipa)
    found: list[str] = []
    place = 0
    while place < len(ipa):
        for length in range(4, 0, -1):
            if phones := signs.get(ipa[place : place + length]):
                found += phones
                place += length
                break
        else:
            if ipa[place] not in _SILENT:
                return None
            place += 1
    return tuple(found) or None


def pronouncer(
    language: str, ipa: Callable[[str, str], str]
) -> Callable[[str], tuple[str, ...] | None]:
    """A function that returns the phones of a word, or None. ``ipa``: returns the IPA of a text
    as spoken by an espeak-ng voice."""
    voice = VOICES.get(language)
    return lambda word: phones_of(ipa(word, voice), language) if voice else None
