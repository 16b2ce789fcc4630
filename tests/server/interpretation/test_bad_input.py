"""Speakers who do what no model expects, through all engines that are shipped, in virtual time:
the stream lives, nothing is invented, and what is said afterwards is interpreted as before."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import soxr

from server.bus.messages import (
    RATE_HZ,
    AudioChunk,
    Caption,
    Committed,
    Demand,
    Failure,
    Message,
    Speech,
)
from server.interpretation.interpreter import Interpreter
from server.interpretation.loading import load
from server.interpretation.pacing import (
    BEHIND_SAMPLES,
    LEAD_SAMPLES,
    PATIENCE_SAMPLES,
    TOO_LATE_SAMPLES,
)
from server.interpretation.shared import Engines, Limits, Shared
from server.interpretation.types import Pcm
from server.models.catalogue import Catalogue
from tests.helpers.starter import Clip, demo_clip, error_rate
from tools.evaluate import noises
from tools.virtual_time import TimedLanes, run

CHUNK = RATE_HZ // 10
PHRASES = 3
BAD_S = 12
PAUSE = np.zeros(RATE_HZ, np.int16)


@pytest.fixture(scope="module")
def engines(starter: Catalogue) -> Engines:
    return load(starter)


@dataclass
class Outcome:
    published: list[Message]
    dropped: dict[str, int]

    def heard(self, start_s: float, end_s: float) -> str:
        """Dutch words of what was said then, some of it at least."""
        return " ".join(
            each.text
            for each in self.published
            if isinstance(each, Caption) and each.language == "nl" and each.status == "final"
            if start_s <= each.end_sample / RATE_HZ and each.start_sample / RATE_HZ < end_s
        )

    def lags_s(self, start_s: float) -> list[float]:
        """How long after its source each part was said to its end, of those from then on."""
        return [
            (each.play_at - each.end_sample) / RATE_HZ + len(each.pcm) / 2 / each.rate_hz
            for each in self.published
            if isinstance(each, Speech) and each.last and each.start_sample >= start_s * RATE_HZ
        ]

    def late_beginnings(self) -> tuple[list[int], int]:
        """How many samples after the end of its source each part began to be spoken. And the
        longest time, in samples, in which every part began later than BEHIND_SAMPLES."""
        late, late_for = list[int](), 0
        late_since: int | None = None
        spoken = [each for each in self.published if isinstance(each, Speech)]
        for before, each in zip((None, *spoken), spoken, strict=False):
            if before is not None and not before.last:
                continue  # not the beginning of a part
            late.append(each.play_at - each.end_sample)
            if late[-1] <= BEHIND_SAMPLES:
                late_since = None
            else:
                late_since = each.play_at if late_since is None else late_since
                late_for = max(late_for, each.play_at - late_since)
        return late, late_for

    @property
    def committed(self) -> int:
        return max(each.sample for each in self.published if isinstance(each, Committed))


def interpret(engines: Engines, pcm: Pcm, still_s: float = 0) -> Outcome:
    """``pcm`` at the pace of life; then nothing comes for ``still_s``."""
    published = list[Message]()
    shared = Shared(
        engines, Limits(), published.append, lanes=TimedLanes(lambda stage, result: 0.02)
    )

    async def main() -> None:
        interpreter = Interpreter(
            shared, Demand(stream="s", epoch=0, source="nl", speech=("en",)), 0
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(interpreter.run())
            for start in range(0, len(pcm), CHUNK):
                await asyncio.sleep(CHUNK / RATE_HZ)
                chunk = pcm[start : start + CHUNK].tobytes()
                interpreter.hear(AudioChunk(stream="s", epoch=0, start_sample=start, pcm=chunk))
            await asyncio.sleep(still_s)
            interpreter.close()

    run(main())
    return Outcome(published, dict(shared.dropped))


def said(clip: Clip) -> tuple[Pcm, str]:
    """The first phrases of a clip."""
    end = round((clip.phrases[PHRASES - 1].end_s + 0.3) * RATE_HZ)
    return clip.pcm[:end], " ".join(each.text for each in clip.phrases[:PHRASES])


def humming(speech: Pcm) -> Pcm:
    rng = np.random.default_rng(7)
    return noises.at_rms(noises.melody(BAD_S * RATE_HZ, rng), -25)


def music(speech: Pcm) -> Pcm:
    rng = np.random.default_rng(7)
    return noises.at_rms(noises.band(BAD_S * RATE_HZ, rng), -25)


def whispering(speech: Pcm) -> Pcm:
    """Breath with the loudness of speech, 20 ms at a time, in its coarse colour."""
    frame = RATE_HZ // 50
    frames = speech[: len(speech) // frame * frame].reshape(-1, frame)
    colour = np.apply_along_axis(
        lambda power: np.convolve(power, np.ones(9) / 9, "same"), 1, np.abs(np.fft.rfft(frames))
    )
    breath = np.fft.rfft(np.random.default_rng(7).normal(size=frames.shape) / np.sqrt(frame))
    return np.asarray(np.fft.irfft(breath * colour, frame).ravel() / 3, np.int16)


def another_speaker(speech: Pcm) -> Pcm:
    other = demo_clip("en").pcm[: len(speech)]
    return np.asarray(speech // 2 + other // 2, np.int16)


def another_language(speech: Pcm) -> Pcm:
    return demo_clip("en").pcm[: len(speech)]


def half_a_word(speech: Pcm) -> Pcm:
    return speech[: len(speech) * 2 // 5]


@pytest.mark.parametrize(
    "bad", [humming, music, whispering, another_speaker, another_language, half_a_word]
)
def test_speech_after_bad_input_is_interpreted_as_well_as_before(
    engines: Engines, demo: Clip, bad: Callable[[Pcm], Pcm]
) -> None:
    speech, text = said(demo)
    before = np.concatenate((bad(speech), PAUSE, PAUSE))
    outcome = interpret(engines, np.concatenate((before, speech, PAUSE, PAUSE)))
    start_s = len(before) / RATE_HZ - 0.5
    assert error_rate(text, outcome.heard(start_s, 1000)) <= 0.2
    assert 0 < max(outcome.lags_s(start_s)) <= 4
    assert outcome.committed == len(before) + len(speech) + 2 * len(PAUSE)
    assert not outcome.dropped


@pytest.mark.parametrize("bad", [humming, music])
def test_without_speech_no_words_are_recognised(
    engines: Engines, bad: Callable[[Pcm], Pcm]
) -> None:
    outcome = interpret(engines, bad(PAUSE))
    assert not [each for each in outcome.published if not isinstance(each, Committed)]
    assert outcome.committed == BAD_S * RATE_HZ


@pytest.mark.slow
def test_speech_after_ten_minutes_of_silence_is_understood(engines: Engines, demo: Clip) -> None:
    speech, text = said(demo)
    silence = np.random.default_rng(7).normal(0, 3, 600 * RATE_HZ).astype(np.int16)
    outcome = interpret(engines, np.concatenate((speech, silence, speech, PAUSE)))
    first_s, second_s = len(speech) / RATE_HZ, (len(speech) + len(silence)) / RATE_HZ
    assert error_rate(text, outcome.heard(0, first_s)) <= 0.2
    assert not outcome.heard(first_s, second_s - 0.5)
    assert error_rate(text, outcome.heard(second_s - 0.5, 2000)) <= 0.2
    assert max(outcome.lags_s(second_s - 0.5)) <= 4


def test_speech_before_the_sound_stops_within_a_word_is_interpreted(
    engines: Engines, demo: Clip
) -> None:
    speech, _ = said(demo)
    stop = (round(demo.phrases[1].end_s * RATE_HZ) - RATE_HZ // 5) // CHUNK * CHUNK
    outcome = interpret(engines, speech[:stop], still_s=30)
    first = demo.phrases[0]
    assert error_rate(first.text, outcome.heard(0, first.end_s)) <= 0.2
    assert outcome.lags_s(0)
    assert outcome.committed == stop


@pytest.mark.slow
def test_a_minute_of_numbers_is_followed(engines: Engines) -> None:
    """Numbers without the end of a sentence are misheard in parts, and their translation may be
    much longer than they are, so speech piles up. When it does differs from run to run, because
    voices draw noise. Pacing promises that no part is too late, and that none are late for long."""
    voice = engines.synthesizers["nl"]
    numbers = "drie zeven elf vijftien twintig honderd negen vier zestien zeventig acht twaalf"
    spoken = soxr.resample(voice.synthesize(numbers, 1.0), voice.rate_hz, RATE_HZ)
    pcm = np.tile(np.concatenate((spoken, PAUSE[: RATE_HZ // 3])), 60 * RATE_HZ // len(spoken))
    after = np.tile(PAUSE, 5)  # what is said last may begin later than it was heard
    outcome = interpret(engines, np.concatenate((pcm, after)))
    late, late_for = outcome.late_beginnings()
    assert len(outcome.heard(0, 100).split()) > 50
    assert len(late) >= 15
    assert max(late) <= TOO_LATE_SAMPLES + LEAD_SAMPLES
    assert late_for <= PATIENCE_SAMPLES + LEAD_SAMPLES
    assert not any(isinstance(each, Failure) and each.failing for each in outcome.published)
    assert outcome.committed == len(pcm) + len(after)
