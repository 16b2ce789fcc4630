"""The edges of what a voice says: parts that follow each other join without a gap or a click."""

from typing import Final

import numpy as np

from server.interpretation.types import Pcm

#: Softer than this is silence, full scale 32,768 (-44 dB).
SILENCE: Final = 200
#: Of a part's own silence before and after it this much is left,
EDGE_S: Final = 0.015
#: over which it fades in and out.
FADE_S: Final = 0.005


def tapered(pcm: Pcm, rate_hz: int) -> Pcm:
    """``pcm`` with hardly any silence at its ends, faded in and out."""
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
