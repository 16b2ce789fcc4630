"""Makes the demands of one stream to the interpreter: the languages that somebody wants, as far as
the machine has room for them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from server.bus.messages import Demand, FailureReason
from server.models.current import Current
from server.streams.admission import Admission
from server.streams.registry import Stream
from server.streams.source_language import SourceLanguage
from server.streams.statuses import Statuses


@dataclass
class Demands:
    """The demands of one stream. ``linger_s``: how long a language continues after its last
    listener, and captions after the last audio. ``heard_at``: when the speaker's last audio came,
    by the same clock as ``now``. ``announce`` is called when recognition of the stream was refused
    or admitted, ``tell_channels`` when a language was."""

    stream: Stream
    source: SourceLanguage
    statuses: Statuses
    models: Current
    admission: Admission
    linger_s: float
    announce: Callable[[], None]
    tell_channels: Callable[[], None]
    heard_at: float | None = None

    def make(self, epoch: int, now: float) -> Demand | None:
        """The demand as of ``now``; None if there is no interpreter, or no source language yet.
        The interpreter stops what is not demanded again."""
        source = self.source.demanded
        if source is None or not self.statuses.ready:
            return None
        speech, text = self.stream.wanted(now, self.linger_s)
        silent = self.heard_at is None or now - self.heard_at > self.linger_s
        if silent and self.stream.speaker is None:
            speech = text = ()
        captions = not silent or self.stream.speaker is not None
        listeners = self.stream.listeners_by_language()
        admitted = self._admit((*speech, *text), listeners, now, captions)
        return Demand(
            stream=self.stream.id,
            epoch=epoch,
            source=source,
            speech=tuple(each for each in speech if each in admitted),
            text=tuple(each for each in text if each in admitted),
            captions=captions and not self.statuses.unheard,
            listeners=listeners,
            among=self.source.may_be,
        )

    def fails(self, language: str, reason: FailureReason | None, now: float) -> None:
        """A language fails for ``reason``; None: it works."""
        if reason == "slow":
            self.admission.fell_behind(now)
        if self.statuses.fails(language, reason):
            self.tell_channels()

    def _admit(
        self, wanted: Sequence[str], listeners: dict[str, int], now: float, captions: bool
    ) -> set[str]:
        """The languages to interpret. Tells the listeners of refused languages, and the speaker if
        there is no room to recognise the stream."""
        targets = set(self.models.catalogue.targets(self.stream.source or "")).intersection(wanted)
        ranked = sorted(targets, key=lambda each: (-listeners.get(each, 0), wanted.index(each)))
        wants = captions or bool(targets)
        heard = self.admission.hear(self.stream.id, wants, now)
        if self.statuses.unheard != (wants and not heard):
            self.statuses.unheard = not self.statuses.unheard
            self.announce()
        admitted = self.admission.admit(self.stream.id, ranked if heard else (), now)
        self.statuses.forget(but=admitted)
        if targets - admitted != self.statuses.refused:
            self.statuses.refused = targets - admitted
            self.tell_channels()
        return admitted
