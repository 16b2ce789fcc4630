import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aioice import Connection, stun

from server.media import consent
from server.media.broadcast import Broadcast, SubscriberTrack
from server.media.peer import Peer, answer
from server.media.plane import MediaPlane
from tests.helpers.waiting import until
from tests.helpers.webrtc import Client
from tools.impair import Network, Relay

KEY = b"k" * 22


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consent, "INTERVAL_S", 0.2)
    monkeypatch.setattr(consent, "EXPIRY_S", 1.5)


def test_a_check_is_signed_as_aioice_signs_it() -> None:
    message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    message.attributes["USERNAME"] = "theirs:ours"
    message.attributes["PRIORITY"] = 7
    bare = bytes(message)
    message.add_message_integrity(KEY)
    assert consent.signed(bare, KEY) == bytes(message)
    assert stun.parse_message(consent.signed(bare, KEY)).check_message_integrity(KEY)


@asynccontextmanager
async def behind(network: Network) -> AsyncIterator[tuple[Client, Peer]]:
    """A participant behind a network, and the server's end of it."""
    client = Client("recvonly")
    peer = await answer(await client.offer(), MediaPlane(), send=SubscriberTrack(Broadcast()))
    port = int(re.findall(r"a=candidate:\S+ 1 udp \d+ 127\.0\.0\.1 (\d+)", peer.sdp)[0])
    with Relay(("127.0.0.1", port), network, network, seed=1) as relay:
        await client.take(peer.sdp.replace(f" {port} typ", f" {relay.address[1]} typ"))
        await peer.connected()
        yield client, peer
        await peer.close()
        await client.close()


async def test_who_is_far_away_is_not_taken_for_dead() -> None:
    """Each answer takes 0.8 s: aioice waits for half a second."""
    async with behind(Network(delay_s=0.4)) as (_, peer):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3 * consent.EXPIRY_S):
                await peer.closed()
        assert peer.state == "connected"


async def test_who_vanishes_is_noticed_and_nothing_is_left_of_the_checks() -> None:
    async with behind(Network()) as (client, peer):
        ice: Any = peer._transceiver.sender.transport.transport._connection
        (protocol,) = ice._protocols
        await until(lambda: len(protocol.transactions) == consent.OUTSTANDING)
        await client.vanish()
        async with asyncio.timeout(10):
            assert "participant" in await peer.closed()
        assert not protocol.transactions


async def test_an_answer_that_is_not_signed_does_not_count() -> None:
    connection = Connection(ice_controlling=False)
    connection.remote_username, connection.remote_password = "them", KEY.decode()
    asking = consent._Consent(connection)
    asking._key = KEY
    response = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE)
    asking.response_received(response, ("127.0.0.1", 9))
    assert asking._heard_s == 0
    response.add_message_integrity(KEY)
    asking.response_received(stun.parse_message(bytes(response)), ("127.0.0.1", 9))
    assert asking._heard_s > 0
