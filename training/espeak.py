"""espeak-ng as a teacher: synthesizes speech, with the time of every phoneme and word.

Binds libespeak-ng with ctypes, because the command line gives no events. The library keeps one
global state: use it from one thread. Struct layout and constants: espeak-ng's speak_lib.h.
"""

import ctypes
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

_SYNCHRONOUS = 2
_PHONEME_EVENTS, _PHONEMES_IN_IPA = 1, 2  # otherwise events carry espeak's own phoneme names
_RATE, _VOLUME, _PITCH, _RANGE, _WORD_GAP = 1, 2, 3, 4, 7  # espeak_PARAMETER
_WORD, _PHONEME = 1, 7  # espeak_EVENT_TYPE
_UTF8 = 1
_POSITION_CHARACTER = 1


@dataclass(frozen=True)
class Phoneme:
    """A phoneme, which begins `start_s` after the first sample.

    `name` is espeak's mnemonic ("aI", "t#", "_:" for a pause), or IPA if that was asked for.
    """

    name: str
    start_s: float


@dataclass(frozen=True)
class WordStart:
    """The beginning of a word. `offset`: its first character (0-based) in the text."""

    offset: int
    start_s: float


@dataclass(frozen=True)
class Utterance:
    """`samples`: int16 mono at `rate_hz`. The events are in the order in which espeak gave them."""

    samples: npt.NDArray[np.int16]
    rate_hz: int
    events: list[Phoneme | WordStart]

    @property
    def duration_s(self) -> float:
        return len(self.samples) / self.rate_hz


class _Id(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),  # 1-based, in characters
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),  # ms
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    ]


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


class Espeak:
    """Create only one per process. Raises FileNotFoundError if espeak-ng is not installed."""

    def __init__(self, *, ipa: bool = False) -> None:
        try:
            self._library = ctypes.CDLL("libespeak-ng.so.1")
        except OSError:
            raise FileNotFoundError(
                "libespeak-ng.so.1 is missing: install espeak-ng (Debian: espeak-ng)"
            ) from None
        options = _PHONEME_EVENTS | (_PHONEMES_IN_IPA if ipa else 0)
        self.rate_hz: int = self._library.espeak_Initialize(_SYNCHRONOUS, 0, None, options)
        if self.rate_hz <= 0:
            raise FileNotFoundError(
                "espeak-ng has no voice data: install it (Debian: espeak-ng-data)"
            )
        self._samples: list[npt.NDArray[np.int16]] = []
        self._events: list[Phoneme | WordStart] = []
        self._callback = _Callback(self._receive)  # kept: the library holds only its address
        self._library.espeak_SetSynthCallback(self._callback)

    def synthesise(
        self,
        text: str,
        voice: str,
        *,
        words_per_minute: int = 160,
        pitch: int = 50,
        pitch_range: int = 50,
        word_gap: int = 0,
    ) -> Utterance:
        """Speak `text` with a voice such as "nl", "en-us" or a variant "nl+f2".

        Pitch and its range run 0-100, word_gap is in units of 10 ms. ValueError: no such voice.
        An unknown variant after "+" is ignored by espeak-ng itself.
        """
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise ValueError(f"espeak-ng has no voice {voice!r}; espeak-ng --voices lists them")
        settings = {
            _RATE: words_per_minute,
            _VOLUME: 100,
            _PITCH: pitch,
            _RANGE: pitch_range,
            _WORD_GAP: word_gap,
        }
        for parameter, value in settings.items():
            self._library.espeak_SetParameter(parameter, value, 0)
        self._samples, self._events = [], []
        encoded = text.encode()
        self._library.espeak_Synth(
            encoded, len(encoded) + 1, 0, _POSITION_CHARACTER, 0, _UTF8, None, None
        )
        samples = np.concatenate(self._samples) if self._samples else np.zeros(0, np.int16)
        return Utterance(samples, self.rate_hz, self._events)

    def _receive(self, wave: Any, count: int, events: Any) -> int:
        if wave and count > 0:
            self._samples.append(np.ctypeslib.as_array(wave, (count,)).copy())
        index = 0
        while events[index].type != 0:
            event = events[index]
            start_s = event.audio_position / 1000
            if event.type == _WORD:
                self._events.append(WordStart(event.text_position - 1, start_s))
            elif event.type == _PHONEME:
                name = bytes(event.id.string).split(b"\0")[0].decode("utf-8", "replace")
                self._events.append(Phoneme(name, start_s))
            index += 1
        return 0
