"""Puts interpretations beside, or in place of, the sound of a film. Nothing is encoded again."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import av
from av import Packet
from av.container import InputContainer, OutputContainer
from av.error import FFmpegError
from av.stream import Disposition, Stream

from server.media.files import SoundFileError, address
from server.media.languages import three_letters

#: Some containers do not say when the first packets of a stream are decoded; after this many
#: packets that is taken for never.
MOST_UNDATED: Final = 64
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


_DEFAULT = Disposition.default


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
    for packet in source.demux([source.streams[index] for index in made]):
        index = packet.stream.index
        for each in stamps[index].rising(packet) if packet.size else stamps[index].rest():
            at_s = float((each.dts or 0) * each.time_base)
            each.stream = made[index]
            yield at_s, each


class _Stamps:
    """The time stamps of one stream's packets, as a container takes them: counted from
    ``origin_s``, and rising in the order of decoding."""

    def __init__(self, stream: Stream, origin_s: float) -> None:
        self._second = round(1 / stream.time_base) if stream.time_base else 1
        self._shift = -round(origin_s * self._second)
        self._latest: int | None = None
        self._undated: list[Packet[Stream]] = []

    def rising(self, packet: "Packet[Stream]") -> Iterator["Packet[Stream]"]:
        """The packets that can be written now that ``packet`` is read."""
        if packet.dts is None and self._latest is None and len(self._undated) < MOST_UNDATED:
            self._undated.append(packet)
            return
        stamp = packet.dts if packet.dts is not None else packet.pts
        if stamp is None:
            stamp = (self._latest or 0) + 1 - self._shift
        if self._latest is not None:
            if stamp + self._shift < self._latest - self._second:  # they begin anew
                self._shift = self._latest + (packet.duration or 1) - stamp
            if stamp + self._shift <= self._latest:
                return
        step = packet.duration or 1
        for place, each in enumerate(self._undated):
            yield self._at(each, stamp - step * (len(self._undated) - place))
        self._undated.clear()
        yield self._at(packet, stamp)

    def rest(self) -> Iterator["Packet[Stream]"]:
        """The packets that wait when there are no more."""
        for each in sorted(self._undated, key=lambda packet: packet.pts or 0):
            yield self._at(each, each.pts or 0)
        self._undated.clear()

    def _at(self, packet: "Packet[Stream]", stamp: int) -> "Packet[Stream]":
        self._latest = packet.dts = stamp + self._shift
        packet.pts = packet.dts if packet.pts is None else packet.pts + self._shift
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
        target.mux(packet)
    catch_up(float("inf"))
