"""What is told of which language is spoken, counted."""

from collections.abc import Mapping

import numpy as np
import pytest

from server.demo import clip
from server.interpretation.spoken import WINDOW
from server.interpretation.types import Pcm
from server.media.opus import Resampler
from tools.evaluate.identification import CHUNK, identified


class Fickle:
    """Takes every window for Dutch, but these for German."""

    def __init__(self, *wrong: int) -> None:
        self.asked: list[int] = []
        self._wrong = wrong

    def identify(self, pcm: Pcm) -> Mapping[str, float]:
        self.asked.append(len(pcm))
        return {"de": 1.0} if len(self.asked) - 1 in self._wrong else {"nl": 1.0}


@pytest.fixture(scope="module")
def sound() -> Pcm:
    """The bundled clip, which is not of a person, in pieces."""
    pcm = Resampler(48_000, 16_000).push(clip("nl"))
    return pcm[: len(pcm) // CHUNK * CHUNK].reshape(-1, CHUNK)


def test_every_window_is_counted(sound: Pcm) -> None:
    identifier = Fickle(1)
    found = list(identified(identifier, iter(sound), "nl", 3))
    assert [each.language for each in found] == ["nl", "de", "nl"]
    assert [each.told for each in found] == [None, None, None], "one window changes nothing"
    assert identifier.asked == [WINDOW] * 3


def test_a_wrongly_reported_language_is_counted(sound: Pcm) -> None:
    found = list(identified(Fickle(1, 2), iter(sound), "nl", 3))
    assert [each.told for each in found] == [None, None, "de"]


def test_too_little_speech_is_an_error(sound: Pcm) -> None:
    silence = np.zeros((50, CHUNK), np.int16)
    with pytest.raises(ValueError, match="2 windows are missing"):
        list(identified(Fickle(), iter(silence), "nl", 2))
