"""Speech synthesis with Piper: phonemes from espeak-ng, a network in ONNX Runtime."""

import functools
import json
import re
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from piper import PiperVoice, SynthesisConfig
from piper.config import PiperConfig
from piper.phonemize_espeak import EspeakPhonemizer

from server.interpretation.engines import EngineError, ModelError
from server.interpretation.reading import read_aloud
from server.interpretation.types import Pcm

#: A sample of at most this amplitude is silence (-50 dB; full scale is 1.0).
SILENCE: Final = 0.003
#: This much of a voice's silence at each end of a clause is kept.
MAX_EDGE_SILENCE_S: Final = 0.05
#: The longest text to speak: about a minute. The network's memory grows with the length.
MAX_PHONEMES: Final = 1000
#: After so many texts, the memory that a longer one took is given back.
SHRINK_RUNS: Final = 10
#: Characters that should not be spoken or that espeak-ng cannot process: control characters, halves
#: of surrogate pairs, arrows, dingbats, emoji.
UNSPOKEN: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2190-\u2bff\ufe00-\ufe0f\U0001f000-\U0001faff]+"
)


#: espeak-ng has one current voice per process: setting and using it must not be interrupted.
_ESPEAK: Final = threading.Lock()


def ipa(text: str, voice: str) -> str:
    """``text`` as spoken by espeak-ng's ``voice``, in the International Phonetic Alphabet."""
    with _ESPEAK:
        sentences = _espeak().phonemize(voice, UNSPOKEN.sub(" ", text))
    return "".join(sign for sentence in sentences for sign in sentence)


@functools.cache
def _espeak() -> EspeakPhonemizer:
    """One for the whole process: after creating some thousands, espeak-ng ends the process."""
    return EspeakPhonemizer()


class PiperSynthesizer:
    """One voice: the files NAME.onnx and NAME.onnx.json in a folder."""

    def __init__(self, folder: Path, language: str) -> None:
        """Load the voice in ``folder``. Raises ModelError."""
        self.language = language
        models = sorted(folder.glob("*.onnx"))
        if len(models) != 1:
            raise ModelError(
                f"{folder} has {len(models)} .onnx files, but a Piper voice has one; "
                "install the voice again"
            )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        # It would keep a plan of its memory for each length of text: 10 MB more every 100 clauses.
        options.enable_mem_pattern = False
        try:
            settings = json.loads(Path(f"{models[0]}.json").read_bytes())
            config = PiperConfig.from_dict(settings)
            session = _Session(str(models[0]), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's errors have no common base but this.
            raise ModelError(
                f"Piper cannot load the voice in {folder}: {type(error).__name__}: {error}; "
                "install the voice again"
            ) from error
        self.rate_hz = config.sample_rate
        self._voice = PiperVoice(session=session, config=config)

    def synthesize(self, text: str, length_scale: float) -> Pcm:
        """See ``Synthesizer.synthesize``. Raises EngineError."""
        spoken = read_aloud(UNSPOKEN.sub(" ", text), self.language)
        # Piper would take text in double brackets for phonemes.
        spoken = spoken.replace("[[", "[").strip()
        settings = SynthesisConfig(length_scale=length_scale)
        try:
            with _ESPEAK:
                sentences = self._voice.phonemize(spoken)
            phonemes = sum(map(len, sentences))
            if phonemes > MAX_PHONEMES:
                raise EngineError(
                    f"Piper, {self.language}: a clause of {phonemes} phonemes; the limit is "
                    f"{MAX_PHONEMES}"
                )
            # Not Piper's own synthesize(), which normalises each sentence to full scale.
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
            raise EngineError(f"Piper, {self.language}: the voice made infinite or NaN samples")
        sound = _trimmed(sound, round(MAX_EDGE_SILENCE_S * self.rate_hz))
        return (np.clip(sound, -1.0, 1.0) * 32767).astype(np.int16)


class _Session(onnxruntime.InferenceSession):  # type: ignore[misc]
    """Its arena would stay as large as the longest text made it: 1 GB after a minute of speech with
    a voice of medium quality, and 0.2 GB with clauses of twelve words."""

    _runs = 0
    _shrinks = onnxruntime.RunOptions()
    _shrinks.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")

    def run(
        self,
        output_names: Sequence[str] | None,
        input_feed: Mapping[str, object],
        run_options: onnxruntime.RunOptions | None = None,
    ) -> Any:
        """See InferenceSession.run."""
        self._runs += 1
        if self._runs % SHRINK_RUNS == 0:
            run_options = self._shrinks
        return super().run(output_names, input_feed, run_options)


def _trimmed(sound: NDArray[np.float32], edge_samples: int) -> NDArray[np.float32]:
    """``sound`` with at most ``edge_samples`` of silence at each end."""
    loud = np.flatnonzero(np.abs(sound) > SILENCE)
    if not len(loud):
        return sound[:0]
    return sound[max(0, loud[0] - edge_samples) : loud[-1] + 1 + edge_samples]
