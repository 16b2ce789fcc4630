"""Finds the time of each word of a recording whose text is known, to about a tenth of a second. A
Whisper model aligns them by cross attention and dynamic time warping, as in CTranslate2.

The recording is aligned as a whole. In a measurement a model of the same kind hears it bit by bit,
so it does not profit from these times.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from server.interpretation.types import Pcm
from server.interpretation.whisper_model import WhisperModel
from tools.evaluate.material import RATE_HZ

#: Windows of 10 ms that are quieter than this share of the loudest one are silence.
VOICED_SHARE = 0.03
WINDOW = RATE_HZ // 100

Span = tuple[float, float]


def aligned(model: WhisperModel, language: str, pcm: Pcm, words: Sequence[str]) -> list[Span]:
    """(start, end) of each word in seconds. ``pcm``: at 16 kHz, up to 25 s."""
    pieces = [model.ids(f" {word}") for word in words]
    ids = [each for piece in pieces for each in piece]
    tokens = model.aligned(model.encode(pcm), language, ids)
    begin_s, end_s = voiced(pcm)
    spans: list[Span] = []
    place = 0
    for piece in pieces:
        own = tokens[place : place + len(piece)]
        place += len(piece)
        start, end = own[0].start_sample / RATE_HZ, own[-1].end_sample / RATE_HZ
        start_s = min(max(start, begin_s), end_s)
        spans.append((start_s, min(max(end, start_s), end_s)))
    return spans


def evenly(pcm: Pcm, words: Sequence[str]) -> list[Span]:
    """The same without a model, estimated from the numbers of letters."""
    begin_s, end_s = voiced(pcm)
    letters = np.cumsum([0, *(len(word) + 1 for word in words)])
    edges = begin_s + (end_s - begin_s) * letters / letters[-1]
    return list(pairwise(edges.tolist()))


def voiced(pcm: Pcm) -> Span:
    """The first and the last moment with sound."""
    windows = np.abs(pcm[: len(pcm) // WINDOW * WINDOW].astype(np.int32)).reshape(-1, WINDOW)
    peaks = windows.max(axis=1)
    loud = np.flatnonzero(peaks > VOICED_SHARE * peaks.max())
    return int(loud[0]) * WINDOW / RATE_HZ, int(loud[-1] + 1) * WINDOW / RATE_HZ
