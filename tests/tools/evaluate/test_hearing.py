"""What is told of how people are heard: of captions whose faults are known, and of a real
recogniser."""

from pathlib import Path

import numpy as np
import pytest

from server.config import STARTER_MODELS
from tests.tools.evaluate.test_people import needs_material
from tools.evaluate import hearing_virtual
from tools.evaluate.captions import Line
from tools.evaluate.hearing_engines import found, recognizer, server_options
from tools.evaluate.hearing_run import Run, figures
from tools.evaluate.people import talk
from tools.evaluate.talks import Sentence, Talk, Timed
from tools.figures import Figure

WORDS = "the dog sleeps in the house of my old friend".split()
SAID = Talk(
    "en",
    "",
    0,
    0.0,
    12.0,
    [Sentence([Timed(word, at, at + 0.8) for at, word in enumerate(WORDS)], "", "")],
)


def told(lines: list[Line], **more: float) -> dict[str, float | None]:
    run = Run(lines, {"interpreter": 0.25}, 0.0, [(0.0, 90.0), (600.0, 100.0), (700.0, 104.0)])
    return {each.name.removeprefix("x."): each.value for each in figures("x", SAID, run, more)}


def test_wrong_words_and_lags_are_measured() -> None:
    """Each word is shown 0.2 s after its end and certain 1.2 s after; the last one is misheard,
    one is left out, one put in."""
    heard = "the dog dog sleeps in the house of my fiend".split()
    lines = []
    for place in range(1, len(heard) + 1):
        certain = max(0, place - 1)
        at_s = place if place <= 2 else place - 1
        lines.append(Line(float(at_s), 0, "partial", " ".join(heard[:place]), certain))
    lines.append(Line(10.0, 0, "final", " ".join(heard), len(heard)))
    found = told(lines)
    assert found["words_wrong"] == pytest.approx(30.0)
    assert found["words_left_out"] == found["words_put_in"] == pytest.approx(10.0)
    assert found["shown_after_p50"] == pytest.approx(0.2)
    assert found["certain_after_p50"] == pytest.approx(1.2)
    assert found["certain_words_changed"] == 0
    assert found["cpu_interpreter"] == 0.25 and found["memory_growth"] == pytest.approx(4.0)


def test_a_certain_word_that_changed_is_counted() -> None:
    lines = [Line(1.0, 0, "partial", "the fog", 2), Line(9.0, 0, "final", "the dog", 2)]
    assert told(lines)["certain_words_changed"] == 1


def test_if_nothing_is_recognised_all_words_are_wrong() -> None:
    found = told([])
    assert found["words_wrong"] == 100.0 and found["certain_after_p50"] is None


@needs_material
def test_the_shipped_recogniser_hears_people_in_virtual_time(tmp_path: Path) -> None:
    said, pcm = talk(tmp_path, "en", 0.25)
    engine = recognizer("vosk", "en", [])
    assert engine is not None
    run = hearing_virtual.heard(said, pcm, engine)
    by_name = {each.name: each.value for each in figures("x", said, run, {})}
    assert 5 < (by_name["x.words_wrong"] or 0.0) < 60
    assert 0 < (by_name["x.shown_after_p50"] or 0.0) <= (by_name["x.certain_after_p50"] or 0.0) < 5
    assert 0 < (by_name["x.cpu_interpreter"] or 0.0) < 1


def test_in_silence_no_word_is_recognised() -> None:
    engine = recognizer("vosk", "en", [])
    assert engine is not None
    nobody = Talk("en", "", 0, 0.0, 3.0, [])
    run = hearing_virtual.heard(nobody, np.zeros(48_000, np.int16), engine)
    assert not run.lines and not run.dropped


def test_models_are_found_by_name(tmp_path: Path) -> None:
    (tmp_path / "whisper-base").mkdir()
    (tmp_path / "whisper-base" / "model.bin").touch()
    assert found("whisper-base", [tmp_path]) == found("whisper-base", [tmp_path / "whisper-base"])
    with pytest.raises(FileNotFoundError, match="name the folder"):
        found("whisper-tiny.en", [tmp_path])
    assert recognizer("whisper-tiny.en", "nl", []) is None
    assert recognizer("vosk", "de", []) is None
    with server_options("vosk", []) as words:
        assert words == ["--models", str(STARTER_MODELS)]


def test_an_exceeded_bound_does_not_hold() -> None:
    run = Run([], {}, 0.0, [])
    wrong: Figure = next(figures("x", SAID, run, {"words_wrong": 7.0}))
    assert wrong.bound == 7.0 and wrong.holds is False
