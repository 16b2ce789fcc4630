"""Listeners who change what they hear at the same moment."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack

import pytest

from server.app import Server
from server.client.participants import Listener
from server.streams.registry import Session
from tests.helpers.waiting import until

LISTENERS = 20
CHANGES = 10


async def test_they_change_one_by_one_and_the_loop_does_everything_else_between(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed, rounds = Counter[int](), 0
    async with AsyncExitStack() as stack:
        listeners = [
            await stack.enter_async_context(Listener(server.url, "hall", "floor", audio="socket"))
            for _ in range(LISTENERS)
        ]
        stream = server.manager.streams["hall"]
        live = server.live.of(stream)
        selected = live.selected

        def counted(session: Session, captions_changed: bool) -> None:
            changed[rounds] += 1
            selected(session, captions_changed)

        monkeypatch.setattr(live, "selected", counted)

        async def change(listener: Listener) -> None:
            for number in range(CHANGES):
                await listener.select("floor" if number % 2 else "en")
            await listener.select("en")

        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            for number, listener in enumerate(listeners):
                group.create_task(change(listener), name=f"changing-{number}")
            while changed.total() < LISTENERS * (CHANGES + 1):
                await asyncio.sleep(0)
                rounds += 1
        await until(lambda: stream.audience() == {"en": LISTENERS})
    assert max(changed.values()) <= 2
