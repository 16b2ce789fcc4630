"""Sound files: anything that PyAV reads, in; 16-bit WAV, out."""

import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import av
from av.error import FFmpegError

from server.media.opus import Pcm, mono


class SoundFileError(Exception):
    """A file cannot be read as sound. Names the file and what was wrong."""


class SoundFile:
    """The sound of a file's first audio stream, mono int16 at ``rate_hz``.

    ``duration_s`` is 0 if the container does not say. Raises SoundFileError, on opening or while
    reading. To be closed.
    """

    def __init__(self, path: Path, rate_hz: int) -> None:
        self._path = path
        self._rate_hz = rate_hz
        try:
            self._container = av.open(str(path))
        except (FFmpegError, OSError) as error:
            raise SoundFileError(f"{path} cannot be read as sound: {error.strerror}") from error
        if not self._container.streams.audio:
            self._container.close()
            raise SoundFileError(f"{path} has no sound in it")
        self.duration_s = (self._container.duration or 0) / av.time_base

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._container.close()

    def __iter__(self) -> Iterator[Pcm]:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=self._rate_hz)
        try:
            for frame in self._container.decode(audio=0):
                yield from map(mono, resampler.resample(frame))
            yield from map(mono, resampler.resample(None))
        except FFmpegError as error:
            raise SoundFileError(f"{self._path} breaks off: {error.strerror}") from error


class WavWriter:
    """Writes mono int16 to a WAV file, piece by piece. To be closed."""

    def __init__(self, path: Path, rate_hz: int) -> None:
        self._wave = wave.open(str(path), "wb")
        self._wave.setnchannels(1)
        self._wave.setsampwidth(2)
        self._wave.setframerate(rate_hz)
        self.samples = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._wave.close()

    def write(self, pcm: Pcm) -> None:
        """Append ``pcm`` to the file."""
        self._wave.writeframes(pcm.astype("<i2").tobytes())
        self.samples += len(pcm)
