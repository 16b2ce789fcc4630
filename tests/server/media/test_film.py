"""Films whose packets are odd or damaged, with an interpretation put into them."""

from pathlib import Path

import av
import numpy as np
import pytest

from server.media.files import SoundFile
from server.media.film import Dub, put_together, unfit
from server.media.writing import FORMATS, SoundWriter
from tools.films import RATE_HZ, Sound, film

LENGTH_S = 4
TONE = np.asarray(8000 * np.sin(np.arange(LENGTH_S * RATE_HZ) / 20), np.int16)


@pytest.fixture
def dub(tmp_path: Path) -> Dub:
    path = tmp_path / "dub.mka"
    with SoundWriter(path, FORMATS["mkv"], "en", "matroska") as sound:
        sound.write(TONE)
    return Dub(path, "en", "English")


def put(path: Path, dub: Dub, kind: str, keep_sound: bool = True) -> Path:
    output = path.with_name(f"out.{kind}")
    put_together(path, [dub], output, FORMATS[kind].container, keep_sound)
    return output


def length_s(path: Path) -> float:
    with av.open(str(path)) as container:
        return (container.duration or 0) / av.time_base


def pictures(path: Path) -> list[float]:
    """When the pictures of a film are shown, in seconds."""
    with av.open(str(path)) as container:
        times = [frame.time for frame in container.decode(video=0)]
    return sorted(time for time in times if time is not None)


@pytest.mark.parametrize("kind", ["mp4", "mkv"])
@pytest.mark.parametrize(
    ("source", "picture", "sound"),
    [
        ("mp4", "libx264", "aac"),
        ("mkv", "libx264", "libopus"),
        ("ts", "libx264", "aac"),
        ("avi", "mpeg4", "libmp3lame"),
        ("mpg", "mpeg2video", "mp2"),
    ],
)
def test_every_picture_is_there_at_its_time(
    tmp_path: Path, dub: Dub, source: str, picture: str, sound: str, kind: str
) -> None:
    path = film(
        tmp_path / f"film.{source}",
        Sound(TONE),
        picture_s=LENGTH_S,
        picture=picture,
        sound=sound,
    )
    output = put(path, dub, kind)
    assert not unfit(path, FORMATS[kind].container, True)
    assert length_s(output) == pytest.approx(LENGTH_S, abs=0.15)
    before, after = pictures(path), pictures(output)
    assert len(after) == len(before)
    assert np.diff(after) == pytest.approx(np.diff(before), abs=0.003)
    with SoundFile(output, RATE_HZ) as made:
        assert sum(map(len, made)) == pytest.approx(LENGTH_S * RATE_HZ, abs=3000)


@pytest.mark.parametrize("source", ["mp4", "mkv", "ts"])
def test_a_damaged_film_is_put_together(tmp_path: Path, dub: Dub, source: str) -> None:
    path = film(tmp_path / f"film.{source}", Sound(TONE), picture_s=LENGTH_S)
    whole = path.read_bytes()
    rng = np.random.default_rng(5)
    for number in range(8):
        data = bytearray(whole)
        for place in rng.integers(len(data) // 5, len(data) * 4 // 5, 30):
            data[place] = rng.integers(256)
        path.write_bytes(data)
        for kind in ("mp4", "mkv"):
            assert length_s(put(path, dub, kind)) == pytest.approx(LENGTH_S, abs=1.0), number


def test_time_stamps_that_begin_anew_are_carried_on(tmp_path: Path, dub: Dub) -> None:
    """As in two broadcasts that were joined byte by byte."""
    path = film(tmp_path / "film.ts", Sound(TONE), picture_s=LENGTH_S)
    count = len(pictures(path))
    path.write_bytes(path.read_bytes() * 2)
    output = put(path, dub, "mkv")
    assert length_s(output) == pytest.approx(2 * LENGTH_S, abs=0.3)
    assert len(pictures(output)) == 2 * count
