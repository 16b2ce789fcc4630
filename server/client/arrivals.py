"""What a headless listener received: each RTP packet's arrival time and, if kept, its audio."""

import asyncio
import socket
import struct
import sys
import time
from array import array
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

import numpy as np
from aioice.ice import StunProtocol
from numpy.typing import NDArray

from server.media.opus import RATE_HZ, SAMPLES_PER_TICK, OpusDecoder, Pcm

#: RFC 3550, 5.1: the fixed header. SRTP leaves it readable.
_HEADER = struct.Struct("!BBHII")
#: RFC 5761, 4: values in the payload type's place that mean RTCP.
_RTCP_TYPES = range(64, 96)
#: Samples. A longer pause in the timestamps is shortened to this.
LONGEST_SILENCE = 600 * RATE_HZ

#: Linux: with this option the kernel adds the arrival time to each datagram, a struct timespec of
#: the wall clock. Python has no name for it.
_SO_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("@ll")
_MAX_DATAGRAM = 2048
#: Maximum number of datagrams read before the loop does anything else.
_BATCH = 64


class Arrivals:
    """Packets in order of arrival, a column for each property. The columns grow as long as the
    listener listens: 14 bytes a packet, and the payload if it is kept."""

    def __init__(self, keep_payloads: bool = False) -> None:
        self.keep_payloads = keep_payloads
        self.payloads: list[tuple[int, bytes]] = []
        self._at_s = array("d")
        self._sequence = array("H")
        self._timestamp = array("I")

    def __len__(self) -> int:
        return len(self._at_s)

    def note(self, data: bytes, at_s: float) -> bool:
        """Note a packet that came at ``at_s`` on the loop's clock. Returns False, and notes
        nothing, if ``data`` is no RTP packet."""
        if len(data) < _HEADER.size or data[0] >> 6 != 2 or data[1] & 0x7F in _RTCP_TYPES:
            return False
        _, _, sequence, timestamp, _ = _HEADER.unpack_from(data)
        self._at_s.append(at_s)
        self._sequence.append(sequence)
        self._timestamp.append(timestamp)
        return True

    def note_socket_packet(self, data: bytes, at_s: float) -> None:
        """Note, and keep if wanted, a packet without SRTP and without header extensions."""
        if self.note(data, at_s) and self.keep_payloads:
            self.keep(self._timestamp[-1], data[_HEADER.size :])

    def keep(self, timestamp: int, payload: bytes) -> None:
        """Keep an Opus packet, to be decoded later."""
        self.payloads.append((timestamp, payload))

    @property
    def at_s(self) -> NDArray[np.float64]:
        """Arrival times, in seconds of the loop's clock."""
        return np.array(self._at_s)

    @property
    def sequences(self) -> NDArray[np.int64]:
        """Sequence numbers, extended so that they do not wrap around."""
        return unwrapped(np.array(self._sequence), 16)

    @property
    def timestamps(self) -> NDArray[np.int64]:
        """RTP timestamps at 48 kHz, extended so that they do not wrap around."""
        return unwrapped(np.array(self._timestamp), 32)

    def sound(self) -> Pcm:
        """The kept packets, decoded: 48 kHz mono from the first packet on. It is silent where no
        packet was sent or one was lost."""
        if not self.payloads:
            return np.zeros(0, np.int16)
        stamps = unwrapped(np.array([timestamp for timestamp, _ in self.payloads]), 32)
        order = np.argsort(stamps, kind="stable")
        steps = np.minimum(np.diff(stamps[order], prepend=stamps.min()), LONGEST_SILENCE)
        starts = np.cumsum(steps)
        sound = np.zeros(starts[-1] + SAMPLES_PER_TICK, np.int16)
        decoder = OpusDecoder()
        for index, start in zip(order, starts, strict=True):
            pcm = decoder.decode(self.payloads[index][1])[: sound.size - start]
            sound[start : start + pcm.size] = pcm
        return sound


@contextmanager
def timed(protocols: Iterable[StunProtocol], arrivals: Arrivals) -> Iterator[None]:
    """While the body runs, note all RTP packets that come to these sockets of aioice, with the
    kernel's time on Linux. aioice gets them only if their payload is kept; it gets everything
    else.

    This reads the sockets in place of asyncio, which gives no arrival times.
    """
    loop = asyncio.get_running_loop()
    with ExitStack() as undo:
        for protocol in protocols:
            shared = protocol.transport.get_extra_info("socket")
            own: socket.socket = undo.enter_context(shared.dup())
            own.setblocking(False)
            if sys.platform == "linux":
                own.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            loop._remove_reader(shared.fileno())  # type: ignore[attr-defined]
            loop.add_reader(own, _read, own, protocol, arrivals, loop)
            undo.callback(loop.remove_reader, own)
        yield


def _read(
    own: socket.socket,
    protocol: StunProtocol,
    arrivals: Arrivals,
    loop: asyncio.AbstractEventLoop,
) -> None:
    for _ in range(_BATCH):
        try:
            data, ancillary, _, address = own.recvmsg(_MAX_DATAGRAM, socket.CMSG_SPACE(16))
        except BlockingIOError:
            return
        except OSError:  # an ICMP error for a datagram we sent: nobody listens there (yet)
            continue
        is_rtp = arrivals.note(data, loop.time() - _age_s(ancillary))
        if arrivals.keep_payloads or not is_rtp:
            protocol.datagram_received(data, address)


def _age_s(ancillary: list[tuple[int, int, bytes]]) -> float:
    """How long ago the kernel received a datagram. It gives the time of the wall clock, so the
    age is computed with that clock."""
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS):
            seconds, nanoseconds = _TIMESPEC.unpack_from(data)
            return float(time.time() - seconds - nanoseconds / 1e9)
    return 0.0


def unwrapped(counter: NDArray[np.generic], bits: int) -> NDArray[np.int64]:
    """Extend a counter of ``bits`` bits so that it does not wrap around. Steps back remain steps
    back if they are less than half its range."""
    values = counter.astype(np.int64)
    half = 1 << (bits - 1)
    steps = (np.diff(values) + half) % (1 << bits) - half
    return np.concatenate((values[:1], values[:1] + np.cumsum(steps)))
