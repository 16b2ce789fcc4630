"""The listeners at edges, as a hub's streams see them.

For each edge and stream there is a session for each channel that is heard there, which counts as
its listeners, and one that reads for all of them. So what edges want is admitted, interpreted,
continued and counted as what anybody wants. Each message goes to an edge once; each packet of a
channel is sent once to all edges that hear it, and not at all if none does.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from typing import Final
from weakref import WeakValueDictionary

import msgspec

from server.bus.hub_messages import (
    Announced,
    Announcement,
    Message,
    Packet,
    Sound,
    Told,
    Wants,
)
from server.bus.protocol import Bus
from server.http.others import Others
from server.models.current import encoded
from server.streams.attendance import Attendance
from server.streams.live_stream import LiveStream
from server.streams.registry import Session
from signaling import messages as wire
from signaling.errors import ProtocolError

#: An edge that has not repeated what it wants for so long wants it no more.
FORGET_S: Final = 3.5
#: The name under which the session is kept that reads for all.
READER: Final = ""

#: So many different refusals are logged.
MOST_SAID: Final = 1000

_encoder: Final = msgspec.json.Encoder()
_log = logging.getLogger(__name__)


class _Outlet:
    """Sends a stream's packets to all its edges together (an Outlet). A packet is sent once under
    each name that edges have for its channel: "en" is the floor while English is spoken."""

    def __init__(self, stream: str, sound: Sound) -> None:
        self._stream = stream
        self._sound = sound
        self._numbers = Counter[str]()

    def group(self) -> "_Group":
        """See Outlet."""
        return _Group(self)

    def send(self, channel: str, packet: Packet) -> None:
        self._numbers[channel] += 1
        self._sound.send(self._stream, channel, self._numbers[channel], packet)


class _Group:
    """The edges that hear one channel (a Group)."""

    def __init__(self, outlet: _Outlet) -> None:
        self._outlet = outlet
        self._members = set[_Member]()
        self._names = set[str]()

    def add(self, member: "_Member") -> None:
        self._members.add(member)
        self._names.add(member.channel)

    def discard(self, member: "_Member") -> None:
        self._members.discard(member)
        self._names = {each.channel for each in self._members}

    def send(self, tick: int, data: bytes, begins_speech: bool) -> None:
        for channel in self._names:
            self._outlet.send(channel, Packet(tick, data, begins_speech))


@dataclass(frozen=True)
class _Member:
    place: "_Place"
    channel: str


@dataclass(eq=False)
class _Place:
    """An edge in a stream. ``sessions``: by channel, and READER. ``stays``: what ends each.
    ``states``: what the listeners of each channel hear."""

    bus: Bus[Message]
    live: LiveStream
    outlet: _Outlet
    wanted_s: float
    sessions: dict[str, Session] = field(default_factory=dict)
    stays: dict[str, ExitStack] = field(default_factory=dict)
    states: dict[str, wire.ChannelState] = field(default_factory=dict)
    dropped: int = 0

    def tell(self, message: wire.ServerMessage) -> None:
        """Tell the edge what listeners are told. Captions are told a language at a time, so that
        no message is too large."""
        if isinstance(message, wire.Captions):
            lines = sorted(message.captions, key=lambda line: line.language)
            for _, some in groupby(lines, key=lambda line: line.language):
                self._tell(wire.Captions(captions=list(some)))
        elif isinstance(message, wire.State | wire.Caption | wire.Notice):
            self._tell(message)

    def tell_channel(self, message: wire.ServerMessage) -> None:
        """Tell the edge what the listeners of a channel hear; the rest comes by ``tell``."""
        if isinstance(message, wire.ChannelState):
            self.states[message.channel] = message
            self._tell(message)

    def repeat(self) -> None:
        """Tell again what may have been lost."""
        self._tell(self.live.state)
        self._tell(self.live.notices.notice)
        for state in self.states.values():
            self._tell(state)

    def _tell(self, message: wire.ServerMessage) -> None:
        told = Told(
            stream=self.live.stream.id, now_ms=self.live.now_ms, message=_encoder.encode(message)
        )
        try:
            self.bus.publish(told)
        except ValueError:  # too large: a text of nobody's
            self.dropped += 1


class AtEdges:
    """Those of one hub (a Served). ``url``: where people reach it; "" if that is not
    known. ``others`` learns which edges there are. ``sound``: sends packets."""

    def __init__(
        self, attendance: Attendance[LiveStream], url: str, others: Others, sound: Sound
    ) -> None:
        self._said = set[tuple[str, str]]()  # edges, and why they were refused something
        self._attendance = attendance
        self._url = url
        self._others = others
        self._sound = sound
        self._places: dict[tuple[str, str], _Place] = {}
        #: By stream, while edges are there.
        self._outlets = WeakValueDictionary[str, _Outlet]()

    def announcement(self, edges: Mapping[str, int]) -> Announcement:
        """See Served. Streams in which nobody speaks, or lately spoke, are not announced."""
        self._others.know(edges)
        manager = self._attendance.manager
        streams = {
            stream.id: Announced(stream.state, stream.source, stream.speaker is not None)
            for stream in manager.streams.values()
            if stream.has_place and not stream.is_private
        }
        models = encoded(self._attendance.models.catalogue)
        return Announcement(
            *(streams, self._url, models, manager.draining, dict(edges), self._sound.session)
        )

    def want(self, edge: str, bus: Bus[Message], wants: Wants) -> None:
        """See Served. What is refused is counted as what anybody is refused."""
        key = edge, wants.stream
        stream = self._attendance.manager.streams.get(wants.stream)
        if wants.is_nothing or stream is None or stream.is_private:
            self._leave(key)
            return
        live = self._attendance.live.of(stream)
        place = self._places.get(key)
        if place is None or place.live is not live or place.bus is not bus:
            self._leave(key)
            outlet = self._outlets.setdefault(stream.id, _Outlet(stream.id, self._sound))
            place = self._places[key] = _Place(bus, live, outlet, _now())
        place.wanted_s = _now()
        for channel in [*place.sessions]:
            if channel != READER and channel not in wants.channels:
                place.stays[channel].close()
        self._give(key, lambda: self._read(key, place, wants))
        for channel, listeners in wants.channels.items():
            if channel not in place.sessions:
                self._give(key, partial(self._hear, key, place, channel))
            if session := place.sessions.get(channel):
                session.counts = listeners

    def gone(self, edge: str) -> None:
        """See Served."""
        for key in [each for each in self._places if each[0] == edge]:
            self._leave(key)

    def refresh(self) -> None:
        """See Served."""
        for key, place in list(self._places.items()):
            if _now() - place.wanted_s > FORGET_S:
                self._leave(key)
            else:
                place.repeat()

    def _give(self, key: tuple[str, str], what: Callable[[], None]) -> None:
        edge, stream = key
        try:
            what()
        except ProtocolError as error:
            self._attendance.metrics.refused.labels(error.code).inc()
            if (edge, error.code) not in self._said and len(self._said) < MOST_SAID:
                self._said.add((edge, error.code))
                _log.warning(
                    "listeners at %s do not get all of %s (%s): each edge needs a place for each "
                    "channel; see --max-listeners", edge, stream, error.code,
                )  # fmt: skip

    def _leave(self, key: tuple[str, str]) -> None:
        if place := self._places.pop(key, None):
            for stay in list(place.stays.values()):
                stay.close()

    def _read(self, key: tuple[str, str], place: _Place, wants: Wants) -> None:
        """Have the session that reads for all, with the captions that are wanted."""
        session = place.sessions.get(READER)
        if session is None:
            session = self._join(key, place, READER, wants.captions)
            place.tell(place.live.state)
            place.live.attach(session, place.tell)
        elif session.captions != frozenset(wants.captions):
            self._attendance.manager.select(session, None, wants.captions)
            place.live.selected(session, captions_changed=True)
        session.counts = wants.readers

    def _hear(self, key: tuple[str, str], place: _Place, channel: str) -> None:
        self._attendance.check_channel(channel)
        session = self._join(key, place, channel)
        place.live.attach(session, place.tell_channel)
        track = place.live.tracks.add(session)
        track.send_through(place.outlet, _Member(place, channel))
        place.stays[channel].callback(track.stop)

    def _join(
        self, key: tuple[str, str], place: _Place, name: str, captions: tuple[str, ...] = ()
    ) -> Session:
        """Make a session that lasts until its ExitStack is closed. Raises ProtocolError."""
        stay = ExitStack()
        loop = asyncio.get_running_loop()

        def dismiss(error: ProtocolError) -> None:
            loop.call_soon(stay.close)

        edge, stream = key
        session = self._attendance.manager.join_listener(
            stream, f"edge {edge}", name or None, captions, dismiss, resume=None
        )
        session.counts = 0
        place.sessions[name], place.stays[name] = session, stay
        forget: Callable[..., object] = place.states.pop
        stay.callback(forget, name, None)
        stay.callback(place.stays.pop, name)
        stay.callback(place.sessions.pop, name)
        stay.enter_context(self._attendance.present(session))
        return session


def _now() -> float:
    return asyncio.get_running_loop().time()
