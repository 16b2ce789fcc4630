"""A hub and an edge, joined by a real NATS server: what listeners of the edge get. The interpreter
is a stand-in. The tests of this file share both, and each has streams of its own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import numpy as np
import pytest
import pytest_asyncio

from server.app import Server
from server.bus import hub_messages
from server.bus.hub_messages import Announced, Announcement, Message, Packet, Told, Wants
from server.bus.nats import Links, NatsBus
from server.bus.nats_connection import Nats
from server.bus.sound import SoundOut
from server.client.participants import Interpreter, Listener, Refused, Speaker
from server.edge_front import EdgeServer
from server.media.opus import SAMPLES_PER_TICK
from signaling import messages as wire
from tests.helpers.edges import edge_of, seen_to_edges
from tests.helpers.nats import NatsProcess
from tests.helpers.running import (
    SILENT_BYTES,
    STAND_IN,
    WORD_PACKETS,
    final,
    models_of_several,
    power,
    tolk,
    tone,
)
from tests.helpers.waiting import until
from tests.helpers.whip import joined
from tools.events import first

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATIENCE_S = 60.0
HUB_URL = "https://hub.example"


@dataclass
class Both:
    hub: Server
    edge: EdgeServer
    nats: NatsProcess


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def both(nats: NatsProcess, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Both]:
    folder = tmp_path_factory.mktemp("hub")
    models = models_of_several(folder)
    command = [*STAND_IN, "--models", str(models)]
    async with (
        tolk(
            *(folder, command),
            demand_linger_s=0.0,
            bus=nats.server.url,
            models=str(models),
            public_url=HUB_URL,
            speak_token="open",
        ) as hub,
        edge_of(tmp_path_factory.mktemp("edge"), nats.server.url) as edge,
    ):
        yield Both(hub, edge, nats)


async def speak_until_heard(speaker: Speaker, *listeners: Listener) -> None:
    """Say words until each listener has heard one more. With too few cores, ticks are skipped."""
    before = [loud(each) for each in listeners]
    async with asyncio.timeout(PATIENCE_S):
        while not all(
            loud(each) - was >= WORD_PACKETS for each, was in zip(listeners, before, strict=True)
        ):
            await speaker.play(tone(300))


def loud(listener: Listener) -> int:
    """The packets with sound that came."""
    return sum(len(data) > SILENT_BYTES for _, data in listener.arrivals.payloads)


async def live(listener: Listener, channel: str) -> None:
    now = wire.ChannelState(channel=channel, status="live")
    await listener.expect(wire.ChannelState, lambda told: told == now)


async def test_a_listener_at_an_edge_hears_and_reads(both: Both) -> None:
    async with (
        Speaker(both.hub.url, "hall", "nl") as speaker,
        Listener(both.edge.url, "hall", "en", captions=["nl", "en"], keep_sound=True) as english,
        Listener(both.edge.url, "hall", "floor", keep_sound=True) as floor,
    ):
        await live(english, "en")
        await speak_until_heard(speaker, english, floor)
        await english.expect(wire.Caption, final("en", "low"))
        await english.expect(wire.Caption, final("nl", "laag"))
        assert power(floor.arrivals.sound(), 300) > 0.3
    assert power(english.arrivals.sound(), 700) > 0.3


async def test_what_is_wanted_goes_over_nats_once_and_nothing_else(both: Both) -> None:
    async with (
        seen_to_edges(both.nats.server) as seen,
        Speaker(both.hub.url, "once", "nl") as speaker,
        Listener(both.hub.url, "once", "en"),
        Listener(both.edge.url, "once", "floor", captions=["nl"], keep_sound=True) as one,
        Listener(both.edge.url, "once", "floor", captions=["nl"], keep_sound=True) as other,
    ):
        await until(lambda: seen.channels("once") == {"floor"})
        await speak_until_heard(speaker, one, other)
        for listener in (one, other):
            await listener.expect(wire.Caption, final("nl", "laag"))
        assert seen.channels("once") == {"floor"} and seen.copies("once") == {1}
        said = [each.message for each in seen.messages if isinstance(each, Told)]
        finals = [each for each in said if b'"final"' in each and b'"type":"caption"' in each]
        assert finals and len(finals) == len({*finals})
        assert not any(b'"en","segment"' in each for each in said)


async def test_a_hub_sends_a_packet_once_to_all_edges_that_hear_it_and_none_to_nobody(
    both: Both, tmp_path: Path
) -> None:
    async with (
        seen_to_edges(both.nats.server) as seen,
        edge_of(tmp_path, both.nats.server.url) as edge,
        Speaker(both.hub.url, "all", "nl") as speaker,
        Listener(both.hub.url, "all", "floor", keep_sound=True) as at_hub,
    ):
        await speak_until_heard(speaker, at_hub)
        assert not seen.channels("all")
        async with (
            Listener(both.edge.url, "all", "floor", keep_sound=True) as one,
            Listener(edge.url, "all", "floor", keep_sound=True) as other,
        ):
            await speak_until_heard(speaker, one, other)
            stream = both.hub.manager.streams["all"]
            assert len([each for each in stream.listeners if each.counts == 1]) == 3
            assert seen.channels("all") == {"floor"} and seen.copies("all") == {1}
            await one.select("en")
            await until(lambda: seen.channels("all") == {"floor", "en"})
            await live(one, "en")
            await speak_until_heard(speaker, one, other)
        await until(lambda: not any(each.address.startswith("edge") for each in stream.listeners))
        sent = len(seen.packets)
        await speak_until_heard(speaker, at_hub)
        assert (len(seen.packets), seen.copies("all")) == (sent, {1})
    assert both.edge.origins.dropped["in"] == 0


async def test_the_speaker_sees_all_listeners_and_languages_get_their_cores(both: Both) -> None:
    async with (
        Speaker(both.hub.url, "counted", "nl") as speaker,
        Listener(both.hub.url, "counted", "en"),
        Listener(both.edge.url, "counted", "en") as changing,
        Listener(both.edge.url, "counted", "en"),
        Listener(both.edge.url, "counted", captions=["en"], audio="none"),
    ):
        channels = {"en": 3, "captions": 1}
        await speaker.expect(wire.Audience, lambda told: told.channels == channels)
        stream = both.hub.manager.streams["counted"]
        assert stream.listeners_by_language() == {"en": 3}
        await changing.select("floor")
        channels = {"en": 2, "floor": 1, "captions": 1}
        await speaker.expect(wire.Audience, lambda told: told.channels == channels)
    await until(lambda: not any(stream.listeners for stream in both.hub.manager.streams.values()))


async def test_a_listener_changes_the_channel_and_its_time_goes_on(both: Both) -> None:
    async with (
        Speaker(both.hub.url, "changed", "nl") as speaker,
        Listener(both.edge.url, "changed", "floor", keep_sound=True) as listener,
    ):
        await speak_until_heard(speaker, listener)
        await listener.select("en")
        await live(listener, "en")
        await speak_until_heard(speaker, listener)
    steps = np.diff(listener.arrivals.timestamps)
    assert steps.min() > 0 and not any(steps % SAMPLES_PER_TICK)


async def test_whoever_comes_later_reads_what_was_said_before(both: Both) -> None:
    async with (
        Speaker(both.hub.url, "later", "nl") as speaker,
        Listener(both.hub.url, "later", captions=["nl"]) as before,
    ):
        await speaker.play(tone(300))
        await before.expect(wire.Caption, final("nl", "laag"))
        for _ in range(2):  # the second one gets it from the edge itself
            async with Listener(both.edge.url, "later", captions=["nl"]) as late:
                await late.expect(
                    wire.Captions, lambda told: [each.text for each in told.captions] == ["laag"]
                )


async def test_who_waits_at_an_edge_hears_when_the_speaker_comes_and_is_told_who_leaves(
    both: Both,
) -> None:
    async with Listener(both.edge.url, "waiting", "floor", keep_sound=True) as listener:
        assert listener.joined.state == "waiting"
        async with Speaker(both.hub.url, "waiting", "nl") as speaker:
            await listener.expect(wire.State, lambda told: told.state == "live")
            await speaker.pause(True)
            await listener.expect(wire.State, lambda told: told.state == "paused")
            await speaker.pause(False)
            await speak_until_heard(speaker, listener)
            since = len(listener.received)
        await listener.expect(wire.State, lambda told: told.state == "waiting", since=since)


async def test_listeners_are_told_what_the_host_says_and_who_interprets(both: Both) -> None:
    async with (
        Speaker(both.hub.url, "told", "nl"),
        Listener(both.edge.url, "told", "en") as listener,
        Interpreter(both.hub.url, "told", "en", "Ada") as person,
    ):
        hall = both.hub.live.of(both.hub.manager.streams["told"])
        hall.post(wire.Notice(text="Coffee"), 60)
        await listener.expect(wire.Notice, lambda told: told.text == "Coffee")
        await person.on_air(True)
        speaking = asyncio.create_task(person.play(tone(500, seconds=3)), name="person")
        await listener.expect(wire.ChannelState, lambda told: told.interpreter == "Ada")
        speaking.cancel()


async def test_a_message_of_the_host_that_is_lost_is_repeated(both: Both) -> None:
    coffee, nothing = wire.Notice(text="Coffee"), wire.Notice()
    async with (
        Speaker(both.hub.url, "repeats", "nl"),
        Listener(both.edge.url, "repeats", "floor", audio="none") as listener,
    ):
        hall = both.hub.live.of(both.hub.manager.streams["repeats"])
        (at_edge,) = (each for each in both.edge.live if each.stream.id == "repeats")

        async def told(notice: wire.Notice, since: int) -> None:
            await listener.expect(wire.Notice, lambda each: each == notice, since=since)

        for now, before in ((coffee, nothing), (nothing, coffee)):
            since = len(listener.received)
            hall.post(now, 60)
            await told(now, since)
            since = len(listener.received)
            at_edge.notices.post(before, float("inf"))  # as if it had not come
            await told(now, since)
        notices = [each.message for each in listener.received]
        notices = [each for each in notices if isinstance(each, wire.Notice)]
        assert notices == [coffee, nothing, coffee, nothing, coffee, nothing]


async def test_a_speaker_is_told_the_address_of_the_hub(both: Both) -> None:
    with pytest.raises(Refused, match="elsewhere") as refused:
        async with Speaker(both.edge.url, "hall", "nl"):
            pass
    assert refused.value.error is not None and refused.value.error.url == HUB_URL
    async with aiohttp.ClientSession(both.edge.url) as http:
        for path in ("/speak/hall?x=1", "/operate", "/api/streams/hall/glossary"):
            async with http.get(path, allow_redirects=False) as response:
                assert response.status == 307
                assert response.headers["Location"] == HUB_URL + path
        async with http.post("/whip/hall", allow_redirects=False) as response:
            assert (response.status, response.headers["Location"]) == (307, f"{HUB_URL}/whip/hall")


async def test_pages_of_an_edge_know_the_languages_and_streams_of_hubs(both: Both) -> None:
    async with (
        Speaker(both.hub.url, "main", "nl"),
        aiohttp.ClientSession(both.edge.url) as http,
    ):
        await until(lambda: "main" in both.edge.origins.streams)
        for path in ("/", "/listen/main"):
            async with http.get(path) as response:
                page = await response.text()
                assert response.status == 200 and '"id":"main"' in page.replace(" ", "")
        async with http.get("/api/languages") as response:
            languages = await response.json()
        assert (languages["sources"], languages["targets"]["nl"]) == (["nl", "en"], ["en"])
        async with http.get("/readyz") as response:
            assert (await response.json())["ready"]


async def test_players_and_programs_hear_and_read_at_an_edge(both: Both) -> None:
    async with (
        Speaker(both.hub.url, "players", "nl") as speaker,
        aiohttp.ClientSession(both.edge.url) as http,
        http.get("/listen/players/en.ogg") as ogg,
        http.get("/api/streams/players/captions", params={"language": "nl"}) as events,
        http.get("/captions/players/nl.vtt") as webvtt,
        http.get("/captions/players/nl.m3u8") as hls,
        joined(http, "/whep/players?channel=en") as whep,
    ):
        assert "#EXTM3U" in await hls.text()
        await until(lambda: both.edge.live.of(both.edge.manager.streams["players"]).now_ms > 0)
        async with asyncio.timeout(PATIENCE_S):
            speaking = asyncio.create_task(speaker.play(np.tile(tone(300), 20)), name="speaker")
            assert (await ogg.content.readexactly(2000))[:4] == b"OggS"
            while (await first(events, "caption")).data["text"] != "laag":
                pass
            while b"laag" not in await webvtt.content.readline():
                pass
            await whep.client.connection.getReceivers()[0].track.recv()
            speaking.cancel()


async def test_languages_that_somebody_invents_cost_the_others_nothing(both: Both) -> None:
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        speaker = await enter(Speaker(both.hub.url, "invented", "nl"))
        for first_letter in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ":
            invented = [f"{first_letter}q-{number:02}x" for number in range(8)]
            url = both.edge.url
            await enter(Listener(url, "invented", captions=invented, audio="none"))
        reader = await enter(Listener(both.edge.url, "invented", captions=["nl"], audio="none"))
        await speaker.play(tone(300))
        await reader.expect(wire.Caption, final("nl", "laag"))


@asynccontextmanager
async def hub_by_hand(nats: NatsProcess, name: str) -> AsyncIterator[tuple[Links, list[str]]]:
    """A hub without streams, and the edges that ask it for one."""
    asked: list[str] = []
    async with Nats.opened([nats.server], name, "origin") as connection:
        yield Links(connection, asked.append), asked


def announcing(stream: str, *, speaker: bool, session: int = 0) -> bytes:
    state: wire.StreamState = "live" if speaker else "waiting"
    announced = Announced(state, "nl", speaker)
    return hub_messages.encode_announcement(Announcement({stream: announced}, session=session))


async def test_of_two_hubs_with_a_stream_of_one_name_the_one_with_a_speaker_counts(
    both: Both, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        Listener(both.edge.url, "twice", "floor"),
        hub_by_hand(both.nats, "one") as (one, asked_one),
        hub_by_hand(both.nats, "other") as (other, asked_other),
        hub_by_hand(both.nats, "third") as (third, asked_third),
    ):
        await one.offer(announcing("twice", speaker=False))
        await until(lambda: bool(asked_one))
        await other.offer(announcing("twice", speaker=True))
        await until(lambda: bool(asked_other))
        await third.offer(announcing("twice", speaker=True))
        await until(lambda: "somebody speaks in both" in caplog.text)
        assert "it comes from other" in caplog.text and not asked_third


async def test_odd_messages_are_dropped_and_counted(both: Both) -> None:
    """A second hub that is made by hand says what makes no sense, and of a stream that another hub
    has."""
    async with (
        Speaker(both.hub.url, "sound", "nl"),
        Listener(both.edge.url, "sound", "floor") as good,
        Listener(both.edge.url, "odd", "floor") as listener,
        hub_by_hand(both.nats, "forger") as (links, asked),
    ):
        await links.offer(b"\xc1")
        await links.offer(announcing("odd", speaker=True))
        await until(lambda: bool(asked))
        edge = asked[0]
        async with NatsBus[Message].listen(links, edge, hub_messages.decode) as bus:
            await until(lambda: bus.is_linked)
            before = both.edge.origins.dropped["fenced"]
            for text in (b"", b"{}", b'{"type":"answer","sdp":""}', b"[" * 5000):
                bus.publish(Told(stream="odd", now_ms=0, message=text))
            ended = wire.State(state="ended")
            bus.publish(Told(stream="sound", now_ms=0, message=b'{"type":"state","state":"ended"}'))
            bus.publish(Told(stream="odd", now_ms=0, message=b'{"type":"state","state":"ended"}'))
            await listener.expect(wire.State, lambda told: told.state == ended.state)
        counts, dropped = both.edge.live.counts, both.edge.origins.dropped
        assert (counts["odd"], dropped["invalid"], dropped["fenced"] - before) == (4, 1, 1)
        assert not any(
            isinstance(each, wire.State) and each.state == "ended" for _, each in good.received
        )


async def test_what_a_hub_that_has_not_the_stream_or_an_old_session_sends_is_not_heard(
    both: Both,
) -> None:
    good, stale, forged = (bytes([0xF8, number]) + bytes(50) for number in range(3))
    async with (
        Listener(both.edge.url, "stale", "floor", keep_sound=True) as listener,
        hub_by_hand(both.nats, "ghost") as (ghost, asked),
        hub_by_hand(both.nats, "thief") as (thief, _),
        SoundOut.opened(ghost.nats) as old,
        SoundOut.opened(ghost.nats) as now,
        SoundOut.opened(thief.nats) as other,
    ):
        await thief.offer(announcing("another", speaker=True, session=other.session))
        await ghost.offer(announcing("stale", speaker=True, session=now.session))
        await until(lambda: bool(asked))
        async with NatsBus[Message].listen(ghost, asked[0], hub_messages.decode) as bus:
            assert isinstance(await bus.receive(), Wants)
            before = both.edge.origins.dropped["fenced"]
            async with asyncio.timeout(PATIENCE_S):
                tick = 0
                while sum(data == good for _, data in listener.arrivals.payloads) < 5:
                    tick += 1
                    other.send("stale", "floor", tick, Packet(tick, forged))
                    old.send("stale", "floor", tick, Packet(tick, stale))
                    now.send("stale", "floor", tick, Packet(tick, good))
                    await asyncio.sleep(0.02)
            await until(lambda: both.edge.origins.dropped["fenced"] - before == tick)
        assert not {stale, forged} & {data for _, data in listener.arrivals.payloads}
