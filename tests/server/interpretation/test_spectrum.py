import numpy as np
import pytest

from server.bus.messages import RATE_HZ
from server.interpretation.spectrum import Spectrum
from server.interpretation.types import Pcm
from tests.helpers.starter import Clip

WINDOW = 512


def note(gain: float = 1.0) -> Pcm:
    turns = 2 * np.pi * 196 * np.arange(2 * RATE_HZ) / RATE_HZ
    samples = sum(np.sin(i * turns) / i for i in range(1, 12))
    return np.asarray(3000 * gain * samples, np.int16)


def changes_db(pcm: Pcm) -> list[float]:
    return Spectrum(WINDOW).changes(pcm)[2:]


def test_a_held_note_is_steady_even_while_it_swells() -> None:
    assert max(changes_db(note())) < 1
    swell = note() * np.linspace(0.2, 1, 2 * RATE_HZ)
    assert max(changes_db(swell.astype(np.int16))) < 1


@pytest.mark.parametrize("gain", [1.0, 0.03])
def test_speech_is_not_steady(demo: Clip, gain: float) -> None:
    speech = demo.pcm[RATE_HZ : 4 * RATE_HZ]
    loud = np.abs(speech[: len(speech) // WINDOW * WINDOW].reshape(-1, WINDOW)).max(1) > 2000
    found = Spectrum(WINDOW).changes((speech * gain).astype(np.int16))
    assert np.quantile(np.array(found)[loud], 0.1) > 2


def test_chunks_need_not_be_whole_windows(demo: Clip) -> None:
    spectrum, pcm = Spectrum(WINDOW), demo.pcm[:30_000]
    bit_by_bit = [each for part in np.split(pcm, 100) for each in spectrum.changes(part)]
    assert bit_by_bit == pytest.approx(Spectrum(WINDOW).changes(pcm))
