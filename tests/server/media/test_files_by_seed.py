"""Sound files of every kind that people report, ten of each, made by chance with a fixed seed."""

import os
import wave
from pathlib import Path

import numpy as np
import pytest

from server.media.files import SoundFile
from server.media.opus import RATE_HZ, joined
from tests.helpers.recordings import HEAR_HZ, SOUNDS, changing, loud, pitch, read, tone
from tools.films import Sound, film

SEEDS = range(10)
LENGTH_S = 6.0
#: What a name must not mean: an address, an option, a pattern, or a filter's grammar.
ODD = [
    *"-:|%#?&=@\\ '\"\n*[]{},;~$`",
    "é",
    "日",
    "concat",
    "http",
    "pipe",
    "file",
    "..",
    "%d",
    "\u202e",
]
TAG = b"ID3\x04\x00\x00\x00\x00\x02\x0a" + bytes(266)


@pytest.mark.parametrize("seed", SEEDS)
def test_formats_that_change(tmp_path: Path, seed: int) -> None:
    chance = np.random.default_rng(seed)
    kind = ["mp3", "aac"][seed % 2]
    rates = [16_000, 22_050, 24_000, 32_000, 44_100, 48_000]
    count = int(chance.integers(2, 5))
    formats = [(int(chance.choice(rates)), int(chance.integers(1, 3))) for _ in range(count)]
    pcm = read(changing(tmp_path / f"whole.{kind}", formats))
    assert len(pcm) / HEAR_HZ == pytest.approx(2 * count, abs=0.15 * count)
    step = len(pcm) // count
    pitches = [pitch(pcm[at * step + step // 4 :][: step // 2]) for at in range(count)]
    assert pitches == pytest.approx([300 * (each + 1) for each in range(count)], abs=5), formats


@pytest.mark.parametrize("seed", SEEDS)
def test_damage(tmp_path: Path, seed: int) -> None:
    """Bytes are changed, emptied, removed, doubled, or a tag is put between them."""
    chance = np.random.default_rng(seed)
    kind = list(SOUNDS)[seed % len(SOUNDS)]
    path = film(tmp_path / f"talk.{kind}", Sound(tone(LENGTH_S)), sound=SOUNDS[kind])
    data = path.read_bytes()
    at, size = int(chance.uniform(0.3, 0.6) * len(data)), int(chance.integers(1, 600))
    whole_only = [chance.bytes(size), bytes(size), b"\xff" * size]  # an index tells where bytes are
    shifting = [b"", data[at : at + size] * 2, TAG + data[at : at + size]]
    choices = whole_only if kind == "m4a" else [*whole_only, *shifting]
    put = choices[int(chance.integers(len(choices)))]
    path.write_bytes(data[:at] + put + data[at + size :])
    with SoundFile(path, HEAR_HZ) as sound:
        pcm = joined(list(sound))
        assert not sound.broke_off
    heard = loud(pcm)
    assert heard[0][0] == pytest.approx(0, abs=0.1)
    assert heard[-1][1] == pytest.approx(LENGTH_S, abs=0.5)
    assert sum(end - start for start, end in heard) > LENGTH_S - 1.5


@pytest.mark.parametrize("seed", SEEDS)
def test_time_stamps(tmp_path: Path, seed: int) -> None:
    """Sound begins after the picture, and pauses."""
    chance = np.random.default_rng(seed)
    kind = ["mp4", "mkv", "ts"][seed % 3]
    begins_s, pause_s = (round(float(chance.uniform(0.5, 6)), 2) for _ in range(2))
    pause_at_s = round(float(chance.uniform(1, 3)), 2)
    length_s = begins_s + 4 + pause_s
    track = Sound(tone(4), begins_s=begins_s, pauses={pause_at_s: pause_s})
    path = film(tmp_path / f"film.{kind}", track, picture_s=length_s + 1)
    with SoundFile(path, HEAR_HZ) as sound:
        (first, paused), (again, end) = loud(joined(list(sound)))
        assert sound.end_s == pytest.approx(length_s + 1, abs=0.15)
    assert [first, paused] == pytest.approx([begins_s, begins_s + pause_at_s], abs=0.1)
    assert [again, end] == pytest.approx([begins_s + pause_at_s + pause_s, length_s], abs=0.1)


@pytest.mark.parametrize("seed", SEEDS)
def test_tracks(tmp_path: Path, seed: int) -> None:
    chance = np.random.default_rng(seed)
    languages = ["eng", "nld", "deu", "fra", "spa"][: int(chance.integers(2, 6))]
    chance.shuffle(languages)
    usual = int(chance.integers(len(languages)))
    sounds = [
        Sound(tone(1, 300 * (number + 1)), language, default=number == usual)
        for number, language in enumerate(languages)
    ]
    path = film(tmp_path / "film.mkv", *sounds)
    assert pitch(read(path)) == pytest.approx(300 * (usual + 1), abs=5)
    wanted = int(chance.integers(len(languages)))
    for track in (str(wanted + 1), languages[wanted]):
        assert pitch(read(path, track)) == pytest.approx(300 * (wanted + 1), abs=5)


@pytest.mark.parametrize("seed", SEEDS)
def test_sides_that_cancel(tmp_path: Path, seed: int) -> None:
    """Either side inverted, not quite as loud, with noise of its own."""
    chance = np.random.default_rng(seed)
    voice = tone(3).astype(float) * np.repeat(chance.uniform(0.2, 1, 30), RATE_HZ // 10)
    sides = np.stack((voice, -voice * chance.uniform(0.7, 1)), axis=1)
    sides += chance.normal(0, chance.uniform(0, 100), sides.shape)
    sides = sides[:, chance.permutation(2)].astype(np.int16)
    pcm = read(film(tmp_path / "desk.flac", Sound(sides), sound="flac"))
    assert np.std(pcm) == pytest.approx(max(np.std(sides, axis=0)), rel=0.05)


@pytest.mark.parametrize("seed", SEEDS)
def test_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    monkeypatch.chdir(tmp_path)
    name = "".join(np.random.default_rng(seed).choice(ODD, 8)) + ".wav"
    with wave.open(os.path.join(tmp_path, name), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(tone(0.5, rate_hz=8000).tobytes())
    assert len(read(Path(name))) == pytest.approx(8000, abs=20)
