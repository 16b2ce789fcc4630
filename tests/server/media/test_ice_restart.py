"""A restart of ICE: new credentials at both ends, and the same audio."""

from collections.abc import AsyncIterator

import pytest
from aioice import stun

from server.media.broadcast import Broadcast, SubscriberTrack
from server.media.guard import ADDRESSES
from server.media.peer import PeerGone
from tests.helpers.ice import FRIEND, KEY, Agent
from tests.helpers.webrtc import Client, connected

NEW = ("192.0.2.7", 4007)
OTHER_KEY = b"o" * 22


@pytest.fixture
async def agent() -> AsyncIterator[Agent]:
    """It is connected to FRIEND."""
    agent = Agent()
    agent.take(agent.check(nominates=True))
    agent.answered()
    yield agent
    agent.ice.close()


async def test_audio_keeps_its_path_until_another_is_nominated(agent: Agent) -> None:
    agent.ice.restart("them", OTHER_KEY.decode())
    assert agent.goes_to() == FRIEND
    agent.take(agent.check(nominates=True), NEW)
    assert agent.goes_to() == FRIEND
    agent.answered(OTHER_KEY, NEW)
    assert agent.goes_to() == NEW


async def test_the_same_path_may_be_nominated_again(agent: Agent) -> None:
    agent.ice.restart("them", OTHER_KEY.decode())
    agent.take(agent.check(nominates=True))
    agent.answered(OTHER_KEY)
    assert agent.goes_to() == FRIEND and agent.changes == 1


async def test_old_credentials_are_worth_nothing(agent: Agent) -> None:
    old = agent.check(nominates=True)
    agent.take(agent.check(), NEW)
    agent.ice.restart("them", OTHER_KEY.decode())
    agent.take(old, NEW)
    assert agent.end.messages(stun.Class.ERROR)[-1].error_code == 401
    agent.answered(KEY, NEW)
    agent.take(agent.check(nominates=True), NEW)
    agent.answered(KEY, NEW)
    assert agent.goes_to() == FRIEND


async def test_addresses_of_before_come_free(agent: Agent) -> None:
    for number in range(ADDRESSES + 2):
        agent.ice.restart("them", KEY.decode())
        assert agent.take(agent.check(), ("192.0.2.8", number)) == ""
    assert len(agent.ice.paths) == 2
    assert len(agent.end.released) == ADDRESSES + 1


async def test_a_connection_that_has_ended_is_not_restarted() -> None:
    async with connected(Client("recvonly"), SubscriberTrack(Broadcast())) as peer:
        await peer.close()
        with pytest.raises(PeerGone):
            await peer.restart("them", KEY.decode())
