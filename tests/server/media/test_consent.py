"""When a participant is gone, in virtual time: 14 s after it vanished, and never before."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aioice import stun

from server.media.consent import INTERVAL_S, RETRY_S, TRIES
from server.media.ice import Address, Ice
from tools.virtual_time import run

KEY = b"k" * 22
FRIEND = ("192.0.2.1", 4000)
NOTICED_S = 14.0


class Far:
    """A participant at the end of a network: a datagram takes ``delay_s`` each way, and the share
    ``lost`` of them is lost. ``present``: it answers."""

    socket: Any = None

    def __init__(self, delay_s: float = 0.0, lost: float = 0.0) -> None:
        self.present = True
        self.checks = 0
        self._delay_s, self._lost = delay_s, lost
        self._random = random.Random(1)
        self._loop = asyncio.get_running_loop()
        self.ice = Ice("them", KEY.decode(), lambda: None)

    def send(self, data: bytes, address: Address) -> None:
        message = stun.parse_message(data)
        if message.message_class == stun.Class.REQUEST:
            self.checks += 1
            self._travel(self._answer, message.transaction_id)

    def claim(self, address: Address, ice: Ice) -> bool:
        return True

    def release(self, address: Address, ice: Ice) -> None:
        pass

    def limit(self) -> str:
        return ""

    async def join(self) -> None:
        """It nominates its address. If that is lost, it does so again."""
        while self.ice.selected is None:
            request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
            request.attributes["USERNAME"] = f"{self.ice.username}:them"
            request.attributes["ICE-CONTROLLING"] = 1
            request.attributes["USE-CANDIDATE"] = None
            request.add_message_integrity(self.ice.password.encode())
            self.ice.take_request(bytes(request), self, FRIEND)
            await asyncio.sleep(1)

    async def noticed(self, patience_s: float) -> float:
        """How long until it is gone for the server, in seconds."""
        began_s = self._loop.time()
        async with asyncio.timeout(patience_s):
            while not self.ice.closed:
                await asyncio.sleep(0.5)
        return self._loop.time() - began_s

    def _answer(self, transaction: bytes) -> None:
        if self.present:
            response = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, transaction)
            response.add_message_integrity(KEY)
            self._travel(self.ice.take_response, bytes(response), self, FRIEND)

    def _travel(self, arrive: Callable[..., object], *arguments: object) -> None:
        if self._random.random() >= self._lost:
            self._loop.call_later(self._delay_s, arrive, *arguments)


def meet(story: Callable[[Far], Awaitable[None]], **network: float) -> None:
    """Run the story of a participant that has joined."""

    async def told() -> None:
        far = Far(**network)
        await far.join()
        await story(far)
        far.ice.close()

    run(told())


@pytest.mark.parametrize("stayed_s", [0.0, 3.3, 60.0])
def test_who_vanishes_without_a_word_is_gone_after_14_s(stayed_s: float) -> None:
    async def story(far: Far) -> None:
        await asyncio.sleep(stayed_s)
        far.present = False
        assert await far.noticed(60) <= NOTICED_S + 0.5

    meet(story)


@pytest.mark.parametrize("network", [{"delay_s": 0.3, "lost": 0.1}, {"delay_s": 2.0}], ids=str)
def test_a_long_or_lossy_way_is_no_death(network: dict[str, float]) -> None:
    async def story(far: Far) -> None:
        with pytest.raises(TimeoutError):
            await far.noticed(4 * 3600)

    meet(story, **network)


def test_who_is_away_for_some_seconds_is_not_gone() -> None:
    async def story(far: Far) -> None:
        for _ in range(20):
            far.present = False
            await asyncio.sleep(7)
            far.present = True
            await asyncio.sleep(12)
        assert not far.ice.closed

    meet(story)


def test_who_answers_is_checked_only_now_and_then() -> None:
    async def story(far: Far) -> None:
        await asyncio.sleep(600)
        assert far.checks <= 600 / (0.8 * INTERVAL_S) + 2

    meet(story, delay_s=0.3)


def test_nobody_is_gone_because_this_machine_stood_still() -> None:
    """Each timer is late by a minute."""

    async def story(far: Far) -> None:
        loop = asyncio.get_running_loop()
        selector: Any = loop._jumping  # type: ignore[attr-defined]
        for _ in range(10):
            await asyncio.sleep(INTERVAL_S)
            selector.now_s += 60
        assert TRIES * RETRY_S < 60 and not far.ice.closed

    meet(story, delay_s=0.3)
