import random

import pytest

from tests.helpers.echo import echo, writer
from tests.helpers.waiting import until
from tools.impair import Network, Relay, Way


def fates(network: Network, count: int = 20_000, seed: int = 1) -> list[list[float]]:
    """When each of ``count`` datagrams, one every 20 ms, is sent."""
    way = Way(network, random.Random(seed))
    return [way.times(0.02 * number, 200) for number in range(count)]


def runs_of_loss(sent: list[list[float]]) -> list[int]:
    runs, run = [], 0
    for times in [*sent, [0.0]]:
        if times and run:
            runs.append(run)
        run = 0 if times else run + 1
    return runs


def test_a_good_network_changes_nothing() -> None:
    assert fates(Network(), 3) == [[0.0], [0.02], [0.04]]


def test_the_same_seed_impairs_in_the_same_way() -> None:
    network = Network(loss=0.1, jitter_s=0.01, double=0.1)
    assert fates(network, 100) == fates(network, 100)
    assert fates(network, 100, seed=2) != fates(network, 100)


@pytest.mark.parametrize("burst", [1.0, 4.0])
def test_the_share_of_lost_datagrams_is_as_asked(burst: float) -> None:
    sent = fates(Network(loss=0.05, burst=burst))
    assert sum(not times for times in sent) / len(sent) == pytest.approx(0.05, rel=0.15)


def test_losses_come_in_bursts_of_the_wanted_length() -> None:
    runs = runs_of_loss(fates(Network(loss=0.05, burst=4)))
    assert sum(runs) / len(runs) == pytest.approx(4, rel=0.15)


def test_with_full_loss_nothing_arrives() -> None:
    assert not any(fates(Network(loss=1.0), 100))


def test_jitter_delays_and_keeps_the_order() -> None:
    sent = [times[0] for times in fates(Network(delay_s=0.04, jitter_s=0.1), 1000)]
    assert sent == sorted(sent)
    delays = [at_s - 0.02 * number for number, at_s in enumerate(sent)]
    assert min(delays) >= 0.04
    assert max(delays) <= 0.14 + 1e-9


def test_some_datagrams_are_reordered() -> None:
    sent = [times[0] for times in fates(Network(reorder=0.1), 1000)]
    assert 50 < sum(later < earlier for earlier, later in zip(sent, sent[1:], strict=False)) < 150


def test_some_datagrams_are_doubled() -> None:
    sent = fates(Network(double=0.1), 1000)
    assert 50 < sum(len(times) == 2 for times in sent) < 150


def test_with_a_limited_rate_datagrams_wait_for_each_other() -> None:
    way = Way(Network(rate_bps=16_000), random.Random(0))
    assert [way.times(0.0, 200)[0] for _ in range(3)] == pytest.approx([0.1, 0.2, 0.3])


async def test_the_relay_forwards_in_both_directions() -> None:
    async with echo() as address:
        with (
            Relay(address, Network(delay_s=0.01)) as relay,
            writer(relay.address) as one,
            writer(relay.address) as other,
        ):
            one.write(b"one")
            other.write(b"other")
            assert (await one.hear(), await other.hear()) == ([b"ONE"], [b"OTHER"])
            assert (relay.sent.came, relay.answered.came) == (2, 2)


async def test_the_network_to_the_target_can_be_changed_alone() -> None:
    async with echo() as address:
        with (
            Relay(address, Network(loss=1.0), Network(double=1.0)) as relay,
            writer(relay.address) as one,
        ):
            one.write(b"lost")
            await until(lambda: relay.sent.lost == 1)
            relay.become(Network())
            one.write(b"one", b"two")
            assert await one.hear(4) == [b"ONE", b"ONE", b"TWO", b"TWO"]
            assert (relay.sent.came, relay.sent.lost) == (3, 1)
