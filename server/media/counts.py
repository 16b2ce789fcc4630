"""What media counts, for the metrics: since the server started, of all participants together."""

from dataclasses import dataclass


@dataclass(slots=True)
class JitterCounts:
    """Packets of speakers on WebRTC.

    ``late``: came after their playout time. ``copied``: lost, and recovered from a copy in a later
    packet. ``asked_for``: retransmissions requested. ``came_again``: packets that came as a
    retransmission. ``restarts``: jumps in RTP timestamps. ``missing_samples``: samples at 48 kHz
    that were concealed or silent. ``delay_seconds``: the latest playout delay of a speaker.
    """

    came: int = 0
    late: int = 0
    doubled: int = 0
    copied: int = 0
    asked_for: int = 0
    came_again: int = 0
    overflowed: int = 0
    restarts: int = 0
    missing_samples: int = 0
    delay_seconds: float = 0.0


@dataclass(slots=True)
class SocketCounts:
    """Audio of speakers on a WebSocket: silence inserted, audio dropped (for any reason), and
    jumps in timestamps."""

    filled_seconds: float = 0.0
    dropped_seconds: float = 0.0
    restarts: int = 0


@dataclass(slots=True)
class PlayoutCounts:
    """What listeners were played.

    ``sent``, ``forwarded`` (sent, and not encoded anew) and ``silent`` (not sent, as it is
    silence) are packets, counted once for every listener of their channel.
    ``floor_dropped_samples`` at 48 kHz were left out to keep the delay of the floor, or of a
    person who interprets, low; ``floor_underruns``: how often its audio ran out (also when a
    speaker or interpreter leaves).
    ``dropped_clauses`` waited for longer than the limit. ``failed``: ticks of single channels that
    were lost to a bug.
    """

    sent: int = 0
    forwarded: int = 0
    silent: int = 0
    floor_dropped_samples: int = 0
    floor_underruns: int = 0
    dropped_clauses: int = 0
    failed: int = 0
