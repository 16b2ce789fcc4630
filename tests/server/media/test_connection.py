"""A listener's connection with the names of the WebRTC standard, or aiortc's own connection."""

import gc
import re
import weakref
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import pytest
from aiortc import RTCPeerConnection, RTCSessionDescription

from server.media.broadcast import Broadcast, SubscriberTrack
from server.media.connection import PeerConnection
from server.media.fanout import FanOut
from server.media.plane import MediaPlane
from server.media.transport import agent_of, use_hosts
from tests.helpers.waiting import until
from tests.helpers.webrtc import Client, connected

PAGE = (Path(__file__).parents[3] / "docs" / "architecture.md").read_text()
OPUS = b"\xf8\xff\xfe"


def heard_by(client: Client) -> list[bytes]:
    """The payloads that a client receives from now on."""
    heard = list[bytes]()
    receiver: Any = client.transceiver.receiver

    async def handle(packet: Any, arrival_time_ms: int) -> None:
        heard.append(packet.payload)

    receiver._handle_rtp_packet = handle
    return heard


async def test_a_listener_subscribes_to_a_channel_by_the_standard_s_names() -> None:
    client, channel, plane = Client("recvonly"), Broadcast("en"), MediaPlane(fan_out=FanOut())
    heard, states = heard_by(client), list[str]()
    connection = PeerConnection(plane)
    connection.onconnectionstatechange = lambda: states.append(connection.connectionState)
    connection.addTrack(SubscriberTrack(channel))
    await connection.setRemoteDescription(RTCSessionDescription(await client.offer(), "offer"))
    await connection.setLocalDescription()
    assert connection.localDescription is not None
    await client.take(connection.localDescription.sdp)
    await until(lambda: connection.connectionState == "connected")
    assert (channel.listeners, plane.fan_out.listeners) == (1, 1)
    for tick in range(3):
        channel.publish(tick, OPUS)
    await until(lambda: heard == [OPUS] * 3)
    await connection.close()
    await connection.close()
    assert states == ["connecting", "connected", "closed"]
    assert (channel.listeners, plane.fan_out.listeners) == (0, 0)
    await client.close()


async def test_closed_connections_are_freed_by_reference_counting() -> None:
    """Garbage is not collected while people listen, and a TLS connection is large."""
    client, made = Client("recvonly"), list[weakref.ref[Any]]()
    gc.disable()
    try:
        async with connected(client, SubscriberTrack(Broadcast())) as peer:
            connection = peer._connection
            made = [weakref.ref(each) for each in (connection, connection._dtls, connection._ice)]
        del peer, connection
        await until(lambda: not any(each() for each in made))
    finally:
        gc.enable()


def example() -> Callable[..., Awaitable[RTCPeerConnection]]:
    """The function out of the page's Python block."""
    (block,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.M | re.S)
    namespace: dict[str, Any] = {}
    exec(block, namespace)
    return cast(Callable[..., Awaitable[RTCPeerConnection]], namespace["listen"])


async def test_a_stock_peer_connection_takes_the_same_track(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Runs the example of the documentation."""
    add = RTCPeerConnection.addTransceiver

    def add_on_loopback(*args: Any, **kwargs: Any) -> Any:
        transceiver = add(*args, **kwargs)
        use_hosts(agent_of(transceiver), ["127.0.0.1"])
        return transceiver

    client, channel = Client("recvonly"), Broadcast("en")
    heard = heard_by(client)
    offer = await client.offer()
    track = SubscriberTrack(channel)
    monkeypatch.setattr(RTCPeerConnection, "addTransceiver", add_on_loopback)
    stock = await example()(track, offer)
    await client.take(stock.localDescription.sdp)
    await until(lambda: stock.connectionState == "connected")
    for tick in range(3):
        channel.publish(tick, b"%d" % tick)
    await until(lambda: heard == [b"0", b"1", b"2"])
    other = Broadcast("nl")
    track.select(other)
    other.publish(3, b"3")
    await until(lambda: heard[-1] == b"3")
    await stock.close()
    await until(lambda: channel.listeners + other.listeners == 0)
    await client.close()
