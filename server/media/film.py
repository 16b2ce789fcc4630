"""Puts interpretations beside, or in place of, the sound of a film. Nothing is encoded again."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import av
from av import Packet
from av.container import InputContainer, OutputContainer
from av.error import ArgumentError, FFmpegError, InvalidDataError, PatchWelcomeError
from av.stream import Disposition, Stream

from server.media.files import BreaksOff, SoundFileError, address, demuxed
from server.media.languages import three_letters

#: Some containers do not say when the first packets of a stream are decoded; after this many
#: packets that is taken for never.
MOST_UNDATED: Final = 64
#: A longer step from one packet to the next, or back, may be an error. Seconds.
LEAP_S: Final = 1
#: A picture is shown at most so long after it is decoded. Seconds.
REORDER_S: Final = 4
#: Packets go into a film by the time at which they are decoded, in seconds.
Timed = tuple[float, "Packet[Stream]"]


@dataclass(frozen=True, slots=True)
class Dub:
    """An interpretation to put into a film: a file with one sound track that begins with it."""

    path: Path
    language: str
    title: str


def unfit(film: Path, container: str, keep_sound: bool) -> str:
    """Why ``container`` cannot hold what would be copied from ``film``; "" if it can. Raises
    SoundFileError."""
    with _opened(film) as source, av.open("/dev/null", "w", format=container) as target:
        for stream in _copied(source, keep_sound):
            if not _fits(stream, target):
                what = "picture" if stream.type == "video" else "sound"
                codec = stream.codec_context.codec.canonical_name
                return f"a file of this kind cannot hold the {what} of {film}, which is {codec}"
    return ""


def put_together(
    film: Path, dubs: Sequence[Dub], output: Path, container: str, keep_sound: bool
) -> bool:
    """Write ``film`` with ``dubs``, of which the first is played unless somebody chooses another,
    to ``output``. Returns whether all of its subtitles fit into that; else these are left out.
    Raises OSError, av.FFmpegError, SoundFileError."""
    with ExitStack() as stack:
        source = stack.enter_context(_opened(film))
        target = stack.enter_context(av.open(address(output), "w", format=container))
        target.metadata.update(source.metadata)
        if chapters := source.chapters():
            target.set_chapters(chapters)
        pictures = [each for each in _copied(source, keep_sound) if each.type == "video"]
        sounds = [each for each in _copied(source, keep_sound) if each.type == "audio"]
        made = {each.index: _copy(target, each) for each in pictures}
        tracks: list[Iterator[Timed]] = []
        for number, dub in enumerate(dubs):
            voice = stack.enter_context(_opened(dub.path))
            stream = _copy(target, voice.streams.audio[0])
            stream.metadata.update(
                language=three_letters(dub.language), title=dub.title, handler_name=dub.title
            )
            stream.disposition = Disposition.dub | (Disposition(0) if number else _DEFAULT)
            tracks.append(_packets(voice, {0: stream}, 0.0))
        for each in sounds:
            made[each.index] = _copy(target, each)
            made[each.index].disposition = each.disposition & ~_DEFAULT
        subtitles = [each for each in source.streams.subtitles if _fits(each, target)]
        made |= {each.index: _copy(target, each) for each in subtitles}
        origin_s = (source.start_time or 0) / av.time_base
        _mux(target, _packets(source, made, origin_s), tracks)
        return len(subtitles) == len(source.streams.subtitles)


_DEFAULT: Final = Disposition.default
#: What FFmpeg says of packets that a container cannot hold, as they are damaged.
_DAMAGED: Final = (ArgumentError, InvalidDataError, PatchWelcomeError)


def _opened(path: Path) -> InputContainer:
    try:
        return av.open(address(path), options={"protocol_whitelist": "file"})
    except (FFmpegError, OSError) as error:
        raise SoundFileError(f"{path} cannot be read: {error.strerror}") from error


def _copied(source: InputContainer, keep_sound: bool) -> list[Stream]:
    pictures = [
        each for each in source.streams.video if not each.disposition & Disposition.attached_pic
    ]
    return [*pictures, *(source.streams.audio if keep_sound else ())]


def _fits(stream: Stream, target: OutputContainer) -> bool:
    codec = stream.codec_context
    return bool(codec and {codec.codec.canonical_name, codec.name} & target.supported_codecs)


def _copy(target: OutputContainer, stream: Stream) -> Stream:
    made = target.add_stream_from_template(stream)
    made.metadata.update(stream.metadata)
    made.disposition = stream.disposition
    return made


def _packets(source: InputContainer, made: dict[int, Stream], origin_s: float) -> Iterator[Timed]:
    """The packets for the streams ``made``, by their indices in ``source``, counted from
    ``origin_s``."""
    stamps = {index: _Stamps(source.streams[index], origin_s) for index in made}
    with suppress(BreaksOff):  # told when the sound was read
        for packet in demuxed(source, [source.streams[index] for index in made]):
            index = packet.stream.index
            for each in stamps[index].rising(packet) if packet.size else ():
                yield float((each.dts or 0) * each.time_base), _for(made[index], each)
    for index, each_stamps in stamps.items():
        for each in each_stamps.rest():
            yield float((each.dts or 0) * each.time_base), _for(made[index], each)


def _for(stream: Stream, packet: "Packet[Stream]") -> "Packet[Stream]":
    packet.stream = stream
    return packet


class _Stamps:
    """The time stamps of one stream's packets, as a container takes them: counted from
    ``origin_s``, and rising in the order of decoding. A leap counts if the next packet confirms it;
    if it leads back, the stamps have begun anew, and are carried on."""

    def __init__(self, stream: Stream, origin_s: float) -> None:
        self._second = round(1 / stream.time_base) if stream.time_base else 1
        self._shift = -round(origin_s * self._second)
        self._latest: int | None = None
        self._undated: list[Packet[Stream]] = []
        self._leapt: tuple[Packet[Stream], int] | None = None

    def rising(self, packet: "Packet[Stream]") -> Iterator["Packet[Stream]"]:
        """The packets that can be written now that ``packet`` is read."""
        if packet.dts is None and self._latest is None and len(self._undated) < MOST_UNDATED:
            self._undated.append(packet)
            return
        stamp = packet.dts if packet.dts is not None else packet.pts
        if stamp is None:
            stamp = (self._latest or 0) + 1 - self._shift
        leapt, self._leapt = self._leapt, None
        if leap := self._leap(stamp):
            if not leapt or self._leap(leapt[1]) != leap or stamp < leapt[1]:
                self._leapt = packet, stamp
                return
            if leap < 0 and self._latest is not None:
                self._shift = self._latest + (packet.duration or 1) - leapt[1]
            yield self._at(*leapt)
        if self._latest is not None and stamp + self._shift <= self._latest:
            return
        yield from self._dated(stamp - (packet.duration or 1), packet.duration or 1)
        yield self._at(packet, stamp)

    def rest(self) -> Iterator["Packet[Stream]"]:
        """The packets that wait when there are no more."""
        self._undated.sort(key=lambda packet: packet.pts or 0)
        yield from self._dated(max((each.pts or 0 for each in self._undated), default=0), 1)
        if self._leapt and self._leap(self._leapt[1]) > 0:  # the last picture, after a long one
            yield self._at(*self._leapt)

    def _leap(self, stamp: int) -> int:
        """Whether ``stamp`` is far after (1) or before (-1) the latest packet, or not (0)."""
        if self._latest is None:
            return 0
        off = stamp + self._shift - self._latest
        return 0 if abs(off) <= LEAP_S * self._second else 1 if off > 0 else -1

    def _dated(self, last: int, step: int) -> Iterator["Packet[Stream]"]:
        """The first packets, which had no stamps: ``last`` is that of the last of them."""
        for place, each in enumerate(self._undated, 1):
            yield self._at(each, last - step * (len(self._undated) - place))
        self._undated.clear()

    def _at(self, packet: "Packet[Stream]", stamp: int) -> "Packet[Stream]":
        self._latest = packet.dts = stamp + self._shift
        shown = packet.dts if packet.pts is None else packet.pts + self._shift
        if not packet.dts <= shown <= packet.dts + REORDER_S * self._second:
            shown = packet.dts
        packet.pts = shown
        return packet


def _mux(target: OutputContainer, film: Iterator[Timed], dubs: Sequence[Iterator[Timed]]) -> None:
    """Write all packets so that none waits long for one of another stream."""
    waiting = [next(dub, None) for dub in dubs]

    def catch_up(until_s: float) -> None:
        for number, dub in enumerate(dubs):
            while (first := waiting[number]) is not None and first[0] <= until_s:
                target.mux(first[1])
                waiting[number] = next(dub, None)

    for at_s, packet in film:
        catch_up(at_s)
        with suppress(*_DAMAGED):
            target.mux(packet)
    catch_up(float("inf"))
