"""When engines fail or hang, and when speech falls behind."""

import asyncio
import time
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
from purgatory import AsyncCircuitBreakerFactory
from purgatory.domain.model import OpenedState

from server.bus.messages import Caption, Failure, Heartbeat, Speech
from server.interpretation.engines import EngineError
from server.interpretation.shared import Limits
from server.interpretation.types import Pcm
from tests.helpers.interpretation import Ensemble, Hang, MemoryBus, Speaker, demanded, fail, working

LIMITS = Limits(heartbeat_s=0.02, quiet_s=30.0, failures=3, retry_s=30.0)
IMPATIENT = replace(LIMITS, translate_s=0.02, synthesize_s=0.02)


def broken_voice(text: str) -> Pcm:
    raise EngineError("no voice today")


async def say_clauses(speaker: Speaker, bus: MemoryBus, *words: str, until: str) -> None:
    """One clause after the other, each once the one before has been captioned in ``until``."""
    for word in words:
        before = len(bus.of(Caption, language=until, status="final"))
        speaker.say(f"{word} .")
        await bus.wait_for(Caption, before + 1, language=until, status="final")


async def test_a_failed_clause_is_dropped_and_the_next_is_spoken() -> None:
    ensemble = Ensemble()
    ensemble.translator.instead["en"] = lambda text: fail(text) if text == "een" else text
    async with demanded("en", ensemble, LIMITS) as (bus, speaker):
        speaker.say("een . twee .")
        await bus.wait_for(Speech, last=True)
        await bus.wait_for(Heartbeat, dropped={"translate": 1})
    assert [each.text for each in bus.of(Caption, language="en", skipped=False)] == ["twee"]
    assert not bus.of(Failure)


async def test_a_translation_with_another_number_is_marked() -> None:
    ensemble = Ensemble()
    ensemble.translator.instead["en"] = lambda text: "17" if text == "een" else text
    async with demanded("en", ensemble, LIMITS) as (bus, speaker):
        speaker.say("een . twee .")
        await bus.wait_for(Caption, 2, language="en", status="final")
    lines = bus.of(Caption, language="en", status="final")
    assert [(each.text, each.doubtful) for each in lines] == [("17", True), ("twee", False)]


async def test_a_hanging_translator_does_not_delay_other_languages() -> None:
    ensemble = Ensemble()
    ensemble.translator.instead["en"] = hang = Hang()
    async with working(ensemble, LIMITS) as bus:
        speaker = Speaker(bus)
        speaker.demand("en", "de")
        speaker.say("een . twee . drie .")
        await bus.wait_for(Speech, 3, language="de", last=True)
        assert not bus.of(Speech, language="en")
        hang.release.set()


async def test_a_hanging_call_is_given_up_and_its_age_reported() -> None:
    ensemble = Ensemble()
    ensemble.translator.instead["en"] = hang = Hang()
    async with demanded("en", ensemble, IMPATIENT) as (bus, speaker):
        speaker.say("een .")
        beats = await bus.wait_for(Heartbeat, dropped={"translate": 1})
        assert beats[0].stuck_s > 0.02
        hang.release.set()
    assert not bus.of(Caption, language="en", skipped=False)


async def test_results_after_the_time_limit_are_discarded() -> None:
    ensemble = Ensemble()
    ensemble.translator.instead["en"] = hang = Hang()
    async with demanded("en", ensemble, replace(IMPATIENT, failures=99)) as (bus, speaker):
        speaker.say("een .")
        await bus.wait_for(Heartbeat, dropped={"translate": 1})
        hang.release.set()
        del ensemble.translator.instead["en"]
        speaker.say("twee .")
        await bus.wait_for(Speech, last=True)
    assert [each.text for each in bus.of(Caption, language="en", skipped=False)] == ["en(twee)"]


async def test_the_circuit_opens_after_several_failures_in_a_row() -> None:
    ensemble = Ensemble()
    ensemble.voices["en"].instead = broken_voice
    async with demanded("en", ensemble, LIMITS) as (bus, speaker):
        await say_clauses(speaker, bus, "een", "twee", until="en")
        assert not bus.of(Failure)
        await say_clauses(speaker, bus, "drie", until="en")
        (failure,) = await bus.wait_for(Failure)
    assert (failure.language, failure.failing, failure.reason) == ("en", True, "broken")


async def test_an_engine_over_its_time_limit_is_reported_as_slow() -> None:
    ensemble = Ensemble()
    ensemble.translator.instead["en"] = hang = Hang()
    async with demanded("en", ensemble, replace(IMPATIENT, failures=1)) as (bus, speaker):
        speaker.say("een .")
        (failure,) = await bus.wait_for(Failure)
        hang.release.set()
    assert failure.reason == "slow"


async def test_a_language_that_is_always_too_late_is_reported_as_slow_until_it_is_not() -> None:
    ensemble = Ensemble()
    async with demanded("en", ensemble, LIMITS) as (bus, speaker):
        for count, word in enumerate(("een", "twee"), 1):
            ensemble.translator.instead["en"] = hang = Hang()
            speaker.say(f"{word} .")
            await bus.wait_for(Caption, language="nl", text=word, status="final")
            assert not bus.of(Failure)
            speaker.say(". " * 30)
            await bus.taken()
            hang.release.set()
            await bus.wait_for(Heartbeat, dropped={"backlog": count})
        (failure,) = await bus.wait_for(Failure)
        assert (failure.failing, failure.reason) == (True, "slow")
        del ensemble.translator.instead["en"]
        speaker.say("drie .")
        await bus.wait_for(Speech, last=True)
        await bus.wait_for(Failure, failing=False)


async def test_separate_failures_do_not_open_the_circuit() -> None:
    ensemble = Ensemble()
    ensemble.translator.instead["en"] = lambda text: fail(text) if text == "een" else text
    async with demanded("en", ensemble, LIMITS) as (bus, speaker):
        speaker.say("een . een . twee . een . een . drie .")
        await bus.wait_for(Caption, 2, language="en")
        await bus.wait_for(Speech, 2, last=True)
    assert not bus.of(Failure)


async def test_while_the_circuit_is_open_captions_go_on_and_nothing_is_synthesized() -> None:
    ensemble = Ensemble()
    ensemble.voices["en"].instead = broken_voice
    async with demanded("en", ensemble, LIMITS) as (bus, speaker):
        await say_clauses(speaker, bus, "een", "twee", "drie", "vier", "vijf", until="en")
        await bus.wait_for(Heartbeat, dropped={"synthesize": 3, "failing": 2})
    assert len(bus.of(Caption, language="nl", status="final")) == 5
    assert len(ensemble.voices["en"].scales) == 3


async def test_each_language_has_its_own_circuit() -> None:
    ensemble = Ensemble()
    ensemble.voices["en"].instead = broken_voice
    async with working(ensemble, LIMITS) as bus:
        speaker = Speaker(bus)
        speaker.demand("en", "de")
        speaker.say("een . twee . drie . vier .")
        await bus.wait_for(Speech, 4, language="de", last=True)
        await bus.wait_for(Failure, language="en", failing=True)
    assert not bus.of(Failure, language="de")


async def test_the_circuit_closes_when_a_clause_is_spoken_again() -> None:
    ensemble = Ensemble()
    ensemble.voices["en"].instead = broken_voice
    async with demanded("en", ensemble, replace(LIMITS, retry_s=0.001)) as (bus, speaker):
        speaker.say("een . twee . drie .")
        await bus.wait_for(Failure, failing=True)
        ensemble.voices["en"].instead = None
        while not bus.of(Speech):  # the first may still come too early
            await say_clauses(speaker, bus, "vier", until="en")
        await bus.wait_for(Failure, failing=False)
        told = [failure.failing for failure in bus.of(Failure)]
    assert told == sorted(told, reverse=True)
    assert told.count(False) == 1


async def test_a_removed_language_stops_failing() -> None:
    ensemble = Ensemble()
    ensemble.voices["en"].instead = broken_voice
    async with demanded("en", ensemble, LIMITS) as (bus, speaker):
        speaker.say("een . twee . drie .")
        await bus.wait_for(Failure, failing=True)
        speaker.demand()
        speaker.say("vier .")
        (recovered,) = await bus.wait_for(Failure, failing=False)
    assert recovered.language == "en"


async def test_a_language_without_a_voice_is_reported_as_failing() -> None:
    async with demanded("xx", Ensemble(), replace(LIMITS, failures=1)) as (bus, speaker):
        speaker.say("een .")
        (failure,) = await bus.wait_for(Failure)
    assert (failure.language, failure.failing, failure.reason) == ("xx", True, "broken")


async def test_of_too_many_waiting_clauses_the_oldest_are_dropped() -> None:
    ensemble = Ensemble()
    ensemble.translator.instead["en"] = hang = Hang()
    async with demanded("en", ensemble, replace(LIMITS, waiting_clauses=2)) as (bus, speaker):
        speaker.say("een .")
        await bus.wait_for(Caption, text="een", status="final")
        speaker.say("twee . drie . vier .")
        await bus.wait_for(Heartbeat, dropped={"clauses": 1})
        del ensemble.translator.instead["en"]
        hang.release.set()
        await bus.wait_for(Speech, 3, last=True)
    texts = [each.text for each in bus.of(Caption, language="en", skipped=False)]
    assert texts == ["too late", "en(drie)", "en(vier)"]
    assert len(bus.of(Caption, language="nl", status="final")) == 4


async def test_a_dropped_clause_is_marked_in_its_place() -> None:
    ensemble = Ensemble()
    ensemble.translator.instead["en"] = lambda text: fail(text) if text == "een" else text
    async with demanded("en", ensemble, LIMITS) as (bus, speaker):
        speaker.say("een . twee .")
        (marked,) = await bus.wait_for(Caption, language="en", skipped=True)
        (source,) = await bus.wait_for(Caption, text="een", status="final")
    assert (marked.text, marked.segment, marked.status) == ("…", source.segment, "final")


async def test_captions_that_are_not_spoken_are_marked() -> None:
    ensemble = Ensemble()
    ensemble.voices["en"].instead = broken_voice
    async with demanded("en", ensemble, LIMITS) as (bus, speaker):
        speaker.say("een . twee . drie . vier .")
        skipped = await bus.wait_for(Caption, 4, language="en", skipped=True)
    written = bus.of(Caption, language="en", skipped=False)
    assert [each.text for each in skipped] == [each.text for each in written]
    for before, after in zip(written, skipped, strict=True):
        assert (after.segment, after.status) == (before.segment, "final")
        assert after.revision > before.revision


async def test_without_listeners_no_caption_is_marked_as_not_spoken() -> None:
    ensemble = Ensemble()
    ensemble.voices["en"].instead = broken_voice
    async with working(ensemble, LIMITS) as bus:
        speaker = Speaker(bus)
        speaker.demand("de", text=("en",))
        speaker.say("een . twee .")
        await bus.wait_for(Caption, 2, language="en", status="final")
        await bus.wait_for(Speech, 2, language="de", last=True)
    assert not bus.of(Caption, skipped=True)


async def test_speech_is_played_while_the_speaker_is_paused() -> None:
    """Stream time stands still then, but what waits to be heard gets less."""
    ensemble = Ensemble()
    ensemble.voices["en"].instead = lambda text: np.full(8000 * 4, 1000, np.int16)
    async with demanded("en", ensemble, replace(LIMITS, quiet_s=0.02)) as (bus, speaker):
        speaker.say("een .")
        (one,) = await bus.wait_for(Speech, last=True)
        await bus.wait_for(Heartbeat, len(bus.of(Heartbeat)) + 10)
        speaker.say("twee .")
        await bus.wait_for(Speech, 2, last=True)
    (other,) = [each for each in bus.of(Speech) if each.segment != one.segment][:1]
    assert other.play_at < one.play_at + len(one.pcm)


async def test_a_bug_in_one_language_costs_a_clause_of_it_and_nothing_else(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def bug(text: str) -> str:
        return text[99]

    ensemble = Ensemble()
    ensemble.translator.instead["de"] = lambda text: bug(text) if text == "een" else text
    async with working(ensemble, LIMITS, "sentence") as bus:
        speaker = Speaker(bus)
        speaker.demand("en", "de")
        speaker.say("een . twee .")
        await bus.wait_for(Speech, language="de", last=True)
        await bus.wait_for(Caption, language="en", status="final", text="en(twee)")
    assert len(bus.of(Caption, language="en", status="final")) == 2
    assert "translate, de" in caplog.text and "IndexError" in caplog.text


async def test_an_open_circuit_does_not_mind_that_the_clock_is_set_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    breaker = await AsyncCircuitBreakerFactory(1, 0.05).get_breaker("en")
    with pytest.raises(ValueError, match="fails"):
        async with breaker:
            raise ValueError("fails")
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now - 3600)
    tried = False
    async with asyncio.timeout(10):
        while not tried:
            with suppress(OpenedState):
                async with breaker:
                    tried = True
            await asyncio.sleep(0.01)
