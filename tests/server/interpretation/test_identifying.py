"""Which language is spoken, as an interpreter process tells it."""

import asyncio
import dataclasses
import threading
from collections.abc import Mapping

import numpy as np

from server.bus.messages import (
    AUTO,
    RATE_HZ,
    AudioChunk,
    Caption,
    Committed,
    Demand,
    Heartbeat,
    Message,
    Spoken,
)
from server.interpretation.engines import EngineError
from server.interpretation.identifying import Identifying
from server.interpretation.shared import Limits, Shared
from server.interpretation.types import Pcm
from tests.helpers.interpretation import Ensemble, Speaker, final_texts, working
from tests.helpers.waiting import until

LIMITS = Limits(heartbeat_s=0.02, quiet_s=30.0, recognize_s=1.0)


class Identifier:
    """Takes all for Dutch. Fails ``faults`` times; hangs until ``release``."""

    def __init__(self, faults: int = 0) -> None:
        self.faults = faults
        self.release = threading.Event()
        self.release.set()

    def identify(self, pcm: Pcm) -> Mapping[str, float]:
        self.release.wait(10)
        if self.faults:
            self.faults -= 1
            raise EngineError("no idea")
        return {"nl": 0.9, "en": 0.1}


def ensemble(identifier: Identifier | None) -> Ensemble:
    made = Ensemble()
    made.engines = dataclasses.replace(made.engines, identifier=identifier)
    return made


def speak(speaker: Speaker, seconds: int, value: int) -> None:
    """Sound that is no word to the recogniser: of this level throughout."""
    for _ in range(seconds * 10):
        pcm = np.full(RATE_HZ // 10, value, np.int16)
        chunk = AudioChunk(
            stream=speaker.stream,
            epoch=speaker.epoch,
            start_sample=speaker.sample,
            pcm=pcm.tobytes(),
        )
        speaker.sample = chunk.end_sample
        speaker.bus.send(chunk)


async def test_with_auto_the_language_is_reported_and_nothing_is_interpreted() -> None:
    async with working(ensemble(Identifier()), LIMITS) as bus:
        speaker = Speaker(bus)
        speaker.demand("en", source=AUTO, among=("nl", "en"))
        speak(speaker, 4, 5)
        (told, *_) = await bus.wait_for(Spoken)
        assert (told.language, told.sample) == ("nl", 0)
        # Fed again from the beginning, as the media process does then.
        again = Speaker(bus, epoch=2)
        again.demand("en", source="nl", among=("nl", "en"))
        again.say("een twee .")
        assert await final_texts(bus, "en", 1) == ["en(een twee)"]
    assert not bus.of(Committed, epoch=1)
    assert not bus.of(Caption, epoch=1)


async def test_another_language_than_the_source_is_reported_during_interpretation() -> None:
    async with working(ensemble(Identifier()), LIMITS) as bus:
        speaker = Speaker(bus)
        speaker.demand("en", among=("nl", "en"))
        for _ in range(30):
            speaker.say("een")
        (told, *_) = await bus.wait_for(Spoken)
        assert told.language == "nl"
    assert bus.of(Caption, language="nl")


async def test_recognition_does_not_wait_for_the_identifier() -> None:
    identifier = Identifier()
    identifier.release.clear()
    async with working(ensemble(identifier), LIMITS) as bus:
        speaker = Speaker(bus)
        speaker.demand("en", among=("nl", "en"))
        speaker.say("een " * 8 + ".")
        await final_texts(bus, "en", 1)
        assert not bus.of(Spoken)
        identifier.release.set()
        await bus.wait_for(Spoken)


async def test_an_identifier_that_fails_is_counted_and_asked_again() -> None:
    async with working(ensemble(Identifier(faults=1)), LIMITS) as bus:
        speaker = Speaker(bus)
        speaker.demand("en", among=("nl", "en"))
        speaker.say("een " * 8 + ".")
        await bus.wait_for(Heartbeat, dropped={"identify": 1})
        speaker.say("twee " * 8 + ".")
        await final_texts(bus, "en", 2)
        await bus.wait_for(Spoken, language="nl")


async def test_without_an_identifier_no_language_is_reported() -> None:
    async with working(ensemble(None), LIMITS) as bus:
        speaker = Speaker(bus)
        speaker.demand("en")
        speaker.say("een " * 8 + ".")
        await final_texts(bus, "en", 1)
    assert not bus.of(Spoken)


async def test_an_identifier_of_new_models_is_used() -> None:
    made, published = ensemble(None), list[Message]()
    shared = Shared(made.engines, LIMITS, published.append)
    identifying = Identifying(shared, Demand(stream="s", epoch=1, source="nl", among=("nl", "en")))
    speech = np.full(3 * RATE_HZ, 5, np.int16)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(identifying.run(), name="identifying")
        identifying.hear(0, speech)
        shared.engines = ensemble(Identifier()).engines
        identifying.hear(len(speech), speech)
        await until(lambda: bool(published))
        task.cancel()
    shared.lanes.close()
    assert [type(each) for each in published] == [Spoken]
