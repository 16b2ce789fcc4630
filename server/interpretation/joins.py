"""Trims and fades synthesized speech, so that successive parts join without a gap or a click."""

from typing import Final

import numpy as np

from server.interpretation.types import Pcm

#: A sample of at most this amplitude is silence (-44 dB; full scale is 32,768).
SILENCE: Final = 200
#: This much of a part's silence at each end is kept.
EDGE_S: Final = 0.015
#: The length of the fade at each end.
FADE_S: Final = 0.005


def tapered(pcm: Pcm, rate_hz: int) -> Pcm:
    """``pcm`` with at most EDGE_S of silence at each end, faded in and out. Empty if all of it is
    silence."""
    loud = np.flatnonzero(np.abs(pcm.astype(np.int32)) > SILENCE)
    if not len(loud):
        return pcm[:0]
    edge, fade = round(EDGE_S * rate_hz), round(FADE_S * rate_hz)
    kept = pcm[max(0, loud[0] - edge) : loud[-1] + 1 + edge].astype(np.float32)
    fade = min(fade, len(kept) // 2)
    ramp = np.linspace(0, 1, fade, endpoint=False, dtype=np.float32)
    kept[:fade] *= ramp
    kept[len(kept) - fade :] *= ramp[::-1]
    return kept.astype(np.int16)
