"""What participants get from a running server, over real sockets and PeerConnections."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import msgspec
import pytest

from server.app import Server
from server.client import Listener, Refused, Speaker, Talker
from server.media import direct, places, rtp
from signaling import messages as wire
from tests.helpers.running import STAND_IN, loudness, power, tolk, tone, until
from tests.helpers.webrtc import Client

LOW, HIGH = tone(300), tone(1000)
SPOKEN_LOW_HZ, SPOKEN_HIGH_HZ = 700, 1500
#: Opus packets of silence are smaller.
SILENT_BYTES = 40


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with tolk(tmp_path, STAND_IN) as running:
        yield running


def final(language: str, text: str):  # type: ignore[no-untyped-def]
    return lambda caption: (
        (caption.language, caption.status, caption.text)
        == (
            language,
            "final",
            text,
        )
    )


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
        await asyncio.sleep(1.0)  # the interpretation's own length
    assert power(listener.arrivals.sound(), SPOKEN_LOW_HZ) > 0.8


async def test_ws_hears_its_own_interpretation(server: Server) -> None:
    async with Talker(server.url, "nl", "en", keep_sound=True) as talker:
        await talker.play(LOW)
        await talker.expect(wire.Caption, final("en", "low"))
        await asyncio.sleep(1.0)
    assert power(talker.arrivals.sound(), SPOKEN_LOW_HZ) > 0.8


async def test_the_floor_is_the_original(server: Server) -> None:
    async with (
        Listener(server.url, "hall", "floor", keep_sound=True) as listener,
        Speaker(server.url, "hall", "nl") as speaker,
    ):
        await speaker.play(LOW)
    assert power(listener.arrivals.sound(), 300) > 0.8


async def test_in_the_speakers_own_language_the_original_is_heard(server: Server) -> None:
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
        await asyncio.sleep(1.0)
    assert {caption.text for _, caption in in_hall.captions} == {"low"}
    assert {caption.text for _, caption in in_tent.captions} == {"high"}
    assert power(in_hall.arrivals.sound(), SPOKEN_HIGH_HZ) < 0.01
    assert power(in_tent.arrivals.sound(), SPOKEN_LOW_HZ) < 0.01


async def test_many_listeners_get_the_same_packets(server: Server) -> None:
    async with AsyncExitStack() as stack:
        listeners = [
            await stack.enter_async_context(Listener(server.url, "hall", "en", keep_sound=True))
            for _ in range(8)
        ]
        speaker = await stack.enter_async_context(Speaker(server.url, "hall", "nl"))
        await speaker.play(LOW)
        await asyncio.sleep(1.0)  # the interpretation's own length
        await speaker.expect(
            wire.Audience, lambda audience: (audience.total, audience.channels) == (8, {"en": 8})
        )
    spoken = [
        {payload for _, payload in each.arrivals.payloads if len(payload) > SILENT_BYTES}
        for each in listeners
    ]
    # They leave one after another: who is there longer may have heard more of the end.
    assert len(set.intersection(*spoken)) >= 20


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
        await speaker.play(HIGH)
        await asyncio.sleep(1.0)
    sequences, timestamps = listener.arrivals.sequences, listener.arrivals.timestamps
    assert (sequences[1:] - sequences[:-1] == 1).all()
    assert (timestamps[1:] > timestamps[:-1]).all()
    assert power(listener.arrivals.sound()[-96_000:], SPOKEN_HIGH_HZ) > 0.5


@pytest.mark.parametrize("audio", ["socket", "socket-opus"])
async def test_sound_travels_on_the_socket_too(server: Server, audio: wire.SpeakerAudio) -> None:
    async with (
        Listener(server.url, "hall", "en", audio="socket", keep_sound=True) as listener,
        Speaker(server.url, "hall", "nl", audio=audio) as speaker,
    ):
        await speaker.play(LOW)
        await asyncio.sleep(1.0)
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


async def test_a_packet_on_the_socket_that_is_not_opus_costs_only_itself(server: Server) -> None:
    async with Speaker(server.url, "hall", "nl", audio="socket-opus") as speaker:
        for data in (b"", bytes(12), rtp.packed(0, 0, b"\xff\xff")):
            await speaker.socket.send_bytes(data)
        await speaker.play(LOW)
        await speaker.expect(wire.Caption, final("nl", "laag"))
    refused = [each for _, each in speaker.received if isinstance(each, wire.Error)]
    assert [(each.code, each.fatal) for each in refused] == [("bad_message", False)] * 3


async def test_who_joins_late_sees_what_was_said(server: Server) -> None:
    async with Speaker(server.url, "hall", "nl") as speaker:
        await speaker.play(LOW)
        await speaker.expect(wire.Caption, final("nl", "laag"))
        async with Listener(server.url, "hall", captions=["nl"], audio="none") as listener:
            assert listener.joined.state == "live"
            assert listener.joined.source == "nl"
            snapshot = await listener.expect(wire.Captions)
    assert [caption.text for caption in snapshot.captions] == ["laag"]


async def test_a_pause_is_seen_and_not_heard(server: Server) -> None:
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


async def test_the_end_is_told(server: Server) -> None:
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


async def test_who_has_a_token_for_it_takes_over(server: Server) -> None:
    token = server.access.issue(subject="deputy", speak=True, take_over=True, valid_s=60)
    async with (
        Speaker(server.url, "hall", "nl") as first,
        Speaker(server.url, "hall", "nl", token=token, take_over=True),
    ):
        told = await first.expect(wire.Error)
    assert told.code == "replaced" and told.fatal


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


async def test_limits_on_connections(tmp_path: Path) -> None:
    async with tolk(tmp_path, STAND_IN, ready=False, max_listeners=2) as server:
        async with Listener(server.url, "hall", audio="none"):
            async with Listener(server.url, "hall", audio="none"):
                with pytest.raises(Refused, match="limit"):
                    async with Listener(server.url, "hall", audio="none"):
                        pass
            await until(lambda: len(server.manager.streams["hall"].listeners) == 1)
            async with Listener(server.url, "hall", audio="none"):
                pass


@pytest.mark.parametrize("path", ["/ws/speak/{}", "/ws/listen/{}", "/ws"])
async def test_addresses_of_one_network_count_as_one(tmp_path: Path, path: str) -> None:
    join = {"type": "join", "language": "nl", "target": "en", "audio": "socket"}
    limits = {"max_sessions_per_address": 1, "trusted_proxies": ["127.0.0.1"]}
    async with (
        tolk(tmp_path, STAND_IN, ready=False, **limits) as server,
        aiohttp.ClientSession() as http,
        AsyncExitStack() as stack,
    ):
        answers = []
        for number, address in enumerate(("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1")):
            socket = await stack.enter_async_context(
                http.ws_connect(
                    server.url + path.format(f"hall{number}"),
                    headers={"X-Forwarded-For": address},
                )
            )
            await socket.send_json(join)
            answers.append(await socket.receive_json(timeout=10))
    assert [answer["type"] for answer in answers] == ["joined", "error", "joined"]
    assert answers[1]["code"] == "limit"


async def test_speaking_beyond_loopback_needs_a_token(tmp_path: Path) -> None:
    async with tolk(tmp_path, STAND_IN, ready=False, speak_token="required") as server:
        with pytest.raises(Refused, match="unauthorised"):
            async with Speaker(server.url, "hall", "nl"):
                pass
        token = server.addresses.speaker.partition("#token=")[2]
        async with Speaker(server.url, "hall", "nl", token=token):
            pass


@pytest.mark.parametrize(
    ("path", "messages", "code"),
    [
        ("/ws/speak/hall", ["hello"], "bad_message"),
        ("/ws/speak/hall", ['{"type": "sing"}'], "bad_message"),
        ("/ws/speak/hall", ['{"type": "offer", "sdp": "v=0"}'], "out_of_order"),
        ("/ws/speak/hall", ['{"type": "join", "language": "xx"}'], "unknown_language"),
        ("/ws/speak/hall", ["x" * 70_000], "too_large"),
        ("/ws/speak/no%20name", ['{"type": "join", "language": "nl"}'], "bad_stream"),
        ("/ws/listen/hall", ['{"type": "join", "channel": "xx"}'], "unknown_channel"),
        (
            "/ws/listen/hall",
            ['{"type": "join"}', '{"type": "offer", "sdp": "v=0\\r\\nm=video 9"}'],
            "bad_sdp",
        ),
        ("/ws", ['{"type": "join", "language": "nl", "target": "nl"}'], "unknown_language"),
    ],
)
async def test_bad_input_is_answered_and_disturbs_nobody(
    server: Server, path: str, messages: list[str], code: str
) -> None:
    async with (
        Listener(server.url, "other", "en", captions=["en"]) as listener,
        Speaker(server.url, "other", "nl") as speaker,
        aiohttp.ClientSession() as session,
        session.ws_connect(server.url + path) as socket,
    ):
        for message in messages:
            await socket.send_str(message)
        async with asyncio.timeout(5):
            while (answer := await socket.receive_json())["type"] != "error":
                pass
        assert answer["code"] == code
        await speaker.play(LOW)
        await listener.expect(wire.Caption, final("en", "low"))


async def test_a_fault_after_joining_is_answered_and_the_session_goes_on(server: Server) -> None:
    async with Listener(server.url, "hall", "en") as listener:
        await listener.select("xx")
        error = await listener.expect(wire.Error)
        assert (error.code, error.fatal) == ("unknown_channel", False)
        await listener.select("floor")
        await listener.expect(wire.ChannelState, lambda state: state.channel == "floor")


async def test_pages_of_a_foreign_origin_are_refused(server: Server) -> None:
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            async with session.ws_connect(
                server.url + "/ws/listen/hall", headers={"Origin": "https://evil.example"}
            ):
                pass
    assert refused.value.status == 403


async def test_half_open_offers_do_not_shut_out_who_means_it(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("PLACES", 2), ("WAIT_S", 0.3), ("PATIENCE_S", 2.0), ("_REVIEW_S", 0.1)):
        monkeypatch.setattr(places, name, value)
    client = Client("recvonly")
    offer = msgspec.json.encode(wire.Offer(sdp=await client.offer())).decode()
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        answers = []
        for _ in range(3):
            socket = await stack.enter_async_context(
                session.ws_connect(server.url + "/ws/listen/hall")
            )
            await socket.send_str('{"type": "join"}')
            await socket.send_str(offer)
            async with asyncio.timeout(5):
                while (answer := await socket.receive_json())["type"] not in ("answer", "error"):
                    pass
            answers.append(answer)
        assert [answer["type"] for answer in answers] == ["answer", "answer", "error"]
        assert answers[2]["code"] == "limit" and answers[2]["retry_after_s"] > 0
        monkeypatch.setattr(places, "WAIT_S", 10)
        async with Listener(server.url, "hall", "floor") as listener:
            await until(lambda: len(listener.arrivals) > 0)
    await client.close()


async def test_who_offers_anew_hears_by_the_new_connection(server: Server) -> None:
    """As after a change of networks: aiortc itself would go on with the old credentials."""
    usernames = set[str]()
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(server.url + "/ws/listen/hall") as socket,
    ):
        await socket.send_str('{"type": "join"}')
        for _ in range(2):
            client = Client("recvonly")
            await socket.send_json({"type": "offer", "sdp": await client.offer()})
            async with asyncio.timeout(10):
                while (answer := await socket.receive_json())["type"] != "answer":
                    assert answer["type"] != "error"
                await client.take(answer["sdp"])
                await client.transceiver.receiver.track.recv()
            usernames.update(re.findall(r"a=ice-ufrag:(\S+)", answer["sdp"]))
            await client.vanish()
            await client.close()
    assert len(usernames) == 2


async def offered_ports(server: Server, count: int) -> list[str]:
    """The UDP ports that so many listeners are told to send to."""
    client, ports = Client("recvonly"), list[str]()
    offer = msgspec.json.encode(wire.Offer(sdp=await client.offer())).decode()
    async with aiohttp.ClientSession() as session:
        for _ in range(count):
            async with session.ws_connect(server.url + "/ws/listen/hall") as socket:
                await socket.send_str('{"type": "join"}')
                await socket.send_str(offer)
                async with asyncio.timeout(5):
                    while (answer := await socket.receive_json())["type"] != "answer":
                        pass
                ports += re.findall(r"a=candidate:\S+ 1 udp \d+ \S+ (\d+)", answer["sdp"])
    await client.close()
    return ports


async def test_sound_goes_by_one_port_and_by_the_fast_way(server: Server) -> None:
    ports = await offered_ports(server, 3)
    assert len(ports) == 3 and len(set(ports)) == 1
    async with aiohttp.ClientSession() as session, session.get(server.url + "/metrics") as metrics:
        assert 'tolk_fan_out{by="batches"} 1.0' in await metrics.text()


async def test_each_may_have_a_port_of_its_own(tmp_path: Path) -> None:
    async with tolk(tmp_path, STAND_IN, ready=False, media_port=0) as server:
        assert len(set(await offered_ports(server, 3))) == 3
        async with Listener(server.url, "hall", "floor") as listener:
            await until(lambda: len(listener.arrivals) > 0)


async def test_without_what_the_fast_way_needs_sound_travels_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(direct, "missing", lambda: "something is not as it was")
    async with tolk(tmp_path, STAND_IN, ready=False) as server:
        async with Listener(server.url, "hall", "floor") as listener:
            await until(lambda: len(listener.arrivals) > 0)
        async with (
            aiohttp.ClientSession() as session,
            session.get(server.url + "/metrics") as metrics,
        ):
            assert 'tolk_fan_out{by="aiortc"} 1.0' in await metrics.text()
