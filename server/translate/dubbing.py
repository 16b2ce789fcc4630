"""Interprets the clauses of a file into one language, each where it was said.

- An interpretation never begins before its clause, and never overlaps with the one before it.
- It is spoken as fast as it must be to end before the next clause begins, within limits; after
  that it runs over, and the next one begins later.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from server.bus.messages import RATE_HZ as STREAM_HZ
from server.interpretation.context import Said as Context
from server.interpretation.context import in_context
from server.interpretation.engines import EngineError, Synthesizer
from server.interpretation.fidelity import doubts
from server.interpretation.joins import tapered
from server.interpretation.loudness import Leveller
from server.interpretation.shared import Engines
from server.interpretation.types import Clause, Pcm
from server.media.opus import RATE_HZ, Resampler
from server.media.writing import SoundWriter
from server.subtitles import Cue, spread
from server.translate.timing import timed

#: The least pause between two interpretations.
PAUSE_S: Final = 0.1
#: The length scale of a voice at its fastest: still understood.
FASTEST: Final = 0.7


@dataclass(frozen=True, slots=True)
class Spoken:
    """An interpretation: its ``text``, and when it and each of its ``words`` is heard; without a
    voice, when its clause was said. ``doubtful``: the translation may be wrong."""

    start_s: float
    end_s: float
    text: str
    words: Sequence[Cue]
    doubtful: bool


class Dubbing:
    """The interpretation of one file into ``target``. ``sound``: where it is spoken to; None if
    only its text is wanted. ``hurries``: whether it is spoken faster where it is late.
    ``behind_s``: by how much it began after its clause at most."""

    def __init__(
        self,
        engines: Engines,
        source: str,
        target: str,
        sound: SoundWriter | None,
        hurries: bool,
        lose: Callable[[float, str], None],
    ) -> None:
        self.target = target
        self.behind_s = 0.0
        self._translator = engines.translator
        self._source = source
        self._voice = engines.synthesizers[target] if sound else None
        self._sound = sound
        self._hurries = hurries
        self._lose = lose
        self._leveller = Leveller()
        self._before: Context | None = None

    def interpret(self, clause: Clause, until_s: float) -> Spoken | None:
        """Translate ``clause``, and speak it if there is a voice, by ``until_s`` if that can be.
        None if there is nothing to say, or an engine fails on it."""
        start_s, end_s = clause.start_sample / STREAM_HZ, clause.end_sample / STREAM_HZ

        try:
            text = in_context(self._translated, clause, "", self._before)
            if not text:
                return None
            self._before = Context(clause, text)
            words = spread(text, start_s, end_s)
            if self._sound and self._voice:
                words = self._speak(self._sound, self._voice, text, start_s, until_s)
        except EngineError as error:
            self._lose(start_s, str(error))
            return None
        doubtful = bool(doubts(clause.text, text, self._source, self.target))
        return Spoken(words[0].start_s, words[-1].end_s, text, words, doubtful) if words else None

    def _translated(self, text: str, prefix: str) -> str:
        return self._translator.translate(text, self._source, self.target, prefix)

    def _speak(
        self, sound: SoundWriter, voice: Synthesizer, text: str, start_s: float, until_s: float
    ) -> list[Cue]:
        free_s = sound.samples / RATE_HZ + (PAUSE_S if sound.samples else 0.0)
        begin_s = max(start_s, free_s)
        pcm = self._pcm(voice, text, until_s - begin_s - PAUSE_S)
        if not len(pcm):
            return []
        self.behind_s = max(self.behind_s, begin_s - start_s)
        sound.pad(round(begin_s * RATE_HZ))
        sound.write(pcm)
        return timed(text, pcm, begin_s)

    def _pcm(self, voice: Synthesizer, text: str, room_s: float) -> Pcm:
        """``text`` at 48 kHz, in ``room_s`` if that can be."""
        pcm = tapered(voice.synthesize(text, 1.0), voice.rate_hz)
        length_s = len(pcm) / voice.rate_hz
        if self._hurries and length_s > room_s:
            scale = max(FASTEST, room_s / length_s)
            pcm = tapered(voice.synthesize(text, scale), voice.rate_hz)
        pcm = self._leveller.levelled(pcm, voice.rate_hz)
        resampler = Resampler(voice.rate_hz, RATE_HZ)
        return np.concatenate((resampler.push(pcm), resampler.flush()))
