"""Reads many UDP sockets at little cost: by ``recvmmsg`` of the C library, with the kernel's times
of arrival, and by decoding the headers of thousands of packets at once. Linux only.
"""

import ctypes
import random
import socket
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from server.media.batch import BatchedMessage, Vector

#: RFC 5761, 4: the first and the last payload type that mark a packet as RTCP.
_RTCP_TYPES = (64, 95)
_SO_TIMESTAMPNS = 35
_MSG_DONTWAIT = 0x40
#: The most datagrams that one pass reads, and that it reads from one socket at a time.
ROWS, AT_ONCE = 4096, 64
_ROW_BYTES, _CONTROL_BYTES = 1600, 64
_HEADER_BYTES = 12
#: A control message: its length, level and kind, then a struct timespec.
_TIME_OFFSET = 16


class Arrived(NamedTuple):
    """RTP packets in the order in which they were read: the listener, the time of arrival
    (nanoseconds, wall clock) and fields of the header."""

    listener: NDArray[np.int32]
    at_ns: NDArray[np.int64]
    sequence: NDArray[np.uint16]
    timestamp: NDArray[np.uint32]


class Drain:
    """Reads sockets. ``other(listener, data)`` is called with datagrams that are neither RTP nor
    RTCP, ``sample(listener, data)`` with one RTP packet of each pass."""

    def __init__(
        self,
        other: Callable[[int, bytes], None],
        sample: Callable[[int, bytes], None],
        seed: int = 1,
    ) -> None:
        self._other, self._sample = other, sample
        self._random = random.Random(seed)
        self._sockets: list[socket.socket] = []
        self._receive = ctypes.CDLL(None, use_errno=True).recvmmsg
        self._receive.argtypes = [
            *(ctypes.c_int, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int, ctypes.c_void_p)
        ]
        rows = np.arange(ROWS)
        self._data = np.zeros((ROWS, _ROW_BYTES), np.uint8)
        self._control = np.zeros((ROWS, _CONTROL_BYTES), np.uint8)
        self._vectors = np.zeros(ROWS, np.dtype(Vector))
        self._vectors["base"] = self._data.ctypes.data + rows * _ROW_BYTES
        self._vectors["size"] = _ROW_BYTES
        self._messages = np.zeros(ROWS, np.dtype(BatchedMessage))
        message = self._messages["message"]
        message["vectors"] = self._vectors.ctypes.data + rows * ctypes.sizeof(Vector)
        message["vector_count"] = 1
        message["control"] = self._control.ctypes.data + rows * _CONTROL_BYTES
        message["control_size"] = _CONTROL_BYTES

    def add(self, own: socket.socket) -> int:
        """Read this socket too; nobody else may read it. Returns the listener's number."""
        own.setblocking(False)
        own.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._sockets.append(own)
        return len(self._sockets) - 1

    def close(self) -> None:
        for own in self._sockets:
            own.close()

    def run(self) -> list[Arrived]:
        """Read all datagrams that have arrived."""
        found: list[Arrived] = []
        owners, used = np.zeros(ROWS, np.int32), 0
        base, size = self._messages.ctypes.data, ctypes.sizeof(BatchedMessage)
        for number, own in enumerate(self._sockets):
            count = AT_ONCE
            while count == AT_ONCE:
                if used > ROWS - AT_ONCE:
                    found.append(self._taken_apart(owners[:used].copy()))
                    used = 0
                count = self._receive(
                    own.fileno(), base + used * size, AT_ONCE, _MSG_DONTWAIT, None
                )
                if count > 0:
                    owners[used : used + count] = number
                    used += count
        if used:
            found.append(self._taken_apart(owners[:used]))
        return found

    def _taken_apart(self, owners: NDArray[np.int32]) -> Arrived:
        used = owners.size
        data, sizes = self._data[:used], self._messages["size"][:used]
        kinds = data[:, 1] & 0x7F
        version2 = (sizes >= _HEADER_BYTES) & (data[:, 0] >> 6 == 2)
        is_rtcp = version2 & (kinds >= _RTCP_TYPES[0]) & (kinds <= _RTCP_TYPES[1])
        rtp = np.flatnonzero(version2 & ~is_rtcp)
        for row in np.flatnonzero(~version2):
            self._other(int(owners[row]), data[row, : sizes[row]].tobytes())
        if rtp.size:
            row = self._random.choice(rtp)
            self._sample(int(owners[row]), data[row, : sizes[row]].tobytes())
        headers = data[rtp, :_HEADER_BYTES]
        times = self._control[rtp, _TIME_OFFSET : _TIME_OFFSET + 16].view(np.int64)
        self._messages["message"]["control_size"][:used] = _CONTROL_BYTES
        return Arrived(
            owners[rtp],
            times[:, 0] * 1_000_000_000 + times[:, 1],
            headers[:, 2:4].copy().view(">u2")[:, 0].astype(np.uint16),
            headers[:, 4:8].copy().view(">u4")[:, 0].astype(np.uint32),
        )
