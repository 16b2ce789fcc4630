"""At which addresses a port is opened, and what participants are told of it."""

import re
import socket
from collections import Counter
from contextlib import closing

import pytest
from aioice import ice

from server.media.broadcast import Broadcast, SubscriberTrack
from server.media.peer import answer
from server.media.plane import MediaPlane
from server.media.port import MediaPort
from tests.helpers.webrtc import Client


async def test_the_address_of_a_router_can_be_offered() -> None:
    dropped = Counter[str]()
    with MediaPort(["198.51.100.1", "127.0.0.1"], 0, dropped) as port:
        plane, client, channel = MediaPlane(port=port), Client("recvonly"), Broadcast("en")
        peer = await answer(await client.offer(), plane, send=SubscriberTrack(channel))
        hosts = re.findall(r"a=candidate:\S+ 1 udp \d+ (\S+) (\d+)", peer.sdp)
        assert hosts == [("198.51.100.1", str(port.number)), ("127.0.0.1", str(port.number))]
        await client.take(re.sub(r"a=candidate:.* 198\.51.*\r\n", "", peer.sdp))
        await peer.connected()
        await peer.close()
        await client.close()


async def test_sockets_of_several_addresses_have_the_same_port() -> None:
    with MediaPort(["127.0.0.1", "127.0.0.2"], 0, Counter()) as port:
        names = [end.socket.getsockname() for end in port._ends]
        assert names == [("127.0.0.1", port.number), ("127.0.0.2", port.number)]


async def test_a_port_in_use_is_named() -> None:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as taken:
        taken.bind(("127.0.0.1", 0))
        number = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"UDP port {number} of 127.0.0.1"):
            MediaPort(["127.0.0.1"], number, Counter())


async def test_connections_do_not_list_the_machine_s_addresses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It would cost more than reading the offer."""

    def list_them(**families: bool) -> list[str]:
        raise AssertionError("addresses were listed")

    monkeypatch.setattr(ice, "get_host_addresses", list_them)
    with MediaPort(["127.0.0.1"], 0, Counter()) as port:
        client = Client("recvonly")
        plane = MediaPlane(port=port)
        peer = await answer(await client.offer(), plane, send=SubscriberTrack(Broadcast()))
        assert re.findall(r"a=candidate:.* (\d+) typ", peer.sdp) == [str(port.number)]
        await peer.close()
        await client.close()
