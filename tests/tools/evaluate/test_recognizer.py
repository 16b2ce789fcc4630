import numpy as np
import pytest

from server.interpretation.types import Pcm, Transcript, Word
from tools.evaluate.material import Clip
from tools.evaluate.recognizer import CHUNK, Heard, Hearing


class Parrot:
    """Recognises one word for each chunk: final, and named by the chunk's first sample."""

    pause_samples = None

    language = "en"

    def stream(self) -> "Parrot":
        return self

    def accept(self, pcm: Pcm) -> Transcript | None:
        return Transcript((Word(f"w{pcm[0]}", 0, len(pcm)),), final=True)

    def finish(self) -> Transcript | None:
        return Transcript((Word("end", 0, 0),), final=True)


def said(*values: int) -> Pcm:
    return np.repeat(np.array(values, np.int16), CHUNK)


def test_final_words_and_the_last_words_make_the_text() -> None:
    assert Hearing(Parrot().stream).hear(said(1, 2)) == "w1 w2 end"


def test_the_word_error_rate_is_a_percentage_of_the_words_said() -> None:
    clips = [Clip("w1 w2 end", said(1, 2)), Clip("w3 x end", said(3, 4))]
    assert Hearing(Parrot().stream).all(clips).words_wrong == pytest.approx(100 / 6)


def test_clips_with_other_words_are_not_within_a_vocabulary() -> None:
    heard = Heard(["a b", "a c"], ["a", "a c"])
    assert heard.within({"a", "c"}) == (["a c"], ["a c"])
    assert heard.within({"c"}).words_wrong is None


def test_processor_time_and_sound_are_counted() -> None:
    hearing = Hearing(Parrot().stream)
    hearing.hear(said(1, 2, 3))
    assert hearing.audio_s == 0.3
    assert hearing.cpu_s > 0
