"""A stream that is at a hub, for the listeners of an edge. See ``heard``.

What the hub tells, it tells once: state to all, captions to those who read their language, what a
channel plays to those who hear it. When the hub is gone, or nothing can come from it, listeners
wait, as for a speaker.
"""

import time
from collections import Counter
from collections.abc import Callable
from typing import Final

import msgspec

from server.bus.hub_messages import MOST_WANTED, Packet, Told, Wants
from server.decoding import understood
from server.media.relayed import RelayedPlayout, Timeline
from server.models.current import Current
from server.streams.channel_names import channels
from server.streams.notices import Notices, Send
from server.streams.registry import Session, Stream, language_of
from server.streams.statuses import Status
from server.streams.tracks import Tracks
from signaling import messages as wire

_Relayed = wire.State | wire.ChannelState | wire.Caption | wire.Captions | wire.Notice
_decoder: Final[msgspec.json.Decoder[_Relayed]] = msgspec.json.Decoder(_Relayed)


class RelayedStream:
    """``want`` is called with what its listeners want when that changes, and every second.
    ``counts``: see RelayedPlayout; also "odd" messages."""

    def __init__(
        self,
        stream: Stream,
        models: Current,
        counts: Counter[str],
        want: Callable[[Wants], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.stream = stream
        self.playout = RelayedPlayout(counts)
        self.tracks = Tracks(stream, self.playout, as_named=True)
        self.notices = Notices(stream, self._status_of, self._person_of)
        self._models = models
        self._counts = counts
        self._want = want
        self._clock = clock
        self._hub = ""
        self._state = wire.State(state="waiting")
        self._state_before: wire.State | None = None  # while cut off: what the hub told last
        self._heard: dict[str, wire.ChannelState] = {}
        self._time = 0, 0.0  # the stream's, in milliseconds, and when that was
        self._asked = Wants(stream=stream.id)

    # --- listeners ----------------------------------------------------------------------------

    @property
    def channels(self) -> list[str]:
        """See Heard."""
        targets = self._models.catalogue.targets(self.stream.source or "")
        return self._state.channels or channels(targets)

    @property
    def state(self) -> wire.State:
        """See Heard."""
        return msgspec.structs.replace(self._state, channels=self.channels)

    @property
    def now_ms(self) -> int:
        """See Heard."""
        then_ms, at_s = self._time
        passed_s = self._clock() - at_s if self._state.state == "live" else 0.0
        return then_ms + round(min(passed_s, 2.0) * 1000)

    def attach(self, session: Session, send: Send) -> None:
        """See Heard."""
        self.notices.attach(session, send)
        self._ask_if_changed()

    def detach(self, session: Session) -> None:
        """See Heard."""
        self.notices.detach(session)
        self.tracks.remove(session)

    def selected(self, session: Session, captions_changed: bool) -> None:
        """See Heard."""
        if captions_changed:
            self.notices.snapshot(session)
        self.tracks.reroute(session)
        self._ask_if_changed()
        self.notices.tell_channel(session)

    def finish(self) -> None:
        """See Heard: nobody speaks here."""

    @property
    def wants(self) -> Wants:
        """What the listeners want now, of what there is: anybody can name any language."""
        heard, captions, readers = Counter[str](), set[str](), 0
        for session in self.stream.listeners:
            captions |= session.captions
            if session.channel is None:
                readers += session.counts
            else:
                heard[session.channel] += session.counts
        catalogue = self._models.catalogue
        known = {*catalogue.sources, *catalogue.all_targets}
        read = sorted(captions & known if known else captions)
        return Wants(
            stream=self.stream.id,
            channels=dict(heard.most_common(MOST_WANTED)),
            captions=tuple(read[:MOST_WANTED]),
            readers=readers,
        )

    def refresh(self) -> None:
        """Once a second: say what is wanted, and close what nobody hears."""
        self._ask(self.wants)
        self.tracks.close_unheard()
        self._heard = {
            name: state for name, state in self._heard.items() if name in self._asked.channels
        }

    def close(self) -> None:
        """Nobody listens any more."""
        self._want(Wants(stream=self.stream.id))
        self.playout.close()

    def _ask_if_changed(self) -> None:
        """Ask at once for what was not wanted before. How many want it is told every second."""
        now, before = self.wants, self._asked
        if now.channels.keys() != before.channels.keys() or now.captions != before.captions:
            self._ask(now)

    def _ask(self, wants: Wants) -> None:
        self._asked = wants
        self._want(wants)

    # --- the hub ------------------------------------------------------------------------------

    def play(self, timeline: Timeline, channel: str, packet: Packet) -> None:
        """Take a packet of the hub."""
        if self._state_before is not None:
            self._now_is(self._state_before)
        self.playout.push(timeline, channel, packet.tick, packet.data, packet.begins_speech)

    def receive(self, hub: str, message: Told) -> None:
        """Take what the hub says."""
        try:
            told = understood(_decoder, message.message)
        except msgspec.DecodeError:
            self._counts["odd"] += 1
            return
        if hub != self._hub:
            self._hub = hub
            self.notices.forget_captions()
        self._time = message.now_ms, self._clock()
        self._pass_on(told)

    def _pass_on(self, told: _Relayed) -> None:
        match told:
            case wire.State():
                self._now_is(told)
            case wire.ChannelState():
                self._heard[told.channel] = told
                self.notices.tell_channels()
            case wire.Caption():
                self.notices.pass_on(told)
            case wire.Captions():
                self.notices.restore(told.captions)
            case wire.Notice() if told != self.notices.notice:  # else it is repeated
                self.notices.post(told, float("inf"))

    def expect(self, state: wire.State) -> None:
        """What hubs say to all of the stream, before anybody listens."""
        self._now_is(state)

    def lost(self) -> None:
        """The hub is gone: what it told does not hold any more."""
        self._heard.clear()
        self.notices.clear_partials()
        if self.notices.posted:
            self.notices.post(wire.Notice(), 0)
        self._wait()
        self.notices.tell_channels()

    def cut_off(self) -> None:
        """Nothing can come from the hub for now. What it told holds again if it goes on."""
        if self._state_before is None:
            before = self._state
            self._wait()
            self._state_before = before

    def _wait(self) -> None:
        if self._state.state != "ended":
            self._now_is(msgspec.structs.replace(self._state, state="waiting"))

    def _now_is(self, state: wire.State) -> None:
        self._state_before = None
        if state != self._state:
            self._state = state
            self.stream.state, self.stream.source = state.state, state.source
            self.stream.panel = state.panel
            self.notices.announce(self.state)

    def _status_of(self, language: str) -> Status:
        state = self._of(language)
        return (state.status, state.reason) if state else ("starting", None)

    def _person_of(self, language: str) -> str | None:
        state = self._of(language)
        return state.interpreter if state else None

    def _of(self, language: str) -> wire.ChannelState | None:
        states = self._heard.values()
        return next((each for each in states if language_of(each.channel) == language), None)
