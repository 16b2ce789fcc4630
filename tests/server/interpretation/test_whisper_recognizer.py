"""When what Whisper hears of speech without end is certain, and what is heard again."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from server.bus.messages import RATE_HZ
from server.interpretation.log_mel import FRAMES_PER_SECOND, LogMel
from server.interpretation.types import Pcm, Transcript
from server.interpretation.whisper_invention import before_a_loop
from server.interpretation.whisper_model import Decoded, Token, silence_after
from server.interpretation.whisper_recognizer import (
    LONGEST_SAMPLES,
    PAUSE_SAMPLES,
    STEP_SAMPLES,
    WhisperRecognizer,
    WhisperStream,
)

CHUNK = RATE_HZ // 10
#: A word takes half a second, the last tenth of it silence.
WORD = RATE_HZ // 2
VOICED = 4 * WORD // 5


@dataclass
class Counting:
    """Stands for a Whisper model. Word number n of the sound is a level of 100 n; as text it is
    "w<n>" and as token n. ``mishears``: of the last word of a pass it makes another one each time.
    ``passes``: the samples of each."""

    likelihood: float = 1.0
    mishears: bool = False
    no_speech: float = 0.0
    more: Sequence[int] = ()
    passes: list[int] = field(default_factory=list)
    begun: list[list[int]] = field(default_factory=list)

    def encode(self, pcm: Pcm) -> Pcm:
        self.passes.append(len(pcm))
        return pcm

    def decode(
        self, sound: Pcm, language: str, begins: Sequence[int], new_s: float, prompt: str
    ) -> Decoded:
        self.begun.append(list(begins))
        last = max(begins, default=0)
        heard = [n for n, _, _ in _words(sound) if n > last]
        if self.mishears and heard:
            heard[-1] = 1000 + len(self.passes)
        return Decoded([*begins, *heard, *self.more], self.no_speech)

    def aligned(self, sound: Pcm, language: str, ids: Sequence[int]) -> list[Token]:
        words = [*_words(sound)][-len(ids) :] if ids else []
        spans = {n: (start, end) for n, start, end in words}
        latest = len(sound)
        return [Token(n, *spans.get(n, (latest, latest)), self.likelihood) for n in ids]

    def words(self, ids: Sequence[int], language: str) -> list[list[int]]:
        return [[n] for n in ids]

    def text(self, ids: Sequence[int]) -> str:
        return "".join(f" w{n}" for n in ids)


def _words(sound: Pcm) -> list[tuple[int, int, int]]:
    """(number, first sample, end) of each word in it."""
    found: dict[int, list[int]] = {}
    for at in np.flatnonzero(sound).tolist():
        found.setdefault(int(sound[at]) // 100, [at, at])[1] = at + 1
    return [(n, start, end) for n, (start, end) in found.items()]


def speech(first: int, last: int) -> Pcm:
    """So many words."""
    words = []
    for n in range(first, last + 1):
        word = np.zeros(WORD, np.int16)
        word[:VOICED] = 100 * n
        words.append(word)
    return np.concatenate(words)


def streamed(model: Counting) -> WhisperStream:
    double: Any = model
    return WhisperRecognizer(double, "en", clock=lambda: 0.0).stream()


def fed(stream: WhisperStream, pcm: Pcm) -> list[Transcript]:
    """What the stream says of ``pcm``."""
    told = (stream.accept(pcm[at : at + CHUNK]) for at in range(0, len(pcm), CHUNK))
    return [each for each in told if each is not None]


def certain(transcript: Transcript) -> list[str]:
    return [word.text for word in transcript.words[: transcript.certain]]


def test_a_likely_word_is_certain_once_other_sound_follows_it() -> None:
    first, *_ = fed(streamed(Counting()), speech(1, 2))
    assert [word.text for word in first.words] == ["w1", "w2"]
    assert certain(first) == ["w1"]  # so much sound does not follow the other one yet


def test_an_unlikely_word_is_certain_when_two_passes_agree() -> None:
    told = fed(streamed(Counting(likelihood=0.35)), speech(1, 5))
    assert certain(told[0]) == []
    assert certain(told[1]) == ["w1", "w2"]


def test_words_on_which_passes_disagree_are_not_certain() -> None:
    told = fed(streamed(Counting(likelihood=0.35, mishears=True)), speech(1, 8))
    assert not any("w10" in word for each in told for word in certain(each))


def test_certain_words_never_change() -> None:
    told = [certain(each) for each in fed(streamed(Counting(mishears=True)), speech(1, 40))]
    assert told[-1]
    for before, after in zip(told, told[1:], strict=False):
        assert after[: len(before)] == before


def test_every_word_comes_once_and_in_order_with_its_time() -> None:
    stream = streamed(Counting())
    fed(stream, speech(1, 60))
    end = stream.finish()
    assert end is not None and end.final
    assert [word.text for word in end.words] == [f"w{n}" for n in range(1, 61)]
    for n, word in enumerate(end.words):
        assert abs(word.start_sample - n * WORD) <= WORD // 10


def test_a_pass_repeats_only_a_few_seconds() -> None:
    model = Counting()
    fed(streamed(model), speech(1, 120))
    assert max(model.passes) < 5 * RATE_HZ


def test_the_decoder_continues_from_the_certain_words_of_its_window() -> None:
    model = Counting()
    stream = streamed(model)
    told = fed(stream, speech(1, 30))
    known = len(certain(told[-2]))
    begun = model.begun[-1]
    assert begun == list(range(known - len(begun) + 1, known + 1))


def test_at_a_pause_all_words_are_certain() -> None:
    stream = streamed(Counting(likelihood=0.35))
    fed(stream, speech(1, 3))
    end = stream.finish()
    assert end is not None and end.final
    assert [word.text for word in end.words] == ["w1", "w2", "w3"]
    assert stream.pause_samples == PAUSE_SAMPLES


def test_after_a_pause_another_utterance_begins() -> None:
    stream = streamed(Counting())
    fed(stream, speech(1, 3))
    stream.finish()
    fed(stream, speech(4, 6))
    end = stream.finish()
    assert end is not None
    assert [word.text for word in end.words] == ["w4", "w5", "w6"]
    assert end.words[0].start_sample == pytest.approx(3 * WORD, abs=WORD // 10)


def test_without_speech_nothing_is_recognised() -> None:
    stream = streamed(Counting())
    assert fed(stream, np.zeros(RATE_HZ // 2, np.int16)) == []
    assert stream.finish() is None
    assert stream.finish() is None


def test_silence_after_certain_words_causes_no_pass() -> None:
    model = Counting()
    stream = streamed(model)
    fed(stream, np.concatenate((speech(1, 3), np.zeros(RATE_HZ, np.int16))))
    passes = len(model.passes)
    stream.accept(np.zeros(CHUNK, np.int16))
    assert stream.finish() is not None
    assert len(model.passes) == passes


def test_a_loop_is_cut_off() -> None:
    stream = streamed(Counting(more=[501, 502, 503, 504, 501, 502, 503, 504]))
    (first,) = fed(stream, speech(1, 2))
    texts = [word.text for word in first.words]
    assert texts.count("w501") <= 1


@pytest.mark.parametrize("samples", [4000, 12_345, 155_180, 394_377, 464_000, 480_000])
def test_the_encoder_gets_few_different_lengths(samples: int) -> None:
    silence_s = silence_after(samples, 2.5)
    features = LogMel(80)(np.zeros(samples, np.int16), silence_s)
    assert features.shape[1] % (FRAMES_PER_SECOND // 2) == 0
    assert silence_s >= 2.5 or features.shape[1] == 30 * FRAMES_PER_SECOND


def test_a_loop_inside_a_word_is_cut_off() -> None:
    assert before_a_loop([" a", " la'a'a'a'a'a'a", " b"], []) == 1
    assert before_a_loop([" 1000000", " whoo", " no", " no", " no"], []) == 5


def test_certain_words_are_not_repeated() -> None:
    model = Counting()
    stream = streamed(model)
    fed(stream, speech(1, 6))
    model.more = [1, 2, 3, 4, 5]
    end = stream.finish()
    assert end is not None
    assert [word.text for word in end.words] == [f"w{n}" for n in range(1, 7)]


def test_a_hypothesis_with_too_many_letters_per_second_is_rejected() -> None:
    (first,) = fed(streamed(Counting(more=range(501, 540))), speech(1, 2))
    assert first.words == ()


def test_an_unlikely_hypothesis_is_rejected() -> None:
    (first,) = fed(streamed(Counting(likelihood=0.1)), speech(1, 2))
    assert first.words == ()


def test_an_unlikely_beginning_waits_for_more_sound() -> None:
    stream = streamed(Counting(likelihood=0.25))
    (first,) = fed(stream, speech(1, 2))
    assert first.words == ()
    end = stream.finish()
    assert end is not None
    assert [word.text for word in end.words] == ["w1", "w2"]


def test_words_must_be_likelier_if_speech_is_doubtful() -> None:
    (doubtful,) = fed(streamed(Counting(likelihood=0.4, no_speech=0.7)), speech(1, 2))
    assert doubtful.words == ()
    (sure,) = fed(streamed(Counting(likelihood=0.8, no_speech=0.7)), speech(1, 2))
    assert len(sure.words) == 2
    stream = streamed(Counting(likelihood=0.8, no_speech=0.7))
    fed(stream, np.concatenate((np.zeros(3 * RATE_HZ // 10, np.int16), speech(1, 1))))
    one = stream.accept(np.zeros(3 * RATE_HZ, np.int16))
    assert one is not None and one.words == ()  # one word in nearly four seconds


def test_sound_without_certain_words_is_bounded() -> None:
    model = Counting(likelihood=0.35, mishears=True)
    stream = streamed(model)
    noise = np.full(60 * RATE_HZ, 100, np.int16)  # one word without end
    fed(stream, noise)
    assert max(model.passes) <= LONGEST_SAMPLES + STEP_SAMPLES


def test_the_step_grows_if_a_pass_takes_long() -> None:
    model = Counting()
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += 1.0  # each pass takes a second
        return now

    double: Any = model
    fed(WhisperRecognizer(double, "en", clock).stream(), speech(1, 40))
    assert len(model.passes) <= 20 / 1.4 + 1


def test_however_slow_passes_are_there_is_never_more_audio_than_the_model_takes() -> None:
    now_s = 0.0

    def clock() -> float:
        nonlocal now_s
        now_s += 25.0
        return now_s

    double: Any = (model := Counting(likelihood=0.35, mishears=True))
    stream = WhisperRecognizer(double, "en", clock).stream()
    fed(stream, speech(1, 160))
    stream.finish()
    assert max(model.passes) <= LONGEST_SAMPLES + CHUNK


def test_words_that_were_shown_and_are_taken_for_made_up_at_the_end_are_taken_back() -> None:
    model = Counting(likelihood=0.35)
    stream = streamed(model)
    assert fed(stream, speech(1, 2))[-1].words
    model.likelihood = 0.1
    stream.accept(np.zeros(CHUNK, np.int16))
    end = stream.finish()
    assert end is not None and end.final
    assert end.words == ()
    assert stream.finish() is None
