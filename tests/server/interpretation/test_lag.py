"""Ten minutes of a fast speaker, in virtual time: the lag is bounded, and comes back."""

import asyncio
from dataclasses import dataclass
from statistics import median, quantiles

import numpy as np
import pytest

from server.bus.messages import RATE_HZ, AudioChunk, Caption, Demand, Failure, Message
from server.interpretation.interpreter import Interpreter
from server.interpretation.policies import POLICIES, PolicyName
from server.interpretation.shared import Engines, Limits, Shared
from tests.helpers.talk import CHUNK, Recognizer, Talk, Voice, Wordy, lags_s
from tools.virtual_time import TimedLanes, run

pytestmark = pytest.mark.usefixtures("endless")


@dataclass
class Outcome:
    """``scales``: of the first language."""

    published: list[Message]
    scales: list[float]
    dropped: dict[str, int]

    def between(self, start_s: float, end_s: float, language: str = "en") -> list[float]:
        """How long after its source each part was said to its end, of those said then."""
        return lags_s(self.published, start_s, end_s, language)


def interpret(
    talk: Talk, policy: PolicyName, voice_cost: float = 0.1, cores: int = 2, **listeners: int
) -> Outcome:
    """How ``talk`` is interpreted where recognition takes 30 ms of every 100, a translation
    100 ms, and synthesis ``voice_cost`` of what it makes; into English, or into the languages
    that have ``listeners``, for which there are so many cores."""
    listeners = listeners or {"en": 1}
    published = list[Message]()

    def cost_s(stage: str, result: object) -> float:
        if isinstance(result, np.ndarray):
            return len(result) / RATE_HZ * voice_cost
        return 0.03 if stage == "recognize" else 0.1

    voices = {language: Voice(language) for language in listeners}
    engines = Engines({"nl": Recognizer(talk)}, Wordy(), voices)
    lanes = TimedLanes(cost_s, cores)
    lanes.listeners["s"] = listeners
    shared = Shared(engines, Limits(), published.append, POLICIES[policy], lanes)
    demand = Demand(stream="s", epoch=0, source="nl", speech=tuple(listeners))

    async def main() -> None:
        interpreter = Interpreter(shared, demand, 0)
        async with asyncio.TaskGroup() as group:
            group.create_task(interpreter.run())
            for start in range(0, round(talk.seconds * RATE_HZ), CHUNK):
                await asyncio.sleep((start + CHUNK) / RATE_HZ - asyncio.get_running_loop().time())
                chunk = AudioChunk(stream="s", epoch=0, start_sample=start, pcm=bytes(2 * CHUNK))
                interpreter.hear(chunk)
            interpreter.close()

    run(main())
    scales = next(iter(voices.values())).scales
    return Outcome(published, scales, dict(shared.dropped))


@pytest.mark.parametrize("policy", ["clause", "prefix"])
def test_the_lag_of_a_very_fast_speaker_is_bounded(policy: PolicyName) -> None:
    talk = Talk(words_a_minute=250, seconds=600)
    outcome = interpret(talk, policy)
    lags_s = outcome.between(0, 600)
    assert quantiles(lags_s, n=20)[-1] <= 5
    first, last = outcome.between(60, 120), outcome.between(540, 600)
    assert median(last) <= median(first) + 0.3
    skipped = sum(outcome.dropped.values())
    assert skipped <= 0.08 * (len(lags_s) + skipped)


def test_at_an_easy_pace_the_voice_is_hardly_faster() -> None:
    outcome = interpret(Talk(words_a_minute=120, seconds=120), "prefix")
    assert median(outcome.scales) >= 1 / 1.15
    assert not outcome.dropped


def test_parts_of_a_far_too_fast_speaker_are_skipped_and_captioned_without_a_failure() -> None:
    talk = Talk(words_a_minute=400, seconds=120)
    outcome = interpret(talk, "clause")
    assert outcome.dropped["backlog"] > 0
    assert max(outcome.between(0, 120)) <= 10
    finals = {
        each.segment: each
        for each in outcome.published
        if isinstance(each, Caption) and each.language == "en" and each.status == "final"
    }
    assert sum(each.skipped for each in finals.values()) == sum(outcome.dropped.values())
    written = " ".join(each.text for each in finals.values())
    assert written == Wordy().translate(" ".join(word.text for word in talk.words()), "nl", "en")
    assert not any(isinstance(each, Failure) for each in outcome.published)


def test_with_too_few_cores_languages_with_many_listeners_keep_their_lag() -> None:
    talk, few = Talk(words_a_minute=180, seconds=120), {"fr": 1, "it": 1, "pl": 1}
    alone = interpret(talk, "clause", 0.25, cores=1, en=20, de=10)
    crowded = interpret(talk, "clause", 0.25, cores=1, **few, es=5, en=20, de=10)
    for language in ("en", "de"):
        lags_s = crowded.between(0, 120, language)
        assert median(lags_s) <= median(alone.between(0, 120, language)) + 0.5
        assert all(len(crowded.between(0, 120, each)) < 0.2 * len(lags_s) for each in few)
