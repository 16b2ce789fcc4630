"""A server of several media processes, with real sockets and PeerConnections."""

import asyncio
import os
import re
import signal
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp

from server.client.participants import Listener, Speaker
from signaling import messages as wire
from tests.helpers.running import STAND_IN, power, tolk, tone
from tests.helpers.waiting import until
from tests.helpers.webrtc import Client
from tests.helpers.whip import Words, joined

FLOOR_LOW_HZ, FLOOR_HIGH_HZ, SPOKEN_LOW_HZ = 300, 1000, 700
#: The least share of the energy of a tone that was heard.
HEARD = 0.1


async def port(listener: Listener) -> str:
    """The UDP port that the listener was told to send to."""
    answer = await listener.expect(wire.Answer)
    return str(re.findall(r"a=candidate:\S+ 1 udp \d+ \S+ (\d+)", answer.sdp)[0])


def sounding(listener: Listener) -> int:
    """The number of packets received that are not silence."""
    return sum(len(payload) > 20 for _, payload in listener.arrivals.payloads)


async def test_several_processes_hold_the_listeners_of_one_server(tmp_path: Path) -> None:
    """All listeners hear the same. When an edge is killed, its listeners are told and reconnect.
    The others do not notice."""
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(tolk(tmp_path, STAND_IN, media_processes=3))
        await until(lambda: all(edge.ready for edge in server.edges), 30)
        async with AsyncExitStack() as participants:
            enter = participants.enter_async_context
            speaker = await enter(Speaker(server.url, "hall", "nl"))
            listeners = [
                await enter(Listener(server.url, "hall", channel, keep_sound=True))
                for channel in ("en", "floor", "floor", "floor", "en")
            ]
            ports = [await port(each) for each in listeners]
            assert ports[0] == ports[2] and ports[1] == ports[3] and len(set(ports)) == 3
            await listeners[2].select("en")
            live = wire.ChannelState(channel="en", status="live")
            await listeners[2].expect(wire.ChannelState, lambda told: told == live)
            await speaker.play(tone(FLOOR_LOW_HZ))
            await until(lambda: all(sounding(each) > 10 for each in listeners))

            lost = server.edges[0]
            assert len(lost.peers) == 2 and lost.supervisor.pid is not None
            os.kill(lost.supervisor.pid, signal.SIGKILL)
            for each in (listeners[0], listeners[2]):
                told = await each.expect(wire.Error)
                assert (told.code, told.fatal) == ("timeout", False)
            client = Client("recvonly")
            answer = await listeners[0].ask(wire.Offer(sdp=await client.offer()), wire.Answer)
            await client.take(answer.sdp)
            stayed = {each: sounding(each) for each in (listeners[1], *listeners[3:])}
            await speaker.play(tone(FLOOR_HIGH_HZ))
            async with asyncio.timeout(10):  # aiortc waits for five packets: in silence, 5 s
                await client.transceiver.receiver.track.recv()
            await client.close()

            await until(
                lambda: all(sounding(each) > so_far + 10 for each, so_far in stayed.items())
            )
            for each in stayed:
                steps = each.arrivals.sequences[1:] - each.arrivals.sequences[:-1]
                assert (steps == 1).all()
                assert not any(isinstance(message, wire.Error) for _, message in each.received)
            await until(lambda: lost.ready and not lost.peers, 30)
            async with Listener(server.url, "hall", "en"):
                assert len(lost.peers) == 1
            async with aiohttp.ClientSession(server.url) as http, http.get("/metrics") as metrics:
                assert 'tolk_edge_restarts{edge="1"} 1.0' in await metrics.text()
            heard = [each.arrivals.sound() for each in listeners]
            assert all(power(heard[each], SPOKEN_LOW_HZ) > HEARD for each in (0, 2, 4))
            for frequency_hz in (FLOOR_LOW_HZ, FLOOR_HIGH_HZ):
                assert all(power(heard[each], frequency_hz) > HEARD for each in (1, 3))
            began_s = loop.time()
            await stack.aclose()
            assert loop.time() - began_s < 5


async def test_an_edge_holds_players_over_whep_whose_sessions_end_with_it(tmp_path: Path) -> None:
    async with (
        tolk(tmp_path, STAND_IN, media_processes=2) as server,
        aiohttp.ClientSession(server.url) as http,
    ):
        (edge,) = server.edges
        await until(lambda: edge.ready, 30)
        async with joined(http, "/whip/hall?language=nl", Words()):
            async with joined(http, "/whep/hall") as player:
                assert len(edge.peers) == 1
                async with asyncio.timeout(10):
                    await player.client.transceiver.receiver.track.recv()
                async with http.delete(player.path) as response:
                    assert response.status == 200
                assert not edge.peers
            async with joined(http, "/whep/hall") as player:
                assert len(edge.peers) == 1 and edge.supervisor.pid is not None
                os.kill(edge.supervisor.pid, signal.SIGKILL)
                await until(lambda: not server.manager.streams["hall"].listeners)
                async with http.delete(player.path) as response:
                    assert response.status == 404
