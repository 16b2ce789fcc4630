"""The status of each language of one stream, and the reason if listeners hear the floor instead."""

from collections.abc import Collection

from server.bus.messages import FailureReason
from signaling import messages as wire

#: A reason is given for a fallback only.
Status = tuple[wire.ChannelStatus, wire.FallbackReason | None]


class Statuses:
    """``ready``: there is an interpreter. ``refused``: languages for which there is no room.
    ``unheard``: there is no room to recognise the stream. ``undecided``: the spoken language is
    not known yet."""

    def __init__(self) -> None:
        self.ready = False
        self.refused: set[str] = set()
        self.unheard = False
        self.undecided = False
        self._was_ready = False
        self._failing: dict[str, FailureReason] = {}

    def begin(self) -> None:
        """There is an interpreter."""
        self.ready = self._was_ready = True

    def lose(self) -> None:
        """There is no interpreter any more. The next one begins without failures."""
        self.ready = False
        self.forget()

    def forget(self, but: Collection[str] = ()) -> None:
        """Forget the failures of all languages but these: that they are over may never be told."""
        self._failing = {each: why for each, why in self._failing.items() if each in but}

    def fails(self, language: str, reason: FailureReason | None) -> bool:
        """The language fails for ``reason``; None: it works. Returns whether that changed."""
        if reason == self._failing.get(language):
            return False
        if reason is None:
            del self._failing[language]
        else:
            self._failing[language] = reason
        return True

    def of(self, language: str) -> Status:
        """The status of ``language``, and the reason of a fallback."""
        if language in self._failing:
            return "fallback", self._failing[language] or "broken"
        if language in self.refused:
            return "fallback", "full"
        if self.undecided:
            return "starting", None
        if self.ready:
            return "live", None
        return ("fallback", "restarting") if self._was_ready else ("starting", None)
