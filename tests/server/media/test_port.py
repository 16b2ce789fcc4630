import asyncio
import random
import re
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from aioice import stun

from server.media.broadcast import Broadcast, SubscriberTrack
from server.media.fanout import FanOut
from server.media.guard import ADDRESSES, MAX_DATAGRAM, NEW_CHECKS_PER_S, RateLimit
from server.media.peer import Peer, answer
from server.media.plane import MediaPlane
from server.media.port import MAX_READ_S, MediaPort, username
from tests.helpers.waiting import until
from tests.helpers.webrtc import Client, connected

ALERT = bytes([21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40])  # DTLS: handshake failure
OPUS = b"\xf8\xff\xfe"


@pytest.fixture
async def plane() -> Any:
    dropped = Counter[str]()
    with MediaPort(["127.0.0.1"], 0, dropped) as port:
        yield MediaPlane(port=port, fan_out=FanOut(), dropped=dropped)
        (end,) = port._ends
        assert not end.by_username and not end.by_address, "somebody left something behind"


@pytest.fixture
def stranger() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
        yield sock


def address(plane: MediaPlane) -> tuple[str, int]:
    assert plane.port is not None
    return "127.0.0.1", plane.port.number


def check(sdp: str, theirs: str = "them", password: str = "") -> stun.Message:
    """A check of somebody's who was given this answer."""
    found = re.search(r"a=ice-ufrag:(\S+)\r\na=ice-pwd:(\S+)", sdp)
    assert found
    request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    request.attributes["USERNAME"] = f"{found[1]}:{theirs}"
    request.attributes["PRIORITY"] = 1
    request.attributes["ICE-CONTROLLING"] = 1
    request.attributes["USE-CANDIDATE"] = None
    request.add_message_integrity((password or found[2]).encode())
    return request


async def received(sock: socket.socket) -> tuple[bytes, Any]:
    async with asyncio.timeout(10):
        loop = asyncio.get_running_loop()
        return await loop.sock_recvfrom(sock, 2000)


async def payloads(client: Client, channel: Broadcast, ticks: range) -> list[bytes]:
    """What the client gets of so many packets."""
    receiver: Any = client.transceiver.receiver
    heard = list[bytes]()

    async def handle(packet: Any, arrival_time_ms: int) -> None:
        heard.append(packet.payload)

    receiver._handle_rtp_packet = handle
    for tick in ticks:
        channel.publish(tick, b"%s-%d" % (channel.name.encode(), tick))
    await until(lambda: len(heard) == len(ticks))
    return heard


async def test_all_share_one_port_and_each_gets_its_own_datagrams(plane: MediaPlane) -> None:
    channels = [Broadcast(f"channel{number}") for number in range(5)]
    async with AsyncExitStack() as stack:
        clients = [Client("recvonly") for _ in channels]
        for client, channel in zip(clients, channels, strict=True):
            peer = await stack.enter_async_context(
                connected(client, SubscriberTrack(channel), plane=plane)
            )
            ports = re.findall(r"a=candidate:\S+ 1 udp \d+ 127\.0\.0\.1 (\d+)", peer.sdp)
            assert ports == [str(address(plane)[1])]
        for client, channel in zip(clients, channels, strict=True):
            name = channel.name.encode()
            assert await payloads(client, channel, range(3)) == [
                name + b"-%d" % tick for tick in range(3)
            ]


async def test_hostile_datagrams_do_no_harm(plane: MediaPlane, stranger: socket.socket) -> None:
    channel, client = Broadcast("en"), Client("recvonly")
    peer = await answer(await client.offer(), plane, send=SubscriberTrack(channel))
    junk = [b"", ALERT, b"\x80junk", b"\x00\x01", b"\x00" * 40]
    for data in junk * 50:
        stranger.sendto(data, address(plane))
    await until(lambda: plane.dropped.total() == 250)
    await client.take(peer.sdp)
    await peer.connected()
    for data in junk:
        stranger.sendto(data, address(plane))
    await until(lambda: plane.dropped.total() == 255)
    assert plane.dropped == {"empty": 51, "stranger": 204}
    assert await payloads(client, channel, range(3)) == [b"en-0", b"en-1", b"en-2"]
    await peer.close()
    await client.close()


async def joining(plane: MediaPlane) -> tuple[Client, Peer]:
    client = Client("recvonly")
    return client, await answer(await client.offer(), plane, send=SubscriberTrack(Broadcast()))


async def test_an_address_becomes_known_only_by_an_authentic_check(
    plane: MediaPlane, stranger: socket.socket
) -> None:
    client, peer = await joining(plane)
    assert plane.port is not None
    (end,) = plane.port._ends
    own = stranger.getsockname()
    stranger.sendto(bytes(check(peer.sdp, password="w" * 22)), address(plane))
    data, _ = await received(stranger)
    assert stun.parse_message(data).message_class == stun.Class.ERROR
    assert own not in end.by_address
    stranger.sendto(bytes(check(peer.sdp, client.username)), address(plane))
    data, _ = await received(stranger)
    assert stun.parse_message(data).message_class == stun.Class.RESPONSE
    assert own in end.by_address
    await peer.close()
    await client.close()


async def test_an_address_stays_with_its_first_participant(
    plane: MediaPlane, stranger: socket.socket
) -> None:
    """Else a participant could take another's datagrams by sending checks in its name."""
    (client, peer), (other_client, other) = await joining(plane), await joining(plane)
    for sdp, name in ((peer.sdp, client.username), (other.sdp, other_client.username)):
        stranger.sendto(bytes(check(sdp, name)), address(plane))
        await received(stranger)
    assert plane.port is not None
    (end,) = plane.port._ends
    holder = end.by_address[stranger.getsockname()]
    assert f"a=ice-ufrag:{holder.username}\r\n" in peer.sdp
    for each in (peer, other, client, other_client):
        await each.close()


async def test_the_addresses_of_a_participant_are_bounded(plane: MediaPlane) -> None:
    client, peer = await joining(plane)
    socks = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(ADDRESSES + 3)]
    for sock in socks:
        sock.sendto(bytes(check(peer.sdp, client.username)), address(plane))
    assert plane.port is not None
    (end,) = plane.port._ends
    last = socks[-1].getsockname()[1]
    await until(lambda: last in [port for _, port in end.by_address])
    assert len(end.by_address) == ADDRESSES
    for sock in socks:
        sock.close()
    await peer.close()
    await client.close()


async def test_checks_of_strangers_are_bounded(plane: MediaPlane, stranger: socket.socket) -> None:
    assert plane.port is not None
    plane.port._ends[0].new_checks = RateLimit(5)
    client, peer = await joining(plane)
    for _ in range(50):
        stranger.sendto(bytes(check(peer.sdp, password="w" * 22)), address(plane))
    await until(lambda: plane.dropped["too_many_checks"] >= 35)
    await client.take(peer.sdp)  # checks are repeated: one of them comes in time
    await peer.connected()
    await peer.close()
    await client.close()


async def test_forged_checks_use_only_the_named_participant_s_quota(
    plane: MediaPlane, stranger: socket.socket
) -> None:
    assert plane.port is not None
    plane.port._ends[0].new_checks = RateLimit(3 * NEW_CHECKS_PER_S)
    (client, peer), (other_client, other) = await joining(plane), await joining(plane)
    for _ in range(50):
        for _ in range(10):
            stranger.sendto(bytes(check(peer.sdp, password="w" * 22)), address(plane))
        await asyncio.sleep(0)
    await until(lambda: plane.dropped["too_many_checks"] >= 500 - 2 * NEW_CHECKS_PER_S)
    stranger.sendto(bytes(check(other.sdp, other_client.username)), address(plane))
    while stun.parse_message((await received(stranger))[0]).message_class == stun.Class.ERROR:
        pass
    for each in (peer, other, client, other_client):
        await each.close()


async def test_a_too_long_datagram_does_not_end_a_session(plane: MediaPlane) -> None:
    channel, client = Broadcast("en"), Client("recvonly")
    async with connected(client, SubscriberTrack(channel), plane=plane) as peer:
        ice: Any = client.transceiver.receiver.transport.transport._connection
        ice._nominated[1].protocol.transport.sendto(b"\x80" + bytes(MAX_DATAGRAM), address(plane))
        await until(lambda: plane.dropped["oversized"] == 1)
        assert await payloads(client, channel, range(3)) == [b"en-0", b"en-1", b"en-2"]
        assert peer.state == "connected"


@pytest.mark.parametrize("is_libnice", [False, True], ids=["", "libnice"])
async def test_a_participant_that_changes_address_is_followed(
    plane: MediaPlane, stranger: socket.socket, is_libnice: bool
) -> None:
    """As when a phone leaves the Wi-Fi, and its browser nominates another pair. libnice repeats
    the user name of what it answers."""
    channel, client = Broadcast("en"), Client("recvonly")
    async with connected(client, SubscriberTrack(channel), plane=plane) as peer:
        stranger.sendto(bytes(check(peer.sdp, client.username)), address(plane))
        while (message := stun.parse_message((await received(stranger))[0])).message_class != (
            stun.Class.REQUEST
        ):
            pass
        response = stun.Message(
            stun.Method.BINDING, stun.Class.RESPONSE, transaction_id=message.transaction_id
        )
        response.attributes["XOR-MAPPED-ADDRESS"] = address(plane)
        if is_libnice:
            response.attributes["USERNAME"] = message.attributes["USERNAME"]
        response.add_message_integrity(client.password.encode())
        stranger.sendto(bytes(response), address(plane))
        await until(lambda: _nominated(peer) == stranger.getsockname())
        channel.publish(0, OPUS)
        data, _ = await received(stranger)
        assert data[0] == 0x80


def _nominated(peer: Peer) -> tuple[str, int]:
    ice = peer._connection._ice
    assert ice is not None and ice.selected is not None
    return ice.selected.address


def test_user_names_are_found_in_any_datagram() -> None:
    request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    request.attributes["PRIORITY"] = 1
    request.attributes["USERNAME"] = "ours:theirs"
    whole = bytes(request)
    assert username(whole) == "ours"
    rng = random.Random(1)
    for _ in range(2000):
        broken = bytearray(whole[: rng.randrange(1, len(whole))])
        for _ in range(rng.randrange(4)):
            broken[rng.randrange(len(broken))] = rng.randrange(256)
        username(bytes(broken))


async def test_many_datagrams_are_read_in_several_turns(
    stranger: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the checks of a crowd that joins: nobody's sound waits for all of them."""
    loop = asyncio.get_running_loop()
    turn, taken_in = 0, Counter[int]()

    def take(data: bytes, address: tuple[str, int]) -> str:
        taken_in[turn] += 1
        until_s = loop.time() + MAX_READ_S / 2
        while loop.time() < until_s:
            pass
        return ""

    with MediaPort(["127.0.0.1"], 0, Counter()) as port:
        monkeypatch.setattr(port._ends[0], "_take", take)
        for _ in range(30):
            stranger.sendto(b"check", ("127.0.0.1", port.number))
        async with asyncio.timeout(5):
            while taken_in.total() < 30:
                await asyncio.sleep(0)
                turn += 1
    assert max(taken_in.values()) <= 2
