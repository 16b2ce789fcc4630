"""Sound files as they come: damaged, changing, with odd names and time stamps."""

import os
import re
import wave
from pathlib import Path

import numpy as np
import pytest

from server.media.files import SoundFile, SoundFileError
from server.media.opus import RATE_HZ, joined
from tests.helpers.recordings import HEAR_HZ, SOUNDS, changing, loud, pitch, read, tone
from tools.films import Sound, film


def near(expected: list[tuple[float, float]]) -> object:
    return pytest.approx(np.array(expected), abs=0.08)


def made(path: Path, *sounds: Sound) -> Path:
    return film(path, *sounds, sound=SOUNDS.get(path.suffix[1:], "aac"))


@pytest.mark.parametrize("kind", ["mp3", "aac"])
def test_a_recording_whose_format_changes_is_read_to_its_end(tmp_path: Path, kind: str) -> None:
    formats = [(44_100, 2), (48_000, 1), (32_000, 2)]
    whole = changing(tmp_path / f"whole.{kind}", formats)
    pcm = read(whole)
    assert len(pcm) / HEAR_HZ == pytest.approx(6, abs=0.4)
    pitches = [pitch(pcm[round(at * HEAR_HZ) :][:HEAR_HZ]) for at in (0.5, 2.6, 4.7)]
    assert pitches == pytest.approx([300, 600, 900], abs=3)


@pytest.mark.parametrize("kind", list(SOUNDS))
def test_after_bad_bytes_the_recording_goes_on(tmp_path: Path, kind: str) -> None:
    path = made(tmp_path / f"talk.{kind}", Sound(tone(10)))
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 300] = np.random.default_rng(1).bytes(300)
    path.write_bytes(data)
    with SoundFile(path, HEAR_HZ) as sound:
        pcm = joined(list(sound))
        assert not sound.broke_off
    assert loud(pcm)[-1][1] == pytest.approx(10, abs=0.3)


def test_an_id3_tag_in_the_middle_is_passed_over(tmp_path: Path) -> None:
    path = made(tmp_path / "talk.mp3", Sound(tone(6)))
    data = path.read_bytes()
    tag = b"ID3\x04\x00\x00\x00\x00\x02\x0a" + bytes(266)
    path.write_bytes(data[: len(data) // 2] + tag + data[len(data) // 2 :])
    assert loud(read(path))[-1][1] == pytest.approx(6, abs=0.3)


def test_what_cannot_be_decoded_is_counted(tmp_path: Path) -> None:
    path = made(tmp_path / "talk.m4a", Sound(tone(10)))
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3000] = b"\xff" * 3000
    path.write_bytes(data)
    with SoundFile(path, HEAR_HZ) as sound:
        pcm = joined(list(sound))
        assert 0.05 < sound.skipped_s < 3
    assert loud(pcm)[-1][1] == pytest.approx(10, abs=0.3)


def test_a_recording_that_was_cut_is_read_until_there(tmp_path: Path) -> None:
    path = made(tmp_path / "talk.flac", Sound(tone(6)))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert 2 < len(read(path)) / HEAR_HZ < 4


@pytest.mark.parametrize("kind", ["mp4", "mkv", "ts", "webm", "mpg"])
def test_sound_that_begins_later_than_the_picture_stays_there(tmp_path: Path, kind: str) -> None:
    path = pictured(tmp_path, kind, Sound(tone(2), begins_s=3.0), picture_s=7)
    with SoundFile(path, HEAR_HZ) as sound:
        assert loud(joined(list(sound))) == near([(3, 5)])
        assert sound.end_s == pytest.approx(7, abs=0.1)


@pytest.mark.parametrize("kind", ["mp4", "mkv", "ts", "webm", "m4a", "ogg"])
def test_a_pause_of_the_recording_stays(tmp_path: Path, kind: str) -> None:
    path = pictured(tmp_path, kind, Sound(tone(4), pauses={2.0: 5.0}), picture_s=9)
    assert loud(read(path)) == near([(0, 2), (7, 9)])


def pictured(
    folder: Path, kind: str, *sounds: Sound, picture_s: float, picture_begins_s: float = 0.0
) -> Path:
    path = folder / f"film.{kind}"
    picture, sound = {
        "webm": ("libvpx", "libopus"),
        "mpg": ("mpeg2video", "mp2"),
        "ogg": ("", "libopus"),
        "m4a": ("", "aac"),
    }.get(kind, ("libx264", "aac"))
    return film(
        path,
        *sounds,
        picture_s=picture_s if picture else 0,
        picture=picture,
        sound=sound,
        picture_begins_s=picture_begins_s,
    )


@pytest.mark.parametrize(("kind", "begins_s"), [("ts", 4000.0), ("mkv", 0.5), ("mkv", -1.0)])
def test_time_counts_from_the_beginning_of_the_file(
    tmp_path: Path, kind: str, begins_s: float
) -> None:
    """Not from 0: broadcasts are cut from hours of time stamps, and some films begin below 0."""
    track = Sound(tone(2), begins_s=begins_s + 1)
    path = pictured(tmp_path, kind, track, picture_s=4, picture_begins_s=begins_s)
    with SoundFile(path, HEAR_HZ) as sound:
        assert loud(joined(list(sound))) == near([(1, 3)])
        assert sound.end_s == pytest.approx(4, abs=0.1)


def test_what_an_edit_list_cuts_off_is_not_there(tmp_path: Path) -> None:
    """The picture begins at -1 s, and the file says that the film begins at 0."""
    track = Sound(tone(2), begins_s=0)
    path = pictured(tmp_path, "mp4", track, picture_s=4, picture_begins_s=-1)
    with SoundFile(path, HEAR_HZ) as sound:
        assert loud(joined(list(sound))) == near([(0, 2)])
        assert sound.end_s == pytest.approx(3, abs=0.1)


def test_time_stamps_that_begin_anew_are_followed_no_longer(tmp_path: Path) -> None:
    """As in two recordings that were joined byte by byte."""
    path = pictured(tmp_path, "ts", Sound(tone(3), begins_s=100), picture_s=0)
    path.write_bytes(path.read_bytes() + path.read_bytes())
    assert loud(read(path)) == near([(0, 6)])


def test_one_wrong_time_stamp_is_not_followed(tmp_path: Path) -> None:
    path = pictured(tmp_path, "mkv", Sound(tone(4)), picture_s=0)
    data = bytearray(path.read_bytes())
    blocks = list(re.finditer(rb"\xa3(?:[\x81-\xff]|[\x40-\x7f].)\x81(..)\x80", data, re.DOTALL))
    stamp = blocks[len(blocks) // 2].start(1)
    data[stamp : stamp + 2] = (30_000).to_bytes(2, "big")  # ms after the cluster's own
    path.write_bytes(data)
    assert loud(read(path)) == near([(0, 4)])


@pytest.mark.parametrize(
    "name",
    [
        *("http:talk.wav", "pipe:1.wav", "concat:a|b.wav", "-o", "%03d.wav", "a?b=c#d.wav"),
        *("talk\nnews.wav", " .wav", "tälk 日本.wav", os.fsdecode(b"\xff\xfe.wav"), "x" * 250),
    ],
)
def test_a_path_is_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    with wave.open(str(tmp_path / name), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(tone(0.5, rate_hz=8000).tobytes())
    assert len(read(Path(name))) == pytest.approx(8000, abs=20)


def test_a_wrong_ending_does_not_matter(tmp_path: Path) -> None:
    path = made(tmp_path / "talk.flac", Sound(tone(1))).rename(tmp_path / "talk.mp3")
    assert len(read(path)) == pytest.approx(HEAR_HZ, abs=50)


@pytest.fixture
def two_tracks(tmp_path: Path) -> Path:
    return film(
        tmp_path / "two.mkv",
        Sound(tone(1, 300), "eng"),
        Sound(tone(1, 600), "nld", default=True),
        Sound(tone(1, 900), "ger"),
    )


@pytest.mark.parametrize(
    ("track", "hz"), [("", 600), ("1", 300), ("3", 900), ("en", 300), ("nld", 600), ("de", 900)]
)
def test_the_track_is_the_usual_one_or_as_asked(two_tracks: Path, track: str, hz: int) -> None:
    assert pitch(read(two_tracks, track)) == pytest.approx(hz, abs=5)


def test_a_track_that_is_not_there_is_told_with_those_that_are(two_tracks: Path) -> None:
    with pytest.raises(SoundFileError, match=r"no sound track 'fr'.*1 \(eng\), 2 \(nld\)"):
        read(two_tracks, "fr")


def test_a_film_without_sound_is_told(tmp_path: Path) -> None:
    with pytest.raises(SoundFileError, match="no sound"):
        read(film(tmp_path / "mute.mp4", picture_s=1))


@pytest.mark.parametrize("samples", [0, 1, 7])
def test_hardly_any_sound_is_read(tmp_path: Path, samples: int) -> None:
    with wave.open(str(tmp_path / "short.wav"), "wb") as file:
        file.setparams((1, 2, HEAR_HZ, 0, "NONE", ""))
        file.writeframes(bytes(2 * samples))
    assert len(read(tmp_path / "short.wav")) == samples


@pytest.mark.parametrize("gain", [1.0, 0.5])
def test_sides_that_cancel_are_heard(tmp_path: Path, gain: float) -> None:
    left = np.random.default_rng(2).normal(0, 3000, 4 * RATE_HZ)
    sides = np.stack((left, -gain * left), axis=1).astype(np.int16)
    pcm = read(film(tmp_path / "desk.wav", Sound(sides), sound="pcm_s16le"))
    whole = read(film(tmp_path / "one.wav", Sound(sides[:, 0].copy()), sound="pcm_s16le"))
    assert np.std(pcm) == pytest.approx(np.std(whole), rel=0.02)


@pytest.mark.parametrize("alike", [1.0, 0.0])
def test_of_other_stereo_both_sides_are_heard(tmp_path: Path, alike: float) -> None:
    left, other = np.random.default_rng(3).normal(0, 3000, (2, 2 * RATE_HZ))
    sides = np.stack((left, alike * left + (1 - alike) * other), axis=1).astype(np.int16)
    pcm = read(film(tmp_path / "hall.wav", Sound(sides), sound="pcm_s16le"))
    mean = sides.mean(axis=1).astype(np.int16)
    whole = read(film(tmp_path / "one.wav", Sound(mean), sound="pcm_s16le"))
    assert np.corrcoef(pcm, whole)[0, 1] > 0.999


def test_the_centre_of_surround_sound_is_heard(tmp_path: Path) -> None:
    channels = np.zeros((RATE_HZ, 6), np.int16)
    channels[:, 2] = tone(1)
    path = film(tmp_path / "film.mkv", Sound(channels, layout="5.1"), sound="flac")
    assert pitch(read(path)) == pytest.approx(440, abs=3)
    assert loud(read(path)) == near([(0, 1)])
