"""What a reader process writes, and how: its length in four bytes, then MessagePack."""

import struct
from typing import Final

import msgspec

from server.decoding import understood
from server.inputs.address import Address

HEADER: Final = struct.Struct("!I")


class Request(msgspec.Struct, frozen=True):
    """What a reader is to read. ``track``: number of the audio track, from 1; 0 is the source's
    default. ``channel``: number of the channel, from 1; 0 mixes all. ``gain_db``: how much louder.
    """

    address: Address
    track: int = 0
    channel: int = 0
    gain_db: float = 0.0


class Piece(msgspec.Struct, frozen=True, tag_field="kind"):
    """The base of what a reader writes."""


class Sound(Piece, frozen=True, tag="sound"):
    """The next sound, int16 mono at 48 kHz. ``gap``: samples that are missing before it, by the
    source's timestamps."""

    pcm: bytes
    gap: int = 0


class Kind(Piece, frozen=True, tag="format"):
    """What the sound is from now on. ``channels``: how many there are. ``side``: the one that is
    taken because the two cancel each other; "" if they do not. ``tracks``: audio tracks."""

    codec: str
    rate_hz: int
    channels: int
    side: str = ""
    tracks: int = 1

    @property
    def text(self) -> str:
        """In words."""
        channels = "1 channel" if self.channels == 1 else f"{self.channels} channels"
        tracks = f", {self.tracks} tracks" if self.tracks > 1 else ""
        side = f" (only the {self.side})" if self.side else ""
        return f"{self.codec} {self.rate_hz} Hz{tracks}, {channels}{side}"


class Damage(Piece, frozen=True, tag="damage"):
    """A packet could not be decoded, or the clock of the source leapt."""

    leap: bool = False


class Ended(Piece, frozen=True, tag="ended"):
    """The source has ended, or cannot be read. ``problem``: why; "" at its end."""

    problem: str = ""


AnyPiece = Sound | Kind | Damage | Ended
_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final[msgspec.msgpack.Decoder[AnyPiece]] = msgspec.msgpack.Decoder(AnyPiece)


def packed(piece: Piece) -> bytes:
    """``piece`` as a reader writes it."""
    data = _encoder.encode(piece)
    return HEADER.pack(len(data)) + data


def decode(data: bytes) -> Piece:
    """The piece after its length. Raises msgspec.DecodeError."""
    return understood(_decoder, data)
