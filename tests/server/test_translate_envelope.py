import numpy as np
import pytest

from server.bus.messages import RATE_HZ
from server.translate.envelope import Envelope


@pytest.mark.parametrize("piece", [160, 777, 16_000])
def test_sound_begins_where_it_is_heard(piece: int) -> None:
    noise = np.random.default_rng(1).normal(0, 20, 3 * RATE_HZ)
    noise[RATE_HZ : 2 * RATE_HZ] += np.random.default_rng(2).normal(0, 2000, RATE_HZ)
    envelope = Envelope()
    for start in range(0, len(noise), piece):
        envelope.add(noise[start : start + piece].astype(np.int16))
    assert envelope.begins(RATE_HZ // 2, 2 * RATE_HZ) == RATE_HZ
    assert envelope.begins(RATE_HZ + 800, 2 * RATE_HZ) == RATE_HZ + 800


def test_where_nothing_is_heard_nothing_moves() -> None:
    envelope = Envelope()
    assert envelope.begins(100, 5000) == 100
    envelope.add(np.zeros(RATE_HZ, np.int16))
    assert envelope.begins(100, 5000) == 100
