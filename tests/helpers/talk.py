"""A talk without sound, and stand-ins for engines that recognise, translate and speak it."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from server.bus.messages import RATE_HZ, Message, Speech
from server.interpretation.engines import RecognizerStream
from server.interpretation.types import Pcm, Transcript, Word

CHUNK = RATE_HZ // 10
#: The words of a sentence, and the pause after it. The pace includes the pauses.
SENTENCE, PAUSE_S = 12, 0.4
VOICE_WORDS_A_MINUTE = 200


@dataclass
class Talk:
    """A talk of a number of words a minute, for a number of seconds."""

    words_a_minute: int
    seconds: float

    def words(self) -> list[Word]:
        took_s = 60 * SENTENCE / self.words_a_minute
        word_s = (took_s - PAUSE_S) / SENTENCE
        sentences = int(self.seconds / took_s)
        starts_s = [n * took_s + i * word_s for n in range(sentences) for i in range(SENTENCE)]
        return [
            Word(f"w{i}", round(start_s * RATE_HZ), round((start_s + word_s) * RATE_HZ))
            for i, start_s in enumerate(starts_s)
        ]


class Recognizer:
    """Recognises every word when it ends. After each sentence the transcript is final."""

    pause_samples = None

    language = "nl"

    def __init__(self, talk: Talk) -> None:
        self._words = talk.words()
        self._heard = 0

    def stream(self) -> RecognizerStream:
        return self

    def accept(self, pcm: Pcm) -> Transcript | None:
        self._heard += len(pcm)
        known = sum(word.end_sample <= self._heard for word in self._words[:SENTENCE])
        said = Transcript(tuple(self._words[:known]), known == SENTENCE)
        if said.final:
            del self._words[:SENTENCE]
        return said if known else None

    def finish(self) -> Transcript | None:
        return None


class Wordy:
    """Translates every five words to six."""

    def translate(self, text: str, source: str, target: str, prefix: str = "") -> str:
        words = text.split()
        return " ".join(f"{word} more" if int(word[1:]) % 5 == 4 else word for word in words)


class Voice:
    rate_hz = RATE_HZ

    def __init__(self, language: str) -> None:
        self.language = language
        self.scales: list[float] = []

    def synthesize(self, text: str, length_scale: float) -> Pcm:
        self.scales.append(length_scale)
        seconds = length_scale * 60 * len(text.split()) / VOICE_WORDS_A_MINUTE
        return np.full(round(seconds * RATE_HZ), 1000, np.int16)


def lags_s(messages: Iterable[Message], start_s: float, end_s: float, language: str) -> list[float]:
    """For each part played from ``start_s`` to ``end_s``, the time from the end of its source to
    its own end."""
    return [
        (piece.play_at + len(piece.pcm) // 2 - piece.end_sample) / RATE_HZ
        for piece in messages
        if isinstance(piece, Speech) and piece.last and piece.language == language
        if start_s <= piece.play_at / RATE_HZ < end_s
    ]
