"""Sounds of halls that have no words: silence, noise, hum, an organ, applause, a crowd. All but
the crowd are synthesised from a seed. The crowd is a dozen recordings of people at a time,
played backwards."""

from collections.abc import Callable
from typing import Final

import numpy as np

from server.interpretation.types import Pcm
from server.media.files import SoundFile
from server.media.opus import joined
from tools.evaluate import material, noises
from tools.evaluate.material import RATE_HZ
from tools.evaluate.noises import SEED, Make, Samples, at_rms, swell
from tools.evaluate.people import DEVELOPMENT, rows

#: The levels of the stretches of one kind, in turn.
LEVELS_DBFS: Final = (-50, -35, -20)
CROWD_DBFS: Final = (-55, -50, -45)
#: Silence is quieter by this.
QUIETER_DB: Final = -25
CROWD: Final = 12
STRETCH_S: Final = 10


def silence(count: int, rng: np.random.Generator) -> Samples:
    """A quiet room: the noise of the microphone."""
    return rng.normal(size=count)


def noise(count: int, rng: np.random.Generator) -> Samples:
    """Noise of one colour after the other."""
    kinds = (noises.white, noises.pink, noises.rumble, noises.gusts)
    return kinds[rng.integers(len(kinds))](count, rng)


def organ(count: int, rng: np.random.Generator) -> Samples:
    """Overlapping chords of pipes: octaves over each note, hard beginnings, no vibrato."""
    out = np.zeros(count)
    time_s = np.arange(count) / RATE_HZ
    start = 0
    while start < count:
        length = min(round(rng.uniform(0.4, 2.5) * RATE_HZ), count - start)
        root_hz = 65.4 * 2 ** (rng.integers(0, 24) / 12)
        for step in ((0, 4, 7, 12), (0, 3, 7, 12), (0, 5, 9, 14))[rng.integers(3)]:
            hz = root_hz * 2 ** (step / 12)
            for pipe, loud in ((1, 1.0), (2, 0.7), (3, 0.3), (4, 0.5), (8, 0.25)):
                turns = 2 * np.pi * (hz * pipe * time_s[:length] + rng.random())
                out[start : start + length] += loud * np.sin(turns) * swell(length)
        start += length
    return out


def music(count: int, rng: np.random.Generator) -> Samples:
    """A melody, chords, or a band."""
    kinds = (noises.melody, noises.chords, noises.band)
    return kinds[rng.integers(len(kinds))](count, rng)


def applause(count: int, rng: np.random.Generator) -> Samples:
    """Short bursts of noise of many pairs of hands, each with its own pace and pitch."""
    out = 0.01 * rng.normal(size=count)
    burst = round(0.03 * RATE_HZ)
    fade = np.exp(-np.arange(burst) / RATE_HZ * 180)
    for _ in range(40):
        hz, every = rng.uniform(700, 2500), rng.uniform(0.2, 0.35) * RATE_HZ
        clap = rng.normal(size=burst) * fade
        clap *= 1 + np.cos(2 * np.pi * hz * np.arange(burst) / RATE_HZ)
        at = rng.uniform(0, every)
        loud = rng.uniform(0.2, 1)
        while at < count - burst:
            out[int(at) : int(at) + burst] += loud * clap
            at += every * rng.uniform(0.9, 1.1)
    return out


KINDS: Final[dict[str, Make]] = {
    "silence": silence,
    "noise": noise,
    "hum": noises.hum,
    "organ": organ,
    "music": music,
    "applause": applause,
}


def sound(kind: str, seconds: float) -> Pcm:
    """``seconds`` of a kind of sound, or of a "crowd"."""
    rng = np.random.default_rng(SEED)
    stretch = STRETCH_S * RATE_HZ
    levels = CROWD_DBFS if kind == "crowd" else LEVELS_DBFS
    make = _crowd() if kind == "crowd" else KINDS[kind]
    quiet_db = QUIETER_DB if kind == "silence" else 0
    return np.concatenate(
        [
            at_rms(make(stretch, rng), levels[place % len(levels)] + quiet_db)
            for place in range(round(seconds / STRETCH_S))
        ]
    )


def _crowd() -> Callable[[int, np.random.Generator], Samples]:
    """A crowd, of recordings that are not used in tests."""
    part = DEVELOPMENT["en"][0]
    voices = [
        material.folder() / "corpora" / part.corpus / row["file"] for row in rows(part)[: 2 * CROWD]
    ]
    heard: list[Samples] = []
    for path in voices:
        with SoundFile(path, RATE_HZ) as file:
            heard.append(joined(list(file)).astype(np.float64)[::-1])

    def make(count: int, rng: np.random.Generator) -> Samples:
        chosen = rng.choice(len(heard), CROWD, replace=False)
        out = np.zeros(count)
        for place in chosen:
            voice = np.roll(np.resize(heard[place], count), int(rng.integers(count)))
            out += voice / np.sqrt(np.mean(voice**2))
        return out

    return make
