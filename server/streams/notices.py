"""Sends the participants of one stream their messages: its state, what each hears, captions, who
listens. Nothing here waits: connections queue what is sent."""

import itertools
import time
from collections import deque
from collections.abc import Callable, Iterable

import msgspec

from server.bus import messages as bus
from server.bus.messages import RATE_HZ
from server.streams.registry import Session, Stream, language_of
from server.streams.statuses import Status
from signaling import messages as wire

#: Number of final captions of each language that are kept for participants who join later.
SNAPSHOT_LINES = 20
UNHEARD = wire.Error(
    code="limit",
    message="This machine has no room to interpret one more stream: listeners hear the original "
    "until there is.",
    fatal=False,
)

Send = Callable[[wire.ServerMessage], None]


class Notices:
    """The messages of one stream. ``status_of`` returns the status of a language, ``person_of``
    the name of the person who interprets into it, if one does. ``newest``: the highest number of
    a caption so far; 0: none was final."""

    def __init__(
        self,
        stream: Stream,
        status_of: Callable[[str], Status],
        person_of: Callable[[str], str | None] = lambda language: None,
    ) -> None:
        self._stream = stream
        self._status_of = status_of
        self._person_of = person_of
        self._sends: dict[Session, Send] = {}
        self._captions: dict[str, deque[wire.Caption]] = {}
        self.newest = 0
        # Later streams of this name begin higher, as there are fewer lines than milliseconds;
        # unless the clock was set back.
        self._numbers = itertools.count(int(time.time() * 1000))
        self._told: dict[Session, wire.ChannelState] = {}
        self._open: dict[tuple[str, int], wire.Caption] = {}
        self._spoken: tuple[Session | None, wire.Spoken | None] = (None, None)
        self._posted: tuple[wire.Notice, float] | None = None
        self._audiences: dict[Session, dict[str, int]] = {}
        self._skipped = 0
        self._lag: tuple[Session | None, wire.Lag] = (None, wire.Lag())

    def attach(self, session: Session, send: Send) -> None:
        """Send the participant its messages from now on, through ``send``."""
        self._sends[session] = send
        self.snapshot(session)
        self.tell_channel(session)
        if self._posted is not None and session.role == "listener":
            send(self._posted[0])

    def detach(self, session: Session) -> None:
        """Send the participant nothing more."""
        self._sends.pop(session, None)
        self._told.pop(session, None)
        self._audiences.pop(session, None)

    def tell(self, session: Session, message: wire.ServerMessage) -> None:
        """Send one participant a message, if it is there."""
        if session in self._sends:
            self._sends[session](message)

    def announce(self, state: wire.State) -> None:
        """Send everyone the stream's state."""
        for send in self._sends.values():
            send(state)

    @property
    def notice(self) -> wire.Notice:
        """The host's message to the listeners; without text: none."""
        return self._posted[0] if self._posted else wire.Notice()

    @property
    def posted(self) -> str:
        """The same in all its languages; "" for none."""
        notice = self.notice
        return " / ".join(notice.texts.values()) or notice.text

    def post(self, notice: wire.Notice, until_s: float) -> None:
        """Show all listeners a message, also those who join later, until ``expire`` is called
        with ``until_s`` or more. It replaces the one before; one without text takes that back."""
        self._posted = (notice, until_s) if notice.text else None
        for session, send in self._sends.items():
            if session.role == "listener":
                send(notice)

    def expire(self, now_s: float) -> None:
        """Take the message back, if its time is over."""
        if self._posted is not None and now_s >= self._posted[1]:
            self.post(wire.Notice(), now_s)

    def caption(self, line: bus.Caption) -> None:
        """Number a caption, if it is final, and pass it on."""
        caption = self._on_wire(line)
        if caption.status == "final":
            caption = msgspec.structs.replace(caption, number=next(self._numbers))
            self._skipped += caption.skipped
        self.pass_on(caption)

    def pass_on(self, caption: wire.Caption) -> None:
        """Send a caption to all who read its language. Final ones are kept for later joins."""
        key = (caption.language, caption.segment)
        if caption.status == "partial":
            self._open[key] = caption
        else:
            self._open.pop(key, None)
        if caption.status == "final":
            self._keep(caption)
        self._send(caption)

    def restore(self, lines: Iterable[wire.Caption]) -> None:
        """Keep final captions that were sent elsewhere, and send all kept ones to those who read a
        language in which one is new."""
        new = set[str]()
        for line in lines:
            kept = self._captions.get(line.language, ())
            if line.number not in [each.number for each in kept]:
                self._keep(line)
                new.add(line.language)
        for session in list(self._sends):
            if not new.isdisjoint(session.captions):
                self.snapshot(session)

    def forget_captions(self) -> None:
        """Keep none of those so far."""
        self.clear_partials()
        self._captions.clear()
        self.newest = 0

    def clear_partials(self) -> None:
        """Take back the captions that are not final, as nothing will complete them."""
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
        self.newest = max(self.newest, caption.number)
        kept = self._captions.setdefault(caption.language, deque(maxlen=SNAPSHOT_LINES))
        for place, earlier in enumerate(kept):
            if earlier.segment == caption.segment:
                kept[place] = caption
                return
        kept.append(caption)

    def snapshot(self, session: Session) -> None:
        """Send the last captions in the session's languages."""
        lines = [line for each in session.captions for line in self._captions.get(each, ())]
        lines.sort(key=lambda caption: caption.start_ms)
        self._sends[session](wire.Captions(captions=lines))

    def tell_channels(self) -> None:
        """Tell everyone whose channel's status changed what they hear."""
        for session in self._sends:
            self.tell_channel(session)

    def tell_channel(self, session: Session) -> None:
        """Tell the session what it hears, if that changed."""
        if session.channel is None:
            return
        language = language_of(session.channel)
        status, reason = self._status_of(language) if language else ("live", None)
        person = self._person_of(language) if language else None
        if person is not None:
            status, reason = "live", None
        state = wire.ChannelState(
            channel=session.channel, status=status, reason=reason, interpreter=person
        )
        if self._told.get(session) != state:
            self._told[session] = state
            self._sends[session](state)

    def tell_spoken(self, spoken: wire.Spoken) -> None:
        """Tell the speaker which language was detected, if that changed."""
        speaker = self._stream.speaker
        news = (speaker, msgspec.structs.replace(spoken, changed=False))
        if speaker in self._sends and (news != self._spoken or spoken.changed):
            self._spoken = news
            self._sends[speaker](spoken)

    def follow_source(self) -> None:
        """Give the speaker captions in the language that is spoken now: what was recognised."""
        speaker, source = self._stream.speaker, self._stream.source
        if speaker is not None and speaker.role == "speaker" and source:
            speaker.captions = frozenset({source})
            if speaker in self._sends:
                self.snapshot(speaker)

    def tell_unheard(self) -> None:
        """Tell the speaker that there is no room to interpret the stream. A State that is not
        followed by this error means that there is room again."""
        if (speaker := self._stream.speaker) in self._sends:
            self._sends[speaker](UNHEARD)

    def tell_audience(self) -> None:
        """Tell the speaker, and those in the wings, how many listen to each channel, if that
        changed."""
        audience = self._stream.audience()
        message = wire.Audience(total=sum(audience.values()), channels=audience)
        for session in (self._stream.speaker, *self._stream.wings):
            if session in self._sends and self._audiences.get(session) != audience:
                self._audiences[session] = audience
                self._sends[session](message)

    def tell_lag(self, behind_s: dict[str, float]) -> None:
        """Tell the speaker how far behind each language is that is heard, to half a second, if
        that changed."""
        speaker, wanted = self._stream.speaker, self._stream.listeners_by_language()
        rounded = {
            each: round(late_s * 2) / 2 for each, late_s in behind_s.items() if each in wanted
        }
        news = (speaker, wire.Lag(behind_s=rounded, skipped=self._skipped))
        if speaker in self._sends and news != self._lag and (rounded or self._skipped):
            self._lag = news
            self._sends[speaker](news[1])
