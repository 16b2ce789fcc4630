"""The messages between a hub, which has streams, and an edge: a machine whose listeners hear them.

An edge listens once for all its listeners. It says what they want; each message comes to it once.
So does each packet of a channel, which is sent to all edges that hear it: see ``sound``. Ticks are
those of the hub's clock.
"""

from typing import Annotated, Final, Literal, NamedTuple, Protocol

import msgspec
from msgspec import Meta

from server.bus.messages import BusMessage
from server.decoding import understood

#: An Opus packet has at most one frame of 20 ms here (RFC 6716, 3.2.1).
MAX_PACKET_BYTES: Final = 1275
#: More than the 20 ms ticks of a thousand years.
_MOST_TICKS: Final = 2**41
_MOST_MS: Final = 2**46

Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}\Z")]
#: As in signaling/fields.py.
Channel = Annotated[
    str, Meta(pattern=r"^(floor|[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*(\+floor)?)\Z", max_length=41)
]
Language = Annotated[str, Meta(pattern=r"^[A-Za-z0-9-]{1,35}\Z")]
#: As in checks.py.
Url = Annotated[
    str,
    Meta(
        pattern=r"^(https?://([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?"
        r"(/[A-Za-z0-9._~!$&()*+=:@%/-]*)?)?\Z",
        max_length=300,
    ),
]
#: Channels, and languages of captions, that an edge may want of a stream.
MOST_WANTED: Final = 256
Listeners = Annotated[int, Meta(ge=0, le=1_000_000)]


class _OfAStream(BusMessage, frozen=True, array_like=True, kw_only=True):
    """Base of messages about one stream."""

    stream: Name
    epoch: int = 0


class Wants(_OfAStream, frozen=True, tag="wants"):
    """From an edge: what its listeners of a stream want; sent when that changes, and every second.
    ``channels``: how many hear each. ``captions``: the languages that somebody reads. ``readers``:
    how many only read. Nothing at all: it has no listeners there any more."""

    channels: Annotated[dict[Channel, Listeners], Meta(max_length=MOST_WANTED)] = {}
    captions: Annotated[tuple[Language, ...], Meta(max_length=MOST_WANTED)] = ()
    readers: Listeners = 0

    @property
    def is_nothing(self) -> bool:
        """Whether there are no listeners."""
        return not self.channels and not self.captions and not self.readers


class Told(_OfAStream, frozen=True, tag="told"):
    """To an edge: a message that listeners get, as JSON. ``now_ms``: the stream's time."""

    now_ms: Annotated[int, Meta(ge=0, le=_MOST_MS)]
    message: bytes


Message = Wants | Told

_decoder: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)


def decode(data: bytes) -> Message:
    """Decode a message. Raises msgspec.DecodeError if ``data`` is not one."""
    return understood(_decoder, data)


class Packet(msgspec.Struct, frozen=True, array_like=True):
    """To all edges that hear a channel: its Opus packet of one tick. See ``Broadcast.publish``."""

    tick: Annotated[int, Meta(ge=0, le=_MOST_TICKS)]
    data: Annotated[bytes, Meta(min_length=1, max_length=MAX_PACKET_BYTES)]
    begins_speech: bool = False


class ChannelAt(NamedTuple):
    """A channel of a stream that is at a hub."""

    hub: str
    stream: str
    channel: str


class Sound(Protocol):
    """What sends the packets of a hub's streams to all edges."""

    @property
    def session(self) -> int:
        """See Announcement."""

    @property
    def dropped(self) -> int:
        """Packets dropped so far."""

    def send(self, stream: str, channel: str, number: int, packet: Packet) -> None:
        """Send a packet of a channel, its ``number``-th, to all edges that hear it. Neither waits
        nor raises."""


class Announced(msgspec.Struct, frozen=True, array_like=True):
    """A stream of a hub. ``has_speaker``: somebody speaks."""

    state: Literal["waiting", "live", "paused", "ended"]
    source: Language | None = None
    has_speaker: bool = False

    @property
    def has_place(self) -> bool:
        """Whether it is in use."""
        return True

    @property
    def is_private(self) -> bool:
        """Whether nobody is to find it."""
        return False


class Announcement(msgspec.Struct, frozen=True, array_like=True):
    """From a hub to all edges, once a second and when it changes: its streams. ``url``: where
    people reach it; "" if nobody has told it. ``models``: as in Models, every few seconds; else
    empty. ``leaving``: it will end soon. ``edges``: the number of listeners at each edge that takes
    more, by its URL. ``session``: of what it sends of its streams' sound."""

    streams: dict[Name, Announced] = {}
    url: Url = ""
    models: bytes = b""
    leaving: bool = False
    edges: Annotated[dict[Url, Listeners], Meta(max_length=512)] = {}
    session: Annotated[int, Meta(ge=0)] = 0


class EdgeOffer(msgspec.Struct, frozen=True, array_like=True):
    """From an edge to all hubs, once a second. ``url``: where people reach it. ``leaving``: it will
    end soon, and takes no more listeners."""

    url: Url
    listeners: Listeners = 0
    leaving: bool = False


_packets = msgspec.msgpack.Decoder(Packet)
_encoder = msgspec.msgpack.Encoder()
_offers = msgspec.msgpack.Decoder(EdgeOffer)
_announcements = msgspec.msgpack.Decoder(Announcement)


def encode_packet(packet: Packet) -> bytes:
    """The packet as MessagePack."""
    return _encoder.encode(packet)


def decode_packet(data: bytes) -> Packet:
    """Decode a packet. Raises msgspec.DecodeError if ``data`` is not one."""
    return understood(_packets, data)


def encode_announcement(announcement: Announcement) -> bytes:
    """The announcement as MessagePack."""
    return _encoder.encode(announcement)


def decode_announcement(data: bytes) -> Announcement:
    """Decode an announcement. Raises msgspec.DecodeError if ``data`` is not one."""
    return understood(_announcements, data)


def encode_offer(offer: EdgeOffer) -> bytes:
    """The offer as MessagePack."""
    return _encoder.encode(offer)


def decode_offer(data: bytes) -> EdgeOffer:
    """Decode an offer. Raises msgspec.DecodeError if ``data`` is not one."""
    return understood(_offers, data)
