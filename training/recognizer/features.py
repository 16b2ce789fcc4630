"""MFCC as Kaldi computes them, and a network output for every 30 ms of speech."""

import kaldi_native_fbank
import numpy as np
import numpy.typing as npt

from training.recognizer.speech import Samples, Segment

CEPSTRA = 40
SUBSAMPLING = 3
FRAME_S, _HALF_WINDOW_S = 0.01, 0.0125
_MEAN_WINDOW, _MEAN_PRIOR = 600, 200  # frames; Kaldi's cmn-window and global-frames
Features = npt.NDArray[np.float32]

MFCC_CONF = f"""\
--use-energy=false
--sample-frequency=16000
--num-mel-bins={CEPSTRA}
--num-ceps={CEPSTRA}
--low-freq=20
--high-freq=-400
--dither=0.0
"""


def mfcc(samples: Samples) -> Features:
    """[frames, 40] at 10 ms, by the settings of MFCC_CONF."""
    options = kaldi_native_fbank.MfccOptions()
    options.frame_opts.samp_freq = 16000
    options.frame_opts.dither = 0.0
    options.use_energy = False
    options.num_ceps = CEPSTRA
    options.mel_opts.num_bins = CEPSTRA
    options.mel_opts.low_freq = 20
    options.mel_opts.high_freq = -400
    computer = kaldi_native_fbank.OnlineMfcc(options)
    computer.accept_waveform(16000, samples.astype(np.float32).tolist())
    computer.input_finished()
    return np.stack([computer.get_frame(i) for i in range(computer.num_frames_ready)])


def subtract_mean(cepstra: Features, overall: Features, before: Features | None = None) -> Features:
    """What Kaldi's online CMVN makes of them: the mean of the last 6 s is taken off every frame.

    Where fewer than 6 s were heard, `overall` (the mean of all training speech) counts as up to
    2 s of it. `before`: frames heard earlier in the same stream.
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
    """For every frame of 10 ms twice its phone's index in `phones`, plus one in every other
    segment (so that where one ends is known even if the next is the same phone)."""
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
    """Network outputs for frame labels taken every 30 ms: the first of a phone, or another."""
    first = np.ones(len(labels), bool)
    first[1:] = labels[1:] != labels[:-1]
    return (labels.astype(np.int16) & ~1) + np.where(first, 0, 1).astype(np.int16)
