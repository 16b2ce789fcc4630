import socket
import struct
import sys
import time
from collections.abc import Iterator

import pytest

from tools.bench.draining import ROWS, Drain

if sys.platform != "linux":
    pytest.skip("recvmmsg is Linux's", allow_module_level=True)


def rtp(sequence: int, kind: int = 111) -> bytes:
    return struct.pack("!BBHII", 0x80, kind, sequence, 960 * sequence, 7) + b"sound"


class Ends:
    """Two listeners' sockets, and what sends to them."""

    def __init__(self) -> None:
        self.other: list[tuple[int, bytes]] = []
        self.sampled: list[tuple[int, bytes]] = []
        self.drain = Drain(
            lambda number, data: self.other.append((number, data)),
            lambda number, data: self.sampled.append((number, data)),
        )
        self._addresses = []
        for _ in range(2):
            own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            own.bind(("127.0.0.1", 0))
            self._addresses.append(own.getsockname())
            self.drain.add(own)
        self.sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def send(self, number: int, data: bytes) -> None:
        self.sender.sendto(data, self._addresses[number])


@pytest.fixture
def ends() -> Iterator[Ends]:
    ends = Ends()
    yield ends
    ends.drain.close()
    ends.sender.close()


def test_packets_have_their_listener_and_time_of_arrival(ends: Ends) -> None:
    before_ns = time.time_ns()
    for number, sequence in ((0, 65535), (1, 7), (1, 8)):
        ends.send(number, rtp(sequence))
    (arrived,) = ends.drain.run()
    assert arrived.listener.tolist() == [0, 1, 1]
    assert arrived.sequence.tolist() == [65535, 7, 8]
    assert arrived.timestamp.tolist() == [960 * 65535, 960 * 7, 960 * 8]
    # The kernel's clock is read less finely than ours.
    assert (arrived.at_ns > before_ns - 10_000_000).all()
    assert (arrived.at_ns <= time.time_ns()).all()
    assert len(ends.sampled) == 1


def test_other_datagrams_are_passed_on_but_not_rtcp(ends: Ends) -> None:
    for data in (b"\x00\x01stun", rtp(1, kind=200), b"\x16dtls", b"\x80"):
        ends.send(1, data)
    (arrived,) = ends.drain.run()
    assert not arrived.listener.size
    assert ends.other == [(1, b"\x00\x01stun"), (1, b"\x16dtls"), (1, b"\x80")]


def test_more_datagrams_than_one_pass_takes_are_all_read(ends: Ends) -> None:
    for number in (0, 1):
        for sequence in range(ROWS // 10):
            ends.send(number, rtp(sequence))
    for _ in range(3):
        (arrived,) = ends.drain.run()
        assert arrived.listener.size == 2 * (ROWS // 10)
        for sequence in range(ROWS // 10):
            ends.send(0, rtp(sequence))
            ends.send(1, rtp(sequence))


def test_without_datagrams_nothing_is_read(ends: Ends) -> None:
    assert ends.drain.run() == []
