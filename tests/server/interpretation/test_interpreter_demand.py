"""What is asked of an interpreter: languages, captions, streams and epochs that come and go."""

import asyncio
from itertools import pairwise

import pytest

from server.bus.messages import Caption, Committed, Heartbeat, Speech
from server.interpretation.shared import Limits
from tests.helpers.interpretation import (
    Ensemble,
    Hang,
    Speaker,
    eventually,
    fail,
    final_texts,
    working,
)

#: So long that no test waits for it by accident.
PATIENT = Limits(heartbeat_s=0.02, quiet_s=30.0)
#: So short that the last words need no silence after them.
HASTY = Limits(heartbeat_s=0.02, quiet_s=0.05)


def at_work(speaker: Speaker) -> bool:
    """Whether an interpreter of the stream is running."""
    return any(task.get_name() == f"interpreter/{speaker.stream}" for task in asyncio.all_tasks())


async def test_languages_can_be_added_and_removed() -> None:
    async with working(Ensemble(), PATIENT) as bus:
        speaker = Speaker(bus)
        for word, *languages in (
            ("een", "en"),
            ("twee", "en", "de"),
            ("drie", "de"),
            ("vier", "de", "en"),
        ):
            speaker.demand(*languages)
            speaker.say(f"{word} .")
            for language in languages:
                await bus.wait_for(Caption, language=language, text=f"{language}({word})")
    assert await final_texts(bus, "de", 3) == ["de(twee)", "de(drie)", "de(vier)"]
    assert await final_texts(bus, "en", 3) == ["en(een)", "en(twee)", "en(vier)"]


async def test_a_removed_language_finishes_its_clause() -> None:
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


async def test_a_language_removed_within_a_sentence_ends_its_line() -> None:
    ensemble = Ensemble()
    ensemble.translator.instead["en"] = str
    async with working(ensemble, PATIENT) as bus:
        speaker = Speaker(bus)
        speaker.demand("en", "de")
        speaker.say("huis boom boot fiets huis boom boot fiets")
        (line, *_) = await bus.wait_for(Caption, language="en", status="partial")
        speaker.demand("de")
        speaker.say("huis")
        await bus.wait_for(Caption, language="en", segment=line.segment, status="final")


async def test_a_language_added_again_continues_after_its_clause() -> None:
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


async def test_a_language_with_captions_only_is_not_spoken() -> None:
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


async def test_all_interpreted_audio_is_committed() -> None:
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
async def test_audio_of_waiting_clauses_is_not_committed(instead: Hang) -> None:
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


async def test_segment_numbers_increase_across_epochs() -> None:
    async with working(Ensemble(), PATIENT) as bus:
        for epoch in (1, 2):
            speaker = Speaker(bus, epoch=epoch)
            speaker.demand("en")
            speaker.say("een . twee .")
            await bus.wait_for(Caption, 2, language="en", epoch=epoch)
    segments = [caption.segment for caption in bus.of(Caption, language="en")]
    assert segments == sorted(set(segments))


async def test_a_stream_ends_when_nothing_is_demanded() -> None:
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


async def test_a_stream_ends_when_demands_cease() -> None:
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


async def test_audio_of_an_older_epoch_is_ignored() -> None:
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
