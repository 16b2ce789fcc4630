"""What the connections of all participants share."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from server.media.fanout import FanOut
from server.media.jitter import JitterCounts
from server.media.places import Places
from server.media.port import MediaPort
from server.media.turns import Turns

if TYPE_CHECKING:
    from server.media.peer import Peer


@dataclass(frozen=True)
class MediaPlane:
    """``hosts``: this machine's addresses to be reached at (see peer.host_addresses). ``port``:
    the one for all participants; without it each has its own. ``fan_out`` sends to listeners.
    ``turns`` keep joining and leaving from holding up the clock,
    ``places`` one address from taking all the room there is. ``peers``: the connections there
    are, and those being made. ``dropped`` counts hostile
    datagrams and packets, by reason; ``jitter`` what happened to speakers' other packets."""

    hosts: Sequence[str] = ("127.0.0.1",)
    port: MediaPort | None = None
    fan_out: FanOut = field(default_factory=FanOut)
    turns: Turns = field(default_factory=Turns)
    places: Places = field(default_factory=Places)
    peers: set["Peer"] = field(default_factory=set)
    dropped: Counter[str] = field(default_factory=Counter)
    jitter: JitterCounts = field(default_factory=JitterCounts)
