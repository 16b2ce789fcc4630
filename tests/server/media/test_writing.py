"""Sound written in every format, and files that appear when they are whole."""

import os
from pathlib import Path

import av
import numpy as np
import pytest

from server.media.files import SoundFile
from server.media.languages import three_letters
from server.media.opus import RATE_HZ, joined
from server.media.writing import FORMATS, SoundWriter, appearing

TONE = np.asarray(8000 * np.sin(2 * np.pi * 440 * np.arange(RATE_HZ) / RATE_HZ), np.int16)


@pytest.mark.parametrize("kind", list(FORMATS))
def test_what_is_written_is_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"out.{kind}"
    with SoundWriter(path, FORMATS[kind], "de-AT") as sound:
        sound.pad(RATE_HZ // 2)
        sound.write(TONE)
        sound.pad(2 * RATE_HZ)
        sound.pad(RATE_HZ)
        assert sound.samples == 2 * RATE_HZ
    with av.open(str(path)) as container:
        (stream,) = container.streams.audio
        assert stream.rate == RATE_HZ
        assert stream.language == ("deu" if kind in ("m4a", "mp4", "mkv", "ogg", "opus") else None)
    with SoundFile(path, RATE_HZ) as made:
        pcm = joined(list(made))
    assert len(pcm) == pytest.approx(2 * RATE_HZ, abs=1500)
    assert np.flatnonzero(np.abs(pcm) > 1000)[[0, -1]] / RATE_HZ == pytest.approx(
        [0.5, 1.5], abs=0.03
    )
    tone = np.abs(np.fft.rfft(pcm[RATE_HZ // 2 :][:RATE_HZ].astype(float)))
    assert np.argmax(tone) == pytest.approx(440, abs=2)


@pytest.mark.parametrize("kind", list(FORMATS))
def test_a_file_without_sound_is_a_file_too(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"out.{kind}"
    with SoundWriter(path, FORMATS[kind], "en"):
        pass
    assert path.stat().st_size > 0


@pytest.mark.parametrize(
    ("language", "code"),
    [
        *(("nl", "nld"), ("en", "eng"), ("de", "deu"), ("fr", "fra"), ("ger", "deu")),
        *(("de-AT", "deu"), ("NL", "nld"), ("zh", "zho"), ("xx", "xx")),
    ],
)
def test_languages_have_the_codes_of_containers(language: str, code: str) -> None:
    assert three_letters(language) == code


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 251 + ".txt")
    with appearing(path) as part:
        part.write_text("half")
        assert not path.exists()
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask()


def umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_what_is_there_stays_if_writing_fails(tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    path.write_text("before")
    with pytest.raises(KeyboardInterrupt), appearing(path) as part:
        part.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "before"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "link.txt").symlink_to("real.txt")
    with appearing(tmp_path / "link.txt") as part:
        part.write_text("new")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "real.txt").read_text() == "new"
