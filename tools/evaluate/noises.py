"""Sounds without speech: noise, hum, tones, chords, beats, knocks and coughs.

They are synthesised from a seed, so they are the same every time. They stand for sounds of halls.
Choirs and recordings with singing are left out, because every detector takes them for speech.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from server.interpretation.types import Pcm
from tools.evaluate.material import RATE_HZ

Samples = NDArray[np.float64]
Make = Callable[[int, np.random.Generator], Samples]

SEED: Final = 71
PEAK: Final = 32_000
#: The length of each sound before the next kind begins.
STRETCH_S: Final = 10.0


def noises(seconds: float, dbfs: float) -> Pcm:
    """``seconds`` of all kinds in turn, each at ``dbfs`` (its RMS; full scale is 32,768)."""
    rng = np.random.default_rng(SEED)
    stretch = round(STRETCH_S * RATE_HZ)
    made = [
        at_rms(make(stretch, rng), dbfs)
        for place in range(round(seconds / STRETCH_S))
        for make in [KINDS[place % len(KINDS)]]
    ]
    return np.concatenate(made)


def at_rms(samples: Samples, dbfs: float) -> Pcm:
    """``samples`` at a level, clipped at full scale."""
    rms = float(np.sqrt(np.mean(samples**2)))
    loud = samples * (32_768 * 10 ** (dbfs / 20) / rms)
    return np.clip(np.round(loud), -PEAK, PEAK).astype(np.int16)


def white(count: int, rng: np.random.Generator) -> Samples:
    return rng.normal(size=count)


def pink(count: int, rng: np.random.Generator) -> Samples:
    return _coloured(count, rng, 1.0)


def rumble(count: int, rng: np.random.Generator) -> Samples:
    """Brown noise, as of traffic or a ventilator."""
    return _coloured(count, rng, 2.0)


def gusts(count: int, rng: np.random.Generator) -> Samples:
    """Pink noise that swells and fades, as wind or applause far away."""
    return pink(count, rng) * (1.05 + np.sin(2 * np.pi * 0.7 * _time_s(count)))


def hum(count: int, rng: np.random.Generator) -> Samples:
    """Mains hum: 50 Hz and its harmonics."""
    return _tone(count, 50, [1, 0.6, 0.5, 0.3, 0.25, 0.1, 0.1]) + 0.02 * white(count, rng)


def beeps(count: int, rng: np.random.Generator) -> Samples:
    """Pure tones, one after the other, some gliding."""
    out = np.zeros(count)
    for start, length in _notes(count, rng, 0.15, 0.8):
        low, high = rng.uniform(200, 2500), rng.choice([1.0, 1.0, 1.5])
        phase = np.cumsum(np.linspace(low, low * high, length)) * 2 * np.pi / RATE_HZ
        out[start : start + length] += np.sin(phase) * swell(length)
    return out


def melody(count: int, rng: np.random.Generator) -> Samples:
    """One instrument with overtones and vibrato, in the range of a voice."""
    out = np.zeros(count)
    for start, length in _notes(count, rng, 0.2, 0.9):
        out[start : start + length] += _note(length, 110 * 2 ** (rng.integers(0, 30) / 12))
    return out


def chords(count: int, rng: np.random.Generator) -> Samples:
    """Triads with overtones, one after the other."""
    out = np.zeros(count)
    for start, length in _notes(count, rng, 0.8, 2.0):
        root = 110 * 2 ** (rng.integers(0, 18) / 12)
        for step in rng.choice([(0, 4, 7), (0, 3, 7), (0, 5, 9)]):
            out[start : start + length] += _note(length, root * 2 ** (step / 12))
    return out


def band(count: int, rng: np.random.Generator) -> Samples:
    """Chords over a beat."""
    return chords(count, rng) + 2 * beat(count, rng)


def beat(count: int, rng: np.random.Generator) -> Samples:
    """A drum and a cymbal, twice a second."""
    out = np.zeros(count)
    for place, start in enumerate(range(0, count, RATE_HZ // 4)):
        length = min(RATE_HZ // 5, count - start)
        fade = np.exp(-_time_s(length) * 25)
        hit = rng.normal(size=length) if place % 2 else 3 * np.sin(2 * np.pi * 70 * _time_s(length))
        out[start : start + length] += hit * fade
    return out


def knocks(count: int, rng: np.random.Generator) -> Samples:
    """Knocks on wood, at intervals."""
    out = 0.001 * white(count, rng)
    for start, length in _notes(count, rng, 0.2, 1.5):
        ring = _tone(length, rng.uniform(80, 400), [1, 0.5, 0.4, 0.3])
        out[start : start + length] += (ring + white(length, rng)) * np.exp(-_time_s(length) * 40)
    return out


def coughs(count: int, rng: np.random.Generator) -> Samples:
    """Bursts of breath: noise in the bands of a throat, no pitch."""
    out = 0.001 * white(count, rng)
    for start, length in _notes(count, rng, 0.5, 2.0):
        burst = min(length, round(rng.uniform(0.15, 0.35) * RATE_HZ))
        spectrum = np.fft.rfft(rng.normal(size=burst))
        hz = np.fft.rfftfreq(burst, 1 / RATE_HZ)
        shape = sum(np.exp(-(((hz - centre) / 250) ** 2)) for centre in (600, 1400, 2700))
        sound = np.fft.irfft(spectrum * shape, burst) * np.exp(-_time_s(burst) * 12)
        out[start : start + burst] += sound
    return out


KINDS: Final[tuple[Make, ...]] = (
    white,
    hum,
    melody,
    knocks,
    pink,
    beeps,
    chords,
    coughs,
    rumble,
    band,
    gusts,
    beat,
)


def _time_s(count: int) -> Samples:
    return np.arange(count) / RATE_HZ


def _tone(count: int, hz: float, overtones: list[float]) -> Samples:
    turns = 2 * np.pi * hz * _time_s(count)
    parts = [part * np.sin((i + 1) * turns) for i, part in enumerate(overtones)]
    return np.asarray(np.sum(parts, axis=0), np.float64)


def _note(count: int, hz: float) -> Samples:
    """A note: overtones that fall by 6 dB an octave, vibrato, attack and decay."""
    vibrato = 1 + 0.006 * np.sin(2 * np.pi * 5.5 * _time_s(count))
    turns = 2 * np.pi * np.cumsum(hz * vibrato) / RATE_HZ
    overtones = range(1, min(12, int(RATE_HZ / 2 / hz)))
    parts = [np.sin(i * turns) / i for i in overtones]
    return np.asarray(np.sum(parts, axis=0), np.float64) * swell(count)


def swell(count: int) -> Samples:
    """An envelope of ``count`` samples with a beginning and an end of 20 ms."""
    edge = min(count // 2, RATE_HZ // 50)
    ramp = np.ones(count)
    ramp[:edge] = np.linspace(0, 1, edge)
    ramp[count - edge :] = np.linspace(1, 0, edge)
    return ramp


def _notes(
    count: int, rng: np.random.Generator, shortest_s: float, longest_s: float
) -> list[tuple[int, int]]:
    """Starts and lengths of notes, one after the other, up to sample ``count``."""
    notes, start = [], 0
    while start < count:
        length = min(round(rng.uniform(shortest_s, longest_s) * RATE_HZ), count - start)
        notes.append((start, length))
        start += length
    return notes


def _coloured(count: int, rng: np.random.Generator, slope: float) -> Samples:
    """Noise whose power falls as the frequency to the power of ``slope``, from 20 Hz on."""
    hz = np.maximum(np.fft.rfftfreq(count, 1 / RATE_HZ), 20)
    return np.fft.irfft(np.fft.rfft(rng.normal(size=count)) / hz ** (slope / 2), count)
