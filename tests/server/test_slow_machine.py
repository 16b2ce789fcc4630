"""A machine becomes too slow for its languages and then fast again, in virtual time. All of the
server takes part, from joins to what listeners are told; only the cost of engines is simulated."""

import asyncio
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from types import SimpleNamespace

import numpy as np
import pytest

from server.bus.messages import RATE_HZ, AudioChunk, Demand, Message
from server.interpretation import sentence_ends
from server.interpretation.interpreter import Interpreter
from server.interpretation.shared import Engines, Limits, Shared
from server.media.pacer import Pacer
from server.media.receive import Sound
from server.metrics import Metrics
from server.models.catalogue import Catalogue, Model
from server.models.current import Current
from server.streams.admission import Admission
from server.streams.context import StreamContext
from server.streams.live_stream import LiveStream
from server.streams.registry import ConnectionManager
from signaling import messages as wire
from tests.helpers.talk import CHUNK, Recognizer, Talk, Voice, Wordy, lags_s
from tools.virtual_time import TimedLanes, run

TALK = Talk(words_a_minute=180, seconds=240)
SLOW_FROM_S, SLOW_UNTIL_S, SLOW = 60, 120, 5
#: When a listener of Spanish joins.
LATE_S = 110
CORES = 1
#: The time of a call in seconds; for synthesis, per second of speech.
RECOGNIZE_S, TRANSLATE_S, SYNTHESIZE_S = 0.005, 0.036, 0.045
TARGETS = ["en", "de", "fr", "es"]
CATALOGUE = Catalogue(
    Path(),
    [
        Model(name="a", kind="recognizer", path="", licence="", files={}, languages=["nl"]),
        Model(name="b", kind="voice", path="", licence="", files={}, languages=TARGETS),
        Model(
            name="c",
            kind="translation",
            path="",
            licence="",
            files={},
            pairs=[("nl", each) for each in TARGETS],
        ),
    ],
)
Told = dict[str, list[tuple[float, str]]]


def now() -> float:
    return asyncio.get_running_loop().time()


@dataclass
class Interpreting:
    """The bus and the interpreter. For a while calls to engines take ``SLOW`` times as long, as if
    other programs used the cores."""

    group: asyncio.TaskGroup
    published: list[Message] = field(default_factory=list)
    dropped: dict[str, int] = field(default_factory=dict)
    cpu_s: float = 0.0

    def __post_init__(self) -> None:
        voices = {each: Voice(each) for each in TARGETS}
        engines = Engines({"nl": Recognizer(TALK)}, Wordy(), voices)
        self.lanes = TimedLanes(self._cost_s, CORES)
        self._shared = Shared(engines, Limits(), self._answer, lanes=self.lanes)
        self._interpreter: Interpreter | None = None
        self.live: LiveStream | None = None

    def publish(self, message: Message) -> None:
        match message:
            case Demand():
                self.lanes.listeners[message.stream] = message.listeners
                if self._interpreter is None:
                    self._interpreter = Interpreter(self._shared, message, 0)
                    self.group.create_task(self._interpreter.run())
                self._interpreter.demand(message)
            case AudioChunk() if self._interpreter is not None:
                self._interpreter.hear(message)

    async def receive(self) -> Message:
        raise NotImplementedError

    def close(self) -> None:
        assert self._interpreter is not None
        self._interpreter.close()

    def _answer(self, message: Message) -> None:
        self.published.append(message)
        if self.live is not None:
            self.live.receive(message)

    def _cost_s(self, stage: str, result: object) -> float:
        cost_s = RECOGNIZE_S if stage == "recognize" else TRANSLATE_S
        if isinstance(result, np.ndarray):
            cost_s = SYNTHESIZE_S * len(result) / RATE_HZ
        self.cpu_s += cost_s
        is_slow = SLOW_FROM_S <= now() < SLOW_UNTIL_S and stage != "recognize"
        return cost_s * SLOW if is_slow else cost_s


async def talk(**listeners: int) -> tuple[list[Message], Told]:
    """Run the talk with these numbers of listeners by language; one of Spanish joins at ``LATE_S``.
    Returns the interpreter's messages, and what listeners of each language are told when."""
    told: Told = {}
    manager = ConnectionManager()
    admission = Admission(0, CORES)

    def joins(live: LiveStream, channel: str) -> None:
        hears = told[channel] = []  # of each channel, the last to join

        def hear(message: wire.ServerMessage) -> None:
            if isinstance(message, wire.ChannelState):
                hears.append((now(), message.reason or message.status))

        session = manager.join_listener("s", "a", channel, (), lambda why: None, resume=None)
        live.attach(session, hear)

    async with asyncio.TaskGroup() as group:
        bus = Interpreting(group)
        speaker = manager.join_speaker(
            "s", "a", "nl", lambda why: None, resume=None, take_over=False
        )
        bus.live = live = LiveStream(
            speaker.stream,
            StreamContext(
                bus, Pacer(clock=now), Current(CATALOGUE), Metrics(), admission, 10.0, now
            ),
        )
        live.source.begin()
        live.interpreter_ready()
        for second in range(round(TALK.seconds)):
            if second == 1:
                for channel, count in listeners.items():
                    for _ in range(count):
                        joins(live, channel)
            if second == LATE_S:
                joins(live, "es")
            for tenth in range(10):
                await asyncio.sleep(second + tenth / 10 - now())
                live.hear(Sound(np.zeros(3 * CHUNK, np.int16), np.zeros(CHUNK, np.int16)))
            admission.spent(bus.cpu_s, now())
            live.refresh()
        bus.close()
    return bus.published, told


@dataclass
class Outcome:
    """``said``: messages of the interpreter. ``told``: messages to listeners."""

    said: list[Message]
    told: Told

    def lag_s(self, start_s: float, end_s: float, language: str) -> float:
        return median(lags_s(self.said, start_s, end_s, language))

    def states(self, channel: str) -> list[str]:
        return [state for _, state in self.told[channel]]


@pytest.fixture(scope="module")
def outcome() -> Iterator[Outcome]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("purgatory.domain.model.time", SimpleNamespace(time=now))
        # Find no sentence ends in meaningless words.
        patch.setattr(sentence_ends, "LEAST_LOG_ODDS", math.inf)
        yield Outcome(*run(talk(en=20, de=5, fr=1)))


def test_the_language_with_the_most_listeners_keeps_its_lag(outcome: Outcome) -> None:
    before_s = outcome.lag_s(0, SLOW_FROM_S, "en")
    assert outcome.lag_s(SLOW_FROM_S, SLOW_UNTIL_S, "en") <= before_s + 1.0
    assert outcome.states("en") == ["live"]


def test_languages_with_fewer_listeners_fall_further_behind(outcome: Outcome) -> None:
    lag_s = {each: outcome.lag_s(SLOW_FROM_S, SLOW_UNTIL_S, each) for each in ("en", "de")}
    assert lag_s["en"] < lag_s["de"]
    said = {
        each: len(lags_s(outcome.said, SLOW_FROM_S, SLOW_UNTIL_S, each))
        for each in ("en", "de", "fr")
    }
    assert said["en"] > said["de"] > said["fr"]


def test_listeners_of_a_mute_language_are_told_until_it_is_spoken_again(outcome: Outcome) -> None:
    assert outcome.states("fr") == ["live", "slow", "live"]
    _, (slow_s, _), (live_s, _) = outcome.told["fr"]
    assert SLOW_FROM_S < slow_s <= SLOW_FROM_S + 25
    assert SLOW_UNTIL_S < live_s <= SLOW_UNTIL_S + 25


def test_a_new_language_is_refused_until_the_machine_is_fast_again(outcome: Outcome) -> None:
    assert outcome.states("es") == ["full", "live"]
    _, (live_s, _) = outcome.told["es"]
    assert live_s > SLOW_UNTIL_S
    assert lags_s(outcome.said, live_s, TALK.seconds, "es")


@pytest.mark.parametrize("language", ["en", "de", "fr"])
def test_once_the_machine_is_fast_again_lags_are_as_before(outcome: Outcome, language: str) -> None:
    before_s = outcome.lag_s(20, SLOW_FROM_S, language)
    assert outcome.lag_s(SLOW_UNTIL_S + 20, TALK.seconds, language) <= before_s + 0.2
