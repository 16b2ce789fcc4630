"""Runs Debian's Janus, if it is installed, to compare with: its streaming plugin, one event loop.

    python -m tools.bench.janus PORT

sends the same speech to it as the other systems send.
"""

import asyncio
import contextlib
import random
import shutil
import socket
import struct
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Self

import aiohttp
from aioice.ice import get_host_addresses
from aiortc import RTCPeerConnection, RTCSessionDescription

from server.media.opus import SAMPLES_PER_TICK, OpusEncoder
from server.media.pacer import Pacer
from tools.bench.speech import Speech

READY_S = 20.0
_PLUGIN = "janus.plugin.streaming"
_STREAM = 1
_PIN = (
    "import os, sys;"
    "os.sched_setaffinity(0, [int(sys.argv[1])]);"
    "os.execvp(sys.argv[2], sys.argv[2:])"
)

_CONFIGURATION = {
    "janus.jcfg": """
general: {{
    configs_folder = "{folder}"
    plugins_folder = "{folder}/plugins"
    transports_folder = "{folder}/transports"
    events_folder = "{folder}/none"
    loggers_folder = "{folder}/none"
    debug_level = 2
    event_loops = 1
}}
nat: {{ ice_enforce_list = "{host}" }}
""",
    "janus.transport.http.jcfg": """
general: {{
    base_path = "/janus"
    http = true
    ip = "127.0.0.1"
    port = {http}
    https = false
}}
""",
    "janus.plugin.streaming.jcfg": """
speech: {{
    type = "rtp"
    id = {stream}
    audio = true
    audioiface = "127.0.0.1"
    audioport = {rtp}
    audiopt = 111
    audiocodec = "opus"
}}
""",
}


def missing() -> str:
    """Why Janus cannot be run; empty if it can."""
    if not shutil.which("janus"):
        return "Janus is not installed (Debian: janus)"
    return "" if own_address() else "Janus takes no loopback, and there is no other address"


def own_address() -> str:
    """An address of this machine other than loopback; empty if it has none."""
    return next(iter(get_host_addresses(use_ipv4=True, use_ipv6=False)), "")


@contextlib.asynccontextmanager
async def serving(core: int) -> AsyncIterator[tuple[str, int]]:
    """Run Janus on one core and send speech to it. Yields its address and process."""
    program = Path(shutil.which("janus") or "janus").resolve()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        numbers = {"http": _free_port(socket.SOCK_STREAM), "rtp": _free_port(socket.SOCK_DGRAM)}
        for name, text in _CONFIGURATION.items():
            filled = text.format(folder=folder, stream=_STREAM, host=own_address(), **numbers)
            (folder / name).write_text(filled, encoding="utf8")
        for kind, library in (("plugins", "streaming"), ("transports", "http")):
            (folder / kind).mkdir()
            (found,) = program.parent.parent.glob(f"lib/*/janus/{kind}/libjanus_{library}.so")
            (folder / kind / found.name).symlink_to(found)
        url = f"http://127.0.0.1:{numbers['http']}/janus"
        async with (
            _running(sys.executable, "-c", _PIN, str(core), str(program), "-F", made) as pid,
            _running(sys.executable, "-m", "tools.bench.janus", str(numbers["rtp"])),
        ):
            await _ready(url)
            yield url, pid


@contextlib.asynccontextmanager
async def _running(*command: str) -> AsyncIterator[int]:
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.DEVNULL)
    try:
        yield process.pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _ready(url: str) -> None:
    async with asyncio.timeout(READY_S), aiohttp.ClientSession() as http:
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                async with http.get(f"{url}/info") as response:
                    await response.read()
                    return
            await asyncio.sleep(0.1)


def _free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Signaling:
    """A session with Janus through which many listeners join."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._offers: dict[int, asyncio.Future[RTCSessionDescription]] = {}

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession()
        session = await self._ask("", janus="create")
        self._session = f"/{session['data']['id']}"
        # Ended in __aexit__.
        self._polling = asyncio.get_running_loop().create_task(self._poll(), name="janus-poll")
        return self

    async def __aexit__(self, *exception: object) -> None:
        self._polling.cancel()
        await asyncio.wait([self._polling])
        await self._http.close()

    async def offer(self) -> tuple[int, RTCSessionDescription]:
        """A handle for a new listener, and the SDP that Janus offers it."""
        attached = await self._ask(self._session, janus="attach", plugin=_PLUGIN)
        handle = int(attached["data"]["id"])
        offered = self._offers[handle] = asyncio.get_running_loop().create_future()
        body = {"request": "watch", "id": _STREAM}
        await self._ask(f"{self._session}/{handle}", janus="message", body=body)
        return handle, await offered

    async def answer(self, handle: int, connection: RTCPeerConnection) -> None:
        lines = connection.localDescription.sdp.splitlines(keepends=True)
        sdp = "".join(line for line in lines if "sha-384" not in line and "sha-512" not in line)
        await self._ask(
            f"{self._session}/{handle}",
            janus="message",
            body={"request": "start"},
            jsep={"type": "answer", "sdp": sdp},
        )

    async def _ask(self, path: str, **request: object) -> Any:
        request["transaction"] = f"{random.getrandbits(64):x}"
        async with self._http.post(self._url + path, json=request) as response:
            return await response.json(content_type=None)

    async def _poll(self) -> None:
        while True:
            async with self._http.get(f"{self._url}{self._session}?maxev=10") as response:
                events = await response.json(content_type=None)
            for event in events if isinstance(events, list) else [events]:
                waiting = self._offers.get(event.get("sender", 0))
                if waiting is not None and not waiting.done() and "jsep" in event:
                    waiting.set_result(RTCSessionDescription(**event["jsep"]))


class _ToJanus:
    """Sends speech as RTP; the pacer drives it."""

    def __init__(self, port: int) -> None:
        self._speech, self._encoder = Speech(), OpusEncoder()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._to = ("127.0.0.1", port)

    def tick(self, tick: int) -> None:
        time = tick * SAMPLES_PER_TICK & 0xFFFFFFFF
        header = struct.pack("!BBHII", 0x80, 111, tick & 0xFFFF, time, 1)
        with contextlib.suppress(OSError):  # Janus does not listen yet
            self._socket.sendto(header + self._speech.play(tick, self._encoder), self._to)

    def close(self) -> None:
        self._socket.close()


async def _feed(port: int) -> None:
    pacer = Pacer()
    pacer.add(_ToJanus(port))
    await pacer.run()


if __name__ == "__main__":
    asyncio.run(_feed(int(sys.argv[1])))
