"""Passes only speech on to the recogniser: noise, hum and silence cost no time there, and it
cannot invent words in them.

- Audio is passed on in order and once; what is left out is left out in whole stretches.
- The beginning of speech is not cut off: some audio before its detection is passed on as well.
- The times of words count all audio of the stream, not only what was passed on.
- ``finish`` is called at pauses if the recogniser does not find the ends of utterances itself.
"""

from collections.abc import Iterable
from typing import Final

import numpy as np

from server.bus.messages import RATE_HZ
from server.interpretation.engines import RecognizerStream, SpeechDetector
from server.interpretation.spectrum import Spectrum
from server.interpretation.types import Pcm, Transcript, Word

#: A window with at least this probability is speech: at its beginning, and while it continues.
BEGINS: Final = 0.5
GOES_ON: Final = 0.4
#: At its beginning, the spectrum must change by more than this, in dB: that of held notes does not.
CHANGES_DB: Final = 1.5
#: Speech begins after this many such windows in a row: knocks and coughs are shorter.
WINDOWS: Final = 6
#: Samples before the detection that are passed on. Fewer than ``segmenter.HIDDEN_SAMPLES``.
PRE_ROLL: Final = 8 * RATE_HZ // 10
#: Samples after the last speech that are passed on: more than the recogniser needs to find the end
#: of an utterance.
HANG_OVER: Final = 12 * RATE_HZ // 10
#: A shorter pause is a pause within a sentence.
BREATH: Final = 3 * RATE_HZ // 10


class Gate:
    """Passes speech on to one recogniser stream. ``detector``: decides what is speech; None: all
    audio is passed on. ``quiet_samples``: for how long nobody has spoken now."""

    def __init__(self, recognizer: RecognizerStream, detector: SpeechDetector | None) -> None:
        self.quiet_samples = 0
        self._recognizer = recognizer
        self._detector = detector
        self._spectrum = Spectrum(detector.window_samples) if detector else None
        self._open = detector is None
        self._in_a_row = 0
        self._heard = 0
        self._fed = 0
        self._waiting: Pcm = np.zeros(0, np.int16)  # the latest audio, not passed on yet
        # The last two stretches passed on: the first sample of each as the recogniser counts, and
        # its offset in the stream. No word can be in an earlier stretch.
        self._stretches = [(0, 0)]
        self._unfinished = False
        self._has_words = False

    @property
    def speaks(self) -> bool:
        """Whether somebody speaks now, or made only a short pause."""
        return self._open and self.quiet_samples < BREATH

    def accept(self, pcm: Pcm) -> Transcript | None:
        """Take the next audio, 16 kHz mono int16. Returns the recogniser's transcript, with times
        in samples of the stream. Raises EngineError."""
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
            # Without words so far, the utterance is not ended: then a word that the recogniser
            # reports late is kept. Ending it here made as many words after the pause wrong.
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
        """No audio follows for now. Returns the rest as a final transcript; None if there is
        none. Raises EngineError."""
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
        """The stream's number of the sample that the recogniser counts as ``sample``."""
        (_, shift), *later = self._stretches
        for fed, other in later:
            shift = other if sample >= fed else shift
        return sample + shift
