"""The last ten minutes on the operators' page."""

import pytest

from server.operate.strips import BAR_S, BARS, Strips


@pytest.mark.parametrize("every_s", [0.25, 1.5, 4.0])
def test_a_strip_is_ten_minutes_however_often_values_come(every_s: float) -> None:
    strips, first = Strips(), round(BARS * BAR_S / every_s) + 1
    for number in range(first):
        strips.add({"load": 1.0}, number * every_s)
    assert strips.of("load") == BARS * [1.0]
    for number in range(first, first + round(60 / every_s)):
        strips.add({"load": 2.0}, number * every_s)
    # The bar that had begun has the highest of both.
    assert abs(strips.of("load").count(2.0) - 60 / BAR_S) <= 1


def test_after_a_pause_bars_begin_anew() -> None:
    strips = Strips()
    for now_s in (0.0, 100.0, 101.0, 105.0):
        strips.add({"load": 1.0}, now_s)
    assert len(strips.of("load")) == 3
