import gc
import weakref

from server.garbage import MANY_SEARCHES, when_idle
from tests.helpers.memory import freed_memory, own_memory
from tests.helpers.waiting import until

OFTEN_S = 0.01


class Cycle:
    def __init__(self) -> None:
        self.itself = self


def old_garbage() -> weakref.ref[Cycle]:
    """Garbage in the oldest generation, which only a full collection finds."""
    cycle = Cycle()
    gc.collect(0)
    gc.collect(1)
    return weakref.ref(cycle)


class Listening:
    """Somebody always listens; counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def idle(self) -> bool:
        self.asked += 1
        return False


async def test_when_nobody_listens_garbage_is_collected() -> None:
    async with when_idle(lambda: True, every_s=OFTEN_S):
        garbage = old_garbage()
        await until(lambda: garbage() is None)
        assert garbage() is None


async def test_much_garbage_is_collected_even_while_people_listen() -> None:
    listening = Listening()
    async with when_idle(listening.idle, every_s=OFTEN_S):
        garbage = old_garbage()
        await until(lambda: listening.asked >= 5)
        assert garbage() is not None
        for _ in range(MANY_SEARCHES):
            gc.collect(1)
        await until(lambda: garbage() is None)


class Joining(Listening):
    """A crowd: there are more objects each time."""

    def idle(self) -> bool:
        gc.collect(1)
        return super().idle()


async def test_while_a_crowd_joins_there_is_no_full_collection() -> None:
    joining = Joining()
    async with when_idle(joining.idle, every_s=OFTEN_S):
        garbage = old_garbage()
        await until(lambda: joining.asked >= 2 * MANY_SEARCHES)
        assert garbage() is not None


async def test_earlier_objects_are_frozen_and_unfrozen_at_the_end() -> None:
    before = gc.get_threshold()
    async with when_idle(lambda: True, every_s=OFTEN_S):
        assert gc.get_freeze_count() > 10_000
    assert gc.get_freeze_count() == 0
    assert gc.get_threshold() == before


async def test_the_memory_that_was_freed_is_given_back() -> None:
    with freed_memory() as most:
        async with when_idle(lambda: True, every_s=OFTEN_S):
            gc.collect(1)
            await until(lambda: own_memory() < most)
