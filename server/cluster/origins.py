"""The hubs, as an edge uses them: which hub has which stream, and the links to them.

- A hub says once a second which streams it has. The edge links to it while one of its own
  listeners wants a stream there.
- If several hubs have a stream of one name, the one with a speaker counts, else the first. A stream
  stays at its hub as long as the hub has it, unless only another one has a speaker.
- Sound comes by itself: the edge hears the channels that it asks a hub for, from before it asks.
- What a hub says of a stream that the edge does not have from it is dropped and counted.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Final

import msgspec

from server.bus.cancelled import is_cancelled
from server.bus.hub_messages import (
    Announced,
    Announcement,
    ChannelAt,
    EdgeOffer,
    Message,
    Packet,
    Told,
    Wants,
)
from server.bus.protocol import Bus, BusClosed
from server.cluster.hubs import Hub, having
from server.models.catalogue import Catalogue
from server.models.current import decoded

#: A hub that was not heard for so long is forgotten. It announces itself every second.
SILENT_S: Final = 4.0
#: A link that no stream needs is closed after this time.
UNUSED_S: Final = 10.0
LOOK_S: Final = 1.0
MOST_HUBS: Final = 64

Connect = Callable[[str], AbstractAsyncContextManager[Bus[Message]]]
_log = logging.getLogger(__name__)


class Origins:
    """``connect``: makes a link to a hub. ``offer`` says to all hubs how many listen here: what
    ``self.offer`` is, every second. ``hear`` is called with the channels to hear, and the sessions
    of their hubs. ``on_message``: called with a hub's name and what it says of a stream;
    ``on_packet`` with the packets of a channel; ``on_lost`` with a stream whose hub is gone;
    ``on_models`` with the models of all hubs when they change. ``up`` says whether NATS is
    connected; ``links_dropped``, ``sound_dropped``: what could not be taken, by reason. ``run``
    must be running."""

    def __init__(
        self,
        connect: Connect,
        offer: Callable[[EdgeOffer], Awaitable[None]],
        hear: Callable[[Mapping[ChannelAt, int]], None],
    ) -> None:
        self.on_message: Callable[[str, Told], None] = lambda hub, message: None
        self.on_packet: Callable[[ChannelAt, Packet], None] = lambda channel, packet: None
        self.on_lost: Callable[[str], None] = lambda stream: None
        self.on_models: Callable[[list[Catalogue]], None] = lambda models: None
        self.up: Callable[[], bool] = lambda: True
        self.links_dropped: Mapping[str, int] = {}
        self.sound_dropped: Mapping[str, int] = {}
        self.offer: EdgeOffer = EdgeOffer("")
        self._connect = connect
        self._say = offer
        self._hear = hear
        self._group: asyncio.TaskGroup | None = None
        self._hubs: dict[str, Hub] = {}
        self._wanted: dict[str, Wants] = {}
        self._at: dict[str, str] = {}
        self._contested = set[str]()
        self._fenced = 0

    @property
    def names(self) -> list[str]:
        """The hubs that are there."""
        return list(self._hubs)

    @property
    def ready(self) -> bool:
        """Whether a hub is there."""
        return self.up() and bool(self._hubs)

    @property
    def missing(self) -> str:
        """Why none is, for people."""
        return (
            "no hub announces itself" if self.up() else "NATS cannot be reached; the log says why"
        )

    @property
    def streams(self) -> dict[str, Announced]:
        """The streams of all hubs."""
        found: dict[str, Announced] = {}
        for hub in self._hubs.values():
            for name, stream in hub.announced.streams.items():
                if name not in found or (stream.has_speaker and not found[name].has_speaker):
                    found[name] = stream
        return found

    @property
    def dropped(self) -> dict[str, int]:
        """Messages dropped so far: "in" and "out" as in Bus; "fenced": about streams that a hub
        does not have for this edge, or of another session; "version" and "invalid": they are none;
        "unheard": of channels that nobody hears any more."""
        total = Counter({"in": 0, "out": 0, "fenced": self._fenced})
        total.update(self.links_dropped)
        total.update(self.sound_dropped)
        for hub in self._hubs.values():
            total.update(hub.bus.dropped if hub.bus else {})
        return total

    def url(self, stream: str) -> str:
        """Where people reach a hub to speak in a stream: the one that has it, or any. "" if that
        is not known."""
        there = [self._hubs[name] for name in having(stream, self._hubs)]
        for hub in (*there, *self._hubs.values()):
            if hub.announced.url and not hub.announced.leaving:
                return hub.announced.url
        return ""

    def want(self, wants: Wants) -> None:
        """Ask the hub that has the stream for what is wanted. Repeat it every second; it is asked
        again when another hub has the stream."""
        if wants.is_nothing:
            self._wanted.pop(wants.stream, None)
        else:
            self._wanted[wants.stream] = wants
        self._place(wants.stream)
        hub = self._hubs.get(self._at.get(wants.stream, ""))
        if hub is not None:
            self._ask(hub, wants)
        if wants.is_nothing:
            self._at.pop(wants.stream, None)
            self._contested.discard(wants.stream)

    def offered(self, name: str, announcement: Announcement) -> None:
        """A hub says which streams it has. Raises msgspec.DecodeError if its models cannot be
        understood."""
        catalogue = decoded(announcement.models) if announcement.models else None
        now_s = asyncio.get_running_loop().time()
        hub = self._hubs.get(name)
        if hub is None:
            if len(self._hubs) >= MOST_HUBS:
                return
            _log.info("%s has streams", name)
            hub = self._hubs[name] = Hub(name, announcement, now_s)
        hub.announced, hub.heard_s = announcement, now_s
        self._hear_wanted()
        if catalogue is not None and announcement.models != hub.models:
            hub.models, hub.catalogue = announcement.models, catalogue
            self._tell_models()
        for stream, wants in self._wanted.items():
            before = self._at.get(stream)
            self._place(stream)
            if self._at.get(stream) not in (None, before):
                self._ask(self._hubs[self._at[stream]], wants)

    @property
    def loads(self) -> dict[str, int]:
        """The number of listeners at each edge that takes more, this one too, by its URL."""
        every = [hub.announced.edges for hub in self._hubs.values()]
        return {url: load for edges in every for url, load in edges.items()}

    @property
    def urls(self) -> list[str]:
        """Where people reach the hubs."""
        return [hub.announced.url for hub in self._hubs.values() if hub.announced.url]

    async def leave(self) -> None:
        """Tell all hubs that this edge takes no more listeners."""
        self.offer = msgspec.structs.replace(self.offer, leaving=True)
        await self._say(self.offer)

    async def run(self) -> None:
        """Hold the links until cancelled."""
        async with asyncio.TaskGroup() as self._group:
            while not is_cancelled():
                await self._say(self.offer)
                await asyncio.sleep(LOOK_S)
                self._tidy(asyncio.get_running_loop().time())
            raise asyncio.CancelledError  # so that the links end

    # --- which hub has a stream ----------------------------------------------------------------

    def _place(self, stream: str) -> None:
        """Decide from which hub the stream comes."""
        now = self._at.get(stream)
        there = having(stream, self._hubs)
        speaking = [name for name, each in there.items() if each.has_speaker]
        if len(speaking) > 1 and stream not in self._contested:
            self._contested.add(stream)
            _log.warning(
                "%s have a stream %r each, and somebody speaks in both: it comes from %s. Give "
                "one of them another name.", " and ".join(speaking), stream,
                now if now in speaking else speaking[0],
            )  # fmt: skip
        if now in speaking or (now in there and not speaking):
            return
        if now is not None:
            self._leave(stream, now)
        if best := next(iter(speaking or there), None):
            self._at[stream] = best
            _log.info("the stream %r comes from %s", stream, best)

    def _leave(self, stream: str, hub: str) -> None:
        del self._at[stream]
        self._hear_wanted()
        if (left := self._hubs.get(hub)) and left.bus is not None:
            left.bus.publish(Wants(stream=stream))
        self.on_lost(stream)

    # --- links ---------------------------------------------------------------------------------

    def _hear_wanted(self) -> None:
        """Hear the channels that hubs are asked for, and no others."""
        heard: dict[ChannelAt, int] = {}
        for stream, wants in self._wanted.items():
            hub = self._hubs.get(self._at.get(stream, ""))
            if hub is not None and hub.bus is not None:
                for channel in wants.channels:
                    heard[ChannelAt(hub.name, stream, channel)] = hub.announced.session
        self._hear(heard)

    def _ask(self, hub: Hub, wants: Wants) -> None:
        hub.used_s = asyncio.get_running_loop().time()
        self._hear_wanted()
        if hub.bus is not None:
            hub.bus.publish(wants)
        elif hub.task is None and self._group is not None and not wants.is_nothing:
            hub.task = self._group.create_task(self._link(hub), name=f"link to {hub.name}")

    async def _link(self, hub: Hub) -> None:
        try:
            async with self._connect(hub.name) as hub.bus:
                self._hear_wanted()
                for stream, wants in self._wanted.items():
                    if self._at.get(stream) == hub.name:
                        hub.bus.publish(wants)
                await self._read(hub, hub.bus)
                _log.warning("%s is gone", hub.name)
        except OSError as error:
            _log.info("%s", error)
        finally:
            hub.bus = hub.task = None
            self._hear_wanted()
        self._forget(hub)

    async def _read(self, hub: Hub, bus: Bus[Message]) -> None:
        """Take what the hub says until it is gone."""
        try:
            while True:
                self._received(hub, await bus.receive())
        except BusClosed:
            pass

    def _received(self, hub: Hub, message: Message) -> None:
        if isinstance(message, Wants) or self._at.get(message.stream) != hub.name:
            self._fenced += 1
        else:
            self.on_message(hub.name, message)

    def _forget(self, hub: Hub) -> None:
        """The hub is gone, until it announces itself again."""
        if self._hubs.get(hub.name) is not hub:
            return
        del self._hubs[hub.name]
        for stream in [each for each, name in self._at.items() if name == hub.name]:
            del self._at[stream]
            self.on_lost(stream)
            self._place(stream)
            if other := self._hubs.get(self._at.get(stream, "")):
                self._ask(other, self._wanted[stream])
        self._tell_models()

    def _tidy(self, now_s: float) -> None:
        for hub in list(self._hubs.values()):
            if hub.task is None and now_s - hub.heard_s > SILENT_S:
                self._forget(hub)
            elif hub.task is not None and hub.name in self._at.values():
                hub.used_s = now_s
            elif hub.task is not None and now_s - hub.used_s > UNUSED_S:
                if not hub.task.cancelling():  # it may still say goodbye
                    hub.task.cancel()

    def _tell_models(self) -> None:
        known = [each.catalogue for each in self._hubs.values()]
        if models := [each for each in known if each is not None]:
            self.on_models(models)
