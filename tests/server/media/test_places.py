import asyncio

import pytest

from server.media import places as places_module
from server.media.places import Busy, Place, Places
from tests.helpers.waiting import until


class Offer:
    """A connection that is being set up."""

    def __init__(self, place: Place, heard_from: bool = False) -> None:
        self.heard_from = heard_from
        self.gave_up = False
        self._place = place
        place.hold(self)

    def give_up(self, reason: str) -> None:
        self.gave_up = True
        self._place.leave()


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places_module, "PLACES", 2)
    monkeypatch.setattr(places_module, "WAIT_S", 0.2)
    monkeypatch.setattr(places_module, "PATIENCE_S", 0.05)
    monkeypatch.setattr(places_module, "_REVIEW_S", 0.01)


async def test_connections_per_address_are_limited_independently() -> None:
    admitted = Places()
    for _ in range(2):
        await admitted.enter("here")
    with pytest.raises(Busy) as busy:
        await admitted.enter("here")
    assert 1 <= busy.value.retry_after_s <= 4
    await admitted.enter("elsewhere")


async def test_a_free_place_goes_to_the_first_who_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(places_module, "WAIT_S", 10)
    admitted, order = Places(), list[int]()
    places = [await admitted.enter("here") for _ in range(2)]

    async def wait(number: int) -> None:
        place = await admitted.enter("here")
        order.append(number)
        place.leave()

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        for number in range(5):
            group.create_task(wait(number))
        await asyncio.sleep(0)
        places[0].leave()
        places[0].leave()
    assert order == [0, 1, 2, 3, 4]


async def test_a_silent_connection_gives_up_its_place_if_another_waits() -> None:
    admitted = Places()
    silent = Offer(await admitted.enter("here"))
    wanted = [Offer(await admitted.enter("elsewhere")) for _ in range(2)]
    await until(lambda: any(each.gave_up for each in wanted))
    assert not silent.gave_up, "nobody wanted its place"
    alive = Offer(await admitted.enter("here"), heard_from=True)
    await admitted.enter("here")
    assert (silent.gave_up, alive.gave_up) == (True, False)


async def test_places_are_forgotten_after_all_have_left() -> None:
    admitted = Places()
    places = [await admitted.enter("here") for _ in range(2)]
    Offer(places[0], heard_from=True)
    Offer(places[1], heard_from=True)
    with pytest.raises(Busy):
        await admitted.enter("here")
    waiting = asyncio.ensure_future(admitted.enter("here"))
    await asyncio.sleep(0)
    waiting.cancel()
    for place in places:
        place.leave()
    await until(lambda: not admitted._addresses)
