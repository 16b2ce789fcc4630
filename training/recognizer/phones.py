"""The phone sets, how phonemes of espeak-ng and flite map to them, and Kaldi's phone numbers.

German is here for aligning a German voice; no German recogniser is made.

The first phone of a set is SIL. Kaldi numbers phones by their position in a word (begin, end,
internal, singleton), so that words can be timed. The network knows only the phone, with one output
for its first frame and one for the others.
"""

from typing import Literal

Language = Literal["en", "nl", "de"]
SILENCE = "SIL"
POSITIONS = ("B", "E", "I", "S")
BOUNDARY = {"B": "begin", "E": "end", "I": "internal", "S": "singleton"}

_SETS: dict[Language, str] = {
    "en": "AA AE AH AO AW AX AY EH ER EY IH IY OW OY UH UW "
    "B CH D DH F G HH JH K L M N NG P R S SH T TH V W Y Z ZH",
    "nl": "A AA AU AX E EE EI I IY O OE OO OU U UI UU B D F G H J K L M N NG P R S SH T V W X Z ZH",
    "de": "A AA AI AU AX E EE EH ER I IY O OE OO OOE OY U UE UU UUE "
    "B C CH D F G H J K L M N NG P PF R S SH T TS V X Z ZH",
}

_DUTCH = {
    "A": "A", "a": "A", "a:": "AA", "E": "E", "E2": "E", "e:": "EE", "EI": "EI", "I": "I",
    "i": "IY", "i:": "IY", "O": "O", "O2": "O", "O:": "OO", "o:": "OO", "u": "OE", "u:": "OE",
    "y": "UU", "y:": "UU", "8": "U", "Y:": "OU", "Y": "OU", "VU": "AU", "Wy": "UI", "@": "AX",
    "@2": "AX", "3": "AX", "eU": "EE W", "yU": "UU W", "iU": "IY W", "Q": "X", "x": "X",
    "g": "G", "v#": "W", "w": "W", "b": "B", "d": "D", "f": "F", "h": "H", "j": "J", "k": "K",
    "l": "L", "m": "M", "n": "N", "N": "NG", "p": "P", "r": "R", "s": "S", "S": "SH", "t": "T",
    "v": "V", "z": "Z", "Z": "ZH", "!": "", ";": "", "?": "",
    # Words that espeak-ng says as English, between "(en)" and "(nl)".
    "*": "R", "0": "O", "tS": "T SH", "dZ": "D ZH", "eI": "EE", "aI": "A J", "oU": "OO",
    "aU": "AU", "OI": "O J", "V": "U", "aa": "A", "A:": "AA", "3:": "U", "I2": "I",
    "@5": "AX", "@L": "AX L", "U": "OE", "T": "T", "D": "D", "t#": "T", "t2": "T", "r-": "R",
    "l/": "L", "e@": "E", "i@": "I AX", "A@": "AA", "O@": "OO", "o@": "OO", "0#": "O", "a#": "AX",
    "I#": "I", "d#": "D",
}  # fmt: skip
_GERMAN = {
    "a": "A", "A": "A", "A:": "AA", "a:": "AA", "E": "E", "E2": "E", "E:": "EH", "e:": "EE",
    "e": "EE", "I": "I", "I2": "I", "i:": "IY", "i": "IY", "O": "O", "O:": "OO", "o:": "OO",
    "o": "OO", "U": "U", "u:": "UU", "u": "UU", "W": "OE", "Y:": "OOE", "y": "UE", "y:": "UUE",
    "Y": "UE", "@": "AX", "3": "ER", "3:": "ER", "aI": "AI", "aU": "AU", "OY": "OY", "UR": "U ER",
    "A~": "A NG", "O~": "O NG", "E~": "E NG", "W~": "OE NG", "A@": "AA", "0": "O", "eI": "EE",
    "oU": "OO", "b": "B", "C": "C", "tS": "CH", "dZ": "D ZH", "d": "D", "f": "F", "g": "G",
    "h": "H", "j": "J", "k": "K", "l": "L", "m": "M", "n": "N", "N": "NG", "p": "P", "pF": "PF",
    "r": "R", "R": "R", "*": "R", "s": "S", "S": "SH", "t": "T", "ts": "TS", "v": "V", "w": "V",
    "x": "X", "z": "Z", "Z": "ZH", ";": "", "?": "", "!": "", "V": "A", "T": "S", "D": "Z",
}  # fmt: skip
_ENGLISH = {
    "I": "IH", "I2": "IH", "I#": "IH", "i": "IY", "i:": "IY", "E": "EH", "E2": "EH", "a": "AE",
    "a#": "AX", "V": "AH", "@": "AX", "@2": "AX", "@5": "AX", "0": "AA", "0#": "AA", "O2": "AO",
    "O:": "AO", "O": "AO", "A:": "AA", "A": "AA", "oU": "OW", "eI": "EY", "aI": "AY",
    "aI2": "AY", "aU": "AW", "OI": "OY", "u:": "UW", "u": "UW", "U": "UH", "3:": "ER",
    "VR": "ER", "IR": "ER", "@L": "AX L", "i@": "IY AX", "aI@": "AY AX", "aI3": "AY ER",
    "aa": "AA", "3": "AX", "@r": "AX", "A@": "AA", "O@": "AO", "o@": "AO", "U@": "UH AX",
    "e@": "EH", "i@3": "IY AX", "t": "T", "t#": "T", "t2": "T", "t[": "T", "d": "D", "d[": "D",
    "d#": "D", "D": "DH", "T": "TH", "s": "S", "z": "Z", "S": "SH", "Z": "ZH", "tS": "CH",
    "dZ": "JH", "k": "K", "g": "G", "p": "P", "b": "B", "m": "M", "n": "N", "N": "NG", "l": "L",
    "l/": "L", "l#": "L", "r": "R", "r/": "R", "r-": "R", "w": "W", "w#": "W", "j": "Y",
    "h": "HH", "h#": "HH", "H": "HH", "f": "F", "v": "V", "v#": "V", "?": "", ";": "", "@-": "AX",
    "n-": "N", "x": "K", "C": "K", "A~": "AA N", "Q": "G", "l^": "L", "a:": "AA", "e": "EH",
    "o": "AO",
}  # fmt: skip
_AMERICAN = {
    "aa": "AE", "3": "ER", "@r": "ER", "A@": "AA R", "O@": "AO R", "o@": "AO R", "U@": "UH R",
    "e@": "EH R", "i@3": "IH R", "aI@": "AY ER",
}  # fmt: skip
_SCOTTISH = {"3": "ER", "@r": "ER"}

CLOSURES = frozenset(("P", "T", "K", "B", "D", "G", "CH", "JH"))
"""Stops: espeak-ng counts their silent closure to the phone before."""


def phone_set(language: Language) -> tuple[str, ...]:
    """SIL and the phones of a language."""
    return (SILENCE, *_SETS[language].split())


def from_espeak(name: str, voice: str) -> tuple[str, ...]:
    """The phones of an espeak-ng phoneme; none if it is silent. Raises KeyError if it is
    unknown."""
    if not name or name.startswith("("):  # "(en)": another language's words follow
        return ()
    if name.startswith("_"):
        return (SILENCE,)
    accent = voice.split("+")[0]
    if accent == "nl":
        return tuple(_DUTCH[name].split())
    if accent == "de":
        return tuple(_GERMAN[name].split())
    special = {"en-us": _AMERICAN, "en-gb-scotland": _SCOTTISH}.get(accent, {})
    return tuple(special.get(name, _ENGLISH.get(name) or _ENGLISH[name]).split())


def from_flite(name: str) -> str:
    """The phones of a flite (CMU) phone, such as "ax" or "pau"."""
    return SILENCE if name == "pau" else name.upper()


class Inventory:
    """Kaldi's numbers for the phones of one language. Phone numbers start at 1, which is SIL."""

    def __init__(self, language: Language) -> None:
        self.phones = phone_set(language)
        self._index = {phone: index for index, phone in enumerate(self.phones)}
        self.positioned: list[tuple[str, str]] = [(SILENCE, "")]
        self.positioned += [(phone, at) for phone in self.phones[1:] for at in POSITIONS]

    @property
    def outputs(self) -> int:
        """The number of network outputs (in Kaldi: pdfs): two for each phone."""
        return 2 * len(self.phones)

    def first_output(self, phone: str) -> int:
        """The output for the first frame of a phone. The next one is for its other frames."""
        return 2 * self._index[phone]

    def number(self, phone: str, position: str) -> int:
        """Kaldi's phone number."""
        if phone == SILENCE:
            return 1
        return 2 + len(POSITIONS) * (self._index[phone] - 1) + POSITIONS.index(position)

    def word(self, phones: tuple[str, ...]) -> list[int]:
        """The phone numbers of a whole word."""
        last = len(phones) - 1
        places = ["S" if last == 0 else "B" if i == 0 else "E" if i == last else "I"
                  for i in range(len(phones))]  # fmt: skip
        return [self.number(phone, at) for phone, at in zip(phones, places, strict=True)]
