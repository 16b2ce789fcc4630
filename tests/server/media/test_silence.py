import numpy as np

from server.media.libopus import ChannelEncoder, ConcealingDecoder
from server.media.opus import SAMPLES_PER_TICK, TICK_S, joined
from server.media.silence import Silence
from tests.helpers.webrtc import tone

SOUND, SMALL, TELLING = (bytes(60), False), (b"x", True), (bytes(21), True)


def sent(
    packets: list[tuple[bytes, bool]], newcomers_at: tuple[int, ...] = ()
) -> tuple[list[int], list[int]]:
    """The ticks that are sent, and those of them that are marked."""
    silence = Silence()
    ticks, marked = [], []
    for tick, (packet, silent) in enumerate(packets):
        if silence.sends(tick, packet, silent, tick in newcomers_at):
            ticks.append(tick)
            if silence.begins_speech:
                marked.append(tick)
    return ticks, marked


def test_all_sound_is_sent_and_of_silence_the_first_small_packet() -> None:
    assert sent([SOUND, SOUND, SMALL, SMALL, SMALL, SOUND]) == ([0, 1, 2, 5], [5])


def test_in_silence_a_small_packet_is_sent_once_a_second_and_nothing_else() -> None:
    packets = [SOUND] + ([SMALL] * 20 + [TELLING]) * 8
    assert sent(packets) == ([0, 1, 51, 101, 151], [])
    packets[51] = TELLING
    assert sent(packets) == ([0, 1, 52, 102, 152], [])


def test_silence_without_a_gap_is_not_the_end_of_speech() -> None:
    assert sent([SOUND, SMALL, SOUND, SOUND]) == ([0, 1, 2, 3], [])


def test_newcomers_get_a_packet_at_once() -> None:
    packets = [SOUND] + [SMALL] * 20 + [TELLING] + [SMALL] * 60
    assert sent(packets, newcomers_at=(5, 21)) == ([0, 1, 5, 21, 22, 72], [])


def test_sound_that_is_small_is_sent() -> None:
    """The encoder's word counts, not the size."""
    assert sent([SOUND, (b"x", False), (b"x", False)]) == ([0, 1, 2], [])


def test_after_silence_sound_is_complete_from_its_first_packet() -> None:
    rng = np.random.default_rng(5)
    room = rng.normal(0, 30, 10 * 50 * SAMPLES_PER_TICK).astype(np.int16)
    pcm = joined([tone(440, 1.0), room, tone(880, 1.0), room])
    encoder, decoder, silence = ChannelEncoder(), ConcealingDecoder(), Silence()
    heard, times, marked = [], [], []
    for tick, piece in enumerate(pcm.reshape(-1, SAMPLES_PER_TICK)):
        packet = encoder.encode(piece)
        if silence.sends(tick, packet, encoder.silent, False):
            heard.append(decoder.decode(packet))
            times.append(tick)
            if silence.begins_speech:
                marked.append(tick)
        else:
            heard.append(decoder.conceal(SAMPLES_PER_TICK))
    second = slice(550 * SAMPLES_PER_TICK, 552 * SAMPLES_PER_TICK)
    assert marked == [550]
    assert set(range(550, 600)) <= set(times)
    assert np.abs(joined(heard)[second]).max() > 6000
    in_silence = [tick for tick in times if 75 <= tick < 550]
    assert len(in_silence) / (475 * TICK_S) <= 1.5
    assert max(np.diff(in_silence)) * TICK_S <= 1.1
    assert np.abs(joined(heard)[100 * SAMPLES_PER_TICK : 550 * SAMPLES_PER_TICK]).max() < 300
