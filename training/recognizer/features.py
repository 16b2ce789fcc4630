"""Computes MFCC as Kaldi does."""

import kaldi_native_fbank
import numpy as np

from training.recognizer.frames import CEPSTRA, Features
from training.recognizer.speech import Samples

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
    """MFCC [frames, 40], one every 10 ms, with the settings of MFCC_CONF."""
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
