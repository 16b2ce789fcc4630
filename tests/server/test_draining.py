"""Stopping: what was said is heard to its end, and nobody comes in any more."""

import asyncio
from pathlib import Path

import pytest

from server import draining
from server.app import Server
from server.client.participants import Listener, Refused, Speaker
from signaling import messages as wire
from tests.helpers.running import (
    SILENT_BYTES,
    STAND_IN,
    WORD_PACKETS,
    final,
    sound_arrived,
    tolk,
    tone,
)
from tests.helpers.waiting import until


async def finished(server: Server, hurry: bool = False) -> float:
    """Stop hearing, and wait for the end. How long that took, in seconds."""
    loop, asked = asyncio.get_running_loop(), asyncio.Event()
    if hurry:
        asked.set()
    since_s = loop.time()
    await draining.finish(server.manager, server.live, asked)
    return loop.time() - since_s


async def test_what_was_said_is_heard_to_its_end(tmp_path: Path) -> None:
    async with (
        tolk(tmp_path, STAND_IN) as server,
        Speaker(server.url, "hall", "nl", audio="socket") as speaker,
        Listener(
            server.url, "hall", "en", captions=["en"], audio="socket", keep_sound=True
        ) as listener,
    ):
        await speaker.play(tone(300, silence_s=0.0))
        hall = server.live.of(server.manager.streams["hall"])
        await until(lambda: hall.unfinished_s > 0)
        await asyncio.wait_for(finished(server), draining.FINISH_S + 1)
        assert not hall.unfinished_s
        assert any(final("en", "low")(caption) for _, caption in listener.captions)
        sounding = [data for _, data in listener.arrivals.payloads if len(data) > SILENT_BYTES]
        assert len(sounding) >= WORD_PACKETS
        with pytest.raises(Refused, match="unavailable"):
            async with Listener(server.url, "hall"):
                pass


async def test_where_nobody_listens_it_ends_at_once(tmp_path: Path) -> None:
    async with (
        tolk(tmp_path, STAND_IN) as server,
        Speaker(server.url, "hall", "nl", audio="socket") as speaker,
    ):
        await speaker.play(tone(300))
        assert await finished(server) < draining.SILENT_S


async def test_asked_again_it_ends_at_once(tmp_path: Path) -> None:
    async with (
        tolk(tmp_path, STAND_IN) as server,
        Speaker(server.url, "hall", "nl", audio="socket") as speaker,
        Listener(server.url, "hall", "en", audio="socket"),
    ):
        await speaker.play(tone(300))
        assert await finished(server, hurry=True) < draining.SILENT_S


async def test_a_pause_is_waited_for(tmp_path: Path) -> None:
    loop, patience = asyncio.get_running_loop(), asyncio.Event()
    async with (
        tolk(tmp_path, STAND_IN) as server,
        Speaker(server.url, "hall", "nl", audio="socket") as speaker,
        Listener(server.url, "hall", "en", captions=["en"], audio="socket") as listener,
    ):
        await speaker.play(tone(300, silence_s=0.0))
        await until(lambda: server.live.of(server.manager.streams["hall"]).unfinished_s > 0)
        since_s = loop.time()
        assert await draining.pause(server.live, patience)
        assert any(final("en", "low")(caption) for _, caption in listener.captions)
        assert loop.time() - since_s >= draining.SILENT_S
        async with Listener(server.url, "hall"):
            pass  # who comes meanwhile comes in


async def test_while_it_is_finished_speakers_themselves_may_be_heard(tmp_path: Path) -> None:
    async with (
        tolk(tmp_path, STAND_IN) as server,
        Speaker(server.url, "hall", "nl", audio="socket") as speaker,
        Listener(server.url, "hall", "en", captions=["en"], audio="socket"),
        Listener(server.url, "hall", "floor", audio="socket", keep_sound=True) as floor,
    ):
        await speaker.play(tone(300, silence_s=0.0))
        before, patience = len(floor.arrivals), asyncio.Event()
        finishing = draining.finish(server.manager, server.live, patience, floor=True)
        async with asyncio.TaskGroup() as group:
            group.create_task(finishing)
            group.create_task(speaker.play(tone(600, seconds=1.0)))
            await sound_arrived(floor.arrivals, before)


async def test_if_it_is_not_to_end_after_all_everyone_is_admitted_and_interpreted_again(
    tmp_path: Path,
) -> None:
    async with (
        tolk(tmp_path, STAND_IN) as server,
        Speaker(server.url, "hall", "nl", audio="socket") as speaker,
        Listener(server.url, "hall", "en", captions=["en"], audio="socket"),
    ):
        await speaker.play(tone(300))
        await finished(server)
        draining.go_on(server.manager, server.live)
        async with Listener(
            server.url, "hall", "en", captions=["en"], audio="socket", keep_sound=True
        ) as late:
            since = len(late.received)
            await speaker.play(tone(1000))
            await late.expect(wire.Caption, final("en", "high"), since=since)
            await sound_arrived(late.arrivals)
