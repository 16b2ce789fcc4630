"""Talks of people: who speaks when, and that tests and tuning never meet."""

from pathlib import Path

import numpy as np
import pytest

from server.interpretation.types import Pcm
from tests.tools.evaluate.conftest import MISSING
from tools.evaluate import halls
from tools.evaluate.material import RATE_HZ
from tools.evaluate.people import (
    DEVELOPMENT,
    TEST,
    TURN_S,
    chosen,
    in_a_room,
    plain,
    rows,
    talk,
)
from tools.evaluate.word_times import evenly, voiced

needs_material = pytest.mark.skipif(bool(MISSING), reason=f"no {', no '.join(MISSING)}")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Mr. O'Neill's re-entry, at 'ten':", "mister o'neill's re entry at ten"),
        ("It\u2019s 1953!", "it's 1953"),
        ("", ""),
    ],
)
def test_words_are_normalised_before_they_are_compared(text: str, words: str) -> None:
    assert plain(text, "en") == words.split()


@needs_material
@pytest.mark.parametrize("language", TEST)
def test_no_recording_is_both_for_tests_and_for_tuning(language: str) -> None:
    tested, tuned = (
        {(part.corpus, row["file"]) for part in parts[language] for row in rows(part)}
        for parts in (TEST, DEVELOPMENT)
    )
    assert tested and tuned and not tested & tuned


@needs_material
def test_speakers_take_turns_for_as_long_as_asked() -> None:
    found = chosen(TEST["en"], 150)
    speakers = list(dict.fromkeys(row["speaker"] for _, row in found))
    seconds = sum(row["seconds"] for _, row in found)
    assert 120 < seconds < 175 and len(speakers) >= seconds / (TURN_S + 25)
    assert len({path for path, _ in found}) == len(found)


@needs_material
def test_a_talk_is_reproducible_and_knows_the_times_of_its_words(tmp_path: Path) -> None:
    made, pcm = talk(tmp_path, "nl", 0.2)
    again, same = talk(tmp_path, "nl", 0.2)
    assert made == again and np.array_equal(pcm, same)
    assert made.duration_s == pytest.approx(len(pcm) / RATE_HZ, abs=0.01)
    words = [word for each in made.sentences for word in each.words]
    assert all(word.start_s < word.end_s for word in words)
    ends = [word.end_s for word in words]
    assert ends == sorted(ends)
    before = made.sentences[0].start_s
    assert np.abs(pcm[: round((before - 0.05) * RATE_HZ)]).max() < np.abs(pcm).max() / 10


def test_without_an_aligner_words_are_spread_over_the_sound() -> None:
    pcm: Pcm = np.zeros(3 * RATE_HZ, np.int16)
    pcm[RATE_HZ : 2 * RATE_HZ] = 1000
    assert voiced(pcm) == (1.0, 2.0)
    (first, second) = evenly(pcm, ["no", "longer"])
    assert first[0] == 1.0 and second[1] == pytest.approx(2.0)
    assert first[1] == second[0] == pytest.approx(1.3)


@needs_material
def test_a_room_adds_echo_and_noise(tmp_path: Path) -> None:
    said, pcm = talk(tmp_path, "nl", 0.2)
    heard = in_a_room(said, pcm).astype(np.float64)
    assert len(heard) == len(pcm)
    first = said.sentences[0]
    start, end = round(first.start_s * RATE_HZ), round(first.end_s * RATE_HZ)
    noise, speech = heard[:start], heard[start:end]
    below_db = 10 * np.log10(((speech**2).mean() - (noise**2).mean()) / (noise**2).mean())
    assert below_db == pytest.approx(10, abs=1.5)


@needs_material
@pytest.mark.parametrize("kind", [*halls.KINDS, "crowd"])
def test_sounds_of_halls_have_the_wanted_level(kind: str) -> None:
    sound = halls.sound(kind, 30).astype(np.float64)
    stretches = sound.reshape(3, -1)
    levels = 20 * np.log10(np.sqrt((stretches**2).mean(axis=1)) / 32768)
    asked = np.array(halls.CROWD_DBFS if kind == "crowd" else halls.LEVELS_DBFS)
    asked = asked + (halls.QUIETER_DB if kind == "silence" else 0)
    assert np.abs(levels - asked).max() < 1.5
