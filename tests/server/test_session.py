"""What participants get from a running server, over real sockets and PeerConnections."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from server.app import Server
from server.bus.messages import Message
from server.client.participants import Listener, Refused, Speaker, Talker
from server.media import rtp
from server.streams.live_stream import LiveStream
from signaling import messages as wire
from tests.helpers.running import (
    SILENT_BYTES,
    STAND_IN,
    WORD_PACKETS,
    final,
    loudness,
    power,
    sound_arrived,
    tolk,
    tone,
)
from tests.helpers.waiting import until

LOW, HIGH = tone(300), tone(1000)
SPOKEN_LOW_HZ, SPOKEN_HIGH_HZ = 700, 1500


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with tolk(tmp_path, STAND_IN) as running:
        yield running


async def test_ws_speak_turns_sound_into_captions(server: Server) -> None:
    async with Speaker(server.url, "hall", "nl") as speaker:
        await speaker.play(LOW)
        caption = await speaker.expect(wire.Caption, lambda caption: caption.status == "final")
    assert (caption.language, caption.text) == ("nl", "laag")


async def test_ws_listen_hears_the_interpretation(server: Server) -> None:
    async with (
        Listener(server.url, "hall", "en", captions=["en", "nl"], keep_sound=True) as listener,
        Speaker(server.url, "hall", "nl") as speaker,
    ):
        await speaker.play(LOW)
        await listener.expect(wire.Caption, final("nl", "laag"))
        await listener.expect(wire.Caption, final("en", "low"))
        await sound_arrived(listener.arrivals)
    assert power(listener.arrivals.sound(), SPOKEN_LOW_HZ) > 0.8


async def test_ws_hears_its_own_interpretation(server: Server) -> None:
    async with Talker(server.url, "nl", "en", keep_sound=True) as talker:
        await talker.play(LOW)
        await talker.expect(wire.Caption, final("en", "low"))
        await sound_arrived(talker.arrivals)
    assert power(talker.arrivals.sound(), SPOKEN_LOW_HZ) > 0.8


async def test_the_floor_is_the_original(server: Server) -> None:
    async with (
        Listener(server.url, "hall", "floor", keep_sound=True) as listener,
        Speaker(server.url, "hall", "nl") as speaker,
    ):
        await speaker.play(LOW)
    assert power(listener.arrivals.sound(), 300) > 0.8


async def test_listeners_of_the_speaker_s_language_hear_the_original(server: Server) -> None:
    async with (
        Listener(server.url, "hall", "nl", keep_sound=True) as listener,
        Speaker(server.url, "hall", "nl") as speaker,
    ):
        await speaker.play(LOW)
    heard = listener.arrivals.sound()
    assert power(heard, 300) > 0.8
    assert abs(heard).max() > 6000


async def test_over_the_floor_both_are_heard(server: Server) -> None:
    async with (
        Listener(server.url, "hall", "en+floor", keep_sound=True) as listener,
        Speaker(server.url, "hall", "nl") as speaker,
    ):
        await speaker.play(LOW)
        await speaker.play(tone(300, 0.1, 1.0))
    heard = listener.arrivals.sound()
    assert power(heard, SPOKEN_LOW_HZ) > 0.5
    assert 0.001 < power(heard, 300) < 0.3


async def test_streams_are_isolated(server: Server) -> None:
    async with (
        Listener(server.url, "hall", "en", captions=["en"], keep_sound=True) as in_hall,
        Listener(server.url, "tent", "en", captions=["en"], keep_sound=True) as in_tent,
        Speaker(server.url, "hall", "nl") as hall,
        Speaker(server.url, "tent", "nl") as tent,
    ):
        await asyncio.gather(hall.play(LOW), tent.play(HIGH))
        await in_hall.expect(wire.Caption, final("en", "low"))
        await in_tent.expect(wire.Caption, final("en", "high"))
        await sound_arrived(in_hall.arrivals)
        await sound_arrived(in_tent.arrivals)
    assert {caption.text for _, caption in in_hall.captions} == {"low"}
    assert {caption.text for _, caption in in_tent.captions} == {"high"}
    assert power(in_hall.arrivals.sound(), SPOKEN_HIGH_HZ) < 0.01
    assert power(in_tent.arrivals.sound(), SPOKEN_LOW_HZ) < 0.01


async def test_a_bug_with_one_stream_harms_no_other(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        Listener(server.url, "tent", "en", captions=["en"], audio="none") as in_tent,
        Speaker(server.url, "hall", "nl", audio="socket") as hall,
        Speaker(server.url, "tent", "nl", audio="socket") as tent,
    ):
        broken = server.live.of(server.manager.streams["hall"])
        own = type(broken).receive

        def receive(live: LiveStream, message: Message) -> None:
            if live is broken:
                raise ValueError("a bug")
            own(live, message)

        monkeypatch.setattr(LiveStream, "receive", receive)
        await asyncio.gather(hall.play(LOW), tent.play(HIGH))
        await in_tent.expect(wire.Caption, final("en", "high"))


async def test_many_listeners_get_the_same_packets(server: Server) -> None:
    async with AsyncExitStack() as stack:
        listeners = [
            await stack.enter_async_context(Listener(server.url, "hall", "en", keep_sound=True))
            for _ in range(8)
        ]
        speaker = await stack.enter_async_context(Speaker(server.url, "hall", "nl"))
        await speaker.play(LOW)
        await speaker.expect(
            wire.Audience, lambda audience: (audience.total, audience.channels) == (8, {"en": 8})
        )

        def spoken() -> list[set[bytes]]:
            return [
                {data for _, data in each.arrivals.payloads if len(data) > SILENT_BYTES}
                for each in listeners
            ]

        await until(lambda: len(set.intersection(*spoken())) >= WORD_PACKETS)


async def test_no_sound_returns_to_the_speaker(server: Server) -> None:
    async with Speaker(server.url, "hall", "nl") as speaker:
        answer = await speaker.expect(wire.Answer)
        await speaker.play(LOW)
        (live,) = server.live
        assert not live.playout.channels
    assert "a=recvonly" in answer.sdp


async def test_a_channel_is_changed_without_a_gap(server: Server) -> None:
    async with (
        Listener(server.url, "hall", "floor", keep_sound=True) as listener,
        Speaker(server.url, "hall", "nl") as speaker,
    ):
        await speaker.play(LOW)
        await listener.select("en")
        await listener.expect(wire.ChannelState, lambda state: state.channel == "en")
        since = len(listener.arrivals.payloads)
        await speaker.play(HIGH)
        await sound_arrived(listener.arrivals, since)
    sequences, timestamps = listener.arrivals.sequences, listener.arrivals.timestamps
    assert (sequences[1:] - sequences[:-1] == 1).all()
    assert (timestamps[1:] > timestamps[:-1]).all()
    del listener.arrivals.payloads[:since]
    assert power(listener.arrivals.sound(), SPOKEN_HIGH_HZ) > 0.5


@pytest.mark.parametrize("audio", ["socket", "socket-opus"])
async def test_sound_travels_on_the_socket_too(server: Server, audio: wire.SpeakerAudio) -> None:
    async with (
        Listener(server.url, "hall", "en", audio="socket", keep_sound=True) as listener,
        Speaker(server.url, "hall", "nl", audio=audio) as speaker,
    ):
        await speaker.play(LOW)
        await sound_arrived(listener.arrivals)
    assert power(listener.arrivals.sound(), SPOKEN_LOW_HZ) > 0.8
    sequences = listener.arrivals.sequences
    assert (sequences[1:] - sequences[:-1] == 1).all()


async def test_participants_are_told_of_the_hosts_turn_server(tmp_path: Path) -> None:
    turn = "turn:turn.example:3478"
    settings = {"ice_servers": [turn], "turn_username": "u", "turn_password": "p"}
    async with (
        tolk(tmp_path, STAND_IN, ready=False, **settings) as server,
        Listener(server.url, "hall", audio="none") as listener,
    ):
        told = listener.joined.ice_servers
    assert told == [wire.IceServer(urls=[turn], username="u", credential="p")]


async def test_an_invalid_opus_packet_on_the_socket_is_dropped_alone(server: Server) -> None:
    async with Speaker(server.url, "hall", "nl", audio="socket-opus") as speaker:
        for data in (b"", bytes(12), rtp.packed(0, 0, b"\xff\xff")):
            await speaker.socket.send_bytes(data)
        await speaker.play(LOW)
        await speaker.expect(wire.Caption, final("nl", "laag"))
    refused = [each for _, each in speaker.received if isinstance(each, wire.Error)]
    assert [(each.code, each.fatal) for each in refused] == [("bad_message", False)] * 3


async def test_a_late_listener_sees_earlier_captions(server: Server) -> None:
    async with Speaker(server.url, "hall", "nl") as speaker:
        await speaker.play(LOW)
        await speaker.expect(wire.Caption, final("nl", "laag"))
        async with Listener(server.url, "hall", captions=["nl"], audio="none") as listener:
            assert listener.joined.state == "live"
            assert listener.joined.source == "nl"
            snapshot = await listener.expect(wire.Captions)
    assert [caption.text for caption in snapshot.captions] == ["laag"]


async def test_a_pause_is_shown_and_silences_the_stream(server: Server) -> None:
    async with (
        Listener(server.url, "hall", "floor", captions=["nl"], keep_sound=True) as listener,
        Speaker(server.url, "hall", "nl") as speaker,
    ):
        await speaker.pause(True)
        await listener.expect(wire.State, lambda state: state.state == "paused")
        since = len(listener.arrivals.payloads)
        await speaker.play(LOW)
        unheard = listener.arrivals.payloads[since:]
        await speaker.pause(False)
        await listener.expect(
            wire.State, lambda state: state.state == "live", since=len(listener.received) - 1
        )
        await speaker.play(HIGH)
        await listener.expect(wire.Caption, final("nl", "hoog"))
    listener.arrivals.payloads[:] = unheard
    assert loudness(listener.arrivals.sound()) == 0
    assert {caption.text for _, caption in listener.captions} == {"hoog"}


async def test_listeners_are_told_of_the_end(server: Server) -> None:
    async with Listener(server.url, "hall", audio="none") as listener:
        async with Speaker(server.url, "hall", "nl") as speaker:
            await listener.expect(wire.State, lambda state: state.state == "live")
            since = len(listener.received)
            await speaker.end()
            told = await listener.expect(wire.State, since=since)
    assert told.state == "ended"


async def test_a_dropped_speaker_resumes_at_once(server: Server) -> None:
    async with (
        Listener(server.url, "hall", captions=["nl"], audio="none") as listener,
        Speaker(server.url, "hall", "nl") as ghost,
    ):
        async with Speaker(server.url, "hall", "nl", resume=ghost.joined.resume) as back:
            replaced = await ghost.expect(wire.Error, lambda error: error.code == "replaced")
            assert replaced.fatal
            await back.play(LOW)
            await listener.expect(wire.Caption, final("nl", "laag"))


async def test_nobody_else_may_speak(server: Server) -> None:
    async with Speaker(server.url, "hall", "nl") as first:
        with pytest.raises(Refused, match="speaker_present"):
            async with Speaker(server.url, "hall", "nl", resume="a guess"):
                pass
        assert not first.closed


async def test_a_speaker_with_a_token_for_it_takes_over(server: Server) -> None:
    token = server.access.issue(subject="deputy", speak=True, take_over=True, valid_s=60)
    async with (
        Speaker(server.url, "hall", "nl") as first,
        Speaker(server.url, "hall", "nl", token=token, take_over=True),
    ):
        told = await first.expect(wire.Error)
    assert told.code == "taken_over" and told.fatal


async def test_in_the_wings_nobody_is_heard_and_listeners_are_counted(server: Server) -> None:
    async with (
        Listener(server.url, "wings", "floor", keep_sound=True) as listener,
        Speaker(server.url, "wings", "nl", wings=True) as waiting,
    ):
        assert (await waiting.expect(wire.Audience)).total == 1
        await waiting.pause(True)
        await waiting.play(LOW)
        await waiting.ask(wire.Ping(), wire.Pong)
        assert waiting.joined.state == "waiting"
        assert not [each for _, each in listener.received if isinstance(each, wire.State)]
    assert abs(listener.arrivals.sound()).max() < 100


async def test_clean_up_on_disconnect(server: Server) -> None:
    stream = "hall"
    async with Speaker(server.url, stream, "nl") as speaker, Listener(server.url, stream, "en"):
        assert not server.manager.streams[stream].is_empty
        speaker.socket._response.close()  # as a network that is gone
        await until(lambda: server.manager.streams[stream].speaker is None)
        assert server.manager.streams[stream].state == "waiting"
    await until(lambda: server.manager.streams[stream].is_empty)
    await until(lambda: not list(server.manager.sessions))


async def test_concurrent_joins_and_leaves(server: Server) -> None:
    async def come_and_go(number: int) -> None:
        async with Listener(server.url, f"hall{number % 3}", "en"):
            await asyncio.sleep(0.01 * (number % 5))

    async with asyncio.TaskGroup() as group:
        for number in range(24):
            group.create_task(come_and_go(number), name=f"listener-{number}")
    await until(lambda: all(each.is_empty for each in server.manager.streams.values()))
    assert not list(server.manager.sessions)
