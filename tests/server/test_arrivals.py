"""Times of arrival and the sound of received packets."""

import asyncio
import socket
import struct
import sys
import time
from collections.abc import AsyncIterator

import numpy as np
import pytest
from aioice import Connection

from server.client.arrivals import Arrivals, timed, unwrapped
from server.media.opus import RATE_HZ, SAMPLES_PER_TICK, OpusEncoder
from server.media.transport import use_hosts
from tests.helpers.waiting import until
from tests.helpers.webrtc import tone


def rtp(sequence: int, timestamp: int, payload: bytes = b"\x00") -> bytes:
    return struct.pack("!BBHII", 0x80, 111, sequence, timestamp, 7) + payload


@pytest.mark.parametrize(
    ("counter", "expected"),
    [
        pytest.param([], [], id="none"),
        pytest.param([7], [7], id="one"),
        pytest.param([65534, 65535, 0, 1], [65534, 65535, 65536, 65537], id="wraps"),
        pytest.param([5, 4, 6], [5, 4, 6], id="a step back"),
        pytest.param([1, 65535, 2], [1, -1, 2], id="a step back over the wrap"),
        pytest.param([65000, 500, 65000], [65000, 66036, 65000], id="there and back"),
    ],
)
def test_counters_that_wrap_around_are_unwrapped(counter: list[int], expected: list[int]) -> None:
    assert unwrapped(np.array(counter, np.uint16), 16).tolist() == expected


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(rtp(1, 1)[:11], id="short"),
        pytest.param(b"\x00\x01" + bytes(18), id="STUN"),
        pytest.param(b"\x16\xfe\xfd" + bytes(30), id="DTLS"),
        pytest.param(b"\x80\xc8" + bytes(26), id="RTCP sender report"),
        pytest.param(b"\x81\xc9" + bytes(30), id="RTCP receiver report"),
    ],
)
def test_only_rtp_packets_are_noted(data: bytes) -> None:
    arrivals = Arrivals()
    assert not arrivals.note(data, 1.0)
    assert len(arrivals) == 0


def test_sound_is_placed_by_timestamp_despite_loss_reordering_and_wrapping() -> None:
    ticks = 50
    pcm = tone(440, ticks * SAMPLES_PER_TICK / RATE_HZ)
    encoder = OpusEncoder()
    packets = [
        rtp(
            (65530 + tick) % 2**16,
            (2**32 - 9600 + tick * SAMPLES_PER_TICK) % 2**32,
            encoder.encode(pcm[tick * SAMPLES_PER_TICK :][:SAMPLES_PER_TICK]),
        )
        for tick in range(ticks)
    ]
    for late in (30, 48):
        packets[late], packets[late + 1] = packets[late + 1], packets[late]
    arrivals = Arrivals(keep_payloads=True)
    for packet in packets[:20] + packets[25:]:
        arrivals.note_socket_packet(packet, 0.0)
    loud = np.abs(arrivals.sound().reshape(-1, SAMPLES_PER_TICK)).max(axis=1) > 1000
    assert loud.size == ticks
    assert not loud[20:25].any()
    assert loud[1:20].all() and loud[26:].all()


def test_without_packets_there_is_no_sound() -> None:
    assert Arrivals().sound().size == 0


@pytest.fixture
async def gathered() -> AsyncIterator[Connection]:
    """aioice with one open socket on loopback."""
    connection = Connection(ice_controlling=True)
    use_hosts(connection, ["127.0.0.1"])
    await connection.gather_candidates()
    yield connection
    await connection.close()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel tells arrival times on Linux")
async def test_a_busy_process_does_not_make_packets_late(gathered: Connection) -> None:
    loop = asyncio.get_running_loop()
    arrivals = Arrivals()
    address = gathered._protocols[0].transport.get_extra_info("sockname")
    early = False
    with timed(gathered._protocols, arrivals), socket.socket(type=socket.SOCK_DGRAM) as sender:
        # Linux begins to note times a moment after it was asked to.
        async with asyncio.timeout(5):
            while not early:
                came, before = len(arrivals), loop.time()
                sender.sendto(rtp(1, 0), address)
                after = loop.time()
                time.sleep(0.3)  # noqa: ASYNC251  (the process is busy)
                await until(lambda came=came: len(arrivals) > came)  # type: ignore[misc]
                early = arrivals.at_s[-1] < after + 0.05
    assert before - 0.05 < arrivals.at_s[-1]


async def test_packets_that_are_not_kept_are_not_passed_to_aioice(gathered: Connection) -> None:
    address = gathered._protocols[0].transport.get_extra_info("sockname")
    passed: list[bytes | str] = []
    gathered._protocols[0].datagram_received = (  # type: ignore[method-assign]
        lambda data, addr: passed.append(data[:1])
    )
    with socket.socket(type=socket.SOCK_DGRAM) as sender:
        for keep in (False, True):
            arrivals = Arrivals(keep_payloads=keep)
            with timed(gathered._protocols, arrivals):
                for data in (b"\x16dtls", rtp(1, 0), b"\x17"):
                    sender.sendto(data, address)
                await until(lambda: passed[-1:] == [b"\x17"])
            assert len(arrivals) == 1
            assert passed == ([b"\x16", b"\x80", b"\x17"] if keep else [b"\x16", b"\x17"])
            passed.clear()
