import asyncio
from contextlib import suppress

import pytest
from aiortc.mediastreams import MediaStreamError

from server.media.broadcast import Broadcast, SubscriberTrack
from server.media.opus import SAMPLES_PER_TICK
from tests.helpers.webrtc import tick_of


async def test_everyone_gets_the_same_packet() -> None:
    broadcast = Broadcast()
    tracks = [SubscriberTrack(broadcast) for _ in range(3)]
    broadcast.publish(7, b"sound")
    first, second, third = [await track.recv() for track in tracks]
    assert first is second is third
    assert (bytes(first), first.pts) == (b"sound", 7 * SAMPLES_PER_TICK)


async def test_a_slow_listener_loses_its_own_oldest_packets_only() -> None:
    broadcast = Broadcast()
    slow, quick = (SubscriberTrack(broadcast, queue_packets=3) for _ in range(2))
    heard = []
    for tick in range(8):
        broadcast.publish(tick, b"sound")
        heard.append(await tick_of(quick))
    assert heard == list(range(8))
    assert [await tick_of(slow) for _ in range(3)] == [5, 6, 7]
    assert (slow.dropped, quick.dropped) == (5, 0)


async def test_a_listener_that_selects_a_channel_gets_its_next_packet() -> None:
    english, dutch = Broadcast("en"), Broadcast("nl")
    track = SubscriberTrack(english)
    heard = []
    for tick in range(6):
        if tick == 3:
            track.select(dutch)
        english.publish(tick, b"en")
        dutch.publish(tick, b"nl")
        packet = await track.recv()
        heard.append((packet.pts, bytes(packet)))
    assert heard == [(tick * SAMPLES_PER_TICK, b"en" if tick < 3 else b"nl") for tick in range(6)]
    assert (english.listeners, dutch.listeners) == (0, 1)


async def test_a_waiting_listener_is_woken_by_the_selected_channel() -> None:
    english, dutch = Broadcast("en"), Broadcast("nl")
    track = SubscriberTrack(english)
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        waiting = group.create_task(track.recv())
        await asyncio.sleep(0)
        track.select(dutch)
        dutch.publish(0, b"nl")
    assert bytes(waiting.result()) == b"nl"


async def test_timestamps_never_go_back() -> None:
    ahead, behind = Broadcast(), Broadcast()
    track = SubscriberTrack(ahead)
    ahead.publish(10, b"ahead")
    track.select(behind)
    behind.publish(10, b"again")
    behind.publish(11, b"on")
    assert [await tick_of(track) for _ in range(2)] == [10, 11]
    assert track.dropped == 1


async def test_a_listener_that_stops_is_removed() -> None:
    broadcast = Broadcast()
    track = SubscriberTrack(broadcast)
    track.stop()
    track.select(broadcast)
    assert broadcast.listeners == 0
    with pytest.raises(MediaStreamError):
        await track.recv()


async def test_the_highest_loss_of_the_listeners_is_known() -> None:
    one, other = Broadcast(), Broadcast()
    first, second = SubscriberTrack(one), SubscriberTrack(one)
    first.report_loss(0.1)
    second.report_loss(0.05)
    assert (one.loss, other.loss) == (0.1, 0)
    first.select(other)
    assert (one.loss, other.loss) == (0.05, 0.1)
    first.stop()
    second.report_loss(0.0)
    assert (one.loss, other.loss) == (0, 0)


async def test_a_closed_channel_ends_its_tracks() -> None:
    broadcast = Broadcast()
    track = SubscriberTrack(broadcast)
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        waiting = group.create_task(_all(track))
        await asyncio.sleep(0)
        broadcast.publish(0, b"last")
        await asyncio.sleep(0)
        broadcast.close()
    assert waiting.result() == [0]


async def _all(track: SubscriberTrack) -> list[int]:
    ticks = []
    with suppress(MediaStreamError):
        while True:
            ticks.append(await tick_of(track))
    return ticks
