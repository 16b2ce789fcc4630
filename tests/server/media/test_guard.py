"""Each of these ends a session, fills memory or raises into the loop without the guard."""

import asyncio
import socket
import struct
from collections import Counter
from collections.abc import Iterator
from typing import Any, cast

import pytest
from aioice import Candidate, Connection, stun
from aioice.ice import CandidatePair
from aiortc.rtp import RtcpPsfbPacket

from server.media.broadcast import Broadcast, SubscriberTrack
from server.media.guard import (
    ADDRESSES,
    MAX_DATAGRAM,
    NEW_CHECKS_PER_S,
    QUEUE_DATAGRAMS,
    GuardedProtocol,
    use_hosts,
    without_forgeable,
)
from server.media.peer import Peer, answer
from server.media.plane import MediaPlane
from tests.helpers.waiting import until
from tests.helpers.webrtc import Client, connected

ALERT = bytes([21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40])  # DTLS: handshake failure
#: A binding request whose ICE-CONTROLLING has two bytes instead of eight.
STUN_CUT_SHORT = struct.pack("!HHI12sHH4x", 1, 8, 0x2112A442, bytes(12), 0x802A, 2)
FRIEND = ("127.0.0.1", 4000)


@pytest.fixture
def stranger() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        yield sock


def address_of(peer: Peer) -> tuple[str, int]:
    candidate = next(line for line in peer.sdp.splitlines() if line.startswith("a=candidate:"))
    return candidate.split()[4], int(candidate.split()[5])


async def test_hostile_datagrams_do_not_end_a_session(stranger: socket.socket) -> None:
    broadcast, dropped = Broadcast(), Counter[str]()
    client = Client("recvonly")
    async with connected(
        client, SubscriberTrack(broadcast), plane=MediaPlane(dropped=dropped)
    ) as peer:
        for data in (b"", ALERT, STUN_CUT_SHORT, b"\x80junk"):
            stranger.sendto(data, address_of(peer))
        await until(lambda: dropped.total() == 4)
        assert dropped == {"empty": 1, "malformed_stun": 1, "stranger": 2}
        for tick in range(8):
            broadcast.publish(tick, b"\xf8\xff\xfe")
            await asyncio.sleep(0)
        async with asyncio.timeout(5):
            await client.transceiver.receiver.track.recv()
        assert peer.state == "connected"


async def test_hostile_datagrams_do_not_prevent_a_session(stranger: socket.socket) -> None:
    client, dropped = Client("recvonly"), Counter[str]()
    plane = MediaPlane(dropped=dropped)
    peer = await answer(await client.offer(), plane, send=SubscriberTrack(Broadcast()))
    for data in (b"", ALERT, STUN_CUT_SHORT) * 50:
        stranger.sendto(data, address_of(peer))
    await until(lambda: dropped.total() == 150)
    await client.take(peer.sdp)
    await peer.connected()
    assert peer.state == "connected"
    await peer.close()
    await client.close()


class Sent(list[tuple[bytes, tuple[str, int]]]):
    """A transport that only notes what is sent."""

    def sendto(self, data: bytes, addr: tuple[str, int]) -> None:
        self.append((data, addr))


@pytest.fixture
async def protocol() -> GuardedProtocol:
    """One end of a connection to which only FRIEND has sent an authenticated check."""
    connection = Connection(ice_controlling=False, local_username="user", local_password="p" * 22)
    protocol = GuardedProtocol(connection, Counter())
    protocol.transport = cast(asyncio.DatagramTransport, Sent())
    protocol.local_candidate = host(9000)
    connection._check_list.append(CandidatePair(protocol, host(FRIEND[1])))
    return protocol


def host(port: int) -> Candidate:
    candidate = Candidate("1", 1, "udp", 1, "127.0.0.1", port, "host")
    candidate._network_host = candidate.host
    return candidate


async def test_only_who_sent_an_authenticated_check_is_heard(protocol: GuardedProtocol) -> None:
    protocol.datagram_received(ALERT, ("127.0.0.1", FRIEND[1] + 1))
    protocol.datagram_received(ALERT, ("127.0.0.2", FRIEND[1]))
    assert protocol.receiver._queue.empty()
    protocol.datagram_received(ALERT, FRIEND)
    assert protocol.receiver._queue.get_nowait() == (ALERT, 1)


async def test_what_is_not_read_is_bounded(protocol: GuardedProtocol) -> None:
    for _ in range(QUEUE_DATAGRAMS + 10):
        protocol.datagram_received(ALERT, FRIEND)
    assert protocol.receiver._queue.qsize() == QUEUE_DATAGRAMS
    assert protocol._dropped == {"queue_full": 10}


async def test_too_long_a_datagram_is_not_taken(protocol: GuardedProtocol) -> None:
    """aiortc's decryption raises on it, which ends the session."""
    protocol.datagram_received(b"\x80" + bytes(MAX_DATAGRAM), FRIEND)
    assert protocol.receiver._queue.empty()
    assert protocol._dropped == {"oversized": 1}


def check() -> bytes:
    """An authentic one."""
    request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    request.attributes["USERNAME"] = "user:them"
    request.attributes["PRIORITY"] = 1
    request.attributes["ICE-CONTROLLING"] = 1
    request.add_message_integrity(b"p" * 22)
    return bytes(request)


async def test_checks_of_strangers_are_bounded(protocol: GuardedProtocol) -> None:
    for _ in range(3 * NEW_CHECKS_PER_S):
        protocol.datagram_received(check(), ("127.0.0.1", FRIEND[1] + 1))
    answered = len(cast(Sent, protocol.transport))
    assert NEW_CHECKS_PER_S <= answered <= 2 * NEW_CHECKS_PER_S  # a second may have gone by
    protocol.datagram_received(check(), FRIEND)
    assert len(cast(Sent, protocol.transport)) == answered + 1


async def test_addresses_of_one_are_bounded(protocol: GuardedProtocol) -> None:
    for number in range(1, ADDRESSES):
        protocol.receiver._check_list.append(CandidatePair(protocol, host(FRIEND[1] + number)))
    protocol.datagram_received(check(), ("127.0.0.1", FRIEND[1] + ADDRESSES))
    assert not cast(Sent, protocol.transport)
    assert protocol._dropped == {"too_many_addresses": 1}


def record(kind: int, body: bytes, epoch: int = 0) -> bytes:
    return struct.pack("!BHHHIH", kind, 0xFEFD, epoch, 0, 0, len(body)) + body


CLIENT_HELLO, SERVER_HELLO = record(22, b"\x01" + bytes(20)), record(22, b"\x02" + bytes(20))
SIGNED_ALERT = record(21, bytes(30), epoch=1)


@pytest.mark.parametrize(
    ("data", "to_client", "to_server"),
    [
        (ALERT, b"", b""),
        (CLIENT_HELLO, b"", CLIENT_HELLO),
        (SERVER_HELLO + ALERT + SIGNED_ALERT, *[SERVER_HELLO + SIGNED_ALERT] * 2),
        (ALERT + ALERT[:9], b"", b""),
        (b"\x80 sound", b"\x80 sound", b"\x80 sound"),
    ],
)
def test_what_anybody_can_forge_does_not_reach_a_handshake(
    data: bytes, to_client: bytes, to_server: bytes
) -> None:
    assert without_forgeable(data, is_client=True) == to_client
    assert without_forgeable(data, is_client=False) == to_server


@pytest.mark.parametrize("forged", [ALERT, CLIENT_HELLO])
async def test_a_handshake_survives_what_is_forged_in_the_participants_name(forged: bytes) -> None:
    client, dropped = Client("recvonly"), Counter[str]()
    plane = MediaPlane(dropped=dropped)
    peer = await answer(await client.offer(), plane, send=SubscriberTrack(Broadcast()))
    dtls: Any = client.transceiver.receiver.transport
    send = dtls.transport._connection.send

    async def send_with_forged(data: bytes) -> None:
        await send(forged)
        await send(data)

    dtls.transport._send = send_with_forged
    await client.take(peer.sdp)
    await peer.connected()
    assert dropped["handshake"] > 0
    await peer.close()
    await client.close()


async def test_feedback_that_says_more_than_it_holds_ends_nothing() -> None:
    client, dropped = Client("recvonly"), Counter[str]()
    async with connected(
        client, SubscriberTrack(Broadcast()), plane=MediaPlane(dropped=dropped)
    ) as peer:
        two_hundred = b"REMB\xc8" + bytes(3)
        feedback = RtcpPsfbPacket(fmt=15, ssrc=1, media_ssrc=0, fci=two_hundred)
        await client.transceiver.receiver.transport._send_rtp(bytes(feedback))
        await until(lambda: dropped["malformed_rtcp"] == 1)
        await asyncio.sleep(0)
        assert peer.state == "connected"


async def test_mutilated_stun_raises_nothing(protocol: GuardedProtocol) -> None:
    data = check()
    for cut in range(1, len(data)):
        for length in (cut - 20, 0, 0xFFFF):
            broken = data[:2] + struct.pack("!H", length & 0xFFFF) + data[4:cut]
            protocol.datagram_received(broken, FRIEND)
    for position in range(len(data)):
        for value in (0, 0x55, 0xFF):
            protocol.datagram_received(
                data[:position] + bytes([value]) + data[position + 1 :], FRIEND
            )
    assert protocol._dropped["malformed_stun"] > 100


async def test_an_address_we_do_not_have_is_passed_over() -> None:
    connection = Connection(ice_controlling=False)
    use_hosts(connection, ["198.51.100.1", "127.0.0.1"], Counter())
    await connection.gather_candidates()
    assert [candidate.host for candidate in connection.local_candidates] == ["127.0.0.1"]
    await connection.close()


async def test_no_address_at_all_is_an_error() -> None:
    connection = Connection(ice_controlling=False)
    use_hosts(connection, ["198.51.100.1"], Counter())
    with pytest.raises(OSError, match="no UDP socket"):
        await connection.gather_candidates()
    await connection.close()
