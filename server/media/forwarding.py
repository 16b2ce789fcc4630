"""The speaker's own packets as the floor: sent on as they came, not encoded a second time.

- A packet goes out in the tick in which its sound would have been encoded: time, order and
  channel are those of the encoded floor, and either may follow the other at any tick.
- Only a packet that the jitter buffer played in a tick of its own is forwarded. Where it made
  sound up, or has won back or given way by a whole packet, that tick of the floor is encoded.
- In silence the floor is encoded, because then it need not be sent (see silence).
- A packet is hostile until shown to be one that every decoder takes.
"""

from typing import Final

import numpy as np

from server.media.opus import TICK_S, Pcm

#: Three times the bit rate that speakers are asked for (see sdp), as the peak of a packet; fixes
#: what one of them can make the server send to everybody.
MAX_BYTES: Final = 300
#: A packet of so little holds no sound.
MIN_BYTES: Final = 3
#: A frame count of one (RFC 6716, 3.2): nothing else in a packet can be malformed then.
_ONE_FRAME: Final = 0
#: The configurations with frames of 20 ms (RFC 6716, 3.1).
_OF_20_MS: Final = frozenset({1, 5, 9, 13, 15, 19, 23, 27, 31})

#: Longer pauses are silence.
PAUSE_TICKS: Final = round(0.4 / TICK_S)
#: Silence is 25 dB below the loudest there was, as libopus has it; speech is -20 dBFS at first.
_SILENCE: Final = 10 ** (-25 / 10)
_SPEECH_POWER: Final = 3277.0**2
#: By so much the loudest is forgotten in every tick of speech: 4 dB in 20 s.
_FORGOTTEN: Final = 0.999


def can_be_forwarded(packet: bytes) -> bool:
    """Whether it is one frame of Opus of 20 ms, mono or stereo, and not long: any Opus decoder
    takes it, whatever it holds."""
    if not MIN_BYTES <= len(packet) <= MAX_BYTES:
        return False
    return packet[0] & 0x03 == _ONE_FRAME and packet[0] >> 3 in _OF_20_MS


class Forwarding:
    """Of one stream's floor."""

    def __init__(self) -> None:
        self._pause_ticks = 0
        self._loudest = _SPEECH_POWER

    def choose(self, pcm: Pcm, packet: bytes | None) -> bytes | None:
        """What is sent on in this tick, of which ``pcm`` is the sound and ``packet`` the
        speaker's own packet, if there is just one. None: ``pcm`` is to be encoded."""
        power = float(np.mean(np.square(pcm, dtype=np.float32)))
        if power < self._loudest * _SILENCE:
            self._pause_ticks += 1
        else:
            self._pause_ticks = 0
            self._loudest = max(power, self._loudest * _FORGOTTEN)
        if packet is None or self._pause_ticks >= PAUSE_TICKS or not can_be_forwarded(packet):
            return None
        return packet
