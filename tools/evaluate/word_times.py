"""When each word of a recording was said, its text known: by a Whisper model's own alignment
(cross attention and dynamic time warping, as CTranslate2 has it), to a tenth of a second or so.

The recording goes in whole: that the same kind of model hears it bit by bit in a measurement
does not make these times better or worse for it.
"""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from server.interpretation.types import Pcm
from tools.evaluate.material import RATE_HZ

#: Of one output of the encoder.
FRAME_S = 0.02
#: Silence after the recording, without which the last words are aligned badly.
TAIL_S = 4
#: What is louder than this share of the loudest window is not silence; windows of 10 ms.
VOICED_SHARE = 0.03
WINDOW = RATE_HZ // 100

Span = tuple[float, float]


class Aligner:
    """A Whisper model in ``folder``, for ``language``."""

    def __init__(self, folder: Path, language: str) -> None:
        import ctranslate2
        import tokenizers
        from faster_whisper.feature_extractor import (
            FeatureExtractor,  # type: ignore[import-untyped]
        )
        from faster_whisper.tokenizer import Tokenizer  # type: ignore[import-untyped]

        self._arrays = ctranslate2.StorageView
        self._model = ctranslate2.models.Whisper(
            str(folder), device="cpu", compute_type="int8", intra_threads=1
        )
        self._features: Any = FeatureExtractor()
        self._tokenizer: Any = Tokenizer(
            tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json")),
            self._model.is_multilingual,
            task="transcribe",
            language=language,
        )

    def spans(self, pcm: Pcm, words: Sequence[str]) -> list[Span]:
        """(start, end) of each word, seconds; ``pcm`` at 16 kHz, of up to 25 s."""
        sound = np.concatenate((pcm, np.zeros(TAIL_S * RATE_HZ, np.int16))) / np.float32(32768)
        frames = len(sound) // 160 // 2 * 2
        features = np.ascontiguousarray(self._features(sound)[None, :, :frames], np.float32)
        encoded = self._model.encode(self._arrays.from_array(features))
        pieces = [self._tokenizer.encode(f" {word}") for word in words]
        tokens = [token for piece in pieces for token in piece]
        aligned = self._model.align(
            encoded, list(self._tokenizer.sot_sequence), [tokens], [frames]
        )[0]
        first: dict[int, float] = {}
        last: dict[int, float] = {}
        for token, frame in aligned.alignments:
            first.setdefault(token, frame * FRAME_S)
            last[token] = frame * FRAME_S
        begin_s, end_s = voiced(pcm)
        spans: list[Span] = []
        place = 0
        for piece in pieces:
            start_s = min(max(first.get(place, begin_s), begin_s), end_s)
            place += len(piece)
            spans.append((start_s, min(max(last.get(place - 1, end_s), start_s), end_s)))
        return spans


def evenly(pcm: Pcm, words: Sequence[str]) -> list[Span]:
    """The same as a guess, for want of a model: by the number of letters."""
    begin_s, end_s = voiced(pcm)
    letters = np.cumsum([0, *(len(word) + 1 for word in words)])
    edges = begin_s + (end_s - begin_s) * letters / letters[-1]
    return list(pairwise(edges.tolist()))


def voiced(pcm: Pcm) -> Span:
    """From when to when something sounds."""
    windows = np.abs(pcm[: len(pcm) // WINDOW * WINDOW].astype(np.int32)).reshape(-1, WINDOW)
    peaks = windows.max(axis=1)
    loud = np.flatnonzero(peaks > VOICED_SHARE * peaks.max())
    return int(loud[0]) * WINDOW / RATE_HZ, int(loud[-1] + 1) * WINDOW / RATE_HZ
