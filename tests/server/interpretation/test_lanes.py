import asyncio
import threading
from collections.abc import Iterator

import pytest

from server.interpretation.lanes import Lanes, Overrun


@pytest.fixture
def lanes() -> Iterator[Lanes]:
    made = Lanes()
    yield made
    made.close()


async def test_a_call_returns_what_the_function_does(lanes: Lanes) -> None:
    assert await lanes.lane("translate", "en").call(5, "a b".split) == ["a", "b"]


async def test_after_calls_have_ended_none_counts_as_stuck(lanes: Lanes) -> None:
    await lanes.lane("translate", "en").call(5, str, 1)
    assert lanes.stuck_s() == 0


async def test_exceptions_of_the_function_are_raised(lanes: Lanes) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        await lanes.lane("translate", "en").call(5, int, "x")


async def test_a_timeout_error_of_the_function_is_not_an_overrun(lanes: Lanes) -> None:
    def raises() -> None:
        raise TimeoutError("mine")

    with pytest.raises(TimeoutError, match="mine"):
        await lanes.lane("translate", "en").call(5, raises)


async def test_a_call_over_its_limit_is_given_up(lanes: Lanes) -> None:
    release = threading.Event()
    lane = lanes.lane("translate", "en")
    with pytest.raises(Overrun, match=r"translate took more than 0\.02 s"):
        await lane.call(0.02, release.wait, 10)
    assert lanes.stuck_s() > 0
    release.set()


async def test_after_a_hang_the_lane_works_again_without_the_cancelled_calls(
    lanes: Lanes,
) -> None:
    release, ran = threading.Event(), threading.Event()
    lane = lanes.lane("translate", "en")
    for function in (release.wait, ran.set):
        with pytest.raises(Overrun):
            await lane.call(0.02, function)
    release.set()
    assert await lane.call(5, str, 1) == "1"
    assert not ran.is_set()


async def test_lanes_do_not_wait_for_each_other(lanes: Lanes) -> None:
    release = threading.Event()
    with pytest.raises(Overrun):
        await lanes.lane("translate", "en").call(0.02, release.wait, 10)
    assert await lanes.lane("translate", "de").call(5, str, 1) == "1"
    release.set()


async def test_stage_times_cover_the_calls_since_the_last_report(lanes: Lanes) -> None:
    for _ in range(3):
        await lanes.lane("translate", "en").call(5, str, 1)
    (stage,) = lanes.drain()
    assert (stage.name, stage.language, stage.count) == ("translate", "en", 3)
    assert lanes.drain() == ()


async def test_hanging_languages_do_not_delay_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.interpretation.lanes.TURN_S", 0.02)
    release, lanes = threading.Event(), Lanes(cores=1)
    async with asyncio.TaskGroup() as group:
        group.create_task(lanes.lane("translate", "en").call(5, release.wait, 10))
        await asyncio.sleep(0)
        assert await lanes.lane("translate", "de").call(5, str, 1) == "1"
        release.set()
    lanes.close()


async def test_the_language_with_the_most_listeners_gets_the_next_turn() -> None:
    release, done, lanes = threading.Event(), list[str](), Lanes(cores=1)
    lanes.listeners = {"one": {"de": 3, "fr": 2}, "other": {"fr": 2}}
    async with asyncio.TaskGroup() as group:
        group.create_task(lanes.lane("translate", "en").call(5, release.wait, 10))
        for language in ("de", "fr"):
            await asyncio.sleep(0)
            group.create_task(lanes.lane("translate", language).call(5, done.append, language))
        await asyncio.sleep(0)
        release.set()
    assert done == ["fr", "de"]
    lanes.close()


async def test_live_streams_share_the_cores_evenly() -> None:
    lanes = Lanes(cores=2)
    first, second = lanes.hearing("a"), lanes.hearing("b")
    assert first is not second and lanes.hearing("a") is first
    lanes.forget("b")
    assert lanes.hearing("c") is second
    lanes.close()
