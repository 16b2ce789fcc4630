"""How the interpretation of one stream is, by language, and why where the floor is heard."""

from server.bus.messages import FailureReason
from signaling import messages as wire

#: Why only where it is a fallback.
Status = tuple[wire.ChannelStatus, wire.FallbackReason | None]


class Statuses:
    """``ready``: an interpreter is there; ``refused``: languages there is no room for;
    ``unheard``: nor is there any to recognise what is said; ``undecided``: it is not known yet
    which language is spoken."""

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
        """There is none any more; the next has not failed yet."""
        self.ready = False
        self._failing.clear()

    @property
    def slow(self) -> bool:
        """Whether the machine is too slow for a language."""
        return "slow" in self._failing.values()

    def fails(self, language: str, reason: FailureReason | None) -> bool:
        """The language fails for a reason, or, with None, does not. Returns whether that is
        news."""
        if reason == self._failing.get(language):
            return False
        if reason is None:
            del self._failing[language]
        else:
            self._failing[language] = reason
        return True

    def of(self, language: str) -> Status:
        """What listeners of ``language`` hear now, and why where it is not the interpretation."""
        if language in self._failing:
            return "fallback", self._failing[language] or "broken"
        if language in self.refused:
            return "fallback", "full"
        if self.undecided:
            return "starting", None
        if self.ready:
            return "live", None
        return ("fallback", "restarting") if self._was_ready else ("starting", None)
