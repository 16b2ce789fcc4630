"""The last ten minutes on the operators' page."""

import pytest

from server.operate.strips import BAR_S, BARS, Strips


@pytest.mark.parametrize("every_s", [0.25, 1.5, 4.0])
def test_a_strip_is_ten_minutes_however_often_values_come(every_s: float) -> None:
    strips = Strips()
    minutes = BARS * BAR_S / 60
    for number in range(round(60 * minutes / every_s) + 1):
        strips.add({"load": 1.0}, number * every_s)
    assert len(strips.of("load")) == BARS
    before = len([bar for bar in strips.of("load") if bar == 1.0])
    for number in range(round(60 / every_s)):
        strips.add({"load": 2.0}, 60 * minutes + (number + 1) * every_s)
    assert before == BARS
    # The bar that had begun has the highest of both.
    assert abs(strips.of("load").count(2.0) - 60 / BAR_S) <= 1


def test_after_a_pause_bars_begin_anew() -> None:
    strips = Strips()
    for now_s in (0.0, 100.0, 101.0, 105.0):
        strips.add({"load": 1.0}, now_s)
    assert len(strips.of("load")) == 3
