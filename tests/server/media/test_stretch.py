import numpy as np
import pytest

from server.media.opus import RATE_HZ, SAMPLES_PER_TICK, Pcm
from server.media.stretch import LONGEST, SHORTEST, lengthened, period, shortened


def buzz(pitch_hz: float) -> Pcm:
    time_s = np.arange(SAMPLES_PER_TICK) / RATE_HZ
    tones = sum(np.sin(2 * np.pi * n * pitch_hz * time_s) / n for n in range(1, 8))
    return (4000 * np.asarray(tones)).astype(np.int16)


@pytest.mark.parametrize("pitch_hz", [110, 160, 220, 300])
def test_the_period_is_that_of_the_pitch(pitch_hz: float) -> None:
    lag = period(buzz(pitch_hz))
    turns = lag * pitch_hz / RATE_HZ
    assert turns == pytest.approx(round(turns), abs=0.05)


@pytest.mark.parametrize("pitch_hz", [110, 160, 220, 300])
def test_a_steady_tone_stays_steady(pitch_hz: float) -> None:
    pcm = buzz(pitch_hz)
    steepest = np.abs(np.diff(pcm.astype(int))).max()
    for changed in (shortened(pcm), lengthened(pcm)):
        assert np.abs(np.diff(changed.astype(int))).max() < 1.3 * steepest
        assert changed[0] == pytest.approx(pcm[0], abs=200)
        assert changed[-1] == pcm[-1]


def test_one_period_is_removed_or_added() -> None:
    pcm = buzz(200)
    less, more = pcm.size - shortened(pcm).size, lengthened(pcm).size - pcm.size
    assert less == more == period(pcm)
    assert SHORTEST <= less <= LONGEST


def test_silence_and_noise_can_be_stretched() -> None:
    noise = np.random.default_rng(0).integers(-32768, 32767, SAMPLES_PER_TICK).astype(np.int16)
    for pcm in (np.zeros(SAMPLES_PER_TICK, np.int16), noise):
        assert shortened(pcm).size < pcm.size < lengthened(pcm).size
