"""Sends one RTP payload to many addresses: a batch is packed, encrypted and sent together.

- The headers and payloads of a batch are written for all rows at once. All batches use the same
  memory.
- Each row is encrypted in place by one call of libsrtp, through pylibsrtp's own binding but without
  its copies.
- What leaves by one socket is sent by one ``sendmmsg``, where the C library has it (Linux).
"""

import ctypes
import socket
import struct
from collections.abc import Sequence
from functools import cache
from itertools import groupby
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pylibsrtp import Policy, Session

from server.media.transport import ffi, lib, srtp_pointer

#: Packets in a batch. The Python code that runs once a batch costs as much as a dozen packets.
#: Only memory that packets fill is touched, so it stays in the cache.
ROWS: Final = 512
#: A header, a payload, and what SRTP may append (SRTP_MAX_TRAILER_LEN).
_ROW_BYTES: Final = 1536
#: An Opus frame has at most 1275 bytes (RFC 6716); RED payloads are smaller (see ``repair``).
MOST_PAYLOAD: Final = _ROW_BYTES - 12 - 144
#: An RTP header in network byte order (RFC 3550, 5.1). ``kind``: marker and payload type.
HEADER: Final = np.dtype(
    [
        ("version", np.uint8),
        ("kind", np.uint8),
        ("sequence", ">u2"),
        ("timestamp", ">u4"),
        ("ssrc", ">u4"),
    ]
)
#: Size of struct sockaddr_in6, the longer of the two.
ADDRESS_BYTES: Final = 28
_MSG_DONTWAIT: Final = 0x40


class Vector(ctypes.Structure):
    """struct iovec, with its pointer as a number."""

    _fields_ = [("base", ctypes.c_size_t), ("size", ctypes.c_size_t)]


class _Message(ctypes.Structure):
    """struct msghdr, with its pointers as numbers."""

    _fields_ = [
        ("name", ctypes.c_size_t),
        ("name_size", ctypes.c_uint),
        ("vectors", ctypes.c_size_t),
        ("vector_count", ctypes.c_size_t),
        ("control", ctypes.c_size_t),
        ("control_size", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    ]


class BatchedMessage(ctypes.Structure):
    """struct mmsghdr."""

    _fields_ = [("message", _Message), ("size", ctypes.c_uint)]


class Destinations:
    """Where the packets of a batch go. For each row: the SRTP session that encrypts it
    (pylibsrtp's ``srtp_t``), the socket that sends it, and the address. Rows with the same socket
    must follow one another."""

    def __init__(
        self,
        sessions: Sequence[Any],
        sockets: Sequence[socket.socket],
        addresses: Sequence[tuple[str, int]],
    ) -> None:
        self.sessions = sessions
        self.pointers = np.array([int(ffi.cast("uintptr_t", each)) for each in sessions], np.uintp)
        self.addresses = addresses
        packed = b"".join(packed_address(*address) for address in addresses)
        self.packed = np.frombuffer(packed, np.uint8)
        self.packed_at = self.packed.ctypes.data
        self.runs: list[tuple[socket.socket, int, int]] = []
        start = 0
        for out, rows in groupby(sockets):
            stop = start + len(list(rows))
            self.runs.append((out, start, stop))
            start = stop


def packed_address(host: str, port: int) -> bytes:
    """A struct sockaddr_in or sockaddr_in6, padded to ADDRESS_BYTES."""
    if ":" in host:
        start, family = struct.pack("!HI", port, 0), socket.AF_INET6
    else:
        start, family = struct.pack("!H", port), socket.AF_INET
    packed = struct.pack("=H", family) + start + socket.inet_pton(family, host)
    return packed.ljust(ADDRESS_BYTES, b"\0")


class Batch:
    """Sends batches by numpy, libsrtp and sendmmsg. Holds the memory for ROWS packets."""

    def __init__(self) -> None:
        rows = np.arange(ROWS)
        self._data = np.zeros((ROWS, _ROW_BYTES), np.uint8)
        self._headers = self._data[:, : HEADER.itemsize]
        self._sizes = np.zeros(ROWS, np.int32)
        self._views = [row.data for row in self._data]
        base = self._data.ctypes.data
        sizes = self._sizes.ctypes.data
        self._packets = [ffi.cast("void *", base + row * _ROW_BYTES) for row in range(ROWS)]
        self._lengths = [ffi.cast("int *", sizes + row * 4) for row in range(ROWS)]
        self._vectors = np.zeros(ROWS, np.dtype(Vector))
        self._vectors["base"] = base + rows * _ROW_BYTES
        self._messages = np.zeros(ROWS, np.dtype(BatchedMessage))
        self._messages["message"]["vectors"] = (
            self._vectors.ctypes.data + rows * self._vectors.itemsize
        )
        self._messages["message"]["vector_count"] = 1

    def send(self, headers: NDArray[np.void], payload: bytes, to: Destinations) -> list[int]:
        """Send ``payload`` (at most MOST_PAYLOAD) to each destination, each time after its own
        header. ``headers`` are of type HEADER, one for each destination, at most ROWS.

        Returns the rows that were not sent: the kernel had no room, or libsrtp failed.
        """
        check(headers, payload, to)
        count = headers.size
        size = HEADER.itemsize + len(payload)
        flat = np.ascontiguousarray(headers).view(np.uint8)
        self._headers[:count] = flat.reshape(count, HEADER.itemsize)
        self._data[:count, HEADER.itemsize : size] = np.frombuffer(payload, np.uint8)
        self._sizes[:count] = size
        failed = list(map(lib.srtp_protect, to.sessions, self._packets, self._lengths))
        refused = [row for row, failure in enumerate(failed) if failure] if any(failed) else []
        for out, start, stop in to.runs:
            rows: Sequence[int] = range(start, stop)
            if refused:  # libsrtp failed: the row is not encrypted
                rows = [row for row in rows if not failed[row]]
            if _sendmmsg is None or len(rows) <= 1:
                refused += self._send_singly(out, rows, to)
            else:
                refused += self._send_together(out, np.array(rows), to)
        return refused

    def _send_together(
        self, out: socket.socket, rows: NDArray[np.int_], to: Destinations
    ) -> list[int]:
        self._vectors["size"][rows] = self._sizes[rows]
        messages = self._messages[rows]
        messages["message"]["name"] = to.packed_at + rows * ADDRESS_BYTES
        messages["message"]["name_size"] = ADDRESS_BYTES
        first, step = messages.ctypes.data, messages.itemsize
        descriptor, refused, done = out.fileno(), list[int](), 0
        while done < rows.size:
            sent = _sendmmsg(descriptor, first + done * step, rows.size - done, _MSG_DONTWAIT)
            if sent <= 0:
                refused.append(int(rows[done]))
                sent = 1
            done += sent
        return refused

    def _send_singly(self, out: socket.socket, rows: Sequence[int], to: Destinations) -> list[int]:
        refused = []
        for row in rows:
            try:
                out.sendto(self._views[row][: self._sizes[row]], to.addresses[row])
            except OSError:
                refused.append(row)
        return refused


def check(headers: NDArray[np.void], payload: bytes, to: Destinations) -> None:
    """Raise ValueError if the arguments do not fit together, or are too large."""
    if headers.size != len(to.addresses) or headers.size > ROWS or headers.dtype != HEADER:
        raise ValueError(f"{headers.size} headers of {headers.dtype} for {len(to.addresses)}")
    if len(payload) > MOST_PAYLOAD:
        raise ValueError(f"a payload of {len(payload)} bytes; at most {MOST_PAYLOAD} fit")


@cache
def problem() -> str:
    """Why batches cannot be sent on this machine, found by sending one; empty if they can."""
    try:
        policy = Policy(key=bytes(46), ssrc_type=Policy.SSRC_ANY_OUTBOUND)
        policy.allow_repeat_tx = True
        session = Session(policy)
        headers = np.array([(0x80, 111, 1, 0, 7), (0x80, 111, 2, 0, 7)], HEADER)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ends:
            ends.bind(("127.0.0.1", 0))
            ends.setblocking(False)
            to = Destinations([srtp_pointer(session)] * 2, [ends] * 2, [ends.getsockname()] * 2)
            refused = Batch().send(headers, b"payload", to)
            came = [ends.recv(_ROW_BYTES) for _ in headers]
    except (AttributeError, TypeError, OSError) as error:
        return f"a batch cannot be sent: {error}"
    if refused or came != [session.protect(each.tobytes() + b"payload") for each in headers]:
        return "a batch was sent, but other packets arrived"
    return ""


def _find_sendmmsg() -> Any:
    function = getattr(ctypes.CDLL(None), "sendmmsg", None)
    if function is not None:
        function.argtypes = (ctypes.c_int, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int)
    return function


_sendmmsg = _find_sendmmsg()
