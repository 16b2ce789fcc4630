"""Degrades speech as it arrives in practice: rooms, microphones, noise, levels, Opus. All samples
are in int16 range."""

import av
import numpy as np
import soxr

from training.recognizer.speech import Samples

RATE_HZ = 16000
_OPUS_HZ = 48000
_PACKET = RATE_HZ // 50


def resample(samples: Samples, from_hz: float, to_hz: float) -> Samples:
    """Resample with libsoxr."""
    return np.asarray(soxr.resample(samples, from_hz, to_hz), np.float64)


def microphone(samples: Samples, rng: np.random.Generator) -> Samples:
    """Apply a random smooth frequency response, sometimes without treble."""
    total = _fft_length(len(samples))
    spectrum = np.fft.rfft(samples, total)
    place = np.linspace(0, 1, len(spectrum))
    points_db = rng.normal(0, 4.5, 9)
    gain_db = np.interp(place, np.linspace(0, 1, 9) ** 1.5, points_db)
    gain_db += rng.uniform(-10, 6) * place
    if rng.random() < 0.2:
        gain_db[place > rng.uniform(0.4, 1.0)] -= 30
    return np.fft.irfft(spectrum * 10 ** (gain_db / 20), total)[: len(samples)]


def room(samples: Samples, rng: np.random.Generator, decay_s: float, loudness: float) -> Samples:
    """Add reverberation, a decaying noise tail. `loudness`: its energy relative to the direct
    sound."""
    length = int(RATE_HZ * decay_s)
    response = rng.normal(size=length) * np.exp(-6.9 * np.arange(length) / length)
    response *= loudness / np.sqrt((response**2).sum())
    response[0] = 1
    total = _fft_length(len(samples) + length)
    wet = np.fft.irfft(np.fft.rfft(samples, total) * np.fft.rfft(response, total), total)
    return wet[: len(samples)]


def noise(samples: Samples, rng: np.random.Generator, snr_db: float) -> Samples:
    """Add noise with a spectrum between white and pink."""
    spectrum = np.fft.rfft(rng.normal(size=_fft_length(len(samples))))
    spectrum /= (np.arange(len(spectrum)) + 20.0) ** rng.uniform(0, 0.8)
    added = np.fft.irfft(spectrum)[: len(samples)]
    return samples + added * (rms(samples) / rms(added)) * 10 ** (-snr_db / 20)


def babble(samples: Samples, voices: Samples, snr_db: float) -> Samples:
    """Add other voices."""
    added = np.resize(voices, len(samples))
    return samples + added * (rms(samples) / rms(added)) * 10 ** (-snr_db / 20)


def at_level(samples: Samples, peak_dbfs: float) -> Samples:
    """Scale to a peak level, and round to integers, as 16-bit audio is."""
    scaled = samples * (32768 * 10 ** (peak_dbfs / 20) / (np.abs(samples).max() + 1e-9))
    return np.clip(np.round(scaled), -32768, 32767)


def _fft_length(samples: int) -> int:
    return 1 << (samples - 1).bit_length()


def rms(samples: Samples) -> float:
    """The root mean square; never zero."""
    return float(np.sqrt((samples**2).mean())) + 1e-9


def opus(samples: Samples, bit_rate: int) -> Samples:
    """Encode 16 kHz speech with Opus at 48 kHz as a browser does, and decode it."""
    encoder = av.CodecContext.create("libopus", "w")
    assert isinstance(encoder, av.AudioCodecContext)
    encoder.sample_rate = _OPUS_HZ
    encoder.layout = "mono"
    encoder.format = "s16"
    encoder.bit_rate = bit_rate
    encoder.options = {"application": "voip", "compression_level": "4"}
    decoder = av.CodecContext.create("libopus", "r")
    assert isinstance(decoder, av.AudioCodecContext)
    decoder.sample_rate = _OPUS_HZ
    decoder.layout = "mono"
    loud = np.clip(np.round(resample(samples, RATE_HZ, _OPUS_HZ)), -32768, 32767)
    padded = np.pad(loud.astype(np.int16), (0, -len(loud) % 960 + 960))
    decoded = []
    for start in range(0, len(padded), 960):
        frame = av.AudioFrame.from_ndarray(padded[None, start : start + 960], "s16", "mono")
        frame.sample_rate = _OPUS_HZ
        frame.pts = start
        for packet in encoder.encode(frame):
            decoded += [_mono(out) for out in decoder.decode(packet)]
    delay = 312  # libopus looks 6.5 ms ahead
    heard = np.concatenate(decoded)[delay : delay + len(loud)]
    return resample(np.pad(heard, (0, len(loud) - len(heard))), _OPUS_HZ, RATE_HZ)


def _mono(frame: av.AudioFrame) -> Samples:
    samples = frame.to_ndarray().reshape(-1).astype(np.float64)
    return samples if frame.format.name.startswith("s16") else samples * 32768


def lost(samples: Samples, rng: np.random.Generator, share: float) -> Samples:
    """Lose packets of 20 ms and conceal them: the audio before continues and fades."""
    packets = np.resize(samples, -(-len(samples) // _PACKET) * _PACKET).reshape(-1, _PACKET).copy()
    for place in np.flatnonzero(rng.random(len(packets)) < share):
        packets[place] = 0.7 * packets[place - 1] if place else 0.0
    return packets.reshape(-1)[: len(samples)]


def as_heard(
    samples: Samples,
    rate_hz: int,
    rng: np.random.Generator,
    voices: Samples | None,
    speeds: tuple[float, float] = (0.82, 1.22),
) -> tuple[Samples, float, float]:
    """Speech as a microphone, a room and a connection would change it, at 16 kHz.

    Usually it is played at a speed within `speeds`, which changes pitch and vocal tract as well.
    Returns the samples, the factor by which time was stretched, and the seconds of silence added
    before.
    """
    speed = rng.uniform(*speeds) if rng.random() < 0.8 else 1.0
    lead_s, tail_s = rng.uniform(0.05, 0.6), rng.uniform(0.1, 0.6)
    speech = resample(samples, rate_hz * speed, RATE_HZ)
    speech = np.pad(speech, (int(lead_s * RATE_HZ), int(tail_s * RATE_HZ)))
    return spoilt(speech, rng, voices), 1 / speed, lead_s


def spoilt(speech: Samples, rng: np.random.Generator, voices: Samples | None) -> Samples:
    """16 kHz audio in a random room with noise, through a microphone and sometimes through Opus."""
    if rng.random() < 0.7:
        speech = microphone(speech, rng)
    if rng.random() < 0.5:
        speech = room(speech, rng, rng.uniform(0.08, 0.5), rng.uniform(0.1, 0.7))
    kind = rng.random()
    if kind < 0.2 and voices is not None:
        speech = babble(speech, voices, rng.uniform(8, 30))
    elif kind < 0.8:
        speech = noise(speech, rng, rng.uniform(6, 40))
    speech = at_level(speech, rng.uniform(-36, -1))
    if rng.random() < 0.2:
        speech = opus(speech, int(rng.integers(16, 40)) * 1000)
        if rng.random() < 0.3:
            speech = lost(speech, rng, 0.03)
    return dithered(speech, rng)


def noisy_room_and_opus(samples: Samples, rng: np.random.Generator) -> Samples:
    """The conditions of a test: a room, 15 dB of noise, Opus at 24 kbit/s. Takes and returns 16
    kHz."""
    return opus(noise(room(samples, rng, 0.3, 0.35), rng, 15), 24000)


def dithered(speech: Samples, rng: np.random.Generator) -> Samples:
    """Add the faint noise that the server adds to all audio, and round to 16 bits."""
    return np.clip(np.round(speech + rng.normal(0, 15, len(speech))), -32768, 32767)


def no_speech(rng: np.random.Generator, seconds: float) -> Samples:
    """Audio without speech: silence, noise, hum, a tone or knocks."""
    count = int(seconds * RATE_HZ)
    time_s = np.arange(count) / RATE_HZ
    kind = rng.integers(5)
    sound = np.zeros(count)
    if kind == 1:
        sound = noise(np.ones(count), rng, 0)
    elif kind == 2:
        hum_hz = rng.uniform(45, 300)
        sound = sum((np.sin(2 * np.pi * hum_hz * n * time_s + n) / n for n in range(1, 6)), sound)
    elif kind == 3:
        sound = np.sin(2 * np.pi * np.exp(rng.uniform(4.5, 8.5)) * time_s)
    elif kind == 4:
        knocks = (rng.random(count) < 3 / RATE_HZ) * rng.normal(size=count)
        decay = np.exp(-np.arange(800) / rng.uniform(10, 200)) * rng.normal(size=800)
        sound = np.convolve(knocks, decay)[:count]
    if kind:
        sound = noise(sound, rng, rng.uniform(0, 40))
        sound = at_level(sound, rng.uniform(-45, -3))
    if rng.random() < 0.2:
        sound = opus(sound, 24000)
    return dithered(sound, rng)
