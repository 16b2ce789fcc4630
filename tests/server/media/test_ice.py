"""The server's end of ICE, tested with aiortc's and with hand-made checks."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aioice import stun

from server.media import ice as ice_module
from server.media.broadcast import Broadcast, SubscriberTrack
from server.media.guard import ADDRESSES, NEW_CHECKS_PER_S, QUEUE_DATAGRAMS
from server.media.ice import OUTSTANDING, TRIES, Address, Ice, signed
from server.media.peer import Peer, answer
from server.media.plane import MediaPlane
from tests.helpers.waiting import until
from tests.helpers.webrtc import Client
from tools.impair import Network, Relay

KEY = b"k" * 22
FRIEND = ("192.0.2.1", 4000)


class Sent:
    """A socket that notes what is sent. ``owned``: addresses of other participants."""

    socket: Any = None

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.owned: set[Address] = set()

    def send(self, data: bytes, address: Address) -> None:
        self.sent.append(data)

    def claim(self, address: Address, ice: Ice) -> bool:
        return address not in self.owned

    def limit(self) -> str:
        return ""

    def messages(self, kind: stun.Class) -> list[stun.Message]:
        return [
            message
            for data in self.sent
            if (message := stun.parse_message(data)).message_class == kind
        ]


class Agent:
    """The server's end for a participant with the user name "them" and the password KEY."""

    def __init__(self) -> None:
        self.changes = 0
        self.end = Sent()
        self.ice = Ice("them", KEY.decode(), self._changed)

    def _changed(self) -> None:
        self.changes += 1

    def goes_to(self) -> Address | None:
        """The address that sound is sent to."""
        return None if self.ice.selected is None else self.ice.selected.address

    def check(self, nominates: bool = False, **changed: Any) -> bytes:
        """An authentic check with these changes of attributes."""
        request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        request.attributes["USERNAME"] = f"{self.ice.username}:them"
        request.attributes["PRIORITY"] = 1
        request.attributes["ICE-CONTROLLING"] = 1
        if nominates:
            request.attributes["USE-CANDIDATE"] = None
        password = changed.pop("password", self.ice.password)
        for name, value in changed.items():
            request.attributes[name] = value
        request.add_message_integrity(password.encode())
        return bytes(request)

    def take(self, data: bytes, address: Address = FRIEND) -> str:
        return self.ice.take_request(data, self.end, address)

    def answered(self, key: bytes = KEY, address: Address = FRIEND) -> None:
        """Answer our last check from this address."""
        request = self.end.messages(stun.Class.REQUEST)[-1]
        response = stun.Message(
            stun.Method.BINDING, stun.Class.RESPONSE, transaction_id=request.transaction_id
        )
        response.attributes["USERNAME"] = "as libnice has it"
        response.add_message_integrity(key)
        assert not self.ice.take_response(bytes(response), self.end, address)


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


async def test_the_addresses_of_a_participant_are_bounded(agent: Agent) -> None:
    reasons = Counter(
        agent.take(agent.check(), ("192.0.2.1", port)) for port in range(ADDRESSES + 3)
    )
    assert reasons == {"": ADDRESSES, "too_many_addresses": 3}


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


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ice_module, "INTERVAL_S", 0.2)
    monkeypatch.setattr(ice_module, "EXPIRY_S", 1.5)


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


async def test_a_distant_participant_is_not_considered_dead(soon: None) -> None:
    """Each answer takes 0.8 s, longer than aioice waits."""
    async with behind(Network(delay_s=0.4)) as (_, peer):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3 * ice_module.EXPIRY_S):
                await peer.closed()
        assert peer.state == "connected"


async def test_a_vanished_participant_is_noticed_and_not_checked_any_more(soon: None) -> None:
    async with behind(Network()) as (client, peer):
        await client.vanish()
        async with asyncio.timeout(10):
            assert "participant" in await peer.closed()
        assert peer.state == "failed"


async def test_unanswered_checks_are_bounded(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ice_module, "INTERVAL_S", 0.001)
    agent.take(agent.check(nominates=True))
    agent.answered()
    await until(lambda: len(agent.end.sent) > 2 * OUTSTANDING)
    assert len(agent.ice._pending) == OUTSTANDING
    agent.answered()
