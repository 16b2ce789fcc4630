"""What is sent to the interpreter when speakers of different languages follow each other."""

import numpy as np

from server.bus.messages import RATE_HZ, AudioChunk, Message
from server.bus.replay import ReplayCounts
from server.streams.feeding import Feeding


class Bus:
    """Keeps what is sent: the epoch and the beginning of each piece, in seconds."""

    def __init__(self) -> None:
        self.sent: list[tuple[int, float]] = []

    def publish(self, message: Message) -> None:
        assert isinstance(message, AudioChunk)
        self.sent.append((message.epoch, message.start_sample / RATE_HZ))

    dropped: dict[str, int] = {}

    async def receive(self) -> Message:
        raise NotImplementedError


def say(feeding: Feeding, seconds: float) -> None:
    for _ in range(round(seconds * 10)):
        feeding.hear(np.zeros(RATE_HZ // 10, np.int16))


def test_a_third_speaker_does_not_wait_for_the_second_whose_audio_is_counted_as_dropped() -> None:
    bus, counts = Bus(), ReplayCounts()
    feeding = Feeding("hall", bus, lambda: None, counts)
    feeding.feed()
    say(feeding, 4)
    feeding.committed(3 * RATE_HZ)
    feeding.begin(None, feeding.feed, finish=True)
    say(feeding, 1.5)
    feeding.begin(None, feeding.feed, finish=True)
    say(feeding, 1)
    waited = feeding.waits
    feeding.committed(4 * RATE_HZ)
    assert (waited, feeding.waits) == (True, False)
    assert bus.sent[-10] == (1, 5.5)
    assert counts.dropped_samples == 1.5 * RATE_HZ
