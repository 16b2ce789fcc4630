"""Rate limits for the messages of one participant."""

from typing import Final

from signaling.errors import ProtocolError

#: Limits of text messages and pings, as a burst and on average: more than any page sends.
TEXTS_AT_ONCE: Final = 100
TEXTS_PER_S: Final = 10.0
#: Limits of audio messages. Many arrive at once after the network stalled; on average a client
#: sends at most one every 5 ms.
SOUNDS_AT_ONCE: Final = 1000
SOUNDS_PER_S: Final = 200.0
#: A participant that sent too many is told to come back after this time.
BACK_AFTER_S: Final = 5.0


class Bucket:
    """A token bucket: bursts of up to ``at_once``, and ``per_s`` a second on average."""

    def __init__(self, per_s: float, at_once: int) -> None:
        self._per_s = per_s
        self._at_once = at_once
        self._left = float(at_once)
        self._since_s: float | None = None

    def take(self, now_s: float) -> bool:
        """Take one token. ``now_s``: of a monotonic clock. False: none is left."""
        if self._since_s is not None:
            self._left = min(self._at_once, self._left + (now_s - self._since_s) * self._per_s)
        self._since_s = now_s
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Rates:
    """The rate limits of one participant."""

    def __init__(self) -> None:
        self._texts = Bucket(TEXTS_PER_S, TEXTS_AT_ONCE)
        self._sounds = Bucket(SOUNDS_PER_S, SOUNDS_AT_ONCE)

    def count(self, now_s: float, *, sound: bool) -> None:
        """Count one message. Raises ProtocolError("limit", …), which ends the session."""
        if not (self._sounds if sound else self._texts).take(now_s):
            raise ProtocolError(
                "limit",
                f"more than {TEXTS_PER_S:g} messages, or {SOUNDS_PER_S:g} audio messages, a second",
                retry_after_s=BACK_AFTER_S,
            )
