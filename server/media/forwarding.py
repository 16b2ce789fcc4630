"""Forwards the speaker's own Opus packets as the floor, so that the floor is not encoded again.

- A packet goes out in the tick in which its audio would have been encoded. Time, order and channel
  are those of the encoded floor; forwarded and encoded packets may follow each other at any tick.
- Only a packet that the jitter buffer played in a tick of its own is forwarded. If it concealed
  audio, or its delay has changed by a whole packet, that tick is encoded.
- During silence the floor is encoded, because then it need not be sent (see silence).
- Only packets that every decoder accepts are forwarded: a speaker may be hostile.
"""

from typing import Final

import numpy as np

from server.media.opus import TICK_S, Pcm

#: Three times the bit rate that speakers are asked for (see sdp), as the peak of a packet. Limits
#: what one speaker can make the server send to everybody.
MAX_BYTES: Final = 300
#: A smaller packet has no audio.
MIN_BYTES: Final = 3
#: The code for one frame (RFC 6716, 3.2). Such a packet cannot be malformed otherwise.
_ONE_FRAME: Final = 0
#: The configurations with frames of 20 ms (RFC 6716, 3.1).
_OF_20_MS: Final = frozenset({1, 5, 9, 13, 15, 19, 23, 27, 31})

#: Longer pauses are silence.
PAUSE_TICKS: Final = round(0.4 / TICK_S)
#: Silence is 25 dB below the loudest audio so far, as in libopus. Speech is -20 dBFS at first.
_SILENCE: Final = 10 ** (-25 / 10)
_SPEECH_POWER: Final = 3277.0**2
#: The loudest power decays by this factor in every tick of speech: 4 dB in 20 s.
_FORGOTTEN: Final = 0.999


def can_be_forwarded(packet: bytes) -> bool:
    """Whether it is one Opus frame of 20 ms, mono or stereo, and not too long. Every Opus decoder
    accepts that, whatever it contains."""
    if not MIN_BYTES <= len(packet) <= MAX_BYTES:
        return False
    return packet[0] & 0x03 == _ONE_FRAME and packet[0] >> 3 in _OF_20_MS


class Forwarding:
    """Chooses which packets of one stream's floor are forwarded."""

    def __init__(self) -> None:
        self._pause_ticks = 0
        self._loudest = _SPEECH_POWER

    def choose(self, pcm: Pcm, packet: bytes | None) -> bytes | None:
        """The packet to forward in this tick; None if ``pcm`` must be encoded. ``pcm``: the
        tick's audio; ``packet``: the speaker's own packet, if there is exactly one."""
        power = float(np.mean(np.square(pcm, dtype=np.float32)))
        if power < self._loudest * _SILENCE:
            self._pause_ticks += 1
        else:
            self._pause_ticks = 0
            self._loudest = max(power, self._loudest * _FORGOTTEN)
        if packet is None or self._pause_ticks >= PAUSE_TICKS or not can_be_forwarded(packet):
            return None
        return packet
