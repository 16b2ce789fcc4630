"""A stream is not recognised because the machine is full: what participants are told."""

from dataclasses import dataclass, field
from pathlib import Path

from server.bus.messages import Demand, Message
from server.media.pacer import Pacer
from server.metrics import Metrics
from server.models.catalogue import Catalogue, Kind, Model, Pair
from server.models.current import Current
from server.streams.admission import Admission
from server.streams.context import StreamContext
from server.streams.live_stream import LiveStream
from server.streams.notices import UNHEARD
from server.streams.registry import ConnectionManager, Session
from signaling import messages as wire


def model(name: str, kind: Kind, languages: list[str], pairs: list[Pair]) -> Model:
    return Model(
        name=name, kind=kind, path="", licence="", files={}, languages=languages, pairs=pairs
    )


MODELS = Current(
    Catalogue(
        Path(),
        [
            model("ear", "recognizer", ["nl"], []),
            model("voice", "voice", ["en"], []),
            model("pair", "translation", [], [("nl", "en")]),
        ],
    )
)


@dataclass
class Machine:
    """A machine that is full with one stream. The test plays its interpreter and clock."""

    now: float = 100.0
    cpu_s: float = 0.0
    demands: dict[str, Demand] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)
    manager: ConnectionManager = field(default_factory=ConnectionManager)
    admission: Admission = field(default_factory=lambda: Admission(0, 1))

    def publish(self, message: Message) -> None:
        if isinstance(message, Demand):
            self.demands[message.stream] = message

    async def receive(self) -> Message:
        raise NotImplementedError

    def run(self, seconds: int, load: float) -> None:
        for _ in range(seconds):
            self.now += 1
            self.cpu_s += load
            self.admission.spent(self.cpu_s, self.now, load / 2)


class Talk:
    """A stream with a speaker and a listener of English, and the messages to both."""

    def __init__(self, machine: Machine, name: str) -> None:
        self.name = name
        self.machine = machine
        self.to_speaker: list[wire.ServerMessage] = []
        self.to_listener: list[wire.ServerMessage] = []
        self.speaker = self.join()
        listener = machine.manager.join_listener(name, "a", "en", (), lambda why: None, resume=None)
        self.live = LiveStream(
            listener.stream,
            StreamContext(
                machine,
                Pacer(),
                MODELS,
                Metrics(),
                machine.admission,
                10.0,
                lambda: machine.now,
            ),
        )
        self.live.interpreter_ready()
        self.live.attach(self.speaker, self.to_speaker.append)
        self.live.attach(listener, self.to_listener.append)
        self.live.source.begin()
        self.live.refresh()

    def join(self) -> Session:
        return self.machine.manager.join_speaker(
            self.name, "a", "nl", lambda why: None, resume=None, take_over=True
        )

    @property
    def demand(self) -> tuple[bool, tuple[str, ...]]:
        """Whether the stream is recognised, and its target languages."""
        self.live.refresh()
        demand = self.machine.demands[self.name]
        return demand.captions, demand.speech

    @property
    def channel(self) -> str | None:
        """The latest state of the channel that the listener was told."""
        states = [each for each in self.to_listener if isinstance(each, wire.ChannelState)]
        return states[-1].reason or states[-1].status


def full() -> tuple[Machine, Talk, Talk]:
    machine = Machine()
    first = Talk(machine, "first")
    machine.run(20, load=0.6)
    return machine, first, Talk(machine, "second")


def test_speaker_and_listeners_are_told_that_a_stream_is_not_recognised() -> None:
    _, first, second = full()
    assert first.demand == (True, ("en",))
    assert first.channel == "live"
    assert UNHEARD not in first.to_speaker
    assert second.demand == (False, ())
    assert second.channel == "full"
    assert second.to_speaker.count(UNHEARD) == 1


def test_once_there_is_room_the_stream_is_interpreted_and_the_speaker_is_told() -> None:
    machine, first, second = full()
    machine.manager.leave(first.speaker, machine.now)
    machine.run(12, load=0.1)
    first.live.refresh()  # nobody has spoken there for a while
    machine.run(61, load=0.1)
    since = len(second.to_speaker)
    assert second.demand == (True, ("en",))
    assert second.channel == "live"
    told = second.to_speaker[since:]
    assert any(isinstance(each, wire.State) for each in told)
    assert UNHEARD not in told


def test_a_speaker_who_rejoins_is_told_again() -> None:
    _, _, second = full()
    second.live.detach(second.speaker)
    told: list[wire.ServerMessage] = []
    second.live.attach(second.join(), told.append)
    second.live.source.begin()
    assert UNHEARD in told
