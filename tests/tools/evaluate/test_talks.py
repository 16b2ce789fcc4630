"""Talks are as fast and as long as they say, and their times are where the sound is."""

from ctypes.util import find_library
from itertools import combinations
from typing import get_args

import numpy as np
import pytest

from tools.evaluate.live import voiced_s
from tools.evaluate.talks import FILE_HZ, Language, Origin, make, pauses, sentences, timed
from training.data import DATA
from training.phrases import normalise, split_of
from training.recognizer.speech import Segment, Spoken


@pytest.mark.parametrize("source", ["nl", "en"])
def test_as_many_sentences_as_asked_for_and_none_from_training(source: Language) -> None:
    drawn = sentences("grammar", source, 500)
    english = 0 if source == "en" else 1
    assert {split_of(pair[english]) for pair in drawn} == {"held-out"}
    assert 500 <= sum(len(normalise(said).split()) for said, _ in drawn) < 520
    assert drawn == sentences("grammar", source, 500)


@pytest.mark.skipif(not (DATA / "text").is_dir(), reason=f"no text in {DATA}")
def test_sentences_for_tuning_are_in_no_other_talk() -> None:
    every = [set(sentences(origin, "nl", 10_000)) for origin in get_args(Origin)]
    assert all(every)
    for one, other in combinations(every, 2):
        assert {normalise(said) for said, _ in one}.isdisjoint(normalise(said) for said, _ in other)


def test_pauses_stay_within_their_range() -> None:
    assert all(0.3 <= pause_s <= 1.2 for pause_s in pauses(200, 120)[1:])
    assert np.median(pauses(200, 250)) < np.median(pauses(200, 180))


def test_a_word_lasts_from_its_first_phone_to_the_end_of_its_last() -> None:
    segments = [
        Segment("SIL", 0.0, -1),
        Segment("a", 0.1, 0),
        Segment("b", 0.2, 0),
        Segment("SIL", 0.3, -1),
        Segment("c", 0.5, 1),
        Segment("d", 0.7, 1),
    ]
    spoken = Spoken(np.zeros(900), 1000, segments, ["one", "two three"])
    words = timed(spoken)
    assert [word.text for word in words] == ["one", "two", "three"]
    assert [word.start_s for word in words] == pytest.approx([0.1, 0.5, 0.7])
    assert [word.end_s for word in words] == pytest.approx([0.3, 0.7, 0.9])


@pytest.mark.skipif(find_library("espeak-ng") is None, reason="espeak-ng is not installed")
def test_a_talk_keeps_its_pace_and_knows_the_times_of_its_words() -> None:
    talk, pcm = make(sentences("grammar", "nl", 60), "nl", 180, 20.0)
    assert talk.duration_s == pytest.approx(20.0, rel=0.03)
    assert len(pcm) == pytest.approx(talk.duration_s * FILE_HZ, abs=1)
    sound = voiced_s(pcm, FILE_HZ)
    for before, after in zip(talk.sentences, talk.sentences[1:], strict=False):
        assert after.start_s - before.end_s >= 0.29
        # Quiet between sentences, sound within.
        assert not any(s < after.start_s - 0.05 and e > before.end_s + 0.05 for s, e in sound)
        assert any(s < before.start_s + 0.1 and e > before.start_s for s, e in sound)
