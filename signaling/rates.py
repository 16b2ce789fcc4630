"""How often a participant may say something."""

from typing import Final

from signaling.errors import ProtocolError

#: Of text messages and pings: more than any page sends, at any moment and in the long run.
TEXTS_AT_ONCE: Final = 100
TEXTS_PER_S: Final = 10.0
#: Of sound: after a stall of the network many come at once; else 5 ms are the shortest.
SOUNDS_AT_ONCE: Final = 1000
SOUNDS_PER_S: Final = 200.0
#: To come back after, for who sent too many.
BACK_AFTER_S: Final = 5.0


class Bucket:
    """``at_once`` times in a row, and ``per_s`` times a second in the long run."""

    def __init__(self, per_s: float, at_once: int) -> None:
        self._per_s = per_s
        self._at_once = at_once
        self._left = float(at_once)
        self._since_s: float | None = None

    def take(self, now_s: float) -> bool:
        """Do it once more, by a clock that never goes back. False: not yet."""
        if self._since_s is not None:
            self._left = min(self._at_once, self._left + (now_s - self._since_s) * self._per_s)
        self._since_s = now_s
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Rates:
    """One participant's."""

    def __init__(self) -> None:
        self._texts = Bucket(TEXTS_PER_S, TEXTS_AT_ONCE)
        self._sounds = Bucket(SOUNDS_PER_S, SOUNDS_AT_ONCE)

    def count(self, now_s: float, *, sound: bool) -> None:
        """One more message. Raises ProtocolError("limit", …), by which the session ends."""
        if not (self._sounds if sound else self._texts).take(now_s):
            raise ProtocolError(
                "limit",
                f"more than {TEXTS_PER_S:g} messages, or {SOUNDS_PER_S:g} of sound, a second",
                retry_after_s=BACK_AFTER_S,
            )
