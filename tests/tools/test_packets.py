"""Loss, lateness and jitter of packets."""

import numpy as np
import pytest

from tools.packets import RATE_HZ, jitter_s, lateness_s, missing, unsent_s

TICK_S = 0.02
TICK = int(TICK_S * RATE_HZ)


@pytest.mark.parametrize(
    ("sequences", "gaps"),
    [
        ([], 0),
        ([5], 0),
        ([1, 2, 3], 0),
        ([1, 3, 2], 0),
        ([1, 2, 2, 3], 0),
        ([1, 4, 5], 2),
        ([3, 1, 5], 2),
    ],
)
def test_missing_sequence_numbers_are_counted(sequences: list[int], gaps: int) -> None:
    assert missing(np.array(sequences, np.int64)) == gaps


def test_lateness_is_measured_from_the_earliest_packet() -> None:
    ticks = np.arange(5)
    at_s = 100 + ticks * TICK_S + np.array([0.003, 0.001, 0.021, 0.001, 0.002])
    late_ms = lateness_s(at_s, ticks * TICK) * 1e3
    assert late_ms == pytest.approx([2, 0, 20, 0, 1])


def test_unsent_silence_is_not_lateness() -> None:
    ticks = np.array([0, 1, 2, 500, 501])
    assert lateness_s(7 + ticks * TICK_S, ticks * TICK).max() == pytest.approx(0)
    assert jitter_s(7 + ticks * TICK_S, ticks * TICK) == pytest.approx(0)


def test_time_without_packets_is_measured() -> None:
    ticks = np.array([0, 1, 3, 2, 500, 501])
    assert unsent_s(ticks * TICK) == pytest.approx(496 * TICK_S)


def test_without_packets_there_is_no_lateness() -> None:
    assert lateness_s(np.zeros(0), np.zeros(0, np.int64)).size == 0
    assert jitter_s(np.zeros(0), np.zeros(0, np.int64)) == 0
    assert unsent_s(np.zeros(0, np.int64)) == 0


def test_jitter_is_the_running_estimate_of_rfc_3550() -> None:
    ticks = np.arange(3)
    at_s = ticks * TICK_S + np.array([0, 0.016, 0])
    assert jitter_s(at_s, ticks * TICK) == pytest.approx(0.001 + (0.016 - 0.001) / 16)


def test_jitter_of_steady_alternation_converges_to_its_amplitude() -> None:
    ticks = np.arange(500)
    at_s = ticks * TICK_S + 0.004 * (ticks % 2)
    assert jitter_s(at_s, ticks * TICK) == pytest.approx(0.004, rel=1e-6)
