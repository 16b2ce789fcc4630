"""What waits to be sent to one participant: two bounded queues.

When the message queue is full, the oldest partial caption is dropped; if it holds none, the
participant is too slow to keep. When the audio queue is full, the oldest packet is dropped.
"""

from collections import deque
from typing import Final

from signaling.messages import Caption, ServerMessage

MAX_MESSAGES: Final = 256
#: One second of 20 ms packets.
MAX_AUDIO_PACKETS: Final = 50


class Outbox:
    """Messages and RTP packets, in the order in which to send them."""

    def __init__(self) -> None:
        self.dropped_captions = 0
        self.dropped_audio = 0
        self._messages: deque[ServerMessage] = deque()
        self._audio: deque[bytes] = deque()

    def __len__(self) -> int:
        return len(self._messages) + len(self._audio)

    def put(self, message: ServerMessage) -> bool:
        """Queue a message. False: the queue is full, and holds nothing that could be dropped."""
        if len(self._messages) >= MAX_MESSAGES and not self._drop_partial():
            return False
        self._messages.append(message)
        return True

    def put_audio(self, packet: bytes) -> None:
        """Queue a packet. If the queue is full, the oldest packet is dropped."""
        if len(self._audio) >= MAX_AUDIO_PACKETS:
            self._audio.popleft()
            self.dropped_audio += 1
        self._audio.append(packet)

    def take(self) -> ServerMessage | bytes | None:
        """Remove and return the next item to send: messages first. None: nothing waits."""
        if self._messages:
            return self._messages.popleft()
        return self._audio.popleft() if self._audio else None

    def clear(self) -> None:
        """Remove everything."""
        self._messages.clear()
        self._audio.clear()

    def _drop_partial(self) -> bool:
        for index, message in enumerate(self._messages):
            if isinstance(message, Caption) and message.status == "partial":
                del self._messages[index]
                self.dropped_captions += 1
                return True
        return False
