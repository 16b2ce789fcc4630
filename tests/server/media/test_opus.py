import numpy as np
import pytest
from av import AudioFrame

from server.media.opus import (
    RATE_HZ,
    SAMPLES_PER_TICK,
    OpusDecoder,
    OpusEncoder,
    Resampler,
    joined,
    mono,
)
from tests.helpers.webrtc import pitch_hz, tone


def test_encoded_sound_can_be_decoded() -> None:
    encoder, decoder = OpusEncoder(), OpusDecoder()
    pieces = tone(440, 1.0).reshape(-1, SAMPLES_PER_TICK)
    heard = joined([decoder.decode(encoder.encode(piece)) for piece in pieces])
    assert heard.size == RATE_HZ
    assert pitch_hz(heard) == pytest.approx(440, abs=2)
    assert np.abs(heard[RATE_HZ // 2 :]).max() == pytest.approx(8000, rel=0.15)


def test_the_bit_rate_is_kept() -> None:
    noise = np.random.default_rng(1).normal(0, 3000, RATE_HZ).astype(np.int16)
    encoder = OpusEncoder(bit_rate=24_000)
    sizes = [len(encoder.encode(piece)) for piece in noise.reshape(-1, SAMPLES_PER_TICK)]
    assert sum(sizes) * 8 == pytest.approx(24_000, rel=0.15)


@pytest.mark.parametrize("samples", [0, 480, 961])
def test_a_packet_takes_20_ms(samples: int) -> None:
    with pytest.raises(ValueError, match="960 samples"):
        OpusEncoder().encode(np.zeros(samples, np.int16))


def test_an_empty_packet_does_not_end_decoding() -> None:
    encoder, decoder = OpusEncoder(), OpusDecoder()
    packet = encoder.encode(tone(440, 0.02))
    assert decoder.decode(b"").size == 0
    assert decoder.decode(packet).size == SAMPLES_PER_TICK


def test_stereo_becomes_the_mean_of_its_channels_without_overflow() -> None:
    both = np.array([[32767, 32767, 1000, -2000]], np.int16)
    frame = AudioFrame.from_ndarray(both, format="s16", layout="stereo")
    assert mono(frame).tolist() == [32767, -500]


@pytest.mark.parametrize("from_hz", [8_000, 16_000, 22_050, 48_000])
def test_resampling_keeps_length_and_pitch(from_hz: int) -> None:
    resampler = Resampler(from_hz, RATE_HZ)
    sound = tone(440, 1.0, rate_hz=from_hz)
    pieces = [resampler.push(piece) for piece in np.split(sound, [100, 777, 5000])]
    heard = joined([*pieces, resampler.flush()])
    assert heard.size == pytest.approx(RATE_HZ, abs=RATE_HZ / 1000)
    assert pitch_hz(heard) == pytest.approx(440, abs=2)


def test_a_resampler_accepts_empty_input() -> None:
    assert Resampler(16_000, RATE_HZ).push(np.zeros(0, np.int16)).size == 0
