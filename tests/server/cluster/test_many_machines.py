"""How many machines interpret for a hub."""

import pytest

from server.cluster import pool
from server.cluster.offers import Offer
from tests.helpers.waiting import until
from tests.server.cluster.test_pool import running

NAMES = ("a", "b", "c", "d", "e")


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "MOST_MACHINES", len(NAMES) - 1)


async def test_a_hub_links_to_as_many_machines_as_it_may() -> None:
    async with running() as hub:
        for name in NAMES[:-1]:
            await hub.machine(name)
        assert sorted(hub.pool.names) == [*NAMES[:-1]]


async def test_those_that_offer_at_once_are_counted_too() -> None:
    async with running() as hub:
        for name in NAMES:
            hub.pool.offered(name, Offer(4))
        await until(lambda: len(hub.ends) == len(NAMES) - 1)
