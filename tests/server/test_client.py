"""The headless participants, with a running server. They listen to the floor, so the tests do not
wait for an interpreter."""

import asyncio
import threading

import numpy as np
import pytest

from server import app
from server.client.participants import Listener, Refused, Speaker, Talker
from server.media.opus import RATE_HZ, Pcm
from signaling import messages as wire
from signaling.messages import ListenerAudio, SpeakerAudio
from tests.helpers.waiting import until
from tests.helpers.webrtc import pitch_hz, tone


def loud(pcm: Pcm) -> Pcm:
    """The samples from the first loud one to the last."""
    (places,) = np.nonzero(np.abs(pcm.astype(int)) > 1000)
    return pcm[places[0] : places[-1] + 1] if places.size else pcm[:0]


@pytest.mark.parametrize(
    ("speaks", "listens"), [("webrtc", "webrtc"), ("webrtc", "socket"), ("socket", "webrtc")]
)
async def test_a_listener_hears_what_a_speaker_plays(
    server: app.Server, speaks: SpeakerAudio, listens: ListenerAudio
) -> None:
    async with (
        Speaker(server.url, "a", "nl", audio=speaks) as speaker,
        Listener(server.url, "a", audio=listens, keep_sound=True) as listener,
    ):
        await speaker.play(tone(440, 1.5))
        await until(lambda: loud(listener.arrivals.sound()).size > 1.2 * RATE_HZ)
    assert pitch_hz(loud(listener.arrivals.sound())) == pytest.approx(440, abs=2)


async def test_playing_takes_as_long_as_the_sound(server: app.Server) -> None:
    loop = asyncio.get_running_loop()
    async with Speaker(server.url, "a", "nl") as speaker:
        before = loop.time()
        await asyncio.gather(speaker.play(tone(440, 0.4)), speaker.play(tone(880, 0.6)))
        assert loop.time() - before > 0.9


async def test_a_talker_speaks_and_receives_sound(server: app.Server) -> None:
    async with Talker(server.url, "nl", "en") as talker:
        await talker.play(tone(440, 0.2))
        await until(lambda: len(talker.arrivals) > 0)
    assert (talker.arrivals.at_s > 0).all()


async def test_a_join_that_is_refused_raises_what_the_server_said(server: app.Server) -> None:
    with pytest.raises(Refused, match="'xx'") as refused:
        async with Speaker(server.url, "a", "xx"):
            pass
    assert refused.value.error is not None
    assert refused.value.error.code == "unknown_language"


async def test_a_replaced_speaker_learns_it_while_playing(server: app.Server) -> None:
    async def replace(resume: str) -> None:
        async with Speaker(server.url, "a", "nl", audio="socket", resume=resume):
            await ended.wait()

    ended = asyncio.Event()
    async with Speaker(server.url, "a", "nl") as speaker, asyncio.TaskGroup() as group:
        group.create_task(replace(speaker.joined.resume), name="replacing")
        with pytest.raises(Refused, match="replaced"):
            await speaker.play(tone(440, 60))
        ended.set()


async def test_an_ended_session_raises_at_once(server: app.Server) -> None:
    async with Speaker(server.url, "a", "nl", audio="socket") as speaker:
        await speaker.end()
        await until(lambda: speaker.closed)
        with pytest.raises(Refused):
            await speaker.play(tone(440, 60))
        with pytest.raises(Refused):
            await speaker.pause(True)
        with pytest.raises(Refused):
            await speaker.expect(wire.Pong)


async def test_a_message_that_does_not_come_is_named_in_the_error(server: app.Server) -> None:
    async with Listener(server.url, "a", audio="none") as listener:
        with pytest.raises(TimeoutError, match="no such Pong within 0.1 s"):
            await listener.expect(wire.Pong, within_s=0.1)
        assert await listener.ask(wire.Ping(), wire.Pong) == wire.Pong()


async def test_exceptions_of_the_body_are_raised_unchanged(server: app.Server) -> None:
    with pytest.raises(KeyError, match="mine"):
        async with Listener(server.url, "a"), Speaker(server.url, "a", "nl"):
            raise KeyError("mine")


async def test_no_tasks_or_sockets_are_left_behind(server: app.Server) -> None:
    def left() -> tuple[int, int]:
        return len(asyncio.all_tasks()), threading.active_count()

    await asyncio.sleep(0)
    before = left()
    for _ in range(3):
        async with (
            Speaker(server.url, "a", "nl") as speaker,
            Listener(server.url, "a", keep_sound=True),
            Listener(server.url, "a", audio="socket"),
        ):
            await speaker.play(tone(440, 0.1))
    await until(lambda: left() == before)
    assert left() == before
