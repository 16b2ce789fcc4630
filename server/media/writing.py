"""Writes sound into a file of any of FORMATS, and files so that they appear when they are whole."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

import av
import numpy as np
from av.audio.stream import AudioStream

from server.media.files import address
from server.media.languages import three_letters
from server.media.opus import RATE_HZ, TIME_BASE, Pcm, audio_frame


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file: FFmpeg's name of the ``container``, and the ``codec`` of its sound.
    ``bit_rate`` in bit/s for one voice; 0 where nothing is lost. ``picture``: it may hold one."""

    container: str
    codec: str
    bit_rate: int = 0
    picture: bool = False
    options: dict[str, str] = field(default_factory=dict)


#: By the ending of a file's name.
FORMATS: Final = {
    "wav": Format("wav", "pcm_s16le", options={"rf64": "auto"}),  # 4 GB is the limit otherwise
    "flac": Format("flac", "flac"),
    "mp3": Format("mp3", "libmp3lame", 96_000),
    "m4a": Format("ipod", "aac", 96_000),
    "ogg": Format("ogg", "libopus", 64_000),
    "opus": Format("opus", "libopus", 64_000),
    "mp4": Format("mp4", "aac", 96_000, picture=True),
    "mkv": Format("matroska", "libopus", 64_000, picture=True),
}
#: Silence is written in pieces of this many samples.
_PIECE: Final = 10 * RATE_HZ


class SoundWriter:
    """Writes mono int16 at 48 kHz to a file, piece by piece. ``samples``: how much is written.
    To be closed. Raises OSError, av.FFmpegError."""

    def __init__(self, path: Path, kind: Format, language: str, container: str = "") -> None:
        self._container = av.open(
            address(path), "w", format=container or kind.container, options=dict(kind.options)
        )
        stream = self._container.add_stream(kind.codec, rate=RATE_HZ, layout="mono")
        assert isinstance(stream, AudioStream)
        self._stream = stream
        if kind.bit_rate:
            stream.bit_rate = kind.bit_rate
        stream.metadata["language"] = three_letters(language)
        self._container.start_encoding()  # a file without sound is a file, too
        self.samples = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *exception: object) -> None:
        try:
            if kind is None:
                self._container.mux(self._stream.encode(None))
        finally:
            self._container.close()

    def write(self, pcm: Pcm) -> None:
        """Append ``pcm``."""
        if not len(pcm):
            return
        frame = audio_frame(pcm, RATE_HZ)
        frame.pts, frame.time_base = self.samples, TIME_BASE
        self._container.mux(self._stream.encode(frame))
        self.samples += len(pcm)

    def pad(self, samples: int) -> None:
        """Append silence until ``samples`` are written. Writes nothing if there are more."""
        while (missing := samples - self.samples) > 0:
            self.write(np.zeros(min(missing, _PIECE), np.int16))


@contextmanager
def appearing(path: Path) -> Iterator[Path]:
    """A path to write to. At the end it is renamed to ``path``, and replaces what is there; after
    an exception it is removed, and what is there stays. Raises OSError."""
    whole = path.resolve()  # a link stays one
    part = beside(whole)
    try:
        yield part
        os.replace(part, whole)
    finally:
        part.unlink(missing_ok=True)


def beside(path: Path) -> Path:
    """A hidden name in the folder of ``path`` that nothing has."""
    return path.with_name(f".tolk-{secrets.token_hex(6)}.part")
