import dataclasses
from itertools import pairwise

import numpy as np

from server.bus.messages import RATE_HZ, AudioChunk, Caption, Demand, Heartbeat, Speech
from server.interpretation.interpreter import Interpreter
from server.interpretation.shared import Limits, Shared
from server.interpretation.silero_detector import SileroDetector
from tests.helpers.interpretation import (
    WORD_SAMPLES,
    Ensemble,
    Speaker,
    final_texts,
    working,
)

#: So long that no test waits for it by accident.
PATIENT = Limits(heartbeat_s=0.02, quiet_s=30.0)
#: So short that the last words need no silence after them.
HASTY = Limits(heartbeat_s=0.02, quiet_s=0.05)


async def test_source_captions_grow_until_final() -> None:
    async with working(Ensemble(), PATIENT) as bus:
        speaker = Speaker(bus)
        speaker.demand("en")
        speaker.say("een twee drie .")
        await bus.wait_for(Caption, language="nl", status="final")
        captions = bus.of(Caption, language="nl")
    assert [(each.status, each.text) for each in captions] == [
        ("partial", "een"),
        ("partial", "een twee"),
        ("final", "een twee drie"),
    ]
    assert len({each.segment for each in captions}) == 1
    assert [each.revision for each in captions] == [0, 1, 2]


async def test_the_translation_is_captioned_before_it_is_spoken() -> None:
    async with working(Ensemble(), PATIENT) as bus:
        speaker = Speaker(bus)
        speaker.demand("en")
        speaker.say("een twee .")
        await bus.wait_for(Speech, last=True)
    (caption,) = bus.of(Caption, language="en")
    assert (caption.text, caption.status) == ("en(een twee)", "final")
    assert bus.published.index(caption) < bus.published.index(bus.of(Speech)[0])
    (source,) = bus.of(Caption, language="nl", status="final")
    assert caption.segment == source.segment
    assert (caption.start_sample, caption.end_sample) == (0, 2 * WORD_SAMPLES)


async def test_speech_is_sent_in_adjoining_pieces() -> None:
    async with working(Ensemble(), PATIENT) as bus:
        speaker = Speaker(bus)
        speaker.demand("en")
        speaker.say("een twee drie .")
        pieces = await bus.wait_for(Speech, 4)
    samples = [len(piece.pcm) // 2 for piece in pieces]
    assert sum(samples) == 3 * 2000
    assert max(samples) <= 8000 // 5
    assert [piece.last for piece in pieces] == [False, False, False, True]
    starts = [piece.play_at - pieces[0].play_at for piece in pieces]
    assert starts == [0, *(np.cumsum(samples)[:-1] * 2).tolist()]
    assert {(piece.rate_hz, piece.start_sample, piece.end_sample) for piece in pieces} == {
        (8000, 0, 3 * WORD_SAMPLES)
    }


async def test_speech_is_planned_neither_in_the_past_nor_over_other_speech() -> None:
    async with working(Ensemble(), PATIENT) as bus:
        speaker = Speaker(bus)
        speaker.demand("en")
        speaker.say("een twee . drie vier . vijf zes .")
        await bus.wait_for(Speech, 3, last=True)
    pieces = bus.of(Speech)
    assert pieces[0].play_at >= 2 * WORD_SAMPLES
    for one, other in pairwise(pieces):
        assert one.play_at + len(one.pcm) <= other.play_at  # two bytes, two samples at 16 kHz


async def test_the_last_words_are_spoken_when_no_more_audio_comes() -> None:
    async with working(Ensemble(), HASTY) as bus:
        speaker = Speaker(bus)
        speaker.demand("en")
        speaker.say("een twee")
        assert await final_texts(bus, "en", 1) == ["en(een twee)"]


async def test_the_recogniser_is_not_called_without_audio() -> None:
    async with working(Ensemble(), HASTY) as bus:
        speaker = Speaker(bus)
        speaker.demand()
        speaker.say("een")
        await bus.wait_for(Caption, status="final")
        await bus.wait_for(Heartbeat, len(bus.of(Heartbeat)) + 10)
    stages = [stage for beat in bus.of(Heartbeat) for stage in beat.stages]
    assert sum(stage.count for stage in stages) == 3  # a new stream, one chunk, its end


async def test_after_a_quiet_time_word_times_are_still_right() -> None:
    async with working(Ensemble(), HASTY) as bus:
        speaker = Speaker(bus)
        speaker.demand("en")
        speaker.say("een")
        await final_texts(bus, "en", 1)
        speaker.say("twee")
        await final_texts(bus, "en", 2)
    assert bus.of(Caption, language="en")[1].start_sample == WORD_SAMPLES


async def test_a_short_gap_counts_as_silence() -> None:
    async with working(Ensemble(), PATIENT) as bus:
        speaker = Speaker(bus)
        speaker.demand("en")
        speaker.say("een")
        speaker.sample += 2 * WORD_SAMPLES
        speaker.say("twee .")
        assert await final_texts(bus, "en", 1) == ["en(een twee)"]
    assert bus.of(Caption, language="en")[0].end_sample == 4 * WORD_SAMPLES


async def test_a_long_gap_ends_the_utterance() -> None:
    async with working(Ensemble(), PATIENT) as bus:
        speaker = Speaker(bus)
        speaker.demand("en")
        speaker.say("een")
        speaker.sample += 3 * RATE_HZ
        speaker.say("twee .")
        assert await final_texts(bus, "en", 2) == ["en(een)", "en(twee)"]
    assert bus.of(Caption, language="en")[1].start_sample == WORD_SAMPLES + 3 * RATE_HZ


async def test_after_a_long_gap_speech_detection_restarts() -> None:
    """Sound before the gap ends within one of the detector's windows."""
    engines = dataclasses.replace(Ensemble().engines, detector=SileroDetector)
    shared = Shared(engines, PATIENT, lambda message: None)
    interpreter = Interpreter(shared, Demand(stream="s", epoch=0, source="nl"), 0)
    for start, samples in ((0, 1000), (4 * RATE_HZ, 1100)):
        pcm = bytes(2 * samples)
        interpreter.hear(AudioChunk(stream="s", epoch=0, start_sample=start, pcm=pcm))
    interpreter.close()
    await interpreter.run()


async def test_repeated_audio_is_recognised_once() -> None:
    async with working(Ensemble(), PATIENT) as bus:
        speaker = Speaker(bus)
        speaker.demand("en")
        speaker.say("een")
        speaker.sample -= WORD_SAMPLES
        speaker.say("een twee .")
        assert await final_texts(bus, "en", 1) == ["en(een twee)"]


async def test_after_a_failure_recognition_restarts_and_keeps_its_words() -> None:
    async with working(Ensemble(), PATIENT) as bus:
        speaker = Speaker(bus)
        speaker.demand("en")
        speaker.say("een twee ! drie .")
        assert await final_texts(bus, "en", 2) == ["en(een twee)", "en(drie)"]
        (beat,) = (await bus.wait_for(Heartbeat, dropped={"recognize": 1}))[-1:]
    assert bus.of(Caption, language="en")[1].start_sample == 3 * WORD_SAMPLES
    assert beat.ready
