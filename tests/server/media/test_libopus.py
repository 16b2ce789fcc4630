import numpy as np
import pytest

from server.media.libopus import (
    ConcealingDecoder,
    OpusError,
    has_copy,
    load,
    packet_samples,
)
from server.media.opus import RATE_HZ, SAMPLES_PER_TICK, OpusDecoder, OpusEncoder, Pcm, joined

TICKS = 40


def voice(ticks: int = TICKS) -> Pcm:
    """A buzz whose pitch and loudness change, so that every packet differs from the last."""
    time_s = np.arange(ticks * SAMPLES_PER_TICK) / RATE_HZ
    pitch = 2 * np.pi * (140 * time_s + 20 * np.sin(2 * np.pi * time_s))
    buzz = sum((np.sin(n * pitch) / n for n in range(1, 12)), np.zeros(time_s.size))
    swell = 0.6 + 0.4 * np.sin(2 * np.pi * 3 * time_s)
    return (4000 * swell * buzz).astype(np.int16)


@pytest.fixture(scope="module")
def packets() -> list[bytes]:
    # So low a rate that the encoder takes its speech layer, which alone has copies.
    encoder = OpusEncoder(bit_rate=20_000, expected_loss=30)
    return [encoder.encode(tick) for tick in voice().reshape(-1, SAMPLES_PER_TICK)]


def distance(one: Pcm, other: Pcm) -> float:
    """Of the spectra of two sounds of one length: 1 is as far as silence is."""
    spectra = [np.abs(np.fft.rfft(each * np.hanning(each.size))) for each in (one, other)]
    return float(((spectra[0] - spectra[1]) ** 2).sum() / (spectra[1] ** 2).sum())


def test_pyav_carries_the_library() -> None:
    assert load()


def test_whole_packets_are_what_pyav_would_decode(packets: list[bytes]) -> None:
    decoder = ConcealingDecoder()
    pyav = OpusDecoder()
    for packet in packets:
        assert np.abs(decoder.decode(packet) - pyav.decode(packet).astype(int)).max() <= 2


def without(packets: list[bytes], lost: int, way: str) -> Pcm:
    decoder = ConcealingDecoder()
    out = []
    for number, packet in enumerate(packets):
        if number != lost:
            out.append(decoder.decode(packet))
        elif way == "silence":
            out.append(np.zeros(SAMPLES_PER_TICK, np.int16))
        elif way == "conceal":
            out.append(decoder.conceal(SAMPLES_PER_TICK))
        else:
            out.append(decoder.recover(packets[number + 1], SAMPLES_PER_TICK))
    return joined(out)


def test_a_lost_packet_is_better_made_up_than_silent_and_best_recovered(
    packets: list[bytes],
) -> None:
    lost = 20
    assert has_copy(packets[lost + 1])
    decoder = ConcealingDecoder()
    whole = joined([decoder.decode(packet) for packet in packets])
    near = slice(lost * SAMPLES_PER_TICK, (lost + 1) * SAMPLES_PER_TICK)
    silence, concealed, recovered = (
        distance(without(packets, lost, way)[near], whole[near])
        for way in ("silence", "conceal", "recover")
    )
    assert recovered < concealed < silence


def test_a_long_loss_fades_away() -> None:
    encoder, decoder = OpusEncoder(), ConcealingDecoder()
    for tick in voice().reshape(-1, SAMPLES_PER_TICK):
        decoder.decode(encoder.encode(tick))
    made = [decoder.conceal(SAMPLES_PER_TICK) for _ in range(25)]
    assert np.abs(made[-1]).max() < 0.05 * np.abs(made[0]).max()


@pytest.mark.parametrize("data", [b"", b"\xff" * 5, b"\x03" + bytes(3)])
def test_what_is_no_opus_is_refused_and_harms_nothing(packets: list[bytes], data: bytes) -> None:
    decoder = ConcealingDecoder()
    decoder.decode(packets[0])
    with pytest.raises(OpusError):
        decoder.decode(data)
    assert decoder.decode(packets[1]).size == SAMPLES_PER_TICK


def test_a_packet_tells_its_length(packets: list[bytes]) -> None:
    assert packet_samples(packets[0]) == SAMPLES_PER_TICK
