"""Without the guard each of these datagrams ends a session, fills memory or raises in the loop."""

import asyncio
import socket
import struct
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from aiortc.rtp import RtcpPsfbPacket

from server.media.broadcast import Broadcast, SubscriberTrack
from server.media.guard import without_unwanted
from server.media.peer import Peer, answer
from server.media.plane import MediaPlane
from tests.helpers.waiting import until
from tests.helpers.webrtc import Client, connected

ALERT = bytes([21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40])  # DTLS: handshake failure
#: A binding request whose ICE-CONTROLLING has two bytes instead of eight.
STUN_CUT_SHORT = struct.pack("!HHI12sHH4x", 1, 8, 0x2112A442, bytes(12), 0x802A, 2)


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
        assert dropped == {"empty": 1, "stranger": 3}
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


def record(kind: int, body: bytes, epoch: int = 0) -> bytes:
    return struct.pack("!BHHHIH", kind, 0xFEFD, epoch, 0, 0, len(body)) + body


CLIENT_HELLO, SERVER_HELLO = record(22, b"\x01" + bytes(20)), record(22, b"\x02" + bytes(20))
SIGNED_ALERT = record(21, bytes(30), epoch=1)
FINISHED, DATA = record(22, bytes(40), epoch=1), record(23, bytes(30), epoch=1)
CHANGE_CIPHER = record(20, b"\x01")


@pytest.mark.parametrize(
    ("data", "to_client", "to_server"),
    [
        (ALERT, b"", b""),
        (CLIENT_HELLO, b"", CLIENT_HELLO),
        (SERVER_HELLO + ALERT + SIGNED_ALERT, *[SERVER_HELLO + SIGNED_ALERT] * 2),
        (ALERT + ALERT[:9], b"", b""),
        (DATA * 40, b"", b""),
        (CHANGE_CIPHER + DATA + FINISHED + DATA, *[CHANGE_CIPHER + FINISHED] * 2),
        (SIGNED_ALERT + DATA + record(99, bytes(30), epoch=1), *[SIGNED_ALERT] * 2),
        (b"\x80 sound", b"\x80 sound", b"\x80 sound"),
    ],
)
def test_unwanted_records_do_not_reach_openssl(
    data: bytes, to_client: bytes, to_server: bytes
) -> None:
    assert without_unwanted(data, is_client=True) == to_client
    assert without_unwanted(data, is_client=False) == to_server


@pytest.mark.parametrize("forged", [ALERT, CLIENT_HELLO])
async def test_a_handshake_survives_forged_datagrams(forged: bytes) -> None:
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


async def test_truncated_feedback_does_not_end_a_session() -> None:
    client, dropped = Client("recvonly"), Counter[str]()
    async with connected(
        client, SubscriberTrack(Broadcast()), plane=MediaPlane(dropped=dropped)
    ) as peer:
        two_hundred = b"REMB\xc8" + bytes(3)
        feedback = RtcpPsfbPacket(fmt=15, ssrc=1, media_ssrc=0, fci=two_hundred)
        reports_on_31 = b"\x9f\xc9\x00\x01" + bytes(4)
        for data in (bytes(feedback), reports_on_31):
            await client.transceiver.receiver.transport._send_rtp(data)
        await until(lambda: dropped["malformed_rtcp"] == 1)
        await asyncio.sleep(0)
        assert peer.state == "connected"
