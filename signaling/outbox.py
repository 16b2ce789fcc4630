"""What waits to be sent to one participant.

Two bounded queues. Messages: when full, partial captions give way, oldest first; without any
the participant is too slow to keep. Sound: the oldest packet gives way.
"""

from collections import deque
from typing import Final

from signaling.messages import Caption, ServerMessage

MAX_MESSAGES: Final = 256
#: Of 20 ms: one second.
MAX_AUDIO_PACKETS: Final = 50


class Outbox:
    """Messages and RTP packets in the order in which they should go."""

    def __init__(self) -> None:
        self.dropped_captions = 0
        self.dropped_audio = 0
        self._messages: deque[ServerMessage] = deque()
        self._audio: deque[bytes] = deque()

    def __len__(self) -> int:
        return len(self._messages) + len(self._audio)

    def put(self, message: ServerMessage) -> bool:
        """Queue a message. False: it does not fit, and nothing could give way."""
        if len(self._messages) >= MAX_MESSAGES and not self._drop_partial():
            return False
        self._messages.append(message)
        return True

    def put_audio(self, packet: bytes) -> None:
        """Queue a packet; the oldest gives way."""
        if len(self._audio) >= MAX_AUDIO_PACKETS:
            self._audio.popleft()
            self.dropped_audio += 1
        self._audio.append(packet)

    def take(self) -> ServerMessage | bytes | None:
        """The next to send: messages before sound. None: nothing waits."""
        if self._messages:
            return self._messages.popleft()
        return self._audio.popleft() if self._audio else None

    def clear(self) -> None:
        """Drop everything that waits."""
        self._messages.clear()
        self._audio.clear()

    def _drop_partial(self) -> bool:
        for index, message in enumerate(self._messages):
            if isinstance(message, Caption) and message.status == "partial":
                del self._messages[index]
                self.dropped_captions += 1
                return True
        return False
