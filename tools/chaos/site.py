"""Machines of one event, each in a network namespace of its own, joined by a real NATS server: two
that interpret, a server for speakers and listeners, and two edges. This process is where the people
are."""

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from server.process import end
from tools.bench.serving import Serving, serving
from tools.namespaces import Network, network
from tools.nats_server import NatsProcess, nats_server

NATS, HUB, PEOPLE = "nats", "hub", "people"
FIRST, SECOND = "interpreter-1", "interpreter-2"
EDGE, OTHER_EDGE = "edge-1", "edge-2"
READY_S: Final = 120.0
END_S: Final = 10.0
PORT: Final = "8080"


class Site:
    """What runs. ``network`` can be cut. ``servers``: the hub and the edges that run."""

    def __init__(self, machines: Network, nats: NatsProcess, folder: Path) -> None:
        self.network = machines
        self.nats = nats
        self._folder = folder
        self.servers: dict[str, Serving] = {}
        self._serving: dict[str, AsyncExitStack] = {}
        self._running: dict[str, asyncio.subprocess.Process] = {}

    async def interpret(self, machine: str) -> None:
        """Start to interpret on a machine."""
        (state := self._folder / machine).mkdir(exist_ok=True)
        self._running[machine] = await asyncio.create_subprocess_exec(
            *self.network.on(machine),
            *(sys.executable, "-m", "server", "interpreter", "--bus", self.nats.server.url),
            *("--models", "starter", "--spare", "never", "--state", str(state)),
            stdout=asyncio.subprocess.DEVNULL,
        )

    def url(self, machine: str) -> str:
        """Where people reach the server on the machine."""
        return f"http://{self.network.address(machine)}:{PORT}"

    async def serve(self, machine: str) -> None:
        """Start the hub, or an edge, and wait until it is ready."""
        here = self.network.address(machine)
        options = [
            *("--host", here, "--address", here, "--port", PORT, "--bus", self.nats.server.url),
            *("--metrics-from", "0.0.0.0/0"),
        ]
        if machine == HUB:
            options += ["--roles", "hub,edge", "--models", "starter", "--max-languages", "8"]
            options += ["--speak-token", "open", "--public-url", self.url(HUB)]
        stack = self._serving[machine] = AsyncExitStack()
        self.servers[machine] = await stack.enter_async_context(
            serving(
                *options,
                on=self.network.on(machine),
                command="serve" if machine == HUB else "edge",
            )
        )

    async def has_machines(self, count: int) -> None:
        """Wait until so many machines are ready to interpret for the server."""
        async with asyncio.timeout(READY_S):
            while await self.servers[HUB].metric("tolk_machines") != count:
                await asyncio.sleep(0.05)

    async def kill(self, machine: str) -> None:
        """Kill what runs on the machine: a server, or what interprets."""
        if machine in self.servers:
            os.kill(self.servers.pop(machine).pid, signal.SIGKILL)
            await self._serving.pop(machine).aclose()
        else:
            self._running[machine].send_signal(signal.SIGKILL)

    async def close(self) -> None:
        """End everything."""
        for stack in self._serving.values():
            await stack.aclose()
        for process in self._running.values():
            await end(process, END_S)


@asynccontextmanager
async def site() -> AsyncIterator[Site]:
    """Run NATS, one interpreter, the hub and an edge. Raises PermissionError without the rights to
    make namespaces."""
    with (
        tempfile.TemporaryDirectory(prefix="tolk-chaos-") as name,
        network(NATS, HUB, FIRST, SECOND, EDGE, OTHER_EDGE, PEOPLE) as machines,
        machines.inside(PEOPLE),
        nats_server(Path(name), address=machines.address(NATS), on=machines.on(NATS)) as nats,
    ):
        made = Site(machines, nats, Path(name))
        try:
            await made.interpret(FIRST)
            await made.serve(HUB)
            await made.serve(EDGE)
            yield made
        finally:
            await made.close()
