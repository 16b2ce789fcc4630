"""Stand-ins for engines and for the bus. A spoken word is half a second of samples of one value,
which tells the recogniser the word. Zeros are silence and end an utterance."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import numpy as np

from server.bus.messages import RATE_HZ, AudioChunk, Caption, Demand, Message
from server.bus.protocol import BusClosed
from server.interpretation.engines import EngineError
from server.interpretation.policies import DEFAULT_POLICY, PolicyName
from server.interpretation.shared import Engines, Limits
from server.interpretation.types import Pcm, Transcript, Word
from server.interpretation.worker import Worker
from tests.helpers.waiting import until

WORD_SAMPLES = RATE_HZ // 2
#: Numbers wait for what may belong to them; the others are agreed at once.
WORDS = [
    *("", "een", "twee", "drie", "vier", "vijf", "zes", "zeven", "acht", "negen"),
    *("huis", "boom", "boot", "fiets"),
]
#: The recogniser fails on this value.
BAD = -1
DEADLINE_S = 10.0

M = TypeVar("M", bound=Message)


def sound(text: str) -> Pcm:
    """The sound of ``text``. "." is half a second of silence; at "!" the recogniser fails."""
    values = [
        {".": 0, "!": BAD}[word] if word in ".!" else WORDS.index(word) for word in text.split()
    ]
    return np.repeat(np.array(values, np.int16), WORD_SAMPLES)


class EchoStream:
    pause_samples = None

    def __init__(self) -> None:
        self._heard = 0
        self._words: list[Word] = []

    def accept(self, pcm: Pcm) -> Transcript | None:
        before = len(self._words)
        for value in pcm[::WORD_SAMPLES]:
            if value == BAD:
                raise EngineError("cannot hear that")
            end = self._heard + WORD_SAMPLES
            if value:
                self._words.append(Word(WORDS[value], self._heard, end))
            self._heard = end
        if not pcm[-1]:
            return self.finish()
        return Transcript(tuple(self._words), False) if len(self._words) > before else None

    def finish(self) -> Transcript | None:
        words, self._words = self._words, []
        return Transcript(tuple(words), True) if words else None


class EchoRecognizer:
    language = "nl"

    def stream(self) -> EchoStream:
        return EchoStream()


class TaggingTranslator:
    """Translates "een twee" to "en(een twee)". ``instead``: functions that do it, by target."""

    def __init__(self) -> None:
        self.instead: dict[str, Callable[[str], str]] = {}

    def translate(self, text: str, source: str, target: str, prefix: str = "") -> str:
        return self.instead.get(target, f"{target}({{}})".format)(text)


class Beeper:
    """A voice that speaks each word as a quarter of a second of sound, at 8 kHz."""

    rate_hz = 8000

    def __init__(self, language: str) -> None:
        self.language = language
        self.instead: Callable[[str], Pcm] | None = None
        self.scales: list[float] = []

    def synthesize(self, text: str, length_scale: float) -> Pcm:
        self.scales.append(length_scale)
        if self.instead:
            return self.instead(text)
        return np.full(len(text.split()) * self.rate_hz // 4, 1000, np.int16)


class Ensemble:
    """One engine of each kind, with voices for en, de and fr."""

    def __init__(self) -> None:
        self.translator = TaggingTranslator()
        self.voices = {language: Beeper(language) for language in ("en", "de", "fr")}
        self.engines = Engines({"nl": EchoRecognizer()}, self.translator, self.voices)


class Hang:
    """A call that hangs until released."""

    def __init__(self, at_most_s: float = DEADLINE_S) -> None:
        self.release = threading.Event()
        self._at_most_s = at_most_s

    def __call__(self, text: str) -> str:
        self.release.wait(self._at_most_s)
        return "too late"


def fail(text: str) -> str:
    raise EngineError("broken")


class MemoryBus:
    """The interpreter's side of a bus. The test is the media process."""

    def __init__(self) -> None:
        self.published: list[Message] = []
        self.dropped: dict[str, int] = {}
        self._changed = asyncio.Condition()
        self._inbound: asyncio.Queue[Message | None] = asyncio.Queue()

    def publish(self, message: Message) -> None:
        self.published.append(message)

    def send(self, *messages: Message) -> None:
        for message in messages:
            self._inbound.put_nowait(message)

    def close(self) -> None:
        self._inbound.put_nowait(None)

    async def receive(self) -> Message:
        message = await self._inbound.get()
        if message is None:
            raise BusClosed
        return message

    async def taken(self) -> None:
        """Wait until everything that was sent has been received."""
        await eventually(self._inbound.empty, "all is received")

    def of(self, kind: type[M], **fields: object) -> list[M]:
        """The published messages of a kind with these values of fields."""
        return [
            message
            for message in self.published
            if isinstance(message, kind)
            and all(getattr(message, name) == value for name, value in fields.items())
        ]

    async def wait_for(self, kind: type[M], count: int = 1, **fields: object) -> list[M]:
        """Wait until there are ``count`` such messages; returns them."""
        await eventually(lambda: len(self.of(kind, **fields)) >= count, f"{kind} {fields}")
        return self.of(kind, **fields)


async def final_texts(bus: MemoryBus, language: str, count: int) -> list[str]:
    """Wait for ``count`` final captions in a language; returns their texts."""
    captions = await bus.wait_for(Caption, count, language=language, status="final")
    return [caption.text for caption in captions]


async def eventually(condition: Callable[[], bool], what: str = "") -> None:
    """Waits until ``condition`` holds; fails after ``DEADLINE_S``."""
    try:
        await until(condition, DEADLINE_S)
    except TimeoutError:
        raise AssertionError(f"never happened: {what}") from None


@asynccontextmanager
async def working(
    ensemble: Ensemble, limits: Limits, policy: PolicyName = DEFAULT_POLICY
) -> AsyncIterator[MemoryBus]:
    """Run a worker while the body runs."""
    bus = MemoryBus()
    worker = Worker(bus, lambda: ensemble.engines, limits, policy)
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        group.create_task(worker.run(), name="worker")
        yield bus
        bus.close()


class Speaker:
    """Speaks on a stream: demands and chunks in order."""

    def __init__(self, bus: MemoryBus, stream: str = "s", epoch: int = 1) -> None:
        self.bus = bus
        self.stream = stream
        self.epoch = epoch
        self.sample = 0

    def demand(
        self,
        *speech: str,
        text: tuple[str, ...] = (),
        captions: bool = True,
        source: str = "nl",
        among: tuple[str, ...] = (),
    ) -> None:
        self.bus.send(
            Demand(
                stream=self.stream,
                epoch=self.epoch,
                source=source,
                speech=speech,
                text=text,
                captions=captions,
                among=among,
            )
        )

    def say(self, text: str) -> None:
        for word in text.split():
            chunk = AudioChunk(
                stream=self.stream,
                epoch=self.epoch,
                start_sample=self.sample,
                pcm=sound(word).tobytes(),
            )
            self.sample = chunk.end_sample
            self.bus.send(chunk)


@asynccontextmanager
async def demanded(
    language: str, ensemble: Ensemble, limits: Limits
) -> AsyncIterator[tuple[MemoryBus, Speaker]]:
    """Run a worker while the body runs, with a speaker whose stream somebody hears in
    ``language``."""
    async with working(ensemble, limits) as bus:
        speaker = Speaker(bus)
        speaker.demand(language)
        yield bus, speaker
