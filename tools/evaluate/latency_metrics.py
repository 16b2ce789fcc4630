"""Latency of an interpretation, for one sentence and for a whole talk. Times are in seconds, and
for a sentence count from its beginning. They are of a clock, so they include computing time.
"""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

#: The length of a token of speech in Average Token Delay.
TOKEN_S: Final = 0.3
#: The first and the last part of a talk that are compared, as a share of it.
PART: Final = 1 / 6


def length_adaptive_average_lagging(
    delays_s: Sequence[float], source_s: float, reference_words: int
) -> float:
    """LAAL of a sentence that took ``source_s`` to say, its words heard after ``delays_s``.

    Papi et al. 2022 (arXiv:2206.05807) and Polák et al. 2022, in SimulEval's words: the mean of
    d_i - (i - 1) |X| / max(|Y|, |Y*|) up to the first word that is heard after all was said;
    where that is the first of all, its delay.
    """
    if delays_s[0] > source_s:
        return delays_s[0]
    each_s = source_s / max(len(delays_s), reference_words)
    lags = []
    for place, delay_s in enumerate(delays_s):
        lags.append(delay_s - place * each_s)
        if delay_s >= source_s:
            break
    return sum(lags) / len(lags)


def average_token_delay(spans_s: Sequence[tuple[float, float]], source_s: float) -> float:
    """ATD of a sentence that took ``source_s`` to say, heard in stretches of (start, end).

    Kano et al. 2023 (arXiv:2211.13173), as SimulEval counts speech: source and target are cut
    into tokens of 0.3 s, the source at the moments too at which a stretch begins; token t is
    compared with source token a(t): s(t) = t - max(0, tokens heard before its stretch - tokens
    said before its stretch), but not beyond what was said when its stretch began. The delay is
    from the end of one to the end of the other.
    """
    said_s = [0.0]  # the end of each source token; the first is for no token
    heard = heard_before = said_before = 0
    delays_s = []
    for start_s, end_s in spans_s:
        more = _tokens(said_s[-1], min(start_s, source_s))
        if more:  # otherwise it belongs to the token that the stretch before it began
            heard_before, said_before = heard, len(said_s) - 1
            said_s += more
        for token_end_s in _tokens(start_s, end_s):
            heard += 1
            source = min(heard - max(0, heard_before - said_before), len(said_s) - 1)
            delays_s.append(token_end_s - said_s[source])
    return sum(delays_s) / len(delays_s)


def _tokens(start_s: float, end_s: float) -> list[float]:
    """The ends of the tokens of a stretch. The last token may be shorter."""
    count = math.ceil((end_s - start_s) / TOKEN_S - 1e-6)
    return [min(start_s + TOKEN_S * number, end_s) for number in range(1, count + 1)]


def growth(times_s: Sequence[float], lags_s: Sequence[float], duration_s: float) -> float | None:
    """The median lag in the last part of a talk minus that in its first part."""
    first = [lag for at, lag in zip(times_s, lags_s, strict=True) if at <= PART * duration_s]
    last = [lag for at, lag in zip(times_s, lags_s, strict=True) if at >= (1 - PART) * duration_s]
    return float(np.median(last) - np.median(first)) if first and last else None


def stretches(words: Sequence[tuple[float, float]], pause_s: float) -> list[tuple[float, float]]:
    """(start, end) of words, joined if less than ``pause_s`` is between them."""
    joined: list[tuple[float, float]] = []
    for start_s, end_s in words:
        if joined and start_s - joined[-1][1] < pause_s:
            joined[-1] = (joined[-1][0], max(end_s, joined[-1][1]))
        else:
            joined.append((start_s, end_s))
    return joined


def percentiles(values: Sequence[float], *which: float) -> list[float | None]:
    """Percentiles; None if there are no values."""
    return np.percentile(values, which).tolist() if len(values) else [None] * len(which)
