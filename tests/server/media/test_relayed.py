"""Packets that another machine encoded, at this machine's clock."""

from collections.abc import Iterable

from server.media.broadcast import SubscriberTrack
from server.media.opus import SAMPLES_PER_TICK
from server.media.relayed import MOST, TARGET, RelayedPlayout, Timeline

PACKET = b"\xf8\x01\x02\x03"
#: The other machine's tick when this one's is 0.
AHEAD = 1_000_000


class Relay:
    """A listener of one channel. ``play`` runs this machine's clock; packet n of the other machine
    arrives ``delays[n]`` ticks after its own tick."""

    def __init__(self) -> None:
        self.playout = RelayedPlayout()
        self.timeline = Timeline()
        self.track = SubscriberTrack(self.playout.channel("en"), 10_000)
        self.played: list[int] = []

    def play(self, delays: Iterable[float | None], ticks: int, first: int = 0) -> None:
        arriving = sorted(
            (n + delay, n) for n, delay in enumerate(delays, first) if delay is not None
        )
        for now in range(first, first + ticks):
            while arriving and arriving[0][0] < now:
                self.push(arriving.pop(0)[1])
            self.playout.tick(now)
        self.played = [
            (packet.pts or 0) // SAMPLES_PER_TICK
            for packet in self.track.taken()
            if bytes(packet) == PACKET
        ]

    def push(self, number: int) -> None:
        self.playout.push(self.timeline, "en", AHEAD + number, PACKET, False)


async def test_packets_play_in_step_with_the_clock_that_sent_them() -> None:
    relay = Relay()
    relay.play([0.5] * 50, 60)
    first = relay.played[0]
    assert relay.played == list(range(first, first + 50))
    assert first <= TARGET + 1


async def test_a_network_that_delays_some_packets_leaves_no_gap() -> None:
    relay = Relay()
    relay.play([0.3, 1.6, 0.9, 2.1, 0.3] * 20, 110)
    assert len(relay.played) == 100
    assert relay.played == list(range(relay.played[0], relay.played[0] + 100))


async def test_silence_stays_silent_and_its_time_passes() -> None:
    relay = Relay()
    relay.play([0.5] * 10 + [None] * 30 + [0.5] * 10, 60)
    first = relay.played[0]
    assert relay.played == [*range(first, first + 10), *range(first + 40, first + 50)]


async def test_what_a_skipped_tick_left_is_sent_with_the_next() -> None:
    relay = Relay()
    relay.play([0.5] * 20, 20)
    for number in (19, 20):
        relay.push(number)
    for tick in (21, 23):  # 20 and 22 are skipped
        relay.playout.tick(tick)
    played = [(packet.pts or 0) // SAMPLES_PER_TICK for packet in relay.track.taken()]
    assert played == [20, 21, 22, 23] and relay.playout.counts["skipped"] == 0


async def test_a_short_burst_is_sent_with_its_own_time() -> None:
    relay = Relay()
    stall = [float(6 - n) if n < 6 else 0.5 for n in range(50)]
    relay.play([0.5] * 50 + stall, 110)
    first = relay.played[0]
    assert relay.played == list(range(first, first + 100))


async def test_after_a_longer_burst_packets_wait_longer_until_a_silence() -> None:
    relay = Relay()
    stall = [float(10 - n) if n < 10 else 0.5 for n in range(50)]
    relay.play([0.5] * 50 + stall + [0.5] * 200, 320)
    assert len(relay.played) == 300 and relay.playout.counts["late"] == 0
    assert relay.played[-1] - 299 > TARGET + 1
    relay.play(([None] * 30 + [0.5] * 100) * 2, 280, first=320)
    assert relay.played[-1] - 579 <= TARGET + 1


async def test_what_comes_much_too_late_is_dropped_and_counted() -> None:
    relay = Relay()
    stall = [float(40 - n) for n in range(40)]
    relay.play([0.5] * 50 + stall + [0.5] * 50, 160)
    assert relay.playout.counts["late"] >= 40 - MOST - TARGET - 2
    assert relay.played[-1] - 139 <= MOST + 2


async def test_a_path_that_becomes_slower_for_good_is_followed() -> None:
    relay = Relay()
    relay.play([0.5] * 50 + [100.5] * 100, 300)
    assert len([each for each in relay.played if each >= 180]) > 60


async def test_clocks_that_differ_cost_single_ticks() -> None:
    """The other machine's clock is faster by 0.1 %, then slower."""
    for drift in (-0.001, 0.001):
        relay = Relay()
        relay.play([20.5 + n * drift for n in range(5000)], 5050)
        assert len(relay.played) >= 4990 and relay.playout.counts["late"] == 0


async def test_odd_ticks_do_not_grow_anything_or_stop_the_rest() -> None:
    relay = Relay()
    relay.play([0.5] * 20, 20)
    for number in range(0, 10**9, 10**6):
        relay.push(number)
    relay.play([0.5] * 100, 110, first=20)
    assert len(relay.played) > 60


async def test_a_newcomer_gets_a_packet_at_once_also_in_silence() -> None:
    relay = Relay()
    relay.playout.tick(7)
    assert [packet.pts for packet in relay.track.taken()] == [7 * SAMPLES_PER_TICK]
