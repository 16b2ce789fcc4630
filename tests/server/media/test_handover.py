"""What is heard, tick by tick, when a person takes a language over and gives it back. The machine
is a level of 1000, persons are other levels, so every sample tells who is heard."""

import numpy as np
import pytest

from server.media.broadcast import SubscriberTrack
from server.media.floor import CUSHION_SAMPLES, FloorBuffer
from server.media.handover import ENDED_S, RETURN_S, Handover
from server.media.opus import SAMPLES_PER_TICK, TICK_S, OpusDecoder, Pcm
from server.media.playout import StreamPlayout

MACHINE, ANN, BOB = 1000, 3000, 9000
CUSHION_TICKS = CUSHION_SAMPLES // SAMPLES_PER_TICK


def level(value: int, ticks: int = 1) -> Pcm:
    return np.full(ticks * SAMPLES_PER_TICK, value, np.int16)


def person(value: int, ticks: int = CUSHION_TICKS) -> FloorBuffer:
    """Somebody whose sound is there already."""
    buffer = FloorBuffer()
    buffer.push(level(value, ticks))
    return buffer


def played(handover: Handover, *machine: Pcm | None, speaks: FloorBuffer | None = None) -> Pcm:
    """The sound of some ticks; in each of them ``speaks`` says 20 ms more."""
    pieces = []
    for pcm in machine:
        if speaks is not None:
            speaks.push(level(ANN))
        made = handover.pull(pcm)
        pieces.append(level(0) if made is None else made)
    return np.concatenate(pieces)


def who(pcm: Pcm) -> list[int]:
    """Whose level each half tick ends with, or begins with, one after the other."""
    halves = pcm.reshape(-1, SAMPLES_PER_TICK // 2)
    return [int(max(half[0], half[-1])) for half in halves]


def test_a_person_takes_over_within_one_tick() -> None:
    handover = Handover()
    handover.person = person(ANN)
    heard = played(handover, level(MACHINE), level(MACHINE), speaks=handover.person)
    assert who(heard) == [MACHINE, ANN, ANN, ANN]
    assert handover.by_person


def test_the_machine_is_heard_until_the_person_s_sound_is_there() -> None:
    handover = Handover()
    handover.person = FloorBuffer()
    assert who(played(handover, level(MACHINE))) == [MACHINE] * 2
    assert not handover.by_person


def test_two_are_never_heard_at_once() -> None:
    """Added up, the levels of two would be between theirs, or above both."""
    handover = Handover()
    handover.person = person(ANN)
    over = played(handover, level(MACHINE))
    assert over[: SAMPLES_PER_TICK // 2].max() <= MACHINE
    assert abs(over[SAMPLES_PER_TICK // 2]) < 10


def test_the_machine_waits_for_the_end_of_its_word() -> None:
    handover = Handover()
    handover.person = person(ANN)
    played(handover, level(MACHINE))
    handover.person = None
    words = [level(MACHINE), level(MACHINE), None, level(MACHINE)]
    heard = who(played(handover, *words))
    assert heard[:6] == [ANN, 0, 0, 0, 0, 0]
    assert heard[6:] == [MACHINE] * 2


def test_the_machine_waits_no_longer_than_it_may() -> None:
    handover = Handover()
    handover.person = person(ANN)
    played(handover, level(MACHINE))
    handover.person = None
    ticks = round(RETURN_S / TICK_S) + 2
    heard = played(handover, *[level(MACHINE)] * ticks)
    assert heard[-1] == MACHINE
    assert np.count_nonzero(heard == 0) <= 0.3 / TICK_S * SAMPLES_PER_TICK


def test_one_person_hands_over_to_another() -> None:
    handover = Handover()
    ann = person(ANN, 8)
    handover.person = ann
    played(handover, level(MACHINE))
    handover.person = FloorBuffer()
    still = played(handover, level(MACHINE))
    handover.person.push(level(BOB, CUSHION_TICKS))
    assert who(np.concatenate((still, played(handover, level(MACHINE))))) == [ANN, ANN, ANN, BOB]


def test_the_machine_goes_on_while_a_person_s_sound_is_missing() -> None:
    changes = []
    handover = Handover(lambda: changes.append(handover.by_person))
    handover.person = person(ANN)
    lasts = round(ENDED_S / TICK_S) + CUSHION_TICKS
    heard = played(handover, *[None] * lasts, level(MACHINE), None, level(MACHINE))
    assert heard[-1] == MACHINE
    handover.person.push(level(ANN, CUSHION_TICKS))
    assert who(played(handover, level(MACHINE))) == [MACHINE, ANN]
    assert changes == [True, False, True]


def test_a_silent_person_goes_on_being_heard() -> None:
    """They cough, with the button held: packets of silence come."""
    handover = Handover()
    handover.person = person(ANN)
    for _ in range(100):
        handover.person.push(level(0))
        handover.pull(level(MACHINE))
    assert handover.by_person


@pytest.mark.parametrize("channel", ["en", "en+floor"])
def test_both_variants_of_the_language_have_the_person_on_the_same_track(channel: str) -> None:
    told: list[str] = []
    playout = StreamPlayout(on_handover=told.append)
    track = SubscriberTrack(playout.channel(channel), queue_packets=100, gapless=True)
    time = np.arange(50 * SAMPLES_PER_TICK) / 48_000
    voice = (8000 * np.sin(2 * np.pi * 440 * time)).astype(np.int16)
    ann = FloorBuffer()
    ann.push(voice[: 10 * SAMPLES_PER_TICK])
    for tick in range(20):
        if tick == 10:
            playout.hand_over("en", ann)
        playout.tick(tick)
    packets = track.taken()
    assert [packet.pts for packet in packets] == [SAMPLES_PER_TICK * tick for tick in range(20)]
    decoder = OpusDecoder()
    heard = [int(np.abs(decoder.decode(bytes(packet))).max()) for packet in packets]
    assert max(heard[2:10]) < 100 < 4000 < min(heard[12:])
    assert told == ["en"]
