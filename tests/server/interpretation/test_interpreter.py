import asyncio
from itertools import pairwise

import numpy as np
import pytest

from server.bus.messages import RATE_HZ, Caption, Committed, Heartbeat, Speech
from server.interpretation.shared import Limits
from tests.helpers.interpretation import (
    WORD_SAMPLES,
    Ensemble,
    Hang,
    MemoryBus,
    Speaker,
    eventually,
    fail,
    working,
)

#: So long that no test waits for it by accident.
PATIENT = Limits(heartbeat_s=0.02, quiet_s=30.0)
#: So short that the last words need no silence after them.
HASTY = Limits(heartbeat_s=0.02, quiet_s=0.05)


async def final_texts(bus: MemoryBus, language: str, count: int) -> list[str]:
    captions = await bus.wait_for(Caption, count, language=language, status="final")
    return [caption.text for caption in captions]


def at_work(speaker: Speaker) -> bool:
    """Whether an interpreter of the stream is running."""
    return any(task.get_name() == f"interpreter/{speaker.stream}" for task in asyncio.all_tasks())


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


async def test_speech_comes_in_pieces_that_join() -> None:
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


async def test_speech_is_planned_for_no_time_gone_by_and_never_over_other_speech() -> None:
    async with working(Ensemble(), PATIENT) as bus:
        speaker = Speaker(bus)
        speaker.demand("en")
        speaker.say("een twee . drie vier . vijf zes .")
        await bus.wait_for(Speech, 3, last=True)
    pieces = bus.of(Speech)
    assert pieces[0].play_at >= 2 * WORD_SAMPLES
    for one, other in pairwise(pieces):
        assert one.play_at + len(one.pcm) <= other.play_at  # two bytes, two samples at 16 kHz


async def test_the_last_words_are_said_when_no_more_sound_comes() -> None:
    async with working(Ensemble(), HASTY) as bus:
        speaker = Speaker(bus)
        speaker.demand("en")
        speaker.say("een twee")
        assert await final_texts(bus, "en", 1) == ["en(een twee)"]


async def test_the_recogniser_is_left_alone_while_nothing_comes() -> None:
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


async def test_a_short_gap_is_silence() -> None:
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


async def test_sound_that_comes_twice_is_heard_once() -> None:
    async with working(Ensemble(), PATIENT) as bus:
        speaker = Speaker(bus)
        speaker.demand("en")
        speaker.say("een")
        speaker.sample -= WORD_SAMPLES
        speaker.say("een twee .")
        assert await final_texts(bus, "en", 1) == ["en(een twee)"]


async def test_where_recognition_fails_it_begins_anew_and_keeps_what_it_had() -> None:
    async with working(Ensemble(), PATIENT) as bus:
        speaker = Speaker(bus)
        speaker.demand("en")
        speaker.say("een twee ! drie .")
        assert await final_texts(bus, "en", 2) == ["en(een twee)", "en(drie)"]
        (beat,) = (await bus.wait_for(Heartbeat, dropped={"recognize": 1}))[-1:]
    assert bus.of(Caption, language="en")[1].start_sample == 3 * WORD_SAMPLES
    assert beat.ready


async def test_languages_come_and_go_while_it_runs() -> None:
    async with working(Ensemble(), PATIENT) as bus:
        speaker = Speaker(bus)
        speaker.demand("en")
        speaker.say("een .")
        await final_texts(bus, "en", 1)
        speaker.demand("en", "de")
        speaker.say("twee .")
        await final_texts(bus, "de", 1)
        speaker.demand("de")
        speaker.say("drie .")
        await final_texts(bus, "de", 2)
        speaker.demand("de", "en")
        speaker.say("vier .")
        await final_texts(bus, "de", 3)
        await bus.wait_for(Speech, 3, language="en", last=True)
    assert await final_texts(bus, "de", 3) == ["de(twee)", "de(drie)", "de(vier)"]
    assert await final_texts(bus, "en", 3) == ["en(een)", "en(twee)", "en(vier)"]


async def test_a_language_no_more_wanted_says_what_it_had_begun() -> None:
    ensemble = Ensemble()
    ensemble.translator.instead["en"] = hang = Hang()
    async with working(ensemble, PATIENT) as bus:
        speaker = Speaker(bus)
        speaker.demand("en", "de")
        speaker.say("een .")
        await bus.wait_for(Speech, language="de")
        speaker.demand("de")
        speaker.say("twee .")
        await bus.wait_for(Speech, 2, language="de", last=True)
        hang.release.set()
        await bus.wait_for(Speech, language="en", last=True)
    assert await final_texts(bus, "en", 1) == [hang("een")]


async def test_a_language_wanted_again_goes_on_after_what_it_had_begun() -> None:
    ensemble = Ensemble()
    ensemble.translator.instead["en"] = hang = Hang()
    async with working(ensemble, PATIENT) as bus:
        speaker = Speaker(bus)
        for count, languages in enumerate([("en", "de"), ("de",), ("en", "de")], 1):
            speaker.demand(*languages)
            speaker.say("een twee .")
            await bus.wait_for(Speech, count, language="de", last=True)
        hang.release.set()
        await bus.wait_for(Speech, 2, language="en", last=True)
    pieces = bus.of(Speech, language="en")
    assert len({piece.segment for piece in pieces}) == 2
    for one, other in pairwise(pieces):
        assert one.play_at + len(one.pcm) <= other.play_at


async def test_a_language_only_read_is_not_spoken() -> None:
    async with working(Ensemble(), PATIENT) as bus:
        speaker = Speaker(bus)
        speaker.demand("de", text=("en",))
        speaker.say("een .")
        await final_texts(bus, "en", 1)
        await bus.wait_for(Speech, language="de", last=True)
    assert not bus.of(Speech, language="en")


async def test_without_captions_the_source_is_not_captioned() -> None:
    async with working(Ensemble(), PATIENT) as bus:
        speaker = Speaker(bus)
        speaker.demand("en", captions=False)
        speaker.say("een .")
        await final_texts(bus, "en", 1)
    assert not bus.of(Caption, language="nl")


async def test_all_that_was_said_is_committed() -> None:
    async with working(Ensemble(), HASTY) as bus:
        speaker = Speaker(bus)
        speaker.demand("en")
        speaker.say("een twee . . . .")
        await bus.wait_for(Committed, sample=speaker.sample)
    told = [message.sample for message in bus.of(Committed)]
    assert told == sorted(set(told))
    said = bus.published.index(bus.of(Speech, last=True)[0])
    first_past_it = next(each for each in bus.of(Committed) if each.sample > 0)
    assert bus.published.index(first_past_it) > said


@pytest.mark.parametrize("instead", [Hang(), fail], ids=["waiting", "dropped"])
async def test_what_still_waits_in_a_language_is_not_committed(instead: Hang) -> None:
    ensemble = Ensemble()
    ensemble.translator.instead["en"] = instead
    async with working(ensemble, HASTY) as bus:
        speaker = Speaker(bus)
        speaker.demand("en", "de")
        speaker.say("een . .")
        await bus.wait_for(Speech, language="de", last=True)
        if isinstance(instead, Hang):
            assert not bus.of(Committed)
            instead.release.set()
        await bus.wait_for(Committed, sample=speaker.sample)


async def test_segments_rise_from_epoch_to_epoch() -> None:
    async with working(Ensemble(), PATIENT) as bus:
        for epoch in (1, 2):
            speaker = Speaker(bus, epoch=epoch)
            speaker.demand("en")
            speaker.say("een . twee .")
            await bus.wait_for(Caption, 2, language="en", epoch=epoch)
    segments = [caption.segment for caption in bus.of(Caption, language="en")]
    assert segments == sorted(set(segments))


async def test_a_stream_is_let_go_when_nothing_of_it_is_demanded() -> None:
    async with working(Ensemble(), PATIENT) as bus:
        speaker = Speaker(bus)
        speaker.demand("en")
        speaker.say("een")
        await bus.wait_for(Caption, text="een")
        speaker.demand(captions=False)
        assert await final_texts(bus, "en", 1) == ["en(een)"]
        await eventually(lambda: not at_work(speaker))
        speaker.say("twee .")
        await bus.wait_for(Heartbeat, dropped={"undemanded": 2})


async def test_a_stream_is_let_go_when_demands_cease() -> None:
    async with working(Ensemble(), Limits(heartbeat_s=0.02, quiet_s=30.0, demand_s=0.05)) as bus:
        speaker = Speaker(bus)
        speaker.demand("en")
        speaker.say("een")
        assert await final_texts(bus, "en", 1) == ["en(een)"]
        await eventually(lambda: not at_work(speaker))


async def test_a_stream_demanded_again_goes_on() -> None:
    async with working(Ensemble(), PATIENT) as bus:
        speaker = Speaker(bus)
        for word in ("een", "twee"):
            speaker.demand("en")
            speaker.say(word)
            speaker.demand(captions=False)
        assert await final_texts(bus, "en", 2) == ["en(een)", "en(twee)"]
    segments = [caption.segment for caption in bus.of(Caption, language="en")]
    assert segments == sorted(set(segments))


async def test_an_older_epoch_is_not_heard() -> None:
    async with working(Ensemble(), PATIENT) as bus:
        old, new = Speaker(bus, epoch=1), Speaker(bus, epoch=2)
        new.demand("en")
        old.demand("de")
        old.say("een .")
        new.say("twee .")
        assert await final_texts(bus, "en", 1) == ["en(twee)"]
        await bus.wait_for(Heartbeat, dropped={"stale": 2})
    assert not bus.of(Caption, language="de")


async def test_a_new_epoch_cuts_the_old_one_short() -> None:
    async with working(Ensemble(), PATIENT) as bus:
        old, new = Speaker(bus, epoch=1), Speaker(bus, epoch=2)
        old.demand("en")
        old.say("een twee")
        await bus.wait_for(Caption, text="een")
        new.say("drie .")
        assert await final_texts(bus, "en", 1) == ["en(drie)"]


async def test_no_language_is_translated_into_itself() -> None:
    async with working(Ensemble(), PATIENT) as bus:
        speaker = Speaker(bus)
        speaker.demand("nl", "en")
        speaker.say("een . twee .")
        await bus.wait_for(Speech, 2, language="en", last=True)
        await bus.wait_for(Caption, 2, language="nl", status="final")
    assert {caption.text for caption in bus.of(Caption, language="nl")} == {"een", "twee"}
