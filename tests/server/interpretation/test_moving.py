"""A worker moves to other models while streams are interpreted."""

import dataclasses
import logging
import weakref
from pathlib import Path

import pytest

from server.bus.messages import Caption, Committed, Glossary, Heartbeat, Models, Reload, Speech
from server.interpretation.engines import EngineError, ModelError
from server.interpretation.shared import Engines, Limits
from server.interpretation.silero_detector import SileroDetector
from server.interpretation.types import Pcm, Transcript, Word
from server.models.catalogue import Catalogue, Model
from server.models.current import decoded, version
from tests.helpers.interpretation import (
    EchoRecognizer,
    EchoStream,
    Ensemble,
    MemoryBus,
    Speaker,
    eventually,
    final_texts,
    working,
)

LIMITS = Limits(heartbeat_s=0.02, quiet_s=30.0)


def catalogue(name: str) -> Catalogue:
    model = Model(name=name, kind="recognizer", path=name, licence="", files={"a": ""})
    return Catalogue(Path("/models"), [model])


class LoudStream(EchoStream):
    def accept(self, pcm: Pcm) -> Transcript | None:
        return loud(super().accept(pcm))


class LoudRecognizer(EchoRecognizer):
    """Hears the same words, in capitals."""

    def stream(self) -> EchoStream:
        return LoudStream()


def loud(heard: Transcript | None) -> Transcript | None:
    if heard is None:
        return None
    words = (Word(each.text.upper(), each.start_sample, each.end_sample) for each in heard.words)
    return Transcript(tuple(words), heard.final)


class Installed(Ensemble):
    """What the worker loads, and may load later."""

    def __init__(self) -> None:
        super().__init__()
        self.engines = dataclasses.replace(self.engines, catalogue=catalogue("old"))

    def install(self) -> Engines:
        """Other models: the recogniser in capitals, the translator with another mark."""
        other = Ensemble()
        other.translator.instead["en"] = "new({})".format
        self.engines = dataclasses.replace(
            other.engines,
            recognizers={"nl": LoudRecognizer()},
            catalogue=catalogue("new"),
        )
        return self.engines


async def moved(bus: MemoryBus) -> None:
    count = len(bus.of(Models))
    bus.send(Reload())
    await bus.wait_for(Models, count + 1)


async def test_a_worker_reports_its_models() -> None:
    installed = Installed()
    async with working(installed, LIMITS) as bus:
        (first,) = await bus.wait_for(Models)
        old = installed.engines.catalogue
        assert old is not None
        assert first.version == version(old)
        await bus.wait_for(Heartbeat, ready=True, version=first.version)
        await moved(bus)  # nothing is new
        assert bus.of(Models)[1] == first
        new = installed.install().catalogue
        assert new is not None
        await moved(bus)
        await bus.wait_for(Heartbeat, version=version(new))
    assert bus.of(Models)[2].version == version(new) != first.version
    assert decoded(bus.of(Models)[2].manifest).models[0].path == "/models/new"


async def test_a_stream_changes_models_at_a_pause_and_loses_no_word() -> None:
    installed = Installed()
    async with working(installed, LIMITS, "sentence") as bus:
        speaker = Speaker(bus)
        speaker.demand("en")
        speaker.say("een twee")
        await bus.wait_for(Caption, language="nl", text="een")
        installed.install()
        await moved(bus)
        speaker.say("drie . vier vijf .")
        await bus.wait_for(Speech, 2, language="en", last=True)
        heard = await final_texts(bus, "nl", 2)
        said = await final_texts(bus, "en", 2)
    assert heard == ["een twee drie", "VIER VIJF"]
    assert said == ["new(een twee drie)", "new(VIER VIJF)"]


async def test_a_new_stream_has_the_new_models_at_once() -> None:
    installed = Installed()
    async with working(installed, LIMITS) as bus:
        await bus.wait_for(Models)
        installed.install()
        await moved(bus)
        speaker = Speaker(bus)
        speaker.demand("en")
        speaker.say("een .")
        assert await final_texts(bus, "en", 1) == ["new(EEN)"]


async def test_the_stream_s_glossary_applies_to_the_new_models() -> None:
    installed = Installed()
    async with working(installed, LIMITS) as bus:
        speaker = Speaker(bus)
        speaker.demand("en")
        bus.send(Glossary(stream="s", epoch=0, version=1, names=("Een",)))
        speaker.say("een .")
        await final_texts(bus, "en", 1)
        installed.install()
        await moved(bus)
        speaker.say("een .")
        assert await final_texts(bus, "en", 2) == ["en(Een)", "new(Een)"]


async def test_the_old_models_are_freed_when_the_last_stream_has_left_them() -> None:
    installed = Installed()
    old = installed.engines.recognizers["nl"]
    gone = weakref.ref(old), weakref.ref(installed.translator)
    async with working(installed, LIMITS) as bus:
        speaker, idle = Speaker(bus), Speaker(bus, "idle")
        for each in (speaker, idle):
            each.demand("en")
        idle.say("een .")
        speaker.say("een")
        await final_texts(bus, "en", 1)
        del old, installed.translator
        installed.install()
        await moved(bus)
        speaker.say("twee . drie .")
        idle.say("vier .")
        await bus.wait_for(Caption, language="en", text="new(VIER)")
        await bus.wait_for(Caption, language="en", text="new(DRIE)")
        await eventually(lambda: not any(each() for each in gone), "the old models are freed")


async def test_a_paused_stream_keeps_no_model() -> None:
    installed = Installed()
    gone = weakref.ref(installed.engines.recognizers["nl"])
    limits = dataclasses.replace(LIMITS, quiet_s=0.05, forget_s=0.5)
    async with working(installed, limits) as bus:
        speaker = Speaker(bus)
        speaker.demand("en")
        speaker.say("een .")
        await final_texts(bus, "en", 1)
        installed.install()
        await moved(bus)
        await eventually(lambda: gone() is None, "the old model is freed")
        speaker.say("twee .")
        assert await final_texts(bus, "en", 2) == ["en(een)", "new(TWEE)"]


async def test_after_a_long_pause_recognition_starts_anew() -> None:
    installed = Installed()
    detectors = list[weakref.ref[SileroDetector]]()

    def detector() -> SileroDetector:
        made = SileroDetector()
        detectors.append(weakref.ref(made))
        return made

    installed.engines = dataclasses.replace(installed.engines, detector=detector)
    limits = dataclasses.replace(LIMITS, quiet_s=0.05, forget_s=0.1)
    async with working(installed, limits) as bus:
        speaker = Speaker(bus)
        speaker.demand("en")
        speaker.say("een")  # no whole number of the detector's windows
        await eventually(lambda: [each() for each in detectors] == [None], "it is forgotten")
        speaker.say("twee")
        await bus.wait_for(Committed, sample=speaker.sample)
        assert not bus.of(Heartbeat)[-1].dropped


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ModelError("models/new is broken"), "models/new is broken"),
        (EngineError("no memory"), "no memory"),
        (ZeroDivisionError("what a library may raise"), "ZeroDivisionError; see the log"),
    ],
)
async def test_models_that_cannot_be_loaded_are_reported_and_the_old_ones_stay(
    error: Exception, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Installed):
        broken: Exception | None = None

        def __getattribute__(self, name: str) -> object:
            if name == "engines" and (broken := super().__getattribute__("broken")):
                raise broken
            return super().__getattribute__(name)

    installed = Broken()
    async with working(installed, LIMITS) as bus:
        (first,) = await bus.wait_for(Models)
        installed.broken = error
        await moved(bus)
        (answer,) = bus.of(Models, problem=told)
        assert answer.version == first.version
        speaker = Speaker(bus)
        speaker.demand("en")
        speaker.say("een .")
        assert await final_texts(bus, "en", 1) == ["en(een)"]
        installed.broken = None
        installed.install()
        await moved(bus)
        speaker.say("een .")
        assert await final_texts(bus, "en", 2) == ["en(een)", "new(EEN)"]
    (record,) = [each for each in caplog.records if each.levelno >= logging.ERROR]
    assert "the new models cannot be used" in record.getMessage()
