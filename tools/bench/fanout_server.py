"""The servers that the fan-out benchmark compares. Each runs in a process on a core of its own.

    python -m tools.bench.fanout_server SYSTEM --folder FOLDER

- tolk: this project's media process;
- own_sockets: the same as tolk, with sockets for each listener instead of one port for all;
- mediarelay: aiortc's MediaRelay, which encodes for every listener;
- packets: MediaRelay with packets that were encoded once.

POST /offer answers an SDP offer. Prints its address when it is ready. All send the same speech.
The first can run in several processes.
"""

import argparse
import asyncio
import contextlib
import dataclasses
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from aiohttp import web
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.contrib.media import MediaRelay
from av import Packet

from server.app import further_processes
from server.config import Config
from server.edge.remote import RemotePeer, with_fewest
from server.media.broadcast import Broadcast, SubscriberTrack
from server.media.fanout import FanOut
from server.media.opus import SAMPLES_PER_TICK, TICK_S, TIME_BASE, OpusEncoder
from server.media.pacer import Pacer
from server.media.peer import Peer, PeerGone, answer
from server.media.plane import MediaPlane
from server.media.port import MediaPort
from server.media.transport import use_hosts
from server.metrics import Metrics
from tools.bench.speech import Speech

SYSTEMS = ("tolk", "own_sockets", "mediarelay", "packets")

Answering = Callable[[str], Awaitable[str]]


class Playing:
    """A channel that the pacer drives."""

    def __init__(self) -> None:
        self.channel = Broadcast("speech")
        self._speech, self._encoder = Speech(), OpusEncoder()

    def tick(self, tick: int) -> None:
        self.channel.publish(tick, self._speech.play(tick, self._encoder))


@contextlib.asynccontextmanager
async def ours(system: str, processes: int, folder: Path) -> AsyncIterator[Answering]:
    """This project's media, as ``server.streams.session`` uses it."""
    playing, pacer = Playing(), Pacer()
    plane = MediaPlane(fan_out=FanOut())
    pacer.add(playing)
    async with AsyncExitStack() as stack:
        if system == "tolk":
            port = stack.enter_context(MediaPort(plane.hosts, 0, plane.dropped))
            plane = dataclasses.replace(plane, port=port)
        config = Config(port=0, state=str(folder), media_processes=processes)
        others = further_processes(config, folder, Metrics())
        edges = await stack.enter_async_context(others)
        group = await stack.enter_async_context(asyncio.TaskGroup())
        while not all(edge.ready for edge in edges):  # at most for READY_S of fanout_processes
            await asyncio.sleep(0.1)

        async def answering(sdp: str) -> str:
            track = SubscriberTrack(playing.channel)
            edge = with_fewest(edges, len(plane.peers))
            peer: Peer | RemotePeer
            if edge is None:
                peer = await answer(sdp, plane, send=track)
            else:
                peer = await edge.answer(sdp, track)
            group.create_task(_stay(peer), name="peer")
            return peer.sdp

        pacing = group.create_task(pacer.run(), name="pacer")
        yield answering
        pacing.cancel()


async def _stay(peer: Peer | RemotePeer) -> None:
    try:
        await peer.connected()
        await peer.closed()
    except PeerGone:
        pass
    finally:
        await peer.close()


class Frames(MediaStreamTrack):
    """A track of speech in real time, as frames."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._speech, self._number = Speech(), 0
        self._start_s = asyncio.get_running_loop().time()

    async def recv(self) -> Any:
        due_s = self._start_s + self._number * TICK_S
        await asyncio.sleep(max(0.0, due_s - asyncio.get_running_loop().time()))
        self._number += 1
        return self._next(self._number - 1)

    def _next(self, number: int) -> Any:
        return self._speech.frame(number)


class Packets(Frames):
    """The same as packets, encoded once."""

    def __init__(self) -> None:
        super().__init__()
        self._encoder = OpusEncoder()

    def _next(self, number: int) -> Any:
        packet = Packet(self._speech.play(number, self._encoder))
        packet.pts, packet.time_base = number * SAMPLES_PER_TICK, TIME_BASE
        return packet


@contextlib.asynccontextmanager
async def relayed(source: type[Frames]) -> AsyncIterator[Answering]:
    """aiortc, used as in its examples, except that it offers only local addresses."""
    relay, track, connections = MediaRelay(), source(), list[RTCPeerConnection]()

    async def answering(sdp: str) -> str:
        connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        connections.append(connection)
        sender = connection.addTrack(relay.subscribe(track))
        use_hosts(sender.transport.transport._connection, ["127.0.0.1"])
        await connection.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
        await connection.setLocalDescription(await connection.createAnswer())
        return str(connection.localDescription.sdp)

    yield answering
    for connection in connections:
        await connection.close()


def serving(
    system: str, processes: int, folder: Path
) -> contextlib.AbstractAsyncContextManager[Answering]:
    match system:
        case "mediarelay" | "packets":
            return relayed(Frames if system == "mediarelay" else Packets)
        case _:
            return ours(system, processes, folder)


async def run(system: str, processes: int, folder: Path) -> None:
    """Serve until cancelled."""
    async with serving(system, processes, folder) as answering:

        async def offer(request: web.Request) -> web.Response:
            return web.Response(text=await answering(await request.text()))

        app = web.Application()
        app.router.add_post("/offer", offer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
        await asyncio.Event().wait()


def main(argv: Sequence[str] | None = None) -> None:
    """Run the tool, until it is ended."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench.fanout_server")
    parser.add_argument("system", choices=SYSTEMS)
    parser.add_argument("--cores", default="", help="the cores to run on, such as 0,1")
    parser.add_argument("--media-processes", type=int, default=1)
    parser.add_argument(
        "--folder", type=Path, required=True, help="a folder for files that only this user can read"
    )
    options = parser.parse_args(argv)
    if options.cores:
        os.sched_setaffinity(0, [int(core) for core in options.cores.split(",")])
    asyncio.run(run(options.system, options.media_processes, options.folder))


if __name__ == "__main__":
    main()
