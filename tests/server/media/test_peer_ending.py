"""How connections end, and that they leak nothing."""

import asyncio
import os
import resource
import threading
from typing import Any

import pytest

import server.media.peer as peer_module
from server.media import consent
from server.media.broadcast import Broadcast, SubscriberTrack
from server.media.peer import PeerGone, answer
from server.media.plane import MediaPlane
from tests.helpers.waiting import until
from tests.helpers.webrtc import Client, ScriptedTrack, connected, tone


async def test_a_client_that_does_not_connect_in_time_is_removed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(peer_module, "CONNECT_S", 0.1)
    client = Client("recvonly")
    peer = await answer(await client.offer(), MediaPlane(), send=SubscriberTrack(Broadcast()))
    async with asyncio.timeout(5):
        with pytest.raises(PeerGone, match="no connection"):
            await peer.connected()
        assert "no connection" in await peer.closed()
    await peer.close()
    await client.close()


async def test_a_client_that_leaves_is_noticed() -> None:
    client, channel = Client("recvonly"), Broadcast()
    async with connected(client, SubscriberTrack(channel)) as peer:
        await client.close()
        async with asyncio.timeout(5):
            assert "participant" in await peer.closed()
        assert channel.listeners == 0


async def test_a_client_that_vanishes_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("INTERVAL_S", "RETRY_S", "EXPIRY_S"):
        monkeypatch.setattr(consent, name, 0.05)
    client, channel = Client("recvonly"), Broadcast()
    async with connected(client, SubscriberTrack(channel)) as peer:
        await client.vanish()
        async with asyncio.timeout(10):
            assert "participant" in await peer.closed()
        await peer.close()
        assert channel.listeners == 0


def resources() -> tuple[int, int, int]:
    """Open descriptors, tasks, threads."""
    return len(os.listdir("/proc/self/fd")), len(asyncio.all_tasks()), threading.active_count()


def no_more_than(before: tuple[int, int, int]) -> bool:
    return all(now <= then for now, then in zip(resources(), before, strict=True))


async def _join_and_leave(stage: int, speaks: bool, channel: Broadcast) -> None:
    """A participant joins, and leaves before the answer, while connecting, or later."""
    track = SubscriberTrack(channel)
    client = Client("sendrecv", ScriptedTrack(tone(440, 1.0))) if speaks else Client("recvonly")
    peer = await answer(await client.offer(), MediaPlane(), send=track, receive=speaks)
    try:
        if stage > 0:
            await client.take(peer.sdp)
        if stage > 1:
            await peer.connected()
        if stage > 2:
            await client.close()
            await peer.closed()
    finally:
        await peer.close()
        await client.close()


async def test_joining_and_leaving_leaks_nothing() -> None:
    channel = Broadcast()
    await _join_and_leave(3, True, channel)
    before = resources()
    async with asyncio.timeout(60):
        for _ in range(4):
            async with asyncio.TaskGroup() as group:
                for stage in range(4):
                    for speaks in (False, True):
                        group.create_task(_join_and_leave(stage, speaks, channel))
    await until(lambda: no_more_than(before))
    assert channel.listeners == 0


async def test_a_failure_to_open_a_socket_leaks_nothing() -> None:
    client, channel, plane = Client("recvonly"), Broadcast(), MediaPlane()
    offer, before = await client.offer(), resources()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
    try:
        with pytest.raises(OSError, match="open files"):
            await answer(offer, plane, send=SubscriberTrack(channel))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    await until(lambda: no_more_than(before))
    assert channel.listeners == 0
    await client.close()


async def test_being_cancelled_while_the_peer_closes_too_frees_everything() -> None:
    """A session that ends as its participant leaves is cancelled in close(); aiortc is closing
    by itself at that time, and must not be disturbed in it."""
    bugs: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: bugs.append(context))
    client = Client("sendonly", ScriptedTrack(tone(300, 0.1)))
    async with connected(client, receive=True) as peer:
        await client.close()
        await peer.closed()
        async with asyncio.TaskGroup() as group:
            closing = group.create_task(peer.close(), name="closing")
            await asyncio.sleep(0)
            closing.cancel()
        assert closing.cancelled()
        assert peer.state == "closed"
    await asyncio.sleep(0)
    assert not bugs
