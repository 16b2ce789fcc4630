"""One stream between its participants and the interpreter, which the test plays."""

import time
from pathlib import Path

import numpy as np

from server.bus import messages as bus
from server.bus.messages import RATE_HZ
from server.media.pacer import Pacer
from server.media.receive import Sound
from server.metrics import Metrics
from server.models.catalogue import Catalogue
from server.models.current import Current
from server.streams.admission import Admission
from server.streams.context import StreamContext
from server.streams.live_stream import LiveStream
from server.streams.registry import ConnectionManager
from signaling import messages as wire
from tests.helpers.recorded_bus import RecordedBus


class Hall:
    """A stream with a speaker of Dutch and somebody who reads that."""

    def __init__(self) -> None:
        self.bus = RecordedBus()
        self.admission = Admission(0, 2)
        self.told: list[wire.ServerMessage] = []
        manager = ConnectionManager()
        speaker = manager.join_speaker(
            "hall", "a", "nl", lambda why: None, resume=None, take_over=False
        )
        reader = manager.join_listener("hall", "a", None, ["nl"], lambda why: None, resume=None)
        models = Current(Catalogue(Path(), []))
        self.live = LiveStream(
            speaker.stream,
            StreamContext(self.bus, Pacer(), models, Metrics(), self.admission, 10.0),
        )
        self.live.attach(reader, self.told.append)
        self.live.source.begin()
        self.live.interpreter_ready()

    def caption(self, segment: int, status: str, text: str) -> None:
        self.live.receive(
            bus.Caption(
                stream="hall",
                epoch=self.live.epoch,
                language="nl",
                segment=segment,
                revision=0,
                status=status,  # type: ignore[arg-type]
                start_sample=0,
                end_sample=1,
                text=text,
            )
        )

    def say(self, seconds: int) -> None:
        """Speak."""
        for _ in range(seconds):
            second = np.zeros(RATE_HZ, np.int16)
            self.live.hear(Sound(np.zeros(3 * RATE_HZ, np.int16), second))

    def speech(self, segment: int, end_s: int) -> None:
        """The interpretation of a second, in five pieces."""
        for piece in range(5):
            self.live.receive(
                bus.Speech(
                    stream="hall",
                    epoch=self.live.epoch,
                    language="en",
                    segment=segment,
                    play_at=end_s * RATE_HZ,
                    start_sample=(end_s - 1) * RATE_HZ,
                    end_sample=end_s * RATE_HZ,
                    rate_hz=RATE_HZ,
                    pcm=np.zeros(RATE_HZ // 5, np.int16).tobytes(),
                    last=piece == 4,
                )
            )

    @property
    def felt(self) -> bool:
        """Whether people notice that there are too few cores."""
        return self.admission.contention.is_felt(time.monotonic())

    @property
    def lines(self) -> list[tuple[str, int, str]]:
        """The captions that the reader got."""
        captions = [each for each in self.told if isinstance(each, wire.Caption)]
        return [(each.status, each.segment, each.text) for each in captions]


def test_a_lost_interpreter_leaves_no_half_sentence() -> None:
    hall = Hall()
    hall.caption(7, "partial", "dit is een half")
    hall.live.interpreter_lost()
    hall.live.interpreter_ready()
    hall.caption(1_000_007, "final", "dit is een hele zin")
    assert hall.lines == [
        ("partial", 7, "dit is een half"),
        ("clear", 7, ""),
        ("final", 1_000_007, "dit is een hele zin"),
    ]


def test_one_late_clause_is_not_felt_in_however_many_pieces_it_comes() -> None:
    hall = Hall()
    hall.say(10)
    hall.speech(1, end_s=5)
    assert not hall.felt
    for segment in (2, 3):
        hall.speech(segment, end_s=5)
    assert hall.felt
