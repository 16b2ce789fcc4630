"""MFCC as Kaldi computes them, and a network output for every 30 ms of speech."""

import kaldi_native_fbank
import numpy as np
import numpy.typing as npt

from training.recognizer.phones import SILENCE, Inventory
from training.recognizer.speech import Samples, Segment

CEPSTRA = 40
SUBSAMPLING = 3
_FRAME_S, _HALF_WINDOW_S = 0.01, 0.0125
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


def labels(
    segments: list[Segment], frames: int, stretch: float, lead_s: float, inventory: Inventory
) -> npt.NDArray[np.int16]:
    """The network output that is right at each third frame (its centre decides)."""
    count = (frames + SUBSAMPLING - 1) // SUBSAMPLING
    result = np.full(count, inventory.first_output(SILENCE) + 1, np.int16)
    result[0] = inventory.first_output(SILENCE)
    starts: list[int] = []
    for segment in segments:
        at_s = segment.start_s * stretch + lead_s - _HALF_WINDOW_S
        frame = int(np.ceil(at_s / (SUBSAMPLING * _FRAME_S)))
        starts.append(max(frame, starts[-1] + 1 if starts else 0))
    ends = [*starts[1:], count]
    previous = SILENCE
    for segment, start, end in zip(segments, starts, ends, strict=True):
        if start >= count:
            break
        first = inventory.first_output(segment.phone)
        result[start:end] = first + 1
        if segment.phone != SILENCE or previous != SILENCE:
            result[start] = first
        previous = segment.phone
    return result
