"""The messages between the main media process and an edge, which holds listeners' connections.

Connections and channels have numbers. The main process assigns them, and uses none twice.
"""

from typing import Literal

import msgspec

from server.bus.messages import BusMessage, Heartbeat
from server.decoding import understood


class _AboutNoStream(BusMessage, frozen=True, array_like=True, kw_only=True):
    """Base of messages that are about no single stream."""

    stream: str = ""
    epoch: int = 0


class PeerOffer(_AboutNoStream, frozen=True, tag="offer"):
    """To an edge: answer this listener's offer, and hold its connection."""

    peer: int
    sdp: str


class PeerRestart(_AboutNoStream, frozen=True, tag="restart"):
    """To an edge: restart ICE with the participant's new credentials."""

    peer: int
    username: str
    password: str


PeerStateName = Literal["answered", "connected", "restarted", "gone"]


class PeerState(_AboutNoStream, frozen=True, tag="peer"):
    """From an edge: the new state of a connection. ``text``: the answer's SDP, or its
    fragment after a restart; or why the connection is gone."""

    peer: int
    state: PeerStateName
    text: str = ""


class Routes(_AboutNoStream, frozen=True, tag="routes"):
    """To an edge: the channel that each connection hears (0: none); None: close the connection.
    Sent with the connections that change, and after each report with ``all`` connections; then
    the edge closes those that are not in it."""

    channels: dict[int, int | None]
    all: bool = False


class ChannelPacket(_AboutNoStream, frozen=True, tag="packet"):
    """To an edge: a channel's Opus packet of one tick; its RTP timestamp is base + 960 x ``tick``.
    See ``Broadcast.publish``."""

    channel: int
    tick: int
    data: bytes
    begins_speech: bool = False


class PeerReport(msgspec.Struct, frozen=True, array_like=True):
    """The state of one connection. ``heard_from``: an authenticated ICE check has come. ``loss``:
    the share of packets lost, as the listener reports it."""

    connected: bool
    heard_from: bool
    loss: float = 0.0


class EdgeReport(Heartbeat, frozen=True, tag="edge"):
    """The heartbeat of an edge, twice a second. ``peers``: all its connections. ``hostile`` and
    ``fan_out``: what its media plane counted so far. ``late_s``: the largest delay of a packet
    since the last report, compared with the fastest."""

    peers: dict[int, PeerReport] = {}
    hostile: dict[str, int] = {}
    fan_out: dict[str, int] = {}
    late_s: float = 0.0


Message = PeerOffer | PeerRestart | PeerState | Routes | ChannelPacket | EdgeReport

_decoder: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)


def decode(data: bytes) -> Message:
    """Decode a message. Raises msgspec.DecodeError if ``data`` is not one."""
    return understood(_decoder, data)
