import asyncio
import dataclasses
import functools
import gc
import logging
import weakref
from collections.abc import Sequence

import pytest

import server.interpretation.worker as worker_module
from server.bus.messages import Caption, Failure, Glossary, Heartbeat, Speech, Unexpected
from server.interpretation.engines import ModelError, Recognizer
from server.interpretation.freed_memory import give_back
from server.interpretation.interpreter import Interpreter
from server.interpretation.segmenter import Segmenter
from server.interpretation.shared import Engines, Limits
from server.interpretation.types import Clause, Transcript
from server.interpretation.worker import Worker
from tests.helpers.interpretation import (
    WORD_SAMPLES,
    EchoRecognizer,
    EchoStream,
    Ensemble,
    Hang,
    MemoryBus,
    Speaker,
    eventually,
    working,
)

LIMITS = Limits(heartbeat_s=0.02, quiet_s=30.0)


async def test_heartbeats_start_at_once_and_are_ready_after_loading() -> None:
    hang, ensemble, bus = Hang(), Ensemble(), MemoryBus()

    def load() -> Engines:
        hang("")
        return ensemble.engines

    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        group.create_task(Worker(bus, load).run())
        (first,) = await bus.wait_for(Heartbeat)
        assert not first.ready
        hang.release.set()
        (ready,) = (await bus.wait_for(Heartbeat, ready=True))[:1]
        bus.close()
    assert ready.worker == first.worker
    assert ready.cpu_s > 0
    assert ready.rss_bytes > 1_000_000


async def test_a_model_that_cannot_be_loaded_ends_the_worker() -> None:
    def load() -> Engines:
        raise ModelError("models/x is broken")

    bus = MemoryBus()
    with pytest.raises(ModelError, match="models/x is broken"):
        await Worker(bus, load).run()
    assert not bus.of(Heartbeat, ready=True)


async def test_the_worker_ends_when_stopped() -> None:
    bus, ensemble = MemoryBus(), Ensemble()
    worker = Worker(bus, lambda: ensemble.engines)
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        running = group.create_task(worker.run(), name="worker")
        speaker = Speaker(bus)
        speaker.demand("en")
        speaker.say("een")
        await bus.wait_for(Caption)
        worker.stop()
    assert running.done() and not running.cancelled()


async def test_heartbeats_have_the_time_in_each_stage() -> None:
    async with working(Ensemble(), LIMITS, "sentence") as bus:
        speaker = Speaker(bus)
        speaker.demand("en", "de")
        speaker.say("een twee .")
        await bus.wait_for(Speech, language="en", last=True)
        await bus.wait_for(Speech, language="de", last=True)
        beats = len(bus.of(Heartbeat))
        await bus.wait_for(Heartbeat, beats + 1)
    counts: dict[tuple[str, str], int] = {}
    for beat in bus.of(Heartbeat):
        for stage in beat.stages:
            key = (stage.name, stage.language)
            counts[key] = counts.get(key, 0) + stage.count
            assert stage.seconds >= 0
    assert counts == {
        ("recognize", ""): 4,  # three chunks, and a new stream
        ("translate", "en"): 1,
        ("translate", "de"): 1,
        ("synthesize", "en"): 1,
        ("synthesize", "de"): 1,
    }


async def test_streams_do_not_mix() -> None:
    async with working(Ensemble(), LIMITS) as bus:
        one, other = Speaker(bus, "one"), Speaker(bus, "other")
        one.demand("en")
        other.demand("de")
        for mine, theirs in (("een", "vier"), ("twee", "vijf"), (".", ".")):
            one.say(mine)
            other.say(theirs)
        await bus.wait_for(Speech, stream="one", last=True)
        await bus.wait_for(Speech, stream="other", last=True)
    said = {
        (caption.stream, caption.language): caption.text
        for caption in bus.of(Caption, status="final")
    }
    assert said == {
        ("one", "nl"): "een twee",
        ("one", "en"): "en(een twee)",
        ("other", "nl"): "vier vijf",
        ("other", "de"): "de(vier vijf)",
    }


def bug(text: str) -> str:
    raise KeyError(text)


async def test_a_bug_ends_one_stream_which_restarts_with_its_next_audio(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, ran = Interpreter.run, list[str]()

    async def run(interpreter: Interpreter) -> None:
        ran.append(interpreter.stream)
        if ran.count("one") == 1 and interpreter.stream == "one":
            bug("drie")
        await own(interpreter)

    monkeypatch.setattr(Interpreter, "run", run)
    async with working(Ensemble(), LIMITS) as bus:
        one, other = Speaker(bus, "one"), Speaker(bus, "other")
        one.demand("en")
        other.demand("de")
        one.say("drie .")
        other.say("vier .")
        await bus.wait_for(Heartbeat, dropped={"streams": 1})
        await bus.wait_for(Speech, stream="other", last=True)
        one.say("twee .")
        await bus.wait_for(Speech, stream="one", last=True)
        other.say("vijf .")
        await bus.wait_for(Speech, 2, stream="other", last=True)
    (record,) = [each for each in caplog.records if each.levelno >= logging.ERROR]
    assert "stream one failed: KeyError" in record.getMessage()
    assert "in bug" in record.getMessage()


async def test_a_stream_that_fails_takes_back_its_half_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own, failures = Segmenter.feed, [KeyError("bug")]

    def feed(
        segmenter: Segmenter, transcript: Transcript | None, heard: int, quiet: int = 0
    ) -> list[Clause | Caption]:
        if heard >= 3 * WORD_SAMPLES and failures:
            raise failures.pop()
        return own(segmenter, transcript, heard, quiet)

    monkeypatch.setattr(Segmenter, "feed", feed)
    async with working(Ensemble(), LIMITS, "sentence") as bus:
        speaker = Speaker(bus)
        speaker.demand()
        speaker.say("een twee drie")
        (half, *_) = await bus.wait_for(Caption, status="partial")
        (taken_back,) = await bus.wait_for(Caption, status="clear")
        assert (taken_back.segment, taken_back.language) == (half.segment, "nl")
        speaker.say("vier vijf .")
        (whole,) = await bus.wait_for(Caption, status="final")
        assert whole.text == "vier vijf"
    assert len(bus.of(Caption, status="clear")) == 1


async def test_speech_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    ensemble = Ensemble()
    ensemble.translator.instead["en"] = bug
    ensemble.translator.instead["de"] = hang = Hang()
    async with working(ensemble, Limits(heartbeat_s=0.02, quiet_s=30.0, translate_s=0.02)) as bus:
        speaker = Speaker(bus)
        speaker.demand("de")
        speaker.say("drie . drie ! . drie .")
        await bus.wait_for(Heartbeat, dropped={"recognize": 1, "translate": 3})
        speaker.demand("en")
        speaker.say("drie .")
        await bus.wait_for(Heartbeat, dropped={"recognize": 1, "translate": 4})
        hang.release.set()
    assert caplog.records
    assert "drie" not in caplog.text


async def test_a_source_without_a_recogniser_fails_in_every_target() -> None:
    async with working(Ensemble(), LIMITS) as bus:
        speaker = Speaker(bus)
        speaker.demand("en", text=("de",), source="xx")
        failures = await bus.wait_for(Failure, 2, failing=True)
    assert {each.language for each in failures} == {"en", "de"}
    assert failures[0].reason == "broken"


async def test_audio_without_a_demand_is_dropped() -> None:
    async with working(Ensemble(), LIMITS) as bus:
        Speaker(bus).say("een .")
        await bus.wait_for(Heartbeat, dropped={"undemanded": 2})
    assert not bus.of(Caption)


def glossary(version: int, *names: str, stream: str = "s") -> Glossary:
    return Glossary(stream=stream, epoch=0, version=version, names=names)


async def test_a_glossary_applies_only_to_its_stream() -> None:
    async with working(Ensemble(), LIMITS) as bus:
        mine, other = Speaker(bus), Speaker(bus, "other")
        for speaker in (mine, other):
            speaker.demand(text=("en",))
        bus.send(glossary(1, "Een"))
        for speaker in (mine, other):
            speaker.say("een .")
        finals = await bus.wait_for(Caption, 2, language="en", status="final")
    assert {each.stream: each.text for each in finals} == {"s": "en(Een)", "other": "en(een)"}


async def test_a_glossary_applies_from_the_next_clause() -> None:
    async with working(Ensemble(), LIMITS) as bus:
        speaker = Speaker(bus)
        speaker.demand(text=("en",))
        for version, name in enumerate(("Een", "EEN", "x"), 1):
            bus.send(glossary(version, name), glossary(version, name))
            speaker.say("een .")
            finals = await bus.wait_for(Caption, version, language="en", status="final")
    assert [each.text for each in finals] == ["en(Een)", "en(EEN)", "en(een)"]


async def test_the_glossary_of_a_stream_without_a_demand_is_ignored() -> None:
    async with working(Ensemble(), LIMITS) as bus:
        bus.send(glossary(1, "Een"))
        speaker = Speaker(bus)
        speaker.demand(text=("en",))
        speaker.say("een .")
        (final,) = await bus.wait_for(Caption, language="en", status="final")
    assert final.text == "en(een)"


class Odd(EchoRecognizer):
    """Can expect nothing."""

    def expecting(self, words: Sequence[str]) -> tuple[Recognizer, dict[str, str]]:
        return EchoRecognizer(), dict.fromkeys(words, "is odd")


async def test_unusable_words_are_reported_repeatedly() -> None:
    ensemble = Ensemble()
    ensemble.engines = dataclasses.replace(ensemble.engines, recognizers={"nl": Odd()})
    async with working(ensemble, LIMITS) as bus:
        speaker = Speaker(bus)
        speaker.demand("en")
        bus.send(glossary(4, "Kerk"))
        speaker.say("een . twee . drie .")
        await bus.wait_for(Caption, language="nl", text="drie")
        speaker.say("vier .")
        told = await bus.wait_for(Unexpected, 2, stream="s", version=4)
    assert told[0].words == {"kerk": "is odd"}


async def test_a_source_that_cannot_be_heard_any_more_ends_the_stream() -> None:
    async with working(Ensemble(), LIMITS, "sentence") as bus:
        speaker = Speaker(bus)
        speaker.demand("en")
        speaker.say("een .")
        await bus.wait_for(Speech, last=True)
        speaker.epoch += 1
        speaker.demand("en", source="de")
        await bus.wait_for(Failure, language="en")
        speaker.say("twee .")
        await bus.wait_for(Heartbeat, dropped={"undemanded": 2})
    assert not [each for each in bus.of(Caption) if each.epoch == speaker.epoch]


async def test_what_a_stream_held_is_freed_soon_after_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worker_module, "give_back", functools.partial(give_back, every_s=0.02))
    hearing: list[weakref.ref[EchoStream]] = []

    class Observed(EchoRecognizer):
        def stream(self) -> EchoStream:
            stream = super().stream()
            hearing.append(weakref.ref(stream))
            return stream

    ensemble = Ensemble()
    ensemble.engines = dataclasses.replace(ensemble.engines, recognizers={"nl": Observed()})
    gc.disable()  # Python's own collections come by chance
    try:
        async with working(ensemble, LIMITS) as bus:
            speaker = Speaker(bus)
            speaker.demand("en")
            speaker.say("een .")
            await bus.wait_for(Speech, last=True)
            assert hearing[0]() is not None
            speaker.demand(captions=False)
            await eventually(lambda: hearing[0]() is None)
    finally:
        gc.enable()
