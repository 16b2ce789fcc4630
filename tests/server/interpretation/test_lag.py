"""Ten minutes of a fast speaker, in virtual time: the lag is bounded, and comes back."""

import asyncio
from dataclasses import dataclass
from statistics import median, quantiles

import numpy as np
import pytest

from server.bus.messages import RATE_HZ, AudioChunk, Caption, Demand, Message, Speech
from server.interpretation.engines import RecognizerStream
from server.interpretation.interpreter import Interpreter
from server.interpretation.policies import POLICIES, PolicyName
from server.interpretation.shared import Engines, Limits, Shared
from server.interpretation.types import Pcm, Transcript, Word
from tests.helpers.virtual_time import TimedLanes, run

CHUNK = RATE_HZ // 10
#: A sentence has so many words and is followed by a pause, which the pace includes.
SENTENCE, PAUSE_S = 12, 0.4
VOICE_WORDS_A_MINUTE = 200


@dataclass
class Talk:
    """What is said: so many words a minute for so long."""

    words_a_minute: int
    seconds: float

    def words(self) -> list[Word]:
        took_s = 60 * SENTENCE / self.words_a_minute
        word_s = (took_s - PAUSE_S) / SENTENCE
        sentences = int(self.seconds / took_s)
        starts_s = [n * took_s + i * word_s for n in range(sentences) for i in range(SENTENCE)]
        return [
            Word(f"w{i}", round(start_s * RATE_HZ), round((start_s + word_s) * RATE_HZ))
            for i, start_s in enumerate(starts_s)
        ]


class Recognizer:
    """Hears every word as it ends, and a final transcript in the pause after a sentence."""

    language = "nl"

    def __init__(self, talk: Talk) -> None:
        self._words = talk.words()
        self._heard = 0

    def stream(self) -> RecognizerStream:
        return self

    def accept(self, pcm: Pcm) -> Transcript | None:
        self._heard += len(pcm)
        known = sum(word.end_sample <= self._heard for word in self._words[:SENTENCE])
        said = Transcript(tuple(self._words[:known]), known == SENTENCE)
        if said.final:
            del self._words[:SENTENCE]
        return said if known else None

    def finish(self) -> Transcript | None:
        return None


class Wordy:
    """Six words for every five."""

    def translate(self, text: str, source: str, target: str, prefix: str = "") -> str:
        words = text.split()
        return " ".join(f"{word} more" if int(word[1:]) % 5 == 4 else word for word in words)


class Voice:
    rate_hz = RATE_HZ

    def __init__(self, language: str) -> None:
        self.language = language
        self.scales: list[float] = []

    def synthesize(self, text: str, length_scale: float) -> Pcm:
        self.scales.append(length_scale)
        seconds = length_scale * 60 * len(text.split()) / VOICE_WORDS_A_MINUTE
        return np.full(round(seconds * RATE_HZ), 1000, np.int16)


@dataclass
class Outcome:
    """``scales``: of the first language."""

    published: list[Message]
    scales: list[float]
    dropped: dict[str, int]

    def between(self, start_s: float, end_s: float, language: str = "en") -> list[float]:
        """How long after its source each part was said to its end, of those said then."""
        return [
            (piece.play_at + len(piece.pcm) // 2 - piece.end_sample) / RATE_HZ
            for piece in self.published
            if isinstance(piece, Speech) and piece.last and piece.language == language
            if start_s <= piece.play_at / RATE_HZ < end_s
        ]


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
def test_a_speaker_too_fast_to_follow_is_followed_all_the_same(policy: PolicyName) -> None:
    talk = Talk(words_a_minute=250, seconds=600)
    outcome = interpret(talk, policy)
    lags_s = outcome.between(0, 600)
    assert quantiles(lags_s, n=20)[-1] <= 5
    first, last = outcome.between(60, 120), outcome.between(540, 600)
    assert median(last) <= median(first) + 0.3
    skipped = sum(outcome.dropped.values())
    assert skipped <= 0.08 * (len(lags_s) + skipped)


def test_at_an_easy_pace_the_voice_hardly_hurries() -> None:
    outcome = interpret(Talk(words_a_minute=120, seconds=120), "prefix")
    assert median(outcome.scales) >= 1 / 1.15
    assert not outcome.dropped


def test_what_nobody_could_say_in_time_is_skipped_but_captioned() -> None:
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


def test_where_the_cores_do_not_suffice_the_many_come_before_the_few() -> None:
    talk, few = Talk(words_a_minute=180, seconds=120), {"fr": 1, "it": 1, "pl": 1}
    alone = interpret(talk, "clause", 0.25, cores=1, en=20, de=10)
    crowded = interpret(talk, "clause", 0.25, cores=1, **few, es=5, en=20, de=10)
    for language in ("en", "de"):
        lags_s = crowded.between(0, 120, language)
        assert median(lags_s) <= median(alone.between(0, 120, language)) + 0.5
        assert all(len(crowded.between(0, 120, each)) < 0.2 * len(lags_s) for each in few)
