"""The speech that the systems of the fan-out benchmark send."""

from av import AudioFrame

from server.demo import clip
from server.media.opus import RATE_HZ, SAMPLES_PER_TICK, TIME_BASE, OpusEncoder, audio_frame


class Speech:
    """The Dutch clip, repeated, in pieces of 20 ms."""

    def __init__(self) -> None:
        pcm = clip("nl")
        self._pieces = pcm[: pcm.size // SAMPLES_PER_TICK * SAMPLES_PER_TICK].reshape(
            -1, SAMPLES_PER_TICK
        )

    def frame(self, number: int) -> AudioFrame:
        frame = audio_frame(self._pieces[number % len(self._pieces)], RATE_HZ)
        frame.pts, frame.time_base = number * SAMPLES_PER_TICK, TIME_BASE
        return frame

    def play(self, tick: int, encoder: OpusEncoder) -> bytes:
        return encoder.encode(self._pieces[tick % len(self._pieces)])
