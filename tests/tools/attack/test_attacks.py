"""Each attack, small: what is counted must hold. Times are for a quiet machine."""

from collections.abc import Sequence

import pytest

from tools.attack import datagrams, half_open, joining, signaling
from tools.figures import Figure


def broken(figures: Sequence[Figure]) -> list[Figure]:
    return [figure for figure in figures if not figure.unit and figure.holds is False]


@pytest.mark.slow
async def test_hostile_datagrams_end_no_session() -> None:
    assert not broken(await datagrams.run(quick=True))


async def test_hostile_datagrams_keep_nobody_from_joining() -> None:
    assert not broken(await joining.run(quick=True))


async def test_every_mutated_message_gets_a_typed_answer() -> None:
    assert not broken(await signaling.run(quick=True))


@pytest.mark.slow
async def test_half_open_offers_occupy_few_places_for_a_short_time() -> None:
    assert not broken(await half_open.run(quick=True))
