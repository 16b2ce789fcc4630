"""One stream at work: passes audio to the interpreter, and interpretations to the listeners.

Messages of an older epoch (see ``feeding``) are dropped. Nothing here waits: every call returns
at once.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

import signaling.messages as wire
from server.bus import messages as bus_messages
from server.bus.messages import AUTO, RATE_HZ, Committed, FailureReason, Speech
from server.bus.protocol import Bus
from server.media.pacer import Pacer
from server.media.playout import StreamPlayout
from server.media.receive import Sound
from server.metrics import Metrics
from server.models.current import Current
from server.recording.recorder import Recorder
from server.recording.recordings import Recordings
from server.streams.admission import Admission
from server.streams.demands import Demands
from server.streams.ear_voice_span import EarVoiceSpan
from server.streams.feeding import Feeding
from server.streams.notices import Notices, Send
from server.streams.registry import Session, Stream
from server.streams.source_language import SourceLanguage
from server.streams.statuses import Statuses
from server.streams.tracks import Tracks

logger = logging.getLogger(__name__)

SAMPLES_PER_TICK = RATE_HZ // 50


@dataclass(frozen=True)
class StreamContext:
    """What all live streams share. ``linger_s``: how long a language is interpreted after its last
    listener left."""

    bus: Bus[bus_messages.Message]
    pacer: Pacer
    models: Current
    metrics: Metrics
    admission: Admission
    linger_s: float
    clock: Callable[[], float] = time.monotonic
    recordings: Recordings = field(default_factory=Recordings)


class LiveStream:
    """The audio and the captions of one stream."""

    def __init__(self, stream: Stream, context: StreamContext) -> None:
        metrics = context.metrics
        self.stream = stream
        self._context = context
        self._hears = True
        self._feeding = Feeding(stream.id, context.bus, metrics.replayed.inc, metrics.replay_counts)
        self._span = EarVoiceSpan(
            lambda: self._feeding.sample,
            lambda language, lag_s: metrics.ear_voice_span.labels(language).observe(lag_s),
        )
        self.playout = StreamPlayout(self._span.starts, counts=metrics.playout_counts)
        self.tracks = Tracks(stream, self.playout)
        self.recorder = Recorder(
            stream, self.playout, self.tracks, context.recordings, self.announce
        )
        self._statuses = Statuses()
        self.notices = Notices(stream, self._statuses.of)
        self.source = SourceLanguage(
            stream,
            self.notices,
            lambda: context.models.catalogue.sources,
            self._changed_source,
            self.announce,
        )
        self._demands = Demands(
            stream,
            self.source,
            self._statuses,
            context.models,
            context.admission,
            context.linger_s,
            self.announce,
            self._tell_channels,
        )
        self._spoken: tuple[str, ...] = ()

    # --- participants ---------------------------------------------------------------------

    @property
    def channels(self) -> list[str]:
        """The channels that listeners can choose now."""
        targets = self._context.models.catalogue.targets(self.stream.source or "")
        return ["floor", *targets, *(f"{target}+floor" for target in targets)]

    @property
    def now_ms(self) -> int:
        """The stream's time now, in milliseconds, as captions have it."""
        return self._feeding.sample * 1000 // RATE_HZ

    def attach(self, session: Session, send: Send) -> None:
        """Send the participant its messages from now on, through ``send``."""
        if session is not self.stream.speaker:
            self.publish_demand()
        self.notices.attach(session, send)

    @property
    def epoch(self) -> int:
        """The current epoch: messages of older ones are dropped."""
        return self._feeding.epoch

    def detach(self, session: Session) -> None:
        """The participant left."""
        self.notices.detach(session)
        self.tracks.remove(session)

    @property
    def state(self) -> wire.State:
        """The stream's state, as participants are told."""
        return wire.State(
            state=self.stream.state,
            source=self.stream.source,
            channels=self.channels,
            recording=self.recorder.kinds,
        )

    def announce(self) -> None:
        """Tell everyone the stream's state."""
        self.notices.announce(self.state)
        self._tell_channels()  # the list of channels may have changed
        if self._statuses.unheard:
            self.notices.tell_unheard()

    def selected(self, session: Session, captions_changed: bool) -> None:
        """The session's channel or captions changed."""
        if captions_changed:
            self.notices.snapshot(session)
        self.tracks.reroute(session)
        self.publish_demand()  # first, as it finds out whether there is room for the language
        self.notices.tell_channel(session)

    # --- the speaker ----------------------------------------------------------------------

    def _changed_source(self, sample: int | None) -> None:
        """The spoken language changed at ``sample``; None: now."""
        self._statuses.undecided = self.source.demanded == AUTO
        self.notices.clear_partials()
        self._feeding.begin(sample)
        if self._statuses.ready:
            self._feed()
        self.tracks.reroute_all()

    def pause(self, paused: bool) -> None:
        """Pause or continue. Audio that comes during a pause is dropped; earlier audio still gets
        interpreted."""
        self.stream.state = "paused" if paused else "live"
        self._feeding.flush()
        self.announce()

    def finish(self) -> None:
        """The speaker left."""
        self._feeding.flush()
        if self.stream.state == "ended":
            self.recorder.finish()
        self.announce()

    def hear(self, sound: Sound) -> None:
        """Take the speaker's next audio, in order. It is dropped unless the stream is live."""
        if self.stream.state != "live" or not self._hears:
            return
        self._demands.heard_at = self._context.clock()
        self.recorder.hear(self._feeding.heard)
        self.playout.floor.push(sound.pcm48, sound.packet)
        self._feeding.hear(sound.pcm16)

    def hear_no_more(self) -> None:
        """Drop audio that comes from now on; earlier audio still gets interpreted."""
        self._hears = False
        self._feeding.flush()

    @property
    def is_interpreted(self) -> bool:
        """Whether there is an interpreter, and somebody for whom it interprets."""
        wanted = self.stream.wanted(self._context.clock(), self._context.linger_s)
        return self._statuses.ready and bool(self.stream.listeners) and any(wanted)

    @property
    def is_unfinished(self) -> bool:
        """Whether audio waits to be interpreted, or an interpretation to be played."""
        return self.is_interpreted and (
            self._feeding.is_unfinished or any(self.backlogs_s().values())
        )

    # --- the interpreter ------------------------------------------------------------------

    def interpreter_ready(self) -> None:
        """The interpreter has loaded its models: send it the earlier audio that it still needs."""
        self._statuses.begin()
        self._feed()

    def interpreter_lost(self) -> None:
        """The interpreter died: the next one will get the audio that it had not finished."""
        self._statuses.lose()
        self._feeding.lost()
        self._tell_channels()

    def _feed(self) -> None:
        self.publish_demand()
        self._feeding.feed()
        self._tell_channels()

    def receive(self, message: bus_messages.Message) -> None:
        """Handle a message of the interpreter about this stream. Those of older epochs are
        dropped."""
        if message.epoch != self.epoch:
            self._context.metrics.dropped.labels("stale").inc()
            return
        match message:
            case bus_messages.Caption():
                self.notices.caption(message)
                self.recorder.caption(message)
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
        """The language fails for ``reason``; None: it works."""
        if self._statuses.fails(language, reason):
            self._tell_channels()

    def _speak(self, speech: Speech) -> None:
        """Play speech at the planned time, or at once if that is past."""
        self._fails(speech.language, None)  # the bus may have lost the message that it works again
        ahead = (speech.play_at - self._feeding.sample) // SAMPLES_PER_TICK
        self.playout.speak(
            speech.language,
            self._span.expect(speech),
            np.frombuffer(speech.pcm, np.int16),
            speech.rate_hz,
            self._context.pacer.now_tick + ahead,
            speech.last,
        )

    def backlogs_s(self) -> dict[str, float]:
        """Seconds of interpretation that wait to be played, by language."""
        languages = self._context.models.catalogue.all_targets
        return {each: self.playout.backlog_s(each) for each in languages}

    # --- once a second ----------------------------------------------------------------------

    def refresh(self) -> None:
        """Repeat the demand, write recordings, close channels that nobody hears, tell the speaker
        who listens."""
        self.publish_demand()
        self.recorder.refresh(self._spoken)
        self.tracks.close_unheard()
        self.notices.tell_audience()

    def publish_demand(self) -> None:
        """Tell the interpreter which languages are wanted."""
        if demand := self._demands.make(self.epoch, self._context.clock()):
            self._context.bus.publish(demand)
            self._spoken = demand.speech

    def _tell_channels(self) -> None:
        for language in self._context.models.catalogue.all_targets:
            self.playout.set_status(language, self._statuses.of(language)[0])
        self.notices.tell_channels()
