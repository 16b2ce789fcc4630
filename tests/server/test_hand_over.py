"""One speaker hands over to another, with real sound; the listeners stay."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from server.app import Server
from server.client.participants import Listener, Speaker
from server.media.opus import RATE_HZ
from signaling import messages as wire
from tests.helpers.running import STAND_IN, final, power, tolk, tone

LOW, HIGH = tone(300), tone(1000)
TURNS = 4


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with tolk(tmp_path, STAND_IN) as running:
        yield running


async def hand_over(speaker: Speaker, asks: Speaker) -> None:
    """``asks`` asks, ``speaker`` hands over; returns when ``asks`` knows that it speaks."""
    before = len(speaker.received)
    await asks.send(wire.Ask())
    asking = await speaker.expect(wire.Asking, lambda each: bool(each.who), since=before)
    since = len(asks.received)
    await speaker.send(wire.HandOver(to=asking.who[0].number))
    await asks.expect(wire.Turn, lambda turn: turn.speaking, since=since)


async def test_the_first_word_of_the_next_speaker_is_heard(server: Server) -> None:
    async with (
        Listener(server.url, "hall", "floor", captions=["nl"], keep_sound=True) as listener,
        Speaker(server.url, "hall", "nl", audio="socket") as first,
        Speaker(server.url, "hall", "nl", audio="socket", wings=True) as second,
    ):
        now, then, said = first, second, []
        await now.play(LOW)
        await listener.expect(wire.Caption, final("nl", "laag"), within_s=30)
        for turn in range(TURNS):
            await hand_over(now, then)
            now, then = then, now
            said.append("laag" if turn % 2 else "hoog")
            await now.play(LOW if turn % 2 else HIGH)
        await listener.expect(
            wire.Caption, lambda each: heard(listener) == ["laag", *said], within_s=30
        )
        states = {each.state for _, each in listener.received if isinstance(each, wire.State)}
    assert states <= {"live"}, "listeners notice nothing"
    assert power(listener.arrivals.sound(), 1000) > 0.3


def heard(listener: Listener) -> list[str]:
    return [each.text for _, each in listener.captions if each.status == "final"]


async def test_who_has_handed_over_is_not_heard_and_another_language_is_told(
    server: Server,
) -> None:
    async with (
        Listener(server.url, "tent", "floor", captions=["nl", "en"], keep_sound=True) as listener,
        Speaker(server.url, "tent", "nl", audio="socket") as first,
        Speaker(server.url, "tent", "en", audio="socket", wings=True) as second,
    ):
        await second.play(LOW)
        await hand_over(first, second)
        await first.expect(wire.Turn, lambda turn: not turn.speaking)
        await listener.expect(wire.State, lambda state: state.source == "en")
        await asyncio.gather(first.play(LOW), second.play(HIGH))
        await listener.expect(wire.Caption, final("en", "hoog"))
    assert set(heard(listener)) == {"hoog"}
    assert power(listener.arrivals.sound(), 300) < 0.01


async def test_a_speaker_may_decline_and_nobody_else_may_answer(server: Server) -> None:
    async with (
        Speaker(server.url, "barn", "nl", audio="socket") as first,
        Speaker(server.url, "barn", "nl", audio="socket", wings=True) as second,
    ):
        await second.send(wire.Ask())
        asking = await first.expect(wire.Asking, lambda each: bool(each.who))
        number = asking.who[0].number
        await second.send(wire.HandOver(to=number))
        await second.ask(wire.Ping(), wire.Pong)
        await first.send(wire.HandOver(to=number, granted=False))
        turn = await second.expect(wire.Turn)
        assert turn.declined and not turn.speaking
        live = server.live.of(server.manager.streams["barn"])
        assert not live.wings.hand_over(number), "an operator is told that nobody asks"
        await second.send(wire.Ask())
        await first.expect(wire.Asking, lambda each: bool(each.who) and each.who[0].number > number)
        assert live.wings.hand_over(live.wings.asking[0].number), "an operator may hand over"
        await second.expect(wire.Turn, lambda each: each.speaking)


async def test_who_comes_back_after_another_got_the_word_is_told_to_wait(server: Server) -> None:
    async with (
        Speaker(server.url, "loft", "nl", audio="socket") as first,
        Speaker(server.url, "loft", "nl", audio="socket", wings=True) as second,
    ):
        await hand_over(first, second)
        resume = first.joined.resume
        async with Speaker(server.url, "loft", "nl", audio="socket", resume=resume) as back:
            assert not (await back.expect(wire.Turn)).speaking
            await hand_over(second, back)


async def test_where_nobody_speaks_who_asks_speaks(server: Server) -> None:
    async with Speaker(server.url, "shed", "nl", audio="socket", wings=True) as waiting:
        await waiting.send(wire.Ask())
        await waiting.expect(wire.Turn, lambda turn: turn.speaking)
        await waiting.expect(wire.State, lambda state: state.state == "live")
        await waiting.play(LOW)
        await waiting.expect(wire.Caption, final("nl", "laag"))


async def test_in_a_panel_whoever_speaks_is_heard_from_their_first_word_on(server: Server) -> None:
    async with (
        Listener(server.url, "table", "floor", captions=["nl"], keep_sound=True) as listener,
        Speaker(server.url, "table", "nl", audio="socket") as first,
        Speaker(server.url, "table", "nl", audio="socket", wings=True) as second,
    ):
        await first.send(wire.Panel(on=True))
        for each in (listener, second):
            await each.expect(wire.State, lambda state: state.panel)
        said = []
        for turn in range(TURNS):
            low = turn % 2 == 0
            await (first if low else second).play(LOW if low else HIGH)
            said.append("laag" if low else "hoog")
        await listener.expect(wire.Caption, lambda each: heard(listener) == said, within_s=30)
        turns = [each.speaking for _, each in second.received if isinstance(each, wire.Turn)]
    assert turns == [True, False, True]
    sound = listener.arrivals.sound()
    assert np.count_nonzero(np.abs(sound) > 1000) / RATE_HZ > 0.9 * TURNS * 0.6 * 0.9


async def test_in_a_panel_the_language_changes_with_the_speaker(server: Server) -> None:
    async with (
        Listener(server.url, "round", "floor", captions=["en"]) as listener,
        Speaker(server.url, "round", "nl", audio="socket") as first,
        Speaker(server.url, "round", "en", audio="socket", wings=True) as second,
    ):
        await first.send(wire.Panel(on=True))
        await second.expect(wire.State, lambda state: state.panel)
        await second.play(HIGH)
        await listener.expect(wire.State, lambda state: state.source == "en")
        await listener.expect(wire.Caption, final("en", "hoog"))
        await second.send(wire.Panel(on=False))
        await first.expect(wire.State, lambda state: not state.panel and state.source == "en")
        await asyncio.gather(first.play(LOW), second.play(HIGH))
        await listener.expect(wire.Caption, lambda each: len(heard(listener)) == 2)
    assert heard(listener) == ["hoog", "hoog"]


async def test_nobody_takes_over_a_panel_who_may_not_speak_or_while_it_is_paused(
    server: Server,
) -> None:
    token = server.access.issue(speak=True, languages=["en"], valid_s=60)
    async with (
        Speaker(server.url, "desk", "nl", audio="socket") as first,
        Speaker(server.url, "desk", "nl", audio="socket", wings=True, token=token) as second,
    ):
        await first.send(wire.Panel(on=True))
        await second.expect(wire.State, lambda state: state.panel)
        await second.play(HIGH)
        assert not any(isinstance(each, wire.Turn) for _, each in second.received)
        await second.send(wire.ChangeLanguage(language="en"))
        await first.pause(True)
        await second.expect(wire.State, lambda state: state.state == "paused")
        await second.play(HIGH)
        assert not any(isinstance(each, wire.Turn) for _, each in second.received)
        await first.pause(False)
        await second.expect(wire.State, lambda state: state.state == "live")
        await second.play(HIGH)
        await second.expect(wire.Turn, lambda turn: turn.speaking)


async def test_a_page_that_only_waits_is_no_entry_for_operators(server: Server) -> None:
    async with Speaker(server.url, "porch", "nl", audio="socket", wings=True):
        pass
    async with Speaker(server.url, "porch", "nl", audio="socket"):
        pass
    joined = [each for each in server.context.logbook.entries.values() if each.kind == "joined"]
    assert [(each.stream, each.count) for each in joined] == [("porch", 1)]
