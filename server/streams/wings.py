"""Those who wait in the wings of one stream, and the hand-over to them.

- Somebody in the wings asks; the speaker, or an operator, hands over or declines. Where nobody
  speaks, who asks speaks at once.
- Who asks has a connection already, whose sound is dropped until the hand-over. So the first word
  after it is heard, and listeners notice nothing but another voice.
- Who has handed over waits in the wings, and may ask again.
- In a panel nobody asks: whoever speaks takes over, as ``panel`` decides.
"""

import itertools
from collections.abc import Callable, Sequence
from typing import Final

from server.media.receive import Sound
from server.streams.notices import Notices
from server.streams.panel import Panel
from server.streams.registry import Session, Stream
from signaling.messages import Asking, Turn, Waiting

#: More than the speaker can look over are not shown.
MOST_ASKING: Final = 8


class Wings:
    """The wings of one stream. ``changed`` is called when another speaker has begun, with the
    number of samples at 48 kHz that they have said already; ``announce`` when the stream's state is
    another. ``clock`` is in seconds."""

    def __init__(
        self,
        stream: Stream,
        notices: Notices,
        changed: Callable[[int], None],
        announce: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        self._stream = stream
        self._notices = notices
        self._changed = changed
        self._announce = announce
        self._clock = clock
        self._panel = Panel()
        self._numbers = itertools.count(1)
        self._asking: dict[Session, Waiting] = {}

    @property
    def asking(self) -> list[Waiting]:
        """Those who ask to speak, the first to ask first."""
        return list(self._asking.values())

    def ask(self, session: Session, name: str) -> None:
        """The session in the wings asks to speak. ``name``: what its token calls it."""
        if session not in self._stream.wings:
            return
        if self._stream.speaker is None:
            self._give(session)
        elif self._stream.panel:
            pass  # who speaks, speaks
        elif session not in self._asking and len(self._asking) < MOST_ASKING:
            self._asking[session] = Waiting(
                number=next(self._numbers), language=session.speaks, name=name
            )
            self.tell()

    def hand_over(self, number: int) -> bool:
        """Let the one with this number speak, and the speaker wait. False: nobody has it now, or
        the stream has ended."""
        session = self._who(number)
        if session is None or self._stream.state == "ended":
            return False
        self._give(session)
        return True

    def decline(self, number: int) -> bool:
        """The one with this number is not to speak now. False: nobody has it now."""
        session = self._who(number)
        if session is None:
            return False
        del self._asking[session]
        self._notices.tell(session, Turn(declined=True))
        self.tell()
        return True

    def hold_panel(self, on: bool) -> None:
        """From now on whoever speaks takes over; or, again, nobody but by a hand-over."""
        if on != self._stream.panel:
            self._stream.panel = on
            self._panel = Panel()
            self._asking.clear()
            self.tell()
            self._announce()

    def hear(self, session: Session, sound: Sound) -> Sequence[Sound]:
        """What is heard now that this sound of a speaker has come: it, if they speak; in a panel
        also what somebody has said who takes over with it."""
        stream = self._stream
        if stream.panel and session.may_begin and stream.state in ("live", "waiting"):
            said = self._panel.hear(session, sound, self._clock(), stream.speaker)
            if said:
                self._give(session, sum(len(each.pcm48) for each in said))
                return said
        return [sound] if session.speaks_now else []

    def leave(self, session: Session) -> None:
        """The participant left."""
        self._panel.leave(session)
        if self._asking.pop(session, None) is not None:
            self.tell()

    def tell(self) -> None:
        """Tell the speaker who asks."""
        if self._stream.speaker is not None:
            self._notices.tell(self._stream.speaker, Asking(who=self.asking))

    def _who(self, number: int) -> Session | None:
        return next((each for each, it in self._asking.items() if it.number == number), None)

    def _give(self, session: Session, said: int = 0) -> None:
        before = self._stream.speaker
        if before is not None:
            before.captions = frozenset()
            self._stream.wings.add(before)
            self._notices.tell(before, Turn())
        self._asking.pop(session, None)
        self._stream.give_to(session)
        self._notices.tell(session, Turn(speaking=True))
        self._changed(said)
        self.tell()
