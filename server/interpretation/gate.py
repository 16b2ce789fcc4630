"""Only speech reaches the recogniser: noise, hum and silence cost nothing, and nothing is
invented in them.

- What is fed is in order, and nothing of it twice; what is left out is whole stretches.
- Beginnings are not cut: what came just before somebody was found to speak is fed, too.
- Times count all that was heard, not only what was fed.
- A recogniser that does not find the ends of utterances itself is told of pauses.
"""

from collections.abc import Iterable
from typing import Final

import numpy as np

from server.bus.messages import RATE_HZ
from server.interpretation.engines import RecognizerStream, SpeechDetector
from server.interpretation.spectrum import Spectrum
from server.interpretation.types import Pcm, Transcript, Word

#: From these probabilities on a window is speech, to begin and to go on.
BEGINS: Final = 0.5
GOES_ON: Final = 0.4
#: Speech begins with windows that change by more than this, in dB: notes are held.
CHANGES_DB: Final = 1.5
#: Somebody speaks after so many such windows in a row: knocks and coughs are shorter.
WINDOWS: Final = 6
#: Before that, so much is fed. Less than what ``segmenter`` takes for possible speech.
PRE_ROLL: Final = 8 * RATE_HZ // 10
#: After the last speech, so much: more than what ends an utterance of the recogniser's.
HANG_OVER: Final = 12 * RATE_HZ // 10
#: A shorter pause is one within a sentence.
BREATH: Final = 3 * RATE_HZ // 10


class Gate:
    """A recogniser's stream that is fed only what ``detector`` takes for speech; everything
    where there is none. ``quiet_samples``: for so long now nobody has spoken, as far as is
    known."""

    def __init__(self, recognizer: RecognizerStream, detector: SpeechDetector | None) -> None:
        self.quiet_samples = 0
        self._recognizer = recognizer
        self._detector = detector
        self._spectrum = Spectrum(detector.window_samples) if detector else None
        self._open = detector is None
        self._in_a_row = 0
        self._heard = 0
        self._fed = 0
        self._waiting: Pcm = np.zeros(0, np.int16)  # the latest that was not fed
        # Where what was fed began, and by how much that is shifted: of the last two stretches,
        # as no word can be in an earlier one.
        self._stretches = [(0, 0)]
        self._unfinished = False
        self._has_words = False

    @property
    def speaks(self) -> bool:
        """Whether somebody speaks now, or paused for a breath only."""
        return self._open and self.quiet_samples < BREATH

    def accept(self, pcm: Pcm) -> Transcript | None:
        """Hear 16 kHz mono int16. Returns what the recogniser does."""
        self._heard += len(pcm)
        was_open = self._open
        if self._detector and self._spectrum:
            windows = zip(self._detector.speech(pcm), self._spectrum.changes(pcm), strict=True)
            self._judge(windows, self._detector.window_samples)
        if not self._open and was_open and self._recognizer.pause_samples is not None:
            heard = self._feed(pcm)
            ended = self.finish()
            return ended or heard
        if not self._open:
            self._waiting = np.concatenate((self._waiting, pcm))[-PRE_ROLL:]
            # With no words so far it goes on over the pause: a late word stays, and where it was
            # ended instead as many words after the pause were wrong.
            return self.finish() if was_open and self._has_words else None
        if not was_open:
            pcm = np.concatenate((self._waiting, pcm))
            self._waiting = self._waiting[:0]
            shift = self._heard - len(pcm) - self._fed
            self._stretches = [self._stretches[-1], (self._fed, shift)]
        return self._feed(pcm)

    def _feed(self, pcm: Pcm) -> Transcript | None:
        self._fed += len(pcm)
        self._unfinished = True
        return self._timed(self._recognizer.accept(pcm))

    def finish(self) -> Transcript | None:
        """Nothing more comes for now: the rest as a final transcript."""
        transcript = self._timed(self._recognizer.finish()) if self._unfinished else None
        self._unfinished = False
        return transcript

    def _judge(self, windows: Iterable[tuple[float, float]], samples: int) -> None:
        hang_over = self._recognizer.pause_samples or HANG_OVER
        for speech, change_db in windows:
            begins = speech >= BEGINS and change_db >= CHANGES_DB
            self._in_a_row = self._in_a_row + 1 if begins else 0
            self.quiet_samples = 0 if speech >= GOES_ON else self.quiet_samples + samples
            if self._in_a_row >= WINDOWS:
                self._open = True
            elif self.quiet_samples >= hang_over:
                self._open = False

    def _timed(self, transcript: Transcript | None) -> Transcript | None:
        if transcript is None:
            return None
        words = tuple(
            Word(word.text, self._when(word.start_sample), self._when(word.end_sample))
            for word in transcript.words
        )
        self._unfinished = not transcript.final
        self._has_words = bool(words) and not transcript.final
        return Transcript(words, transcript.final, transcript.certain)

    def _when(self, sample: int) -> int:
        """The stream's sample that was fed as ``sample``."""
        (_, shift), *later = self._stretches
        for fed, other in later:
            shift = other if sample >= fed else shift
        return sample + shift
