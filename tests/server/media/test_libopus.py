from pathlib import Path

import av
import numpy as np
import pytest

from server.media import libopus
from server.media.libopus import (
    ChannelEncoder,
    ConcealingDecoder,
    OpusError,
    has_copy,
    load,
    packet_samples,
)
from server.media.opus import RATE_HZ, SAMPLES_PER_TICK, OpusDecoder, OpusEncoder, Pcm, joined
from server.media.silence import SMALL_BYTES
from tests.helpers.webrtc import pitch_hz, tone

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


def test_the_library_of_pyav_is_found() -> None:
    assert load()


def test_packets_are_decoded_as_by_pyav(packets: list[bytes]) -> None:
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


def test_concealment_is_better_than_silence_and_recovery_is_best(
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
def test_invalid_opus_is_refused_and_does_no_harm(packets: list[bytes], data: bytes) -> None:
    decoder = ConcealingDecoder()
    decoder.decode(packets[0])
    with pytest.raises(OpusError):
        decoder.decode(data)
    assert decoder.decode(packets[1]).size == SAMPLES_PER_TICK


def test_the_duration_of_a_packet_is_known(packets: list[bytes]) -> None:
    assert packet_samples(packets[0]) == SAMPLES_PER_TICK


def elsewhere(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """PyAV was installed, or built, in another way."""
    monkeypatch.setattr(av, "__file__", str(folder / "av" / "__init__.py"))
    monkeypatch.setattr(libopus, "load", load.__wrapped__)


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    elsewhere(monkeypatch, tmp_path)
    with pytest.raises(OSError, match="no libopus"):
        ChannelEncoder()


def test_an_incompatible_library_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "av.libs").mkdir()
    (tmp_path / "av.libs" / "libopus-1234.so.0").symlink_to(load()._name)
    elsewhere(monkeypatch, tmp_path)
    assert libopus.load()
    monkeypatch.setitem(libopus._FUNCTIONS, "opus_of_tomorrow", (None, ()))
    with pytest.raises(OSError, match="libopus-1234.so.0 has no opus_of_tomorrow"):
        libopus.load()


def test_a_library_without_dtx_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libopus, "_SET_DTX", 3999)
    with pytest.raises(OSError, match="3999"):
        ChannelEncoder()


def noise(level_db: float, seconds: float) -> Pcm:
    """``level_db`` below full scale."""
    ticks = int(seconds * RATE_HZ) // SAMPLES_PER_TICK
    wave = np.random.default_rng(3).normal(
        0, 32768 * 10 ** (level_db / 20), ticks * SAMPLES_PER_TICK
    )
    return wave.clip(-32768, 32767).astype(np.int16)


def silent_ticks(pcm: Pcm) -> list[bool]:
    encoder = ChannelEncoder()
    silent = []
    for tick in pcm.reshape(-1, SAMPLES_PER_TICK):
        encoder.encode(tick)
        silent.append(encoder.silent)
    return silent


@pytest.mark.parametrize(
    "sound",
    [voice(200), tone(440, 4.0), tone(300, 4.0, peak=500), noise(-30, 4.0)],
    ids=["voice", "note", "quiet note", "noise"],
)
def test_sound_is_never_taken_for_silence(sound: Pcm) -> None:
    assert not any(silent_ticks(sound))


def decoded(pcm: Pcm) -> Pcm:
    """As it comes from a speaker's browser."""
    encoder, decoder = OpusEncoder(), ConcealingDecoder()
    ticks = pcm.reshape(-1, SAMPLES_PER_TICK)
    return joined([decoder.decode(encoder.encode(tick)) for tick in ticks])


@pytest.mark.parametrize(
    "silence",
    [np.zeros(2 * RATE_HZ, np.int16), decoded(np.zeros(2 * RATE_HZ, np.int16)), noise(-60, 2.0)],
    ids=["nothing", "nothing from a browser", "a quiet room"],
)
def test_silence_is_detected_before_speech_and_soon_after_it(silence: Pcm) -> None:
    assert all(silent_ticks(silence)[50:])
    assert all(silent_ticks(joined([voice(100), silence]))[150:])


def test_silence_that_goes_on_is_not_encoded_and_sound_after_it_is() -> None:
    encoder, zeros = ChannelEncoder(), np.zeros(SAMPLES_PER_TICK, np.int16)
    room = noise(-60, 0.6).reshape(-1, SAMPLES_PER_TICK)
    for _ in range(20):
        encoder.encode(zeros)
    # The encoder itself would tell every 0.4 s how the silence sounds.
    assert len({encoder.encode(zeros) for _ in range(100)}) == 1
    told = [len(encoder.encode(tick)) > SMALL_BYTES for tick in room]
    assert any(told) and encoder.silent
    while len(encoder.encode(room[0])) <= SMALL_BYTES:
        assert encoder.silent
    assert len(encoder.encode(zeros)) <= SMALL_BYTES
    encoder.encode(tone(440, 0.02))
    assert not encoder.silent


def test_sound_is_encoded_as_by_pyav() -> None:
    encoder, decoder = ChannelEncoder(), ConcealingDecoder()
    ticks = tone(440, 1.0).reshape(-1, SAMPLES_PER_TICK)
    packets = [encoder.encode(tick) for tick in ticks]
    heard = joined([decoder.decode(packet) for packet in packets])[RATE_HZ // 2 :]
    assert pitch_hz(heard) == pytest.approx(440, abs=3)
    assert np.abs(heard).max() == pytest.approx(8000, rel=0.15)


@pytest.mark.parametrize("bit_rate", [16_000, 32_000])
def test_the_bit_rate_is_kept(bit_rate: int) -> None:
    encoder = ChannelEncoder(bit_rate=bit_rate)
    sizes = [len(encoder.encode(tick)) for tick in noise(-20, 2.0).reshape(-1, SAMPLES_PER_TICK)]
    assert sum(sizes) * 8 / 2 == pytest.approx(bit_rate, rel=0.2)


def test_copies_are_made_while_loss_is_expected() -> None:
    encoder = ChannelEncoder()
    shares = []
    for share in (0.0, 0.02, 0.5, 0.0):
        encoder.expect_loss(share)
        packets = [encoder.encode(tick) for tick in voice().reshape(-1, SAMPLES_PER_TICK)]
        shares.append(np.mean([has_copy(packet) for packet in packets[10:]]))
    assert shares[0] == shares[3] == 0
    assert min(shares[1:3]) > 0.6


@pytest.mark.parametrize("samples", [0, 480, 961])
def test_a_packet_takes_20_ms(samples: int) -> None:
    with pytest.raises(ValueError, match="960 samples"):
        ChannelEncoder().encode(np.zeros(samples, np.int16))
