"""What the connections of all participants share."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from server.media.counts import JitterCounts, SocketCounts
from server.media.fanout import FanOut
from server.media.places import Places
from server.media.port import MediaPort
from server.media.turns import Turns


@dataclass(frozen=True)
class MediaPlane:
    """``hosts``: the addresses of this machine that participants connect to (see
    peer.host_addresses). ``port``: the UDP port of all participants; if None, each has its own.
    ``fan_out`` sends to listeners. ``turns`` lets the clock run between the steps of joining and
    leaving; ``places`` limits the connections that one address sets up at a time. ``peers``: the
    connections that exist or are being set up. ``dropped`` counts hostile datagrams and packets,
    by reason; ``jitter`` and ``socket_audio`` count what happened to the other audio of speakers
    on WebRTC and on a WebSocket."""

    hosts: Sequence[str] = ("127.0.0.1",)
    port: MediaPort | None = None
    fan_out: FanOut = field(default_factory=FanOut)
    turns: Turns = field(default_factory=Turns)
    places: Places = field(default_factory=Places)
    peers: set[object] = field(default_factory=set)
    dropped: Counter[str] = field(default_factory=Counter)
    jitter: JitterCounts = field(default_factory=JitterCounts)
    socket_audio: SocketCounts = field(default_factory=SocketCounts)
