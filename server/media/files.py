"""Sound files: anything that PyAV reads, in; 16-bit WAV, out.

- A sample is where the time stamps put it, counted from the file's beginning: sound that begins
  later than the picture, and pauses, are silence.
- What cannot be decoded is skipped and counted; what comes after it is read.
- A path is always a path, even if it looks like an address.
"""

import wave
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Self

import av
import numpy as np
from av import AudioFrame, Packet
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition, Stream

from server.media.downmix import Downmix
from server.media.languages import three_letters
from server.media.opus import Pcm, mono

#: A time stamp is followed if it differs by more than this from the sound so far; containers round.
TOLERANCE_S: Final = 0.1
#: Sound that is ahead of its time stamps by less than this is shortened: the clocks differ. By
#: more, the time stamps have begun anew.
AHEAD_S: Final = 1.0
#: A longer pause is taken for an error in the time stamps.
MOST_PAUSE_S: Final = 12 * 3600.0
#: So is a picture that stands still for longer.
MOST_STILL_S: Final = 3600.0
#: A file breaks off after this many errors without a packet between them.
MOST_ERRORS: Final = 100
#: Containers that say how long they are; of others FFmpeg estimates it.
_EXACT: Final = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "flac", "wav")
#: Has no time stamps. FFmpeg makes some, which are wrong once the rate changes.
_UNTIMED: Final = "aac"
#: Only files are opened, also by playlists.
_OPTIONS: Final = {"protocol_whitelist": "file"}


class SoundFileError(Exception):
    """A file cannot be read as sound. Names the file and what was wrong."""


class BreaksOff(Exception):
    """The rest of a file cannot be read. Says why."""


def address(path: Path) -> str:
    """``path`` for FFmpeg, which takes a name with a colon for an address."""
    return f"file:{path}"


def demuxed(container: InputContainer, streams: Sequence[Stream]) -> Iterator["Packet[Stream]"]:
    """The packets of ``streams``, and at the end an empty one for each. Passes over what cannot be
    read, and raises BreaksOff if nothing more can be."""
    errors = 0
    while True:
        try:
            for packet in container.demux(list(streams)):
                errors = 0
                yield packet
            return
        except EOFError:
            return
        except (FFmpegError, OSError, IndexError) as error:  # IndexError: PyAV, of new streams
            errors += 1
            if errors == MOST_ERRORS:
                raise BreaksOff(getattr(error, "strerror", None) or str(error)) from error


class SoundFile:
    """The sound of a file, mono int16 at ``rate_hz``: that of ``track``, which is a number from 1
    or a language; else of the track that the file marks as the usual one, else of the first.

    ``duration_s`` is 0 if the container does not say, and may be an estimate if it is not
    ``knows_duration``. When all is read, ``end_s`` is where sound
    and picture ended, ``skipped_s`` says how much could not be decoded, and ``broke_off`` why the
    rest could not be read, or "". Raises SoundFileError, on opening or while reading. To be closed.
    """

    def __init__(self, path: Path, rate_hz: int, track: str = "") -> None:
        self._path = path
        self._rate_hz = rate_hz
        try:
            self._container = av.open(address(path), options=dict(_OPTIONS))
        except (FFmpegError, OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            raise SoundFileError(f"{path} cannot be read as sound: {why}") from error
        try:
            self._track = _chosen(path, self._container.streams.audio, track)
        except SoundFileError:
            self._container.close()
            raise
        self._pictures = [
            stream
            for stream in self._container.streams.video
            if not stream.disposition & Disposition.attached_pic
        ]
        self.duration_s = (self._container.duration or 0) / av.time_base
        self.knows_duration = self._container.format.name in _EXACT
        self._origin_s = (self._container.start_time or 0) / av.time_base
        self._picture_origin_s = self._origin_s
        self.end_s = self.skipped_s = 0.0
        self.broke_off = ""
        self._decoded = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._container.close()

    def __iter__(self) -> Iterator[Pcm]:
        mixer = _Mixer(self._rate_hz)
        at_s = 0.0
        for frame, following in _with_next(self._frames()):
            length_s = frame.samples / frame.sample_rate
            missing_s = self._missing_s(at_s, frame, following)
            if -AHEAD_S < missing_s < 0:
                continue
            yield from _silence(missing_s, self._rate_hz)
            yield from mixer.push(frame)
            at_s += max(0.0, missing_s) + length_s
            self.end_s = max(self.end_s, at_s)
        yield from mixer.flush()
        if not self._decoded and self.skipped_s:
            raise SoundFileError(f"{self._path} cannot be read as sound: nothing can be decoded")

    def _missing_s(self, at_s: float, frame: AudioFrame, following: AudioFrame | None) -> float:
        """How much is missing between ``at_s`` and ``frame``; below 0 if there is too much. 0 if
        only this time stamp differs, and the following one does not."""
        if frame.time is None or self._container.format.name == _UNTIMED:
            return 0.0
        missing_s = frame.time - self._origin_s - at_s
        if abs(missing_s) <= TOLERANCE_S:
            return 0.0
        if following is not None and following.time is not None:
            expected_s = frame.time + frame.samples / frame.sample_rate
            if abs(following.time - expected_s) > TOLERANCE_S:
                return 0.0
        if -AHEAD_S < missing_s <= MOST_PAUSE_S:
            return missing_s
        self._origin_s += missing_s
        return 0.0

    def _frames(self) -> Iterator[AudioFrame]:
        try:
            for packet in demuxed(self._container, [self._track, *self._pictures]):
                if isinstance(packet.stream, AudioStream):
                    yield from self._decode(packet)
                else:
                    self._seen(packet)
        except BreaksOff as why:
            self.broke_off = f"{self._path} breaks off: {why}"

    def _decode(self, packet: "Packet[Stream]") -> Iterator[AudioFrame]:
        try:
            frames = [each for each in packet.decode() if isinstance(each, AudioFrame)]
        except (FFmpegError, ValueError):
            self.skipped_s += _seconds(packet, packet.duration)
            return
        for frame in frames:
            if frame.samples and frame.sample_rate:
                self._decoded = True
                yield frame

    def _seen(self, packet: "Packet[Stream]") -> None:
        """Note where the picture ends."""
        if packet.pts is not None:
            end_s = _seconds(packet, packet.pts + (packet.duration or 0)) - self._picture_origin_s
            if end_s <= self.end_s + MOST_STILL_S:
                self.end_s = max(self.end_s, end_s)


class _Mixer:
    """Makes mono at one rate of frames whose rate, format and channels may change."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._setup: tuple[str, str, int] | None = None
        self._resampler: av.AudioResampler | None = None
        self._downmix = Downmix(rate_hz=rate_hz)

    def push(self, frame: AudioFrame) -> Iterator[Pcm]:
        setup = (frame.format.name, frame.layout.name, frame.sample_rate)
        if setup != self._setup:
            yield from self.flush()
            layout = "stereo" if frame.layout.nb_channels == 2 else "mono"
            self._resampler = av.AudioResampler(format="s16", layout=layout, rate=self._rate_hz)
            self._setup = setup
        assert self._resampler is not None
        frame.pts = None  # they are followed already; the resampler would fill gaps, too
        yield from map(self._mono, self._resampler.resample(frame))

    def flush(self) -> Iterator[Pcm]:
        if self._resampler is not None:
            yield from map(self._mono, self._resampler.resample(None))
            self._resampler = self._setup = None

    def _mono(self, frame: AudioFrame) -> Pcm:
        if frame.layout.nb_channels == 2:
            sides = frame.to_ndarray().reshape(-1, 2).T.astype(np.float32)
            sides /= 32768
            return np.asarray(self._downmix.mixed(sides) * 32768, np.int16)
        return mono(frame)


def _chosen(path: Path, tracks: tuple[AudioStream, ...], wanted: str) -> AudioStream:
    if not tracks:
        raise SoundFileError(f"{path} has no sound in it")
    if not wanted:
        usual = [each for each in tracks if each.disposition & Disposition.default]
        return (usual or tracks)[0]
    for number, each in enumerate(tracks, 1):
        if wanted == str(number) or three_letters(wanted) == three_letters(each.language or "?"):
            return each
    there = ", ".join(
        f"{number} ({each.language})" if each.language else str(number)
        for number, each in enumerate(tracks, 1)
    )
    raise SoundFileError(f"{path} has no sound track {wanted!r}; there are: {there}")


def _with_next(frames: Iterator[AudioFrame]) -> Iterator[tuple[AudioFrame, AudioFrame | None]]:
    frame = next(frames, None)
    while frame is not None:
        following = next(frames, None)
        yield frame, following
        frame = following


def _silence(length_s: float, rate_hz: int) -> Iterator[Pcm]:
    """Silence in pieces of a second: a pause may be long."""
    samples = round(length_s * rate_hz)
    while samples > 0:
        yield np.zeros(min(samples, rate_hz), np.int16)
        samples -= rate_hz


def _seconds(packet: "Packet[Stream]", stamp: int | None) -> float:
    return float((stamp or 0) * packet.time_base) if packet.time_base else 0.0


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
