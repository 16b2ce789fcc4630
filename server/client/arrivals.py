"""What a headless listener received: when each RTP packet came, and, if kept, the sound in it."""

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
#: RFC 5761, 4: what stands in place of a payload type when the packet is RTCP.
_RTCP_TYPES = range(64, 96)
#: Samples; a longer pause in the timestamps is cut to this.
LONGEST_SILENCE = 600 * RATE_HZ

#: Linux: the kernel's time of arrival comes with each datagram, a struct timespec of the wall
#: clock. Python does not name it.
_SO_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("@ll")
_MAX_DATAGRAM = 2048
#: Datagrams read before the loop gets to do anything else.
_BATCH = 64


class Arrivals:
    """Packets in order of arrival, a column for each of their properties. All columns grow
    for as long as the listener listens: 14 bytes a packet, and the payload where kept."""

    def __init__(self, keep_payloads: bool = False) -> None:
        self.keep_payloads = keep_payloads
        self.payloads: list[tuple[int, bytes]] = []
        self._at_s = array("d")
        self._sequence = array("H")
        self._timestamp = array("I")

    def __len__(self) -> int:
        return len(self._at_s)

    def note(self, data: bytes, at_s: float) -> bool:
        """``data`` came at ``at_s`` on the loop's clock. Returns whether it is an RTP packet;
        nothing is noted of anything else."""
        if len(data) < _HEADER.size or data[0] >> 6 != 2 or data[1] & 0x7F in _RTCP_TYPES:
            return False
        _, _, sequence, timestamp, _ = _HEADER.unpack_from(data)
        self._at_s.append(at_s)
        self._sequence.append(sequence)
        self._timestamp.append(timestamp)
        return True

    def note_socket_packet(self, data: bytes, at_s: float) -> None:
        """The same for a packet without SRTP and without header extensions."""
        if self.note(data, at_s) and self.keep_payloads:
            self.keep(self._timestamp[-1], data[_HEADER.size :])

    def keep(self, timestamp: int, payload: bytes) -> None:
        """An Opus packet, to be decoded later."""
        self.payloads.append((timestamp, payload))

    @property
    def at_s(self) -> NDArray[np.float64]:
        """Times of arrival, seconds on the loop's clock."""
        return np.array(self._at_s)

    @property
    def sequences(self) -> NDArray[np.int64]:
        """Sequence numbers, counted on where they wrap around."""
        return unwrapped(np.array(self._sequence), 16)

    @property
    def timestamps(self) -> NDArray[np.int64]:
        """RTP timestamps at 48 kHz, counted on where they wrap around."""
        return unwrapped(np.array(self._timestamp), 32)

    def sound(self) -> Pcm:
        """What was kept, decoded: 48 kHz mono from the first packet on. Silence where no
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
    """Note all RTP that comes to these sockets of aioice's, with the kernel's time where it
    tells (Linux). RTP goes on to aioice only where its payload is kept; all else does.

    Reads the sockets in asyncio's place, which tells no times.
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
        except OSError:  # what an earlier datagram of ours met: nobody listens there (yet)
            continue
        is_rtp = arrivals.note(data, loop.time() - _age_s(ancillary))
        if arrivals.keep_payloads or not is_rtp:
            protocol.datagram_received(data, address)


def _age_s(ancillary: list[tuple[int, int, bytes]]) -> float:
    """How long ago the kernel took in a datagram: it tells that by the wall clock alone, so the
    age is taken on that, and counts back from the loop's."""
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS):
            seconds, nanoseconds = _TIMESPEC.unpack_from(data)
            return float(time.time() - seconds - nanoseconds / 1e9)
    return 0.0


def unwrapped(counter: NDArray[np.generic], bits: int) -> NDArray[np.int64]:
    """A counter of ``bits`` bits that wraps around, as one that does not. Steps back stay
    steps back as long as they are less than half its range."""
    values = counter.astype(np.int64)
    half = 1 << (bits - 1)
    steps = (np.diff(values) + half) % (1 << bits) - half
    return np.concatenate((values[:1], values[:1] + np.cumsum(steps)))
