"""One stream at work: passes audio to the interpreter, and interpretations to the listeners.

Messages of an older epoch (see ``feeding``) are dropped. Nothing here waits.
"""

import numpy as np

import signaling.messages as wire
from server.bus import messages as bus_messages
from server.bus.messages import AUTO, RATE_HZ, Committed, Speech
from server.media.playout import StreamPlayout
from server.media.receive import Sound
from server.recording.recorder import Recorder
from server.streams.channel_names import channels
from server.streams.context import StreamContext
from server.streams.demands import Demands
from server.streams.ear_voice_span import EarVoiceSpan
from server.streams.feeding import Feeding
from server.streams.figures import StreamFigures
from server.streams.interpreters import Interpreters
from server.streams.notices import Notices, Send
from server.streams.registry import Session, Stream
from server.streams.source_language import SourceLanguage
from server.streams.statuses import Statuses
from server.streams.tracks import Tracks
from server.streams.wings import Wings

SAMPLES_PER_TICK = RATE_HZ // 50


class LiveStream:
    """The audio and the captions of one stream. ``epoch``: its first."""

    def __init__(self, stream: Stream, context: StreamContext, epoch: int = 0) -> None:
        metrics = context.metrics
        self.stream, self._context, self._hears = stream, context, True
        self._feeding = Feeding(
            stream.id, context.bus, metrics.replayed.inc, metrics.replay_counts, epoch
        )
        self.figures = StreamFigures(lambda: self._feeding.sample)
        self._span = EarVoiceSpan(lambda: self._feeding.sample, self._starts)
        self.playout = StreamPlayout(
            self._span.starts,
            counts=metrics.playout_counts,
            on_end=self._spoken_until,
            on_handover=self._handed_over,
        )
        self.tracks = Tracks(stream, self.playout)
        self.recorder = Recorder(
            stream, self.playout, self.tracks, context.recordings, self.announce
        )
        self.statuses = Statuses()
        self.interpreters = Interpreters(stream, self.playout)
        self.notices = Notices(stream, self.statuses.of, self.interpreters.heard)
        self.source = SourceLanguage(
            stream,
            self.notices,
            lambda: context.models.catalogue.sources,
            self._changed_source,
            self.announce,
        )
        self.wings = Wings(stream, self.notices, self._turned, self.announce, context.clock)
        self._demands = Demands(
            stream,
            self.source,
            self.statuses,
            context.models,
            context.admission,
            context.linger_s,
            self.announce,
            self._tell_channels,
        )
        self._spoken: tuple[str, ...] = ()
        self._fed_at = 0

    # --- participants ---------------------------------------------------------------------

    @property
    def channels(self) -> list[str]:
        """The channels that listeners can choose now."""
        return channels(self._context.models.catalogue.targets(self.stream.source or ""))

    @property
    def now_ms(self) -> int:
        """The stream's time now, in milliseconds, as captions have it."""
        return self._feeding.sample * 1000 // RATE_HZ

    def attach(self, session: Session, send: Send) -> None:
        """Send the participant its messages from now on, through ``send``."""
        if session is not self.stream.speaker:
            self.publish_demand()
        self.notices.attach(session, send)
        if session is self.stream.speaker:
            self.wings.tell()

    @property
    def epoch(self) -> int:
        """The current epoch: messages of older ones are dropped."""
        return self._feeding.epoch

    def detach(self, session: Session) -> None:
        """The participant left."""
        self.wings.leave(session)
        self.notices.detach(session)
        self.interpreters.leave(session)
        self.tracks.remove(session)

    @property
    def state(self) -> wire.State:
        """The stream's state, as participants are told."""
        return wire.State(
            state=self.stream.state,
            source=self.stream.source,
            channels=self.channels,
            recording=self.recorder.kinds,
            panel=self.stream.panel,
        )

    def announce(self) -> None:
        """Tell everyone the stream's state."""
        self.notices.announce(self.state)
        self._tell_channels()  # the list of channels may have changed
        if self.statuses.unheard:
            self.notices.tell_unheard()

    def selected(self, session: Session, captions_changed: bool) -> None:
        """The session's channel or captions changed."""
        if captions_changed:
            self.notices.snapshot(session)
        self.tracks.reroute(session)
        self.publish_demand()  # first, as it finds out whether there is room for the language
        self.notices.tell_channel(session)

    def post(self, notice: wire.Notice, for_s: float) -> None:
        """Show the listeners a message; one without text takes it back."""
        self.notices.post(notice, self._context.clock() + for_s)

    # --- the speaker ----------------------------------------------------------------------

    def _changed_source(self, sample: int | None, by_another: bool) -> None:
        """The spoken language changed at ``sample``, None: now; ``by_another``: speaker."""
        self.tracks.reroute_all()
        self._feeding.begin(sample, self._begun, finish=by_another)

    def _begun(self) -> None:
        """An epoch has begun because of another language."""
        self.statuses.undecided = self.source.demanded == AUTO
        self.statuses.forget()
        self.notices.clear_partials()
        if self.statuses.ready:
            self._feed()

    def _turned(self, said: int) -> None:
        """Another speaker has begun, who has said so many samples (at 48 kHz) already."""
        self.playout.floor.expect(said)
        self.source.begin()
        self.notices.follow_source()

    def pause(self, paused: bool, by_operator: bool = False) -> None:
        """Pause or continue. Audio of a pause is dropped; earlier audio still gets interpreted."""
        self.stream.pause(paused, by_operator)
        self._feeding.flush()
        self.announce()

    def finish(self) -> None:
        """The speaker left."""
        self._feeding.flush()
        if self.stream.state == "ended":
            self.stream.panel = self.stream.held = False
            self._context.logbook.ended(self.stream.id, self.stream.ended_by_operator)
            self.recorder.end()
        self.announce()

    def hear(self, sound: Sound) -> None:
        """Take the speaker's next audio, in order. It is dropped unless the stream is live."""
        if self.stream.state != "live" or not self._hears:
            return
        self._demands.heard_at = self._context.clock()
        self.recorder.hear(self._feeding.heard, sound.pcm48)
        self.playout.floor.push(sound.pcm48, sound.packet)
        self._feeding.hear(sound.pcm16)

    def take(self, *, floor: bool, interpreted: bool) -> None:
        """Whether what comes from now on is heard, and interpreted."""
        self._hears = floor
        self._feeding.take(interpreted)

    @property
    def is_interpreted(self) -> bool:
        """Whether there is an interpreter, and somebody for whom it interprets."""
        wanted = self.stream.wanted(self._context.clock(), self._context.linger_s)
        return self.statuses.ready and bool(self.stream.listeners) and any(wanted)

    @property
    def unfinished_s(self) -> float:
        """The audio that waits to be interpreted, in seconds; inf while there is speech to play."""
        played = not any(self.backlogs_s().values())
        return (self._feeding.unfinished_s if played else np.inf) if self.is_interpreted else 0.0

    # --- the interpreter ------------------------------------------------------------------

    def interpreter_ready(self) -> None:
        """The interpreter has loaded its models: send it the earlier audio that it still needs."""
        self.statuses.begin()
        self._feed()

    def interpreter_lost(self, died: bool = True) -> None:
        """The interpreter is gone: the next one will get the audio that it had not finished."""
        self.statuses.lose()
        self._feeding.lost(died)
        self.notices.clear_partials()
        self._tell_channels()

    def _feed(self) -> None:
        self._fed_at = self._feeding.sample
        self.publish_demand()
        self._feeding.feed()
        self._tell_channels()

    def receive(self, message: bus_messages.Message) -> None:
        """Handle an interpreter's message about this stream; those of older epochs are dropped."""
        if message.epoch != self.epoch:
            self._context.metrics.dropped.labels("stale").inc()
            return
        match message:
            case bus_messages.Caption():
                self.notices.caption(message)
                self.figures.caption(message)
                self.recorder.caption(message)
            case Speech():
                self._speak(message)
            case Committed():
                self._feeding.committed(message.sample)
            case bus_messages.Spoken() if not self._feeding.waits:
                self.source.hear(message)
            case bus_messages.Failure():
                reason = message.reason if message.failing else None
                self._demands.fails(message.language, reason, self._context.clock())

    def _speak(self, speech: Speech) -> None:
        """Play speech at the planned time, or at once if that is past."""
        # Once a clause, though it comes in pieces; not if it came before, or could not come.
        if speech.last and speech.end_sample > self._fed_at:
            lag_s = (self._feeding.sample - speech.end_sample) / RATE_HZ
            self._context.admission.contention.clause(lag_s, self._context.clock())
        # The bus may have lost the message that it works again.
        self._demands.fails(speech.language, None, self._context.clock())
        ahead = (speech.play_at - self._feeding.sample) // SAMPLES_PER_TICK
        self.playout.speak(
            speech.language,
            self._span.expect(speech),
            np.frombuffer(speech.pcm, np.int16),
            speech.rate_hz,
            self._context.pacer.now_tick + ahead,
            speech.last,
        )

    def _spoken_until(self, language: str, clause: int, start: int, end: int) -> None:
        self.recorder.heard(language, self._span.segment(clause), start, end)

    def _starts(self, language: str, lag_s: float) -> None:
        """A clause starts to play, ``lag_s`` after it was said."""
        self._context.metrics.ear_voice_span.labels(language).observe(lag_s)
        self.figures.starts(language, lag_s)

    def backlogs_s(self) -> dict[str, float]:
        """Seconds of interpretation that wait to be played, by language."""
        languages = self._context.models.catalogue.all_targets
        return {each: self.playout.backlog_s(each) for each in languages}

    # --- once a second ----------------------------------------------------------------------

    def refresh(self) -> None:
        """Repeat what is said and checked regularly."""
        self.publish_demand()
        self.notices.expire(self._context.clock())
        self.recorder.refresh({*self._spoken, *self.interpreters.on_air}, self.unfinished_s > 0)
        self.tracks.close_unheard()
        self.notices.tell_audience()
        self.interpreters.tell()
        self.notices.tell_lag(self._span.behind_s())

    def publish_demand(self) -> None:
        """Tell the interpreter which languages are wanted."""
        now = self._context.clock()
        if not self._feeding.waits and (demand := self._demands.make(self.epoch, now)):
            self._context.bus.publish(demand)
            self._spoken = demand.speech

    def _handed_over(self, language: str) -> None:
        """Somebody else is heard in this language from now on: a person, or the machine."""
        to = "person" if self.playout.is_by_person(language) else "machine"
        self._context.metrics.handovers.labels(to).inc()
        self.notices.tell_channels()
        self.interpreters.tell()

    def _tell_channels(self) -> None:
        for language in self._context.models.catalogue.all_targets:
            self.playout.set_status(language, self.statuses.of(language)[0])
        self.notices.tell_channels()
