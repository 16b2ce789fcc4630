"""Silence costs nothing: which of a channel's packets are sent (DTX: RFC 7587, 3.1.3).

While nobody speaks, the encoder makes packets of one or two bytes, which hold nothing, and every
0.4 s one that tells how the silence sounds. A browser that gets one of the small ones makes noise
like that before it by itself, until told otherwise; one that gets none takes what is missing for
lost, and stretches what it heard last. So the first small one is sent, and another every second
in case that it was lost. The telling ones are not: each would have to be followed by a small one
in time. Timestamps go on as if all were sent; sequence numbers count only what is.
"""

from typing import Final

from server.media.opus import TICK_S

SMALL_BYTES: Final = 2
REPEAT_TICKS: Final = round(1 / TICK_S)


class Silence:
    """Of one channel. ``begins_speech``: whether what was to be sent last is the first sound
    after silence, and is marked as such (RFC 3551, 4.1)."""

    def __init__(self) -> None:
        self.begins_speech = False
        self._left_out = False
        self._small_is_due = False
        self._again_tick = 0

    def sends(self, tick: int, packet: bytes, silent: bool, newcomers: bool) -> bool:
        """Whether the packet of this tick is sent. ``silent``: the encoder's word on it;
        ``newcomers``: somebody listens who did not at the last tick, and cannot wait."""
        small = len(packet) <= SMALL_BYTES
        due = self._small_is_due or (small and tick >= self._again_tick)
        sent = due or newcomers or not silent
        self.begins_speech = not silent and self._left_out
        self._left_out = silent and (self._left_out or not sent)
        if sent:
            self._small_is_due = not small
            self._again_tick = tick + REPEAT_TICKS
        return sent
