"""What the main media process and an edge, which holds listeners' connections, say to each other.

Connections and channels go by numbers, which the main process gives, each once.
"""

from typing import Literal

import msgspec

from server.bus.messages import BusMessage, Heartbeat


class _AboutNoStream(BusMessage, frozen=True, array_like=True, kw_only=True):
    """Base of what is about no single stream."""

    stream: str = ""
    epoch: int = 0


class PeerOffer(_AboutNoStream, frozen=True, tag="offer"):
    """To an edge: answer this listener's offer, and hold its connection."""

    peer: int
    sdp: str


PeerStateName = Literal["answered", "refused", "connected", "gone"]


class PeerState(_AboutNoStream, frozen=True, tag="peer"):
    """Of an edge: what became of a connection. ``text``: the answer's SDP, or why it was refused
    or is gone."""

    peer: int
    state: PeerStateName
    text: str = ""


class Routes(_AboutNoStream, frozen=True, tag="routes"):
    """To an edge: which channel each connection hears (0: none), or None: it is to be closed. Of
    those that change when they do; and of ``all`` for each report: others are to be closed."""

    channels: dict[int, int | None]
    all: bool = False


class ChannelPacket(_AboutNoStream, frozen=True, tag="packet"):
    """To an edge: the Opus packet of a channel at a tick, of RTP time 960 x ``tick``. See
    Broadcast.publish."""

    channel: int
    tick: int
    data: bytes
    begins_speech: bool = False


class PeerReport(msgspec.Struct, frozen=True, array_like=True):
    """Of a connection: whether it is up, or at least an authentic check has come; the share of
    packets that it says it loses."""

    connected: bool
    heard_from: bool
    loss: float = 0.0


class EdgeReport(Heartbeat, frozen=True, tag="edge"):
    """An edge lives: twice a second. ``peers``: all its connections. ``hostile`` and
    ``fan_out``: what its media plane counted so far. ``late_s``: the largest delay of a packet
    since the last report, compared with the quickest packet."""

    peers: dict[int, PeerReport] = {}
    hostile: dict[str, int] = {}
    fan_out: dict[str, int] = {}
    late_s: float = 0.0


Message = PeerOffer | PeerState | Routes | ChannelPacket | EdgeReport

_decoder: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)


def decode(data: bytes) -> Message:
    """The message in ``data``. Raises msgspec.DecodeError on anything else."""
    return _decoder.decode(data)
