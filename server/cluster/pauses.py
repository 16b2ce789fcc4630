"""When a stream pauses, so that a part of it can move to another machine. No I/O, no clock.

It is a pause when everything that was captioned or spoken so far is committed, and no words are
open. A machine that joins the stream then gets the audio that is not committed once more, so no
word is lost and none is spoken twice.
"""

from collections import deque
from typing import Final

from server.bus.messages import RATE_HZ, AudioChunk, Caption, Speech

#: Of the audio that is not committed, at most so much is kept.
KEPT_SAMPLES: Final = 10 * RATE_HZ


class Pauses:
    """The pauses of one stream in one epoch."""

    def __init__(self) -> None:
        self._kept = deque[AudioChunk]()
        self._said = self._committed = 0
        self._open = False

    def heard(self, chunk: AudioChunk) -> None:
        """The stream's next audio."""
        self._kept.append(chunk)
        while chunk.end_sample - self._kept[0].end_sample > KEPT_SAMPLES:
            self._kept.popleft()

    def said(self, message: Caption | Speech, source: str) -> None:
        """Something is captioned or spoken. ``source``: the language that the speaker speaks."""
        if isinstance(message, Speech) or message.status == "final":
            self._said = max(self._said, message.end_sample)
        if isinstance(message, Caption) and message.language == source:
            self._open = message.status == "partial"

    def committed(self, sample: int) -> None:
        """All machines have interpreted everything before ``sample``."""
        self._committed = max(self._committed, sample)
        while self._kept and self._kept[0].end_sample <= sample:
            self._kept.popleft()

    @property
    def now(self) -> bool:
        """Whether the stream pauses now."""
        return not self._open and self._committed >= self._said

    @property
    def unfinished(self) -> list[AudioChunk]:
        """The audio that is not committed."""
        return list(self._kept)
