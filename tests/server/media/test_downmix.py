"""From several channels to one."""

import numpy as np
import pytest

from server.media.downmix import Channels, Downmix

RATE_HZ = 48_000


def sound(*hz: float, seconds: float = 1.0) -> Channels:
    """A tone for each channel: 0 Hz is silence, and a negative frequency an inverted tone."""
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return np.array([0.25 * np.sin(2 * np.pi * each * time_s) for each in hz], np.float32)


def peak(pcm: np.ndarray[tuple[int], np.dtype[np.float32]]) -> float:
    return float(np.abs(pcm).max())


def test_two_sides_are_averaged() -> None:
    assert peak(Downmix().mixed(sound(440, 440))) == pytest.approx(0.25, rel=0.01)


def test_sides_that_cancel_each_other_are_noticed_in_the_first_20_ms() -> None:
    downmix = Downmix()
    assert peak(downmix.mixed(sound(440, -440, seconds=0.02))) == pytest.approx(0.25, rel=0.01)
    assert downmix.side == "left"


def test_the_louder_side_is_taken() -> None:
    downmix = Downmix()
    channels = sound(440, -440) * np.array([[0.8], [1.0]], np.float32)
    assert peak(downmix.mixed(channels)) == pytest.approx(0.25, rel=0.01)
    assert downmix.side == "right"


def test_silence_tells_nothing_and_changes_nothing() -> None:
    downmix = Downmix()
    downmix.mixed(sound(440, -440))
    downmix.mixed(np.zeros((2, 10 * RATE_HZ), np.float32))
    assert downmix.side == "left"


def test_sides_that_are_right_again_are_mixed_again() -> None:
    downmix = Downmix()
    downmix.mixed(sound(440, -440))
    downmix.mixed(sound(440, 440, seconds=3))
    assert downmix.side is None


@pytest.mark.parametrize("hz", [(440, 550), (440, 0), (0, 440)], ids=str)
def test_different_sides_are_no_cancelling_ones(hz: tuple[float, float]) -> None:
    downmix = Downmix()
    for _ in range(50):
        downmix.mixed(sound(*hz, seconds=0.02))
    assert downmix.side is None


def test_a_wanted_channel_is_taken_as_it_is() -> None:
    assert peak(Downmix(1).mixed(sound(0, 440, 0))) == pytest.approx(0.25, rel=0.01)


def test_a_channel_that_is_not_there_is_not_taken() -> None:
    assert peak(Downmix(7).mixed(sound(440, 440))) == pytest.approx(0.25, rel=0.01)


def test_one_microphone_among_eight_channels_is_heard() -> None:
    assert peak(Downmix().mixed(sound(*[0] * 5, 440, 0, 0))) == pytest.approx(0.125, rel=0.01)
