"""Latencies worked out by hand."""

import pytest

from tools.evaluate.latency_metrics import (
    average_token_delay,
    growth,
    length_adaptive_average_lagging,
    percentiles,
    stretches,
)


@pytest.mark.parametrize(
    ("delays_s", "source_s", "reference_words", "laal_s"),
    [
        # Four words in 4 s: one a second is expected. (1 - 0 + 2 - 1 + 3 - 2 + 4 - 3) / 4
        ([1, 2, 3, 4], 4, 4, 1.0),
        # All after the end: the first word's delay.
        ([5, 6], 4, 4, 5.0),
        # Only up to the first word after the end: (1 - 0 + 4 - 2) / 2; the third is not looked at.
        ([1, 4, 9], 4, 2, (1 + 4 - 4 / 3) / 2),
        # More words than the reference has do not make it seem late: 4 s / 4 words heard.
        ([1, 2, 3, 4], 4, 2, 1.0),
        # Fewer: 4 s / 8 words of the reference. (1 - 0 + 4 - 0.5) / 2
        ([1, 4], 4, 8, 2.25),
    ],
)
def test_length_adaptive_average_lagging(
    delays_s: list[float], source_s: float, reference_words: int, laal_s: float
) -> None:
    assert length_adaptive_average_lagging(delays_s, source_s, reference_words) == pytest.approx(
        laal_s
    )


@pytest.mark.parametrize(
    ("spans_s", "source_s", "atd_s"),
    [
        # Tokens end at 2.3, 2.6, 2.9, 3.2 and stand for those at 0.3, 0.6, 0.9, 1.2.
        ([(2.0, 3.2)], 3.0, 2.0),
        # Two more at 4.3, 4.6 for 1.5, 1.8.
        ([(2.0, 3.2), (4.0, 4.6)], 3.0, (4 * 2.0 + 2 * 2.8) / 6),
        # One token said, three heard: all stand for it: 0.3, 0.6, 0.9. Then said 0.6 ... 1.5; the
        # fourth heard (1.8) is two further than was said when they began: it stands for the second
        # (0.6), the fifth (2.1) for the third (0.9).
        ([(0.3, 1.2), (1.5, 2.1)], 3.0, (0.3 + 0.6 + 0.9 + 1.2 + 1.2) / 5),
        # What begins after all was said goes on with what began before it did.
        ([(3.0, 3.6), (4.0, 4.3)], 3.0, (3.0 + 3.0 + 3.4) / 3),
        # So does this: 20 tokens for the one said (0.3 ... 6 s late); then, all being said, the
        # next (6.8) for the second (0.6), and the one after a pause (7.3) for the third (0.9).
        ([(0.3, 6.3), (6.5, 6.8), (7.0, 7.3)], 3.0, (0.3 * 210 + 6.2 + 6.4) / 22),
        # The last token is short: 0.1 s; said 0.3, 0.4.
        ([(0.4, 0.8)], 3.0, (0.7 - 0.3 + 0.8 - 0.4) / 2),
    ],
)
def test_average_token_delay(
    spans_s: list[tuple[float, float]], source_s: float, atd_s: float
) -> None:
    assert average_token_delay(spans_s, source_s) == pytest.approx(atd_s)


def test_growth_compares_the_last_sixth_with_the_first() -> None:
    times_s = list(range(60))
    assert growth(times_s, [2.0] * 30 + [2.5] * 30, 60) == pytest.approx(0.5)
    assert growth(times_s[20:], [2.0] * 40, 60) is None


def test_words_with_short_pauses_form_one_stretch() -> None:
    assert stretches([(0, 1), (1.1, 2), (2.5, 3)], 0.2) == [(0, 2), (2.5, 3)]


def test_no_values_have_no_percentiles() -> None:
    assert percentiles([], 50, 95) == [None, None]
    assert percentiles([1, 2, 3], 50) == [2]
