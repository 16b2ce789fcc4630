"""Opus by libopus, through PyAV: one packet of 20 ms at a time."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from av import AudioFrame, AudioResampler, CodecContext, Packet
from av.audio.codeccontext import AudioCodecContext
from numpy.typing import NDArray

RATE_HZ = 48_000
SAMPLES_PER_TICK = 960
#: Seconds; the length of one packet and of one tick of the pacer.
TICK_S = SAMPLES_PER_TICK / RATE_HZ
TIME_BASE = Fraction(1, RATE_HZ)

#: Audio in server.media: int16, mono, at RATE_HZ unless a name says otherwise.
Pcm = NDArray[np.int16]


def audio_frame(pcm: Pcm, rate_hz: int) -> AudioFrame:
    """A PyAV frame of mono int16 samples (copied)."""
    frame = AudioFrame.from_ndarray(pcm.reshape(1, -1), format="s16", layout="mono")
    frame.sample_rate = rate_hz
    return frame


def mono(frame: AudioFrame) -> Pcm:
    """The samples of a packed int16 frame, its channels averaged."""
    channels = frame.layout.nb_channels
    samples: Pcm = frame.to_ndarray().ravel().astype(np.int16, copy=False)
    if channels > 1:
        summed: NDArray[np.int32] = samples.reshape(-1, channels).sum(axis=1, dtype=np.int32)
        samples = (summed // channels).astype(np.int16)
    return samples


def joined(parts: Sequence[Pcm]) -> Pcm:
    """The parts one after another; no samples where there are none."""
    return np.concatenate(parts) if parts else np.zeros(0, np.int16)


class Resampler:
    """Streaming resampler of mono int16: keeps its filter's state between calls."""

    def __init__(self, from_hz: int, to_hz: int) -> None:
        self._from_hz = from_hz
        self._resampler = AudioResampler(format="s16", layout="mono", rate=to_hz)

    def push(self, pcm: Pcm) -> Pcm:
        """Resample the next samples. Some 16 input samples stay in the filter."""
        if not pcm.size:
            return pcm
        return joined([mono(f) for f in self._resampler.resample(audio_frame(pcm, self._from_hz))])

    def flush(self) -> Pcm:
        """What is still in the filter. The resampler cannot be used afterwards."""
        return joined([mono(f) for f in self._resampler.resample(None)])


class OpusEncoder:
    """Encodes one stream with PyAV: without DTX, and with a fixed expected loss.

    ``bit_rate`` in bit/s. ``expected_loss`` in per cent: above 0 a packet may contain a coarse copy
    of the one before (in-band FEC).
    ``complexity`` 0-10: 5 takes two thirds of the time of 10.
    """

    def __init__(
        self, bit_rate: int = 32_000, expected_loss: int = 10, complexity: int = 5
    ) -> None:
        codec = CodecContext.create("libopus", "w")
        assert isinstance(codec, AudioCodecContext)
        codec.bit_rate = bit_rate
        codec.format = "s16"
        codec.layout = "mono"
        codec.sample_rate = RATE_HZ
        codec.time_base = TIME_BASE
        codec.options = {
            "application": "voip",
            "frame_duration": "20",
            "fec": "1" if expected_loss else "0",
            "packet_loss": str(expected_loss),
            "compression_level": str(complexity),
        }
        codec.open()
        if codec.options:  # options that libopus did not take; PyAV does not tell
            raise ValueError(f"libopus does not know these options: {codec.options}")
        self._codec = codec

    def encode(self, pcm: Pcm) -> bytes:
        """The Opus packet for exactly SAMPLES_PER_TICK samples. ValueError on any other length."""
        if pcm.shape != (SAMPLES_PER_TICK,):
            raise ValueError(f"one packet takes {SAMPLES_PER_TICK} samples, not {pcm.shape}")
        (packet,) = self._codec.encode(audio_frame(pcm, RATE_HZ))
        return bytes(packet)


class OpusDecoder:
    """Decodes one stream of Opus packets to mono. None may be lost."""

    def __init__(self) -> None:
        codec = CodecContext.create("libopus", "r")
        assert isinstance(codec, AudioCodecContext)
        codec.format = "s16"
        codec.layout = "mono"
        codec.sample_rate = RATE_HZ
        self._codec = codec

    def decode(self, data: bytes) -> Pcm:
        """The samples of one packet. Raises av.FFmpegError when it is not Opus."""
        if not data:  # FFmpeg would take it as the end of the stream
            return np.zeros(0, np.int16)
        return joined([mono(frame) for frame in self._codec.decode(Packet(data))])
