import numpy as np

from server.interpretation.joins import EDGE_S, tapered

RATE_HZ = 16_000
EDGE = round(EDGE_S * RATE_HZ)


def test_silence_at_the_edges_is_removed_and_sound_kept() -> None:
    tone = np.full(RATE_HZ, 5000, np.int16)
    silence = np.zeros(RATE_HZ, np.int16)
    kept = tapered(np.concatenate((silence, tone, silence)), RATE_HZ)
    assert len(kept) == len(tone) + 2 * EDGE
    assert (kept[EDGE:-EDGE] == tone).all()


def test_sound_that_is_cut_off_is_faded() -> None:
    kept = tapered(np.full(RATE_HZ, 20_000, np.int16), RATE_HZ).astype(int)
    assert kept[0] == 0
    assert np.abs(np.diff(kept)).max() < 20_000 * 0.02
    assert abs(kept[-1]) < 20_000 * 0.02


def test_silence_becomes_empty() -> None:
    assert not len(tapered(np.zeros(RATE_HZ, np.int16), RATE_HZ))
    assert not len(tapered(np.zeros(0, np.int16), RATE_HZ))


def test_even_the_shortest_sound_is_faded() -> None:
    kept = tapered(np.full(8, 5000, np.int16), RATE_HZ)
    assert kept.tolist() == [0, 1250, 2500, 3750, 3750, 2500, 1250, 0]
