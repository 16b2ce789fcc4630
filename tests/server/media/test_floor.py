import numpy as np

from server.media.floor import CUSHION_SAMPLES, LIMIT_SAMPLES, FloorBuffer
from server.media.opus import SAMPLES_PER_TICK, Pcm, joined
from tests.helpers.webrtc import tone

TICK = SAMPLES_PER_TICK


def numbered(samples: int, start: int = 1000) -> Pcm:
    """Loud sound in which every sample is recognisable."""
    return (start + np.arange(samples) % 20_000).astype(np.int16)


def pull(floor: FloorBuffer, ticks: int) -> Pcm:
    return joined([floor.pull()[0] for _ in range(ticks)])


def test_silence_is_played_until_the_cushion_is_full() -> None:
    floor = FloorBuffer()
    floor.push(numbered(CUSHION_SAMPLES - 1))
    assert not floor.pull()[0].any()
    floor.push(numbered(1))
    assert floor.pull()[0].tolist() == numbered(TICK).tolist()


def test_pieces_of_any_length_are_played_completely_and_in_order() -> None:
    floor, sound = FloorBuffer(), numbered(10 * TICK)
    for piece in np.split(sound, [1, 500, 5 * TICK + 7]):
        floor.push(piece)
    assert pull(floor, 10).tolist() == sound.tolist()


def test_after_an_underrun_the_cushion_fills_again() -> None:
    floor = FloorBuffer()
    floor.push(numbered(CUSHION_SAMPLES + 10))
    pull(floor, 3)
    last = floor.pull()[0]
    assert last[:10].all() and not last[10:].any()
    assert floor.counts.floor_underruns == 1
    floor.push(numbered(TICK))
    assert not floor.pull()[0].any()
    assert floor.counts.floor_underruns == 1


def test_a_flood_keeps_only_the_newest_sound() -> None:
    floor, sound = FloorBuffer(), numbered(LIMIT_SAMPLES + 1)
    floor.push(sound)
    assert pull(floor, CUSHION_SAMPLES // TICK).tolist() == sound[-CUSHION_SAMPLES:].tolist()
    assert not floor.pull()[0].any()
    assert floor.counts.floor_dropped_samples == sound.size - CUSHION_SAMPLES


def test_what_is_expected_is_played_though_it_is_more_than_the_limit() -> None:
    floor, sound = FloorBuffer(), numbered(3 * LIMIT_SAMPLES)
    floor.expect(sound.size)
    for piece in np.split(sound, 45):
        floor.push(piece)
    assert pull(floor, 45).tolist() == sound.tolist()
    floor.push(numbered(LIMIT_SAMPLES + 1))
    assert floor.received == sound.size + LIMIT_SAMPLES + 1
    assert floor.counts.floor_dropped_samples > 0, "afterwards the limit is as before"


def test_delay_is_reduced_only_in_quiet_sound() -> None:
    floor = FloorBuffer()
    loud, quiet = tone(440, 0.2), tone(440, 0.06, peak=100)
    floor.push(joined([loud, quiet]))
    assert np.array_equal(pull(floor, 4), loud[: 4 * TICK])
    assert floor.counts.floor_dropped_samples == 0
    floor = FloorBuffer()
    floor.push(joined([quiet, loud]))
    assert np.array_equal(floor.pull()[0], loud[:TICK])
    assert floor.counts.floor_dropped_samples == quiet.size


def test_silence_does_not_add_delay() -> None:
    floor = FloorBuffer()
    for _ in range(100):
        floor.push(np.zeros(2 * TICK, np.int16))
    floor.push(numbered(TICK))
    assert not pull(floor, CUSHION_SAMPLES // TICK).any()
    assert floor.pull()[0].tolist() == numbered(TICK).tolist()
    assert floor.counts.floor_dropped_samples == 0


def packets(floor: FloorBuffer, ticks: int) -> list[bytes | None]:
    return [floor.pull()[1] for _ in range(ticks)]


def test_a_packet_leaves_with_its_sound() -> None:
    floor = FloorBuffer()
    for number in range(6):
        floor.push(numbered(TICK), b"%d" % number)
        if number == 3:
            floor.push(numbered(TICK))
    assert packets(floor, 8) == [b"0", b"1", b"2", b"3", None, b"4", b"5", None]


def test_packets_that_do_not_match_ticks_are_not_forwarded() -> None:
    """Of two in a tick either would be half heard."""
    floor = FloorBuffer()
    floor.push(numbered(3 * TICK))
    floor.push(numbered(TICK // 2), b"short")
    floor.push(numbered(TICK), b"after")
    floor.push(numbered(TICK), b"in step")
    assert packets(floor, 6) == [None, None, None, None, b"in step", None]


def test_skipped_sound_skips_its_packet() -> None:
    floor = FloorBuffer()
    for number in range(LIMIT_SAMPLES // TICK + 1):
        floor.push(numbered(TICK), b"%d" % number)
    assert packets(floor, 3) == [b"13", b"14", b"15"]


def test_silence_of_an_empty_buffer_has_no_packet() -> None:
    floor = FloorBuffer()
    for _ in range(3):
        floor.push(np.zeros(TICK, np.int16), b"could not be decoded")
    assert packets(floor, 4) == [None] * 4
