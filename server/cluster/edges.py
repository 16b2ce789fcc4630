"""The edges, as a hub serves them: a link to each that has listeners of the hub's streams."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol

import msgspec

from server.bus.cancelled import is_cancelled
from server.bus.hub_messages import Announcement, EdgeOffer, Message, Sound, Wants
from server.bus.protocol import Bus, Link, until_gone
from server.process import logged

MOST_EDGES: Final = 512
#: How often to look what has changed, and how often to announce the streams in any case.
LOOK_S: Final = 0.2
ANNOUNCE_S: Final = 1.0
#: How often the models are announced.
MODELS_S: Final = 3.0
#: An edge that was not heard for so long gets no more listeners. It has an offer every second.
SILENT_S: Final = 2.5

Listen = Callable[[str], AbstractAsyncContextManager[Link[Message]]]
_log = logging.getLogger(__name__)


class Served(Protocol):
    """What edges get from a hub."""

    def announcement(self, edges: Mapping[str, int]) -> Announcement:
        """The hub's streams now. ``edges``: see Announcement."""

    def want(self, edge: str, bus: Bus[Message], wants: Wants) -> None:
        """An edge wants something; send it through ``bus``."""

    def gone(self, edge: str) -> None:
        """The edge wants nothing more."""

    def refresh(self) -> None:
        """A second has passed."""


class Edges:
    """``listen``: makes a link for an edge. ``announce``: says to all edges which streams there
    are, and returns whether NATS has taken it. ``sound``: sends packets to all edges that hear
    them. ``links_dropped``: what no link could take."""

    def __init__(
        self,
        listen: Listen,
        announce: Callable[[Announcement], Awaitable[bool]],
        sound: Sound,
    ) -> None:
        self.sound = sound
        self._listen = listen
        self._announce = announce
        self._new = asyncio.Queue[str](MOST_EDGES)
        self._known = set[str]()
        self._links: dict[str, Link[Message]] = {}
        self._odd = 0
        self._offers: dict[str, tuple[EdgeOffer, float]] = {}
        self.links_dropped: Mapping[str, int] = {}

    @property
    def names(self) -> list[str]:
        """The edges that are linked."""
        return list(self._links)

    @property
    def dropped(self) -> dict[str, int]:
        """Messages dropped so far: "to_edges", "from_edges", and "odd": they are none."""
        each = [link.dropped for link in self._links.values()]
        return {
            "to_edges": sum(one["out"] for one in each) + self.sound.dropped,
            "from_edges": sum(one["in"] for one in each),
            "odd": self._odd + sum(self.links_dropped.values()),
        }

    def offered(self, edge: str, offer: EdgeOffer) -> None:
        """An edge says how many listen there."""
        now_s = asyncio.get_running_loop().time()
        if offer.leaving or not offer.url:
            self._offers.pop(edge, None)
        elif edge in self._offers or len(self._offers) < MOST_EDGES:
            self._offers[edge] = offer, now_s

    @property
    def loads(self) -> dict[str, int]:
        """The number of listeners at each edge that takes more, by its URL."""
        since_s = asyncio.get_running_loop().time() - SILENT_S
        self._offers = {name: each for name, each in self._offers.items() if each[1] >= since_s}
        return {offer.url: offer.listeners for offer, _ in self._offers.values()}

    def knock(self, edge: str) -> None:
        """An edge wants a link."""
        if edge not in self._known and len(self._known) < MOST_EDGES:
            self._known.add(edge)
            self._new.put_nowait(edge)

    async def run(self, served: Served) -> None:
        """Serve all edges until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._say(served), name="announcements")
            group.create_task(self._refresh(served), name="edges")
            while True:
                edge = await self._new.get()
                group.create_task(self._serve(edge, served), name=f"edge {edge}")

    async def _say(self, served: Served) -> None:
        """Announce the streams: what changes at once, and all of it every second."""
        loop = asyncio.get_running_loop()
        last, said_s, models_s = Announcement(), -ANNOUNCE_S, -MODELS_S
        while not is_cancelled():
            now, now_s = last, loop.time()
            with logged("the streams could not be announced to edges"):
                now = served.announcement(self.loads)
            if now_s - models_s < MODELS_S and now.models == last.models:
                told = msgspec.structs.replace(now, models=b"")
            else:
                told = now
            changed = (now.streams, now.leaving) != (last.streams, last.leaving)
            if changed or now_s - said_s >= ANNOUNCE_S:
                if await self._announce(told):
                    last, said_s = now, now_s
                    models_s = now_s if told.models else models_s
            await asyncio.sleep(LOOK_S)

    async def _refresh(self, served: Served) -> None:
        while True:
            await asyncio.sleep(ANNOUNCE_S)
            with logged("edges could not be told again"):
                served.refresh()

    async def _serve(self, edge: str, served: Served) -> None:
        try:
            async with self._listen(edge) as bus:
                self._links[edge] = bus
                await self._hear(edge, bus, served)
        finally:
            _log.info("the edge %s is gone", edge)
            served.gone(edge)
            self._links.pop(edge, None)
            self._known.discard(edge)

    async def _hear(self, edge: str, bus: Link[Message], served: Served) -> None:
        """Hear an edge until it is gone: an edge with listeners says something every second."""
        linked = False
        async for message in until_gone(bus, ANNOUNCE_S):
            if not linked:
                linked = True
                _log.info("the edge %s has listeners here", edge)
            if isinstance(message, Wants):
                with logged(f"what the edge {edge} wants"):
                    served.want(edge, bus, message)
            else:
                self._odd += 1
