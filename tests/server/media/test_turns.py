import asyncio
from typing import Any

import pytest

from server.media.broadcast import Broadcast, SubscriberTrack
from server.media.plane import MediaPlane
from server.media.turns import Turns
from tests.helpers.waiting import until
from tests.helpers.webrtc import Client, connected


async def test_the_loop_gets_to_all_else_between_two_steps() -> None:
    turns, steps = Turns(), list[int]()
    between = list[int]()

    async def step(number: int) -> None:
        await turns.wait()
        steps.append(number)

    async def everything_else() -> None:
        while len(steps) < 50:
            between.append(len(steps))
            await asyncio.sleep(0)

    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        for number in range(50):
            group.create_task(step(number))
        group.create_task(everything_else())
    assert steps == list(range(50))
    assert set(between) >= set(range(50))


async def test_who_gives_up_holds_up_nobody() -> None:
    turns = Turns()
    waiting = [asyncio.ensure_future(turns.wait()) for _ in range(5)]
    await asyncio.sleep(0)
    for each in waiting[:3]:
        each.cancel()
    async with asyncio.timeout(5):
        await asyncio.gather(*waiting[3:])
    assert [each.cancelled() for each in waiting] == [True] * 3 + [False] * 2


class Handshake:
    """What of an aiortc DTLS transport is paced: datagrams "one" and "two" have come."""

    def __init__(self) -> None:
        self.encrypted = False
        self.transport = self
        self._come = [b"two", b"one"]

    async def _recv(self) -> bytes:
        return self._come.pop()


async def test_who_repeats_itself_while_it_waits_loses_no_datagram() -> None:
    turns, handshake = Turns(), Handshake()
    turns.pace_handshake(handshake)
    async with turns._lock:  # somebody's turn takes long
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await handshake._recv()
    assert [await handshake._recv(), await handshake._recv()] == [b"one", b"two"]


async def test_only_a_handshake_is_paced() -> None:
    client = Client("recvonly")
    async with connected(client, SubscriberTrack(Broadcast()), plane=MediaPlane()) as peer:
        ice: Any = peer._transceiver.sender.transport.transport
        received = ice._connection.recv
        assert ice._recv != received
        for _ in range(2):  # of what stood between, guard and turns, each lets go at one
            await client.transceiver.receiver.transport._send_rtp(
                b"\x81\xc9\x00\x01" + bytes(4)
            )  # a receiver report
        await until(lambda: ice._recv == received)
        assert peer.state == "connected"
