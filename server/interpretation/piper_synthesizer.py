"""Speech synthesis with Piper: espeak-ng's phonemes, a network in ONNX Runtime."""

import functools
import json
import re
import threading
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from piper import PiperVoice, SynthesisConfig
from piper.config import PiperConfig
from piper.phonemize_espeak import EspeakPhonemizer

from server.interpretation.engines import EngineError, ModelError
from server.interpretation.reading import read_aloud
from server.interpretation.types import Pcm

#: Softer than this is silence, full scale 1.0 (-50 dB).
SILENCE: Final = 0.003
#: Of a voice's own pause before and after a clause this much is left.
MAX_EDGE_SILENCE_S: Final = 0.05
#: More is no clause: over a minute of speech, and memory of the network's that grows with it.
MAX_PHONEMES: Final = 1000
#: What nobody wants to hear spelled out, or espeak-ng cannot take: control characters, halves
#: of surrogate pairs, arrows, dingbats, emoji.
UNSPOKEN: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2190-\u2bff\ufe00-\ufe0f\U0001f000-\U0001faff]+"
)


#: espeak-ng has one voice a process: whoever sets it speaks before another sets it.
_ESPEAK: Final = threading.Lock()


def ipa(text: str, voice: str) -> str:
    """How espeak-ng's ``voice`` says ``text``, in the International Phonetic Alphabet."""
    with _ESPEAK:
        sentences = _espeak().phonemize(voice, UNSPOKEN.sub(" ", text))
    return "".join(sign for sentence in sentences for sign in sentence)


@functools.cache
def _espeak() -> EspeakPhonemizer:
    """One for good: after some thousands espeak-ng ends the process."""
    return EspeakPhonemizer()


class PiperSynthesizer:
    """One voice: NAME.onnx and NAME.onnx.json in a folder."""

    def __init__(self, folder: Path, language: str) -> None:
        """Load the voice in ``folder``. Raises ModelError."""
        self.language = language
        models = sorted(folder.glob("*.onnx"))
        if len(models) != 1:
            raise ModelError(
                f"{folder} holds {len(models)} .onnx files, a Piper voice has one; "
                "install the voice again"
            )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        try:
            settings = json.loads(Path(f"{models[0]}.json").read_bytes())
            config = PiperConfig.from_dict(settings)
            session = onnxruntime.InferenceSession(
                str(models[0]), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # ONNX Runtime's errors have no common base but this.
            raise ModelError(
                f"Piper cannot load the voice in {folder}: {type(error).__name__}: {error}; "
                "install the voice again"
            ) from error
        self.rate_hz = config.sample_rate
        self._voice = PiperVoice(session=session, config=config)

    def synthesize(self, text: str, length_scale: float) -> Pcm:
        """As engines has it. Raises EngineError."""
        spoken = read_aloud(UNSPOKEN.sub(" ", text), self.language)
        # Double brackets would have Piper read phonemes.
        spoken = spoken.replace("[[", "[").strip()
        settings = SynthesisConfig(length_scale=length_scale)
        try:
            with _ESPEAK:
                sentences = self._voice.phonemize(spoken)
            phonemes = sum(map(len, sentences))
            if phonemes > MAX_PHONEMES:
                raise EngineError(
                    f"Piper, {self.language}: {phonemes} phonemes are too many for a clause, "
                    f"{MAX_PHONEMES} is the limit"
                )
            # Not Piper's own synthesize(), which raises each sentence to full scale.
            parts = [
                np.asarray(self._voice.phoneme_ids_to_audio(ids, settings)).ravel()
                for ids in map(self._voice.phonemes_to_ids, filter(None, sentences))
            ]
        except EngineError:
            raise
        except Exception as error:  # espeak-ng and ONNX Runtime raise nothing narrower.
            raise EngineError(f"Piper, {self.language}: {type(error).__name__}") from error
        if not parts:
            return np.zeros(0, np.int16)
        sound = np.concatenate(parts)
        if not np.isfinite(sound).all():
            raise EngineError(f"Piper, {self.language}: the voice made samples that are no numbers")
        sound = _trimmed(sound, round(MAX_EDGE_SILENCE_S * self.rate_hz))
        return (np.clip(sound, -1.0, 1.0) * 32767).astype(np.int16)


def _trimmed(sound: NDArray[np.float32], edge_samples: int) -> NDArray[np.float32]:
    """``sound`` with at most ``edge_samples`` of silence at either end."""
    loud = np.flatnonzero(np.abs(sound) > SILENCE)
    if not len(loud):
        return sound[:0]
    return sound[max(0, loud[0] - edge_samples) : loud[-1] + 1 + edge_samples]
