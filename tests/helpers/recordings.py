"""Reads sound files as recordings to interpret, and tells what is in them."""

from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream

from server.media.files import SoundFile
from server.media.opus import RATE_HZ, Pcm, joined

HEAR_HZ = 16_000
#: Codecs of files that have only sound.
SOUNDS = {"mp3": "libmp3lame", "m4a": "aac", "flac": "flac", "ogg": "libopus", "aac": "aac"}


def tone(seconds: float, hz: float = 440.0, rate_hz: int = RATE_HZ) -> Pcm:
    times = np.arange(round(seconds * rate_hz)) / rate_hz
    return np.asarray(8000 * np.sin(2 * np.pi * hz * times), np.int16)


def read(path: Path, track: str = "") -> Pcm:
    with SoundFile(path, HEAR_HZ, track) as sound:
        return joined(list(sound))


def loud(pcm: Pcm) -> list[tuple[float, float]]:
    """From when to when there is sound, in seconds. Gaps below 0.2 s do not count."""
    steps = np.abs(pcm[: len(pcm) // 160 * 160].astype(float)).reshape(-1, 160).mean(axis=1) > 500
    found: list[tuple[float, float]] = []
    for step in np.flatnonzero(steps):
        start_s = step / 100
        if found and start_s - found[-1][1] < 0.2:
            found[-1] = (found[-1][0], start_s + 0.01)
        else:
            found.append((start_s, start_s + 0.01))
    return found


def pitch(pcm: Pcm) -> float:
    spectrum = np.abs(np.fft.rfft(pcm.astype(float)))
    return float(np.argmax(spectrum) * HEAR_HZ / len(pcm))


def changing(path: Path, formats: Sequence[tuple[int, int]], part_s: float = 2.0) -> Path:
    """An MP3 or AAC whose rate and number of channels change: ``formats``, one for each part. The
    parts have tones of 300 Hz, 600 Hz and so on."""
    kind, parts = path.suffix[1:], list[bytes]()
    for number, (rate_hz, channels) in enumerate(formats):
        part = path.with_name(f"part-{number}.{kind}")
        with av.open(str(part), "w", format="adts" if kind == "aac" else None) as file:
            layout = "stereo" if channels == 2 else "mono"
            stream = file.add_stream(SOUNDS[kind], rate=rate_hz, layout=layout)
            assert isinstance(stream, AudioStream)
            pcm = np.repeat(tone(part_s, 300 * (number + 1), rate_hz), channels)
            frame = av.AudioFrame.from_ndarray(pcm.reshape(1, -1), format="s16", layout=layout)
            frame.sample_rate = rate_hz
            file.mux([*stream.encode(frame), *stream.encode(None)])
        parts.append(part.read_bytes())
    path.write_bytes(b"".join(parts))
    return path
