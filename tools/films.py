"""Sound files and films, made to test and measure with."""

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av import AudioFrame, Packet, VideoFrame
from av.audio.stream import AudioStream
from av.stream import Disposition
from av.video.stream import VideoStream
from numpy.typing import NDArray

RATE_HZ = 48_000
PICTURES_HZ = 25


@dataclass(frozen=True)
class Sound:
    """A sound track. ``pcm``: (samples,) or (samples, channels), int16 at 48 kHz. ``pieces``: where
    in the file each piece begins, in seconds, with its end in ``pcm``; by default all at 0."""

    pcm: NDArray[np.int16]
    language: str = ""
    default: bool = False
    begins_s: float = 0.0
    pauses: dict[float, float] = field(default_factory=dict)
    layout: str = ""


def film(
    path: Path,
    *sounds: Sound,
    picture_s: float = 0.0,
    picture: str = "libx264",
    sound: str = "aac",
    container: str | None = None,
    picture_begins_s: float = 0.0,
    subtitle: str = "",
) -> Path:
    """Write a film with these sound tracks; without a picture if it lasts 0 s. In ``pauses`` of a
    track, the time stamps leap at a second of its sound by as many seconds. ``subtitle``: is shown
    from 1 s to 3 s."""
    with av.open(f"file:{path}", "w", format=container) as file:
        shown = _picture_stream(file, picture) if picture_s else None
        read = file.add_mux_stream("subrip") if subtitle else None
        streams = []
        for each in sounds:
            layout = each.layout or ("mono" if each.pcm.ndim == 1 else "stereo")
            stream = file.add_stream(sound, rate=RATE_HZ, layout=layout)
            assert isinstance(stream, AudioStream)
            if each.language:
                stream.metadata["language"] = each.language
            streams.append((stream, each))
        for stream, each in streams:
            stream.disposition = Disposition.default if each.default else Disposition(0)
        if shown:
            _show(file, shown, picture_s, picture_begins_s)
        for stream, each in streams:
            _sound(file, stream, each)
        if read:
            packet = Packet(subtitle.encode())
            packet.stream, packet.time_base = read, Fraction(1, 1000)
            packet.pts = packet.dts = 1000
            packet.duration = 2000
            file.mux(packet)
    return path


def _picture_stream(file: av.container.OutputContainer, codec: str) -> VideoStream:
    quick = {"deadline": "realtime", "cpu-used": "8"} if codec == "libvpx" else {}
    stream = file.add_stream(codec, rate=PICTURES_HZ, options=quick)
    assert isinstance(stream, VideoStream)
    stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
    return stream


def _show(
    file: av.container.OutputContainer, stream: VideoStream, length_s: float, begins_s: float
) -> None:
    for number in range(round(length_s * PICTURES_HZ)):
        grey = np.full((48, 64, 3), number % 256, np.uint8)
        frame = VideoFrame.from_ndarray(grey, format="rgb24")
        frame.time_base = Fraction(1, PICTURES_HZ)
        frame.pts = number + round(begins_s * PICTURES_HZ)
        file.mux(stream.encode(frame))
    file.mux(stream.encode(None))


def _sound(file: av.container.OutputContainer, stream: AudioStream, sound: Sound) -> None:
    pcm = sound.pcm.reshape(len(sound.pcm), -1)
    step = stream.frame_size or 1024
    leaps = sorted(sound.pauses.items())
    shift = round(sound.begins_s * RATE_HZ)
    for start in range(0, len(pcm), step):
        while leaps and start >= leaps[0][0] * RATE_HZ:
            shift += round(leaps.pop(0)[1] * RATE_HZ)
        piece = pcm[start : start + step]
        frame = AudioFrame.from_ndarray(
            np.ascontiguousarray(piece).reshape(1, -1), format="s16", layout=stream.layout.name
        )
        frame.sample_rate, frame.time_base = RATE_HZ, Fraction(1, RATE_HZ)
        frame.pts = start + shift
        file.mux(stream.encode(frame))
    file.mux(stream.encode(None))
