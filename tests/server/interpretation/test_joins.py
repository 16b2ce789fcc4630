import numpy as np

from server.interpretation.joins import EDGE_S, tapered

RATE_HZ = 16_000
EDGE = round(EDGE_S * RATE_HZ)


def test_silence_at_the_edges_goes_and_what_sounds_stays() -> None:
    tone = np.full(RATE_HZ, 5000, np.int16)
    silence = np.zeros(RATE_HZ, np.int16)
    kept = tapered(np.concatenate((silence, tone, silence)), RATE_HZ)
    assert len(kept) == len(tone) + 2 * EDGE
    assert (kept[EDGE:-EDGE] == tone).all()


def test_what_is_cut_in_the_middle_of_sound_does_not_click() -> None:
    kept = tapered(np.full(RATE_HZ, 20_000, np.int16), RATE_HZ).astype(int)
    assert kept[0] == 0
    assert np.abs(np.diff(kept)).max() < 20_000 * 0.02
    assert abs(kept[-1]) < 20_000 * 0.02


def test_of_silence_nothing_is_left() -> None:
    assert not len(tapered(np.zeros(RATE_HZ, np.int16), RATE_HZ))
    assert not len(tapered(np.zeros(0, np.int16), RATE_HZ))


def test_the_shortest_sound_fades_all_the_same() -> None:
    kept = tapered(np.full(8, 5000, np.int16), RATE_HZ)
    assert kept.tolist() == [0, 1250, 2500, 3750, 3750, 2500, 1250, 0]
