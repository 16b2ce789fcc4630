"""The language that a stream is interpreted from, and what the speaker is told about it.

- The speaker chooses a language, or AUTO: then the interpreter detects it, also when it changes.
- After a change, the audio in the new language from before the change was known is interpreted,
  too.
"""

from collections.abc import Callable, Sequence

import signaling.messages as wire
from server.bus.messages import AUTO, Spoken
from server.streams.notices import Notices
from server.streams.registry import Stream


class SourceLanguage:
    """The source language of one stream. ``sources`` returns the languages that can be
    interpreted. ``changed`` is called with the sample at which the language changed, None: now; and
    whether somebody else speaks. ``announce`` tells everyone the stream's state."""

    def __init__(
        self,
        stream: Stream,
        notices: Notices,
        sources: Callable[[], Sequence[str]],
        changed: Callable[[int | None, bool], None],
        announce: Callable[[], None],
    ) -> None:
        self._stream = stream
        self._notices = notices
        self._sources = sources
        self._changed = changed
        self._announce = announce
        self._before: str | None = None
        self._mismatch: Spoken | None = None

    @property
    def demanded(self) -> str | None:
        """What the interpreter is to recognise: a language, AUTO, or nothing."""
        return self._stream.source or (AUTO if self._stream.auto else None)

    @property
    def may_be(self) -> tuple[str, ...]:
        """The languages among which it is detected."""
        speaker = self._stream.speaker
        if speaker is None:
            return ()
        allowed = speaker.languages
        return tuple(each for each in self._sources() if allowed is None or each in allowed)

    @property
    def mismatch(self) -> str:
        """The language that is spoken in place of the chosen one; "" if it is that."""
        return self._mismatch.language if self._mismatch else ""

    def begin(self) -> None:
        """A speaker joined, or came back. Earlier audio still gets interpreted."""
        self._take(None, by_another=True)

    def choose(self, language: str) -> None:
        """The speaker chose a language, or AUTO."""
        heard = self._mismatch
        self._stream.speak(language)
        if heard is not None and language == AUTO and heard.language in self.may_be:
            self._stream.source = heard.language
        self._take(heard.sample if heard and heard.language == self._stream.source else None)

    def hear(self, spoken: Spoken) -> None:
        """The interpreter has detected the spoken language."""
        stream = self._stream
        other = spoken.language != stream.source
        changes = other and stream.auto and spoken.language in self.may_be
        if changes:
            stream.source = spoken.language
            self._take(spoken.sample)
        self._mismatch = spoken if other and not changes else None
        self._notices.tell_spoken(
            wire.Spoken(
                language=spoken.language, mismatch=self._mismatch is not None, changed=changes
            )
        )

    def _take(self, sample: int | None, by_another: bool = False) -> None:
        is_new = self.demanded != self._before
        if is_new:
            self._before = self.demanded
            self._mismatch = None
            self._changed(sample, by_another)
        self._announce()
        if is_new:
            self._notices.follow_source()
