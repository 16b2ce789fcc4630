"""Decides which packets of a channel are sent during silence (DTX: RFC 7587, 3.1.3).

During silence the encoder makes packets of one or two bytes, which have no content, and every 0.4 s
a larger one that describes the background noise. A browser that gets a small packet plays comfort
noise until the next packet. A browser that gets no packet takes it for lost, and stretches the last
audio. So the first small packet is sent, and another every second in case that one was lost. The
larger packets are not sent, because a small one would have to follow each of them in time.
Timestamps advance as if all packets were sent; sequence numbers count only those that are.
"""

from typing import Final

from server.media.opus import TICK_S

SMALL_BYTES: Final = 2
REPEAT_TICKS: Final = round(1 / TICK_S)


class Silence:
    """One channel's. ``begins_speech``: whether the last packet was the first with audio after
    silence, and so has the marker bit (RFC 3551, 4.1)."""

    def __init__(self) -> None:
        self.begins_speech = False
        self._left_out = False
        self._small_is_due = False
        self._again_tick = 0

    def sends(self, tick: int, packet: bytes, silent: bool, newcomers: bool) -> bool:
        """Whether the packet of this tick is sent. ``silent``: the encoder calls it silence.
        ``newcomers``: a listener came since the last tick, and needs a packet at once."""
        small = len(packet) <= SMALL_BYTES
        due = self._small_is_due or (small and tick >= self._again_tick)
        sent = due or newcomers or not silent
        self.begins_speech = not silent and self._left_out
        self._left_out = silent and (self._left_out or not sent)
        if sent:
            self._small_is_due = not small
            self._again_tick = tick + REPEAT_TICKS
        return sent
