import numpy as np
import pytest

from server.interpretation.types import Pcm
from tools.evaluate.captions import Line
from tools.evaluate.live import Heard
from tools.evaluate.pace import rates
from tools.evaluate.talks import Timed

RATE_HZ = 16_000


class Voice:
    """Says a word a second."""

    language, rate_hz = "en", RATE_HZ

    def synthesize(self, text: str, length_scale: float) -> Pcm:
        return np.full(len(text.split()) * RATE_HZ, 5000, np.int16)


def heard(*voiced: tuple[float, float]) -> Heard:
    words = [Timed("one", 1.0, 2.0), Timed("two", 2.0, 3.0)]
    return Heard("en", [Line(0.5, 1, "final", "One two.")], words, list(voiced))


@pytest.mark.parametrize(("voiced", "rate"), [([(1.0, 3.0)], 1.0), ([(1.0, 1.5), (2.5, 3.0)], 2.0)])
def test_the_rate_of_a_line_is_the_inverse_of_its_duration(
    voiced: list[tuple[float, float]], rate: float
) -> None:
    assert rates(heard(*voiced), Voice()) == pytest.approx([rate], abs=0.1)


def test_a_line_without_sound_has_no_rate() -> None:
    assert rates(heard((7.0, 8.0)), Voice()) == []
