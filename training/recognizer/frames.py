"""The data for 10 ms of speech: features minus their mean, as in Kaldi, and labels."""

import numpy as np
import numpy.typing as npt

from training.recognizer.speech import Segment

CEPSTRA = 40
SUBSAMPLING = 3
FRAME_S = 0.01
_HALF_WINDOW_S = 0.0125
_MEAN_WINDOW, _MEAN_PRIOR = 600, 200  # frames; Kaldi's cmn-window and global-frames
Features = npt.NDArray[np.float32]


def subtract_mean(cepstra: Features, overall: Features, before: Features | None = None) -> Features:
    """Subtract the mean of the last 6 s from every frame, as Kaldi's online CMVN does.

    As long as there are less than 6 s, `overall` (the mean of all training speech) counts as up to
    2 s of them. `before`: earlier frames of the same stream.
    """
    history = 0 if before is None else len(before)
    heard = cepstra if before is None else np.concatenate((before, cepstra))
    total = np.zeros((len(heard) + 1, heard.shape[1]))
    np.cumsum(heard, axis=0, dtype=np.float64, out=total[1:])
    last = np.arange(history + 1, len(heard) + 1)
    first = np.maximum(0, last - _MEAN_WINDOW)
    count = last - first
    made_up = np.minimum(_MEAN_WINDOW - count, _MEAN_PRIOR)[:, None]
    mean = (total[last] - total[first] + made_up * overall) / (count[:, None] + made_up)
    return (cepstra - mean).astype(np.float32)


def frame_labels(
    segments: list[Segment], frames: int, stretch: float, lead_s: float, phones: tuple[str, ...]
) -> npt.NDArray[np.uint8]:
    """For every frame of 10 ms, twice its phone's index in `phones`, plus one in every other
    segment. So the end of a phone is visible even if the next phone is the same."""
    result = np.zeros(frames, np.uint8)
    starts: list[int] = []
    for segment in segments:
        at_s = segment.start_s * stretch + lead_s - _HALF_WINDOW_S
        frame = max(1, round(at_s / FRAME_S))
        starts.append(max(frame, starts[-1] + SUBSAMPLING if starts else 0))
    ends = [*starts, frames][1:]
    for place, (segment, start, end) in enumerate(zip(segments, starts, ends, strict=True), 1):
        result[start:end] = 2 * phones.index(segment.phone) + place % 2
    return result


def outputs_of(labels: npt.NDArray[np.uint8]) -> npt.NDArray[np.int16]:
    """Network outputs for frame labels taken every 30 ms: that of a phone's first frame, or of its
    others."""
    first = np.ones(len(labels), bool)
    first[1:] = labels[1:] != labels[:-1]
    return (labels.astype(np.int16) & ~1) + np.where(first, 0, 1).astype(np.int16)
