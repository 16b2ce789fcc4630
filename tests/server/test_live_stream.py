"""One stream between its participants and the interpreter, which the test plays."""

from pathlib import Path

from server.bus import messages as bus
from server.media.pacer import Pacer
from server.metrics import Metrics
from server.models.catalogue import Catalogue
from server.models.current import Current
from server.streams.admission import Admission
from server.streams.context import StreamContext
from server.streams.live_stream import LiveStream
from server.streams.registry import ConnectionManager
from signaling import messages as wire


class Bus:
    """Keeps the messages to the interpreter."""

    def __init__(self) -> None:
        self.published: list[bus.Message] = []
        self.dropped: dict[str, int] = {}

    def publish(self, message: bus.Message) -> None:
        self.published.append(message)

    async def receive(self) -> bus.Message:
        raise NotImplementedError


class Hall:
    """A stream with a speaker of Dutch and somebody who reads that."""

    def __init__(self) -> None:
        self.bus = Bus()
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
