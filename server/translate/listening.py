"""What is said in a sound file: its clauses, in order, as the gate and the recogniser of a server
hear them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from server.bus.messages import RATE_HZ, Caption
from server.interpretation.engines import EngineError
from server.interpretation.gate import Gate
from server.interpretation.hesitations import without_hesitations
from server.interpretation.policies import POLICIES
from server.interpretation.segmenter import Segmenter
from server.interpretation.shared import Engines
from server.interpretation.types import Clause, Pcm, Transcript, Word
from server.media.files import SoundFile
from server.translate.envelope import STEP, Envelope
from server.translate.soft import raised

#: The recogniser gets pieces of this length.
CHUNK_SAMPLES: Final = RATE_HZ // 5


@dataclass(frozen=True, slots=True)
class Said:
    """A clause, and its words."""

    clause: Clause
    words: tuple[Word, ...]


class Listening:
    """Recognises ``source`` in a sound of 16 kHz. ``heard``: the samples recognised so far.
    ``lose``: called with a time in seconds and a reason where the recogniser fails."""

    def __init__(self, engines: Engines, source: str, lose: Callable[[float, str], None]) -> None:
        self.heard = 0
        self._engines = engines
        self._source = source
        self._lose = lose
        self._segmenter = Segmenter(source, policy=POLICIES["sentence"])  # there is no hurry
        self._gate: Gate | None = None
        self._gate_from = 0
        self._words: tuple[Word, ...] = ()
        self._envelope = Envelope()

    def clauses(self, sound: SoundFile) -> Iterator[Said]:
        """The clauses of all of ``sound``. Raises SoundFileError."""
        for pcm in _pieces(raised(sound, RATE_HZ)):
            yield from self._accept(pcm)
        yield from self._finish()

    def _accept(self, pcm: Pcm) -> Iterator[Said]:
        self._envelope.add(pcm)
        if self._gate is None:
            detector = self._engines.detector
            recognizer = self._engines.recognizers[self._source]
            self._gate = Gate(recognizer.stream(), detector() if detector else None)
            self._gate_from = self.heard
        gate = self._gate
        try:
            transcript = gate.accept(pcm)
        except EngineError as error:
            yield from self._failed(error)
            self.heard += len(pcm)
            return
        self.heard += len(pcm)
        news = self._segmenter.feed(self._meant(transcript), self.heard, gate.quiet_samples)
        yield from self._said(news)

    def _finish(self) -> Iterator[Said]:
        if self._gate is None:
            return
        try:
            transcript = self._gate.finish()
        except EngineError as error:
            yield from self._failed(error)
            return
        yield from self._said(self._segmenter.feed(self._meant(transcript), self.heard))

    def _failed(self, error: EngineError) -> Iterator[Said]:
        """The recogniser begins anew after what it fails on; what it said before counts."""
        self._lose(self.heard / RATE_HZ, str(error))
        self._gate = None
        yield from self._said(self._segmenter.finish())

    def _meant(self, transcript: Transcript | None) -> Transcript | None:
        if transcript is None:
            return None
        meant = without_hesitations(transcript.shifted(self._gate_from), self._source)
        self._words = meant.words
        return meant

    def _said(self, news: Sequence[Clause | Caption]) -> Iterator[Said]:
        for each in news:
            if isinstance(each, Clause):
                yield self._timed(each)

    def _timed(self, clause: Clause) -> Said:
        """``clause`` with its words. It begins when it is heard."""
        start, end = clause.start_sample, clause.end_sample
        words = [word for word in self._words if start <= word.start_sample < end]
        begins = self._envelope.begins(start, end)
        if words:
            begins = min(begins, max(start, words[0].end_sample - STEP))
            words[0] = replace(words[0], start_sample=begins)
        return Said(replace(clause, start_sample=begins), tuple(words))


def _pieces(sound: Iterable[Pcm]) -> Iterator[Pcm]:
    waiting: Pcm = np.zeros(0, np.int16)
    for pcm in sound:
        waiting = np.concatenate([waiting, pcm])
        while len(waiting) >= CHUNK_SAMPLES:
            yield waiting[:CHUNK_SAMPLES]
            waiting = waiting[CHUNK_SAMPLES:]
    if len(waiting):
        yield waiting
