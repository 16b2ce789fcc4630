"""The server's end of ICE, tested with aiortc's and with hand-made checks."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aioice import stun

from server.media import consent
from server.media import ice as ice_module
from server.media.credentials import signed
from server.media.guard import (
    ADDRESSES,
    CONNECTED_CHECKS_PER_S,
    NEW_CHECKS_PER_S,
    QUEUE_DATAGRAMS,
)
from server.media.ice import OUTSTANDING, TRIES, Address
from tests.helpers.ice import FRIEND, KEY, Agent
from tests.helpers.waiting import until


@pytest.fixture
async def agent() -> AsyncIterator[Agent]:
    agent = Agent()
    yield agent
    agent.ice.close()


def test_a_check_is_signed_as_aioice_signs_it() -> None:
    message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    message.attributes["USERNAME"] = "theirs:ours"
    message.attributes["PRIORITY"] = 7
    bare = bytes(message)
    message.add_message_integrity(KEY)
    assert signed(bare, KEY) == bytes(message)
    assert stun.parse_message(signed(bare, KEY)).check_message_integrity(KEY)


async def test_a_path_is_used_once_it_is_nominated_and_has_answered(agent: Agent) -> None:
    agent.take(agent.check(nominates=True))
    assert agent.goes_to() is None
    agent.answered()
    assert agent.goes_to() == FRIEND
    assert agent.changes == 1


async def test_a_path_that_answered_is_used_when_it_is_nominated(agent: Agent) -> None:
    agent.take(agent.check())
    agent.answered()
    assert agent.goes_to() is None
    agent.take(agent.check(nominates=True))
    assert agent.goes_to() == FRIEND


async def test_of_several_nominated_paths_the_last_is_used(agent: Agent) -> None:
    other = ("192.0.2.1", 4001)
    agent.take(agent.check(nominates=True))
    slow = agent.end.sent[-1]
    agent.take(agent.check(nominates=True), other)
    agent.answered(address=other)
    assert agent.goes_to() == other
    agent.end.sent.append(slow)
    agent.answered()
    assert agent.goes_to() == other
    agent.take(agent.check(nominates=True))
    assert agent.goes_to() == FRIEND


@pytest.mark.parametrize(
    ("key", "address"), [(b"w" * 22, FRIEND), (KEY, ("192.0.2.2", 4000))], ids=["key", "address"]
)
async def test_responses_of_others_are_ignored(agent: Agent, key: bytes, address: Address) -> None:
    agent.take(agent.check(nominates=True))
    agent.answered(key, address)
    assert agent.goes_to() is None
    agent.answered()
    assert agent.goes_to() == FRIEND


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"password": "w" * 22}, 401),
        ({"USERNAME": "somebody:them"}, 401),
        ({"USERNAME": "no colon"}, 401),
        ({"ICE-CONTROLLED": 1}, 487),
    ],
)
async def test_unauthenticated_checks_get_an_error_and_make_no_path(
    agent: Agent, changed: dict[str, Any], code: int
) -> None:
    agent.take(agent.check(nominates=True, **changed))
    (error,) = agent.end.messages(stun.Class.ERROR)
    assert error.error_code == code
    assert not agent.ice.paths


async def test_an_address_of_another_participant_makes_no_path(agent: Agent) -> None:
    agent.end.owned.add(FRIEND)
    agent.take(agent.check(nominates=True))
    assert not agent.ice.paths
    assert not agent.end.messages(stun.Class.REQUEST)


async def test_checks_of_strangers_are_bounded(agent: Agent) -> None:
    for _ in range(3 * NEW_CHECKS_PER_S):
        agent.take(agent.check(password="w" * 22))
    answered = len(agent.end.sent)
    assert NEW_CHECKS_PER_S <= answered <= 2 * NEW_CHECKS_PER_S  # a second may have gone by


async def test_a_known_address_is_not_limited(agent: Agent) -> None:
    for _ in range(3 * NEW_CHECKS_PER_S):
        assert agent.take(agent.check()) == ""
    assert len(agent.end.messages(stun.Class.RESPONSE)) == 3 * NEW_CHECKS_PER_S


async def test_the_oldest_address_gives_way_but_not_one_in_use(agent: Agent) -> None:
    first, *others = [("192.0.2.1", port) for port in range(ADDRESSES + 3)]
    agent.take(agent.check(nominates=True), first)
    for address in others:
        assert agent.take(agent.check(), address) == ""
    kept = [address for _, address in agent.ice.paths]
    assert kept == [first, *others[-ADDRESSES + 1 :]]


async def test_a_connected_participant_may_cause_few_checks(agent: Agent) -> None:
    agent.take(agent.check(nominates=True))
    agent.answered()
    for port in range(NEW_CHECKS_PER_S):
        agent.take(agent.check(), ("192.0.2.1", port))
    new = len(agent.ice.paths) - 1
    assert CONNECTED_CHECKS_PER_S <= new <= 2 * CONNECTED_CHECKS_PER_S  # a second may have gone by


async def test_unread_datagrams_are_bounded(agent: Agent) -> None:
    reasons = Counter(agent.ice.take_data(b"x") for _ in range(QUEUE_DATAGRAMS + 10))
    assert reasons == {"": QUEUE_DATAGRAMS, "queue_full": 10}


async def test_malformed_stun_raises_nothing(agent: Agent) -> None:
    agent.take(agent.check())
    data = agent.check()
    broken = [
        data[:2] + (length & 0xFFFF).to_bytes(2) + data[4:cut]
        for cut in range(1, len(data))
        for length in (cut - 20, 0, 0xFFFF)
    ]
    broken += [
        data[:position] + bytes([value]) + data[position + 1 :]
        for position in range(len(data))
        for value in (0, 0x55, 0xFF)
    ]
    reasons = Counter(agent.take(each) for each in broken)
    reasons.update(agent.ice.take_response(each, agent.end, FRIEND) for each in broken)
    assert reasons["malformed_stun"] > 200


async def test_a_path_is_checked_until_given_up_and_again_when_a_check_arrives(
    agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ice_module, "RETRY_S", 0.001)
    agent.take(agent.check(nominates=True))
    (path,) = agent.ice.paths.values()
    await until(lambda: path.tries == TRIES and path.timer is None)
    assert len(agent.end.messages(stun.Class.REQUEST)) == TRIES
    agent.take(agent.check())
    agent.answered()
    assert agent.ice.selected is path


async def test_waiters_are_woken_when_the_connection_ends(agent: Agent) -> None:
    waiting = [
        asyncio.ensure_future(agent.ice.connected()),
        asyncio.ensure_future(agent.ice.arrived()),
    ]
    await asyncio.sleep(0)
    agent.ice.close()
    for result in await asyncio.gather(*waiting, return_exceptions=True):
        assert isinstance(result, ConnectionError)
    with pytest.raises(ConnectionError):
        agent.ice.send(b"x")


async def test_unanswered_checks_are_bounded(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consent, "RETRY_S", 0.001)
    monkeypatch.setattr(consent, "INTERVAL_S", 0.001)
    monkeypatch.setattr(consent, "TRIES", 1000)
    agent.take(agent.check(nominates=True))
    agent.answered()
    await until(lambda: len(agent.end.sent) > 2 * OUTSTANDING)
    assert len(agent.ice._pending) == OUTSTANDING
    agent.answered()
