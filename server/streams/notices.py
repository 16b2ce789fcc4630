"""What the participants of one stream are told: its state, what they hear, captions, who
listens. Nothing here waits: connections queue what is sent."""

from collections import deque
from collections.abc import Callable

import msgspec

from server.bus import messages as bus
from server.bus.messages import RATE_HZ
from server.streams.registry import Session, Stream, language_of
from server.streams.statuses import Status
from signaling import messages as wire

#: Final captions kept for those who join late, a language.
SNAPSHOT_LINES = 20
UNHEARD = wire.Error(
    code="limit",
    message="This machine has no room to interpret one more stream: listeners hear the original "
    "until there is.",
    fatal=False,
)

Send = Callable[[wire.ServerMessage], None]


class Notices:
    """One stream's. ``status_of`` tells how a language's interpretation is."""

    def __init__(self, stream: Stream, status_of: Callable[[str], Status]) -> None:
        self._stream = stream
        self._status_of = status_of
        self._sends: dict[Session, Send] = {}
        self._captions: dict[str, deque[wire.Caption]] = {}
        self._told: dict[Session, wire.ChannelState] = {}
        self._open: dict[tuple[str, int], wire.Caption] = {}
        self._spoken: tuple[Session | None, wire.Spoken | None] = (None, None)
        self._audience: tuple[Session | None, dict[str, int]] = (None, {})

    def attach(self, session: Session, send: Send) -> None:
        """The session's participant is told from now on, through ``send``."""
        self._sends[session] = send
        self.snapshot(session)
        self.tell_channel(session)

    def detach(self, session: Session) -> None:
        """The session's participant is told nothing more."""
        self._sends.pop(session, None)
        self._told.pop(session, None)

    def announce(self, state: wire.State) -> None:
        """Tell everyone the stream's state."""
        for send in self._sends.values():
            send(state)

    def caption(self, line: bus.Caption) -> None:
        """A line for all who read its language; final ones are kept for who joins late."""
        caption = self._on_wire(line)
        key = (caption.language, caption.segment)
        if caption.status == "partial":
            self._open[key] = caption
        else:
            self._open.pop(key, None)
        if caption.status == "final":
            self._keep(caption)
        self._send(caption)

    def clear_partials(self) -> None:
        """Nothing follows on what is not final: it is taken back."""
        for line in self._open.values():
            self._send(
                msgspec.structs.replace(line, revision=line.revision + 1, status="clear", text="")
            )
        self._open.clear()

    def _send(self, caption: wire.Caption) -> None:
        for session, send in self._sends.items():
            if caption.language in session.captions:
                send(caption)

    def _on_wire(self, line: bus.Caption) -> wire.Caption:
        return wire.Caption(
            stream=self._stream.id,
            language=line.language,
            segment=line.segment,
            revision=line.revision,
            status=line.status,
            start_ms=line.start_sample * 1000 // RATE_HZ,
            end_ms=line.end_sample * 1000 // RATE_HZ,
            text=line.text,
            certain=line.certain,
            skipped=line.skipped,
            doubtful=line.doubtful,
        )

    def _keep(self, caption: wire.Caption) -> None:
        kept = self._captions.setdefault(caption.language, deque(maxlen=SNAPSHOT_LINES))
        for place, earlier in enumerate(kept):
            if earlier.segment == caption.segment:
                kept[place] = caption
                return
        kept.append(caption)

    def snapshot(self, session: Session) -> None:
        """The last lines in the session's languages."""
        lines = [line for each in session.captions for line in self._captions.get(each, ())]
        lines.sort(key=lambda caption: caption.start_ms)
        self._sends[session](wire.Captions(captions=lines))

    def tell_channels(self) -> None:
        """Tell everyone whose channel's status changed."""
        for session in self._sends:
            self.tell_channel(session)

    def tell_channel(self, session: Session) -> None:
        """Say what the session hears, if that is news to it."""
        if session.channel is None:
            return
        language = language_of(session.channel)
        status, reason = self._status_of(language) if language else ("live", None)
        state = wire.ChannelState(channel=session.channel, status=status, reason=reason)
        if self._told.get(session) != state:
            self._told[session] = state
            self._sends[session](state)

    def tell_spoken(self, spoken: wire.Spoken) -> None:
        """Tell the speaker which language is heard, if that is news."""
        speaker = self._stream.speaker
        news = (speaker, msgspec.structs.replace(spoken, changed=False))
        if speaker in self._sends and (news != self._spoken or spoken.changed):
            self._spoken = news
            self._sends[speaker](spoken)

    def follow_source(self) -> None:
        """The speaker reads what is understood, in the language that is spoken now."""
        speaker, source = self._stream.speaker, self._stream.source
        if speaker is not None and speaker.role == "speaker" and source:
            speaker.captions = frozenset({source})
            if speaker in self._sends:
                self.snapshot(speaker)

    def tell_unheard(self) -> None:
        """Tell the speaker that there is no room to interpret the stream. A state that comes
        without this says that there is."""
        if (speaker := self._stream.speaker) in self._sends:
            self._sends[speaker](UNHEARD)

    def tell_audience(self) -> None:
        """Tell the speaker who listens, if that is news."""
        speaker = self._stream.speaker
        audience = self._stream.audience()
        if speaker in self._sends and (speaker, audience) != self._audience:
            self._audience = (speaker, audience)
            self._sends[speaker](wire.Audience(total=sum(audience.values()), channels=audience))
