"""What happens in one stream: sound to the interpreter, interpretations to the listeners.

What was said in an older epoch (see ``feeding``) is dropped. Nothing here waits: every call
returns at once.
"""

import logging
import time
from collections.abc import Callable, Sequence

import numpy as np

import signaling.messages as wire
from server.admission import Admission
from server.bus import messages as bus_messages
from server.bus.messages import AUTO, RATE_HZ, Committed, Demand, FailureReason, Speech
from server.bus.protocol import Bus
from server.feeding import Feeding
from server.media.broadcast import SubscriberTrack
from server.media.pacer import Pacer
from server.media.playout import StreamPlayout
from server.media.receive import Sound
from server.metrics import Metrics
from server.models.current import Current
from server.notices import Notices, Send
from server.source_language import SourceLanguage
from server.statuses import Statuses
from server.streams import Session, Stream, language_of

logger = logging.getLogger(__name__)

SAMPLES_PER_TICK = RATE_HZ // 50
#: Clauses remembered until they begin to be heard; more than ever wait.
WAITING_CLAUSES = 256
#: A clause is said in fewer parts than this.
PARTS = 1000


class LiveStream:
    """The sound and the text of one stream."""

    def __init__(
        self,
        stream: Stream,
        bus: Bus,
        pacer: Pacer,
        models: Current,
        metrics: Metrics,
        admission: Admission,
        linger_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.stream = stream
        self.playout = StreamPlayout(self._clause_starts, counts=metrics.playout_counts)
        self._statuses = Statuses()
        self.notices = Notices(stream, self._statuses.of)
        self.source = SourceLanguage(
            stream,
            self.notices,
            lambda: models.catalogue.sources,
            self._changed_source,
            self.announce,
        )
        self._feeding = Feeding(stream.id, bus, metrics.replayed.inc)
        self._bus = bus
        self._pacer = pacer
        self._models = models
        self._metrics = metrics
        self._admission = admission
        self._linger_s = linger_s
        self._clock = clock
        self._heard_at: float | None = None
        self._tracks: dict[Session, SubscriberTrack] = {}
        self._said: dict[tuple[str, int], int] = {}

    # --- participants ---------------------------------------------------------------------

    @property
    def channels(self) -> list[str]:
        """What can be heard now."""
        targets = self._models.catalogue.targets(self.stream.source or "")
        return ["floor", *targets, *(f"{target}+floor" for target in targets)]

    def track(self, session: Session) -> SubscriberTrack:
        """What the session hears from now on, whatever it selects; for one connection."""
        track = SubscriberTrack(self.playout.channel(self._heard_by(session)))
        self._tracks[session] = track
        return track

    def attach(self, session: Session, send: Send) -> None:
        """The session's participant is told from now on, through ``send``."""
        if session is not self.stream.speaker:
            self.publish_demand()
        self.notices.attach(session, send)

    @property
    def epoch(self) -> int:
        """What comes of an older one is dropped."""
        return self._feeding.epoch

    def detach(self, session: Session) -> None:
        """The session's participant is gone."""
        self.notices.detach(session)
        self._tracks.pop(session, None)

    def _heard_by(self, session: Session) -> str:
        """The session's channel; the floor where that is in the speaker's own language."""
        channel = session.channel or "floor"
        return channel if language_of(channel) != self.stream.source else "floor"

    def _reroute(self, session: Session) -> None:
        if track := self._tracks.get(session):
            track.select(self.playout.channel(self._heard_by(session)))

    def announce(self) -> None:
        """Tell everyone the stream's state."""
        self.notices.announce(
            wire.State(state=self.stream.state, source=self.stream.source, channels=self.channels)
        )
        self._tell_channels()  # there may be new ones
        if self._statuses.unheard:
            self.notices.tell_unheard()

    def selected(self, session: Session, captions_changed: bool) -> None:
        """The session's channel or captions changed."""
        if captions_changed:
            self.notices.snapshot(session)
        self._reroute(session)
        self.publish_demand()  # first: a language there is no room for is not called live
        self.notices.tell_channel(session)

    # --- the speaker ----------------------------------------------------------------------

    def begin(self) -> None:
        """A speaker starts, or comes back: what was said before still gets interpreted."""
        self.source.begin()

    def _changed_source(self, sample: int | None) -> None:
        """Another language is spoken from ``sample`` on, or from now on."""
        self._statuses.undecided = self.source.demanded == AUTO
        self.notices.clear_partials()
        self._feeding.begin(sample)
        if self._statuses.ready:
            self._feed()
        for session in self._tracks:
            self._reroute(session)

    def pause(self, paused: bool) -> None:
        """Nothing is heard while paused; what was said before still gets interpreted."""
        self.stream.state = "paused" if paused else "live"
        self._feeding.flush()
        self.announce()

    def finish(self) -> None:
        """The speaker is gone."""
        self._feeding.flush()
        self.announce()

    def hear(self, sound: Sound) -> None:
        """The speaker's next sound, in order. Dropped unless the stream is live."""
        if self.stream.state != "live":
            return
        self._heard_at = self._clock()
        self.playout.floor.push(sound.pcm48, sound.packet)
        self._feeding.hear(sound.pcm16)

    # --- the interpreter ------------------------------------------------------------------

    def interpreter_ready(self) -> None:
        """Models are loaded: feed what was heard before, if anything."""
        self._statuses.begin()
        self._feed()

    def interpreter_lost(self) -> None:
        """The next interpreter will be fed what this one had not finished."""
        self._statuses.lose()
        self._feeding.lost()
        self._tell_channels()

    def _feed(self) -> None:
        self.publish_demand()
        self._feeding.feed()
        self._tell_channels()

    def receive(self, message: bus_messages.Message) -> None:
        """A message of the interpreter's about this stream; of an older epoch: dropped."""
        if message.epoch != self.epoch:
            self._metrics.dropped.labels("stale").inc()
            return
        match message:
            case bus_messages.Caption():
                self.notices.caption(message)
            case Speech():
                self._speak(message)
            case Committed():
                self._feeding.committed(message.sample)
            case bus_messages.Spoken():
                self.source.hear(message)
            case bus_messages.Failure():
                self._fails(message.language, message.reason if message.failing else None)
            case _:
                logger.warning("unexpected %s from the interpreter", type(message).__name__)

    def _fails(self, language: str, reason: FailureReason | None) -> None:
        """``reason`` None: it does not, or no more."""
        if self._statuses.fails(language, reason):
            self._tell_channels()

    def _speak(self, speech: Speech) -> None:
        """Speech is played when it was planned for, or at once if that has gone by."""
        self._fails(speech.language, None)  # the bus may have lost the word of its recovery
        ahead = (speech.play_at - self._feeding.sample) // SAMPLES_PER_TICK
        clause = speech.segment * PARTS + speech.part
        self._said[speech.language, clause] = speech.end_sample
        if len(self._said) > WAITING_CLAUSES:
            del self._said[next(iter(self._said))]
        self.playout.speak(
            speech.language,
            clause,
            np.frombuffer(speech.pcm, np.int16),
            speech.rate_hz,
            self._pacer.now_tick + ahead,
            speech.last,
        )

    def _clause_starts(self, language: str, clause: int, tick: int) -> None:
        end_sample = self._said.pop((language, clause), None)
        if end_sample is not None:
            lag_s = (self._feeding.sample - end_sample) / RATE_HZ
            self._metrics.ear_voice_span.labels(language).observe(max(0.0, lag_s))

    def backlogs_s(self) -> dict[str, float]:
        """Seconds of interpretation that wait to be heard, by language."""
        return {each: self.playout.backlog_s(each) for each in self._models.catalogue.all_targets}

    # --- from time to time ------------------------------------------------------------------

    def refresh(self) -> None:
        """Once a second: repeat the demand, close what nobody hears, say who listens."""
        self.publish_demand()
        self.close_unheard()
        self.notices.tell_audience()

    def publish_demand(self) -> None:
        """Tell the interpreter what is wanted; it lets go of what is not asked for again."""
        source = self.source.demanded
        if source is None or not self._statuses.ready:
            return
        now = self._clock()
        speech, text = self.stream.wanted(now, self._linger_s)
        silent = self._heard_at is None or now - self._heard_at > self._linger_s
        if silent and self.stream.speaker is None:
            speech = text = ()
        captions = not silent or self.stream.speaker is not None
        listeners = self.stream.listeners_by_language()
        admitted = self._admit((*speech, *text), listeners, now, captions)
        self._bus.publish(
            Demand(
                stream=self.stream.id,
                epoch=self.epoch,
                source=source,
                speech=tuple(each for each in speech if each in admitted),
                text=tuple(each for each in text if each in admitted),
                captions=captions and not self._statuses.unheard,
                listeners=listeners,
                among=self.source.may_be,
            )
        )

    def _admit(
        self, wanted: Sequence[str], listeners: dict[str, int], now: float, captions: bool
    ) -> set[str]:
        """Which languages are interpreted; who hears one that is not is told, and the speaker
        where there is no room to recognise what is said."""
        targets = set(self._models.catalogue.targets(self.stream.source or "")).intersection(wanted)
        ranked = sorted(targets, key=lambda each: (-listeners.get(each, 0), wanted.index(each)))
        wants = captions or bool(targets)
        heard = self._admission.hear(self.stream.id, wants, now)
        if self._statuses.unheard != (wants and not heard):
            self._statuses.unheard = not self._statuses.unheard
            self.announce()
        admitted = self._admission.admit(
            self.stream.id, ranked if heard else (), now, self._statuses.slow
        )
        if targets - admitted != self._statuses.refused:
            self._statuses.refused = targets - admitted
            self._tell_channels()
        return admitted

    def close_unheard(self) -> None:
        """Channels that nobody is on are not encoded."""
        heard = {track.broadcast.name for track in self._tracks.values()}
        for name in set(self.playout.channels) - heard:
            self.playout.close_channel(name)

    def _tell_channels(self) -> None:
        for language in self._models.catalogue.all_targets:
            self.playout.set_status(language, self._statuses.of(language)[0])
        self.notices.tell_channels()
