"""Recordings and films interpreted into files, with the shipped models."""

import json
import mimetypes
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import jiwer
import numpy as np
import pytest

from server.cli import main
from server.config import STARTER_MODELS
from server.demo import clip
from server.media.files import SoundFile
from server.media.opus import RATE_HZ, Pcm, joined
from tests.helpers.starter import demo_clip, starter_engines
from tools.bench.demo import bare
from tools.films import Sound, film
from tools.listen import recognized

#: The first two phrases of the Dutch clip end before this.
TWO_S = 5.6


@pytest.fixture(autouse=True)
def loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading takes longer than what is tested here, so it is done once."""
    monkeypatch.setattr("server.translate.load", lambda catalogue, wanted: starter_engines())


def translate(*arguments: object) -> int:
    return main(["translate", *map(str, arguments), "--from", "nl", "--models", "starter"])


def spoken() -> Pcm:
    """Two phrases of Dutch, at 48 kHz."""
    return clip("nl")[: round(TWO_S * RATE_HZ)]


def heard(path: Path, language: str, track: str = "") -> Pcm:
    with SoundFile(path, RATE_HZ, track) as sound:
        return joined(list(sound))


def says(pcm: Pcm, language: str) -> str:
    return bare(recognized(pcm, STARTER_MODELS, language) or "")


def expected() -> str:
    return bare(" ".join(phrase.translation for phrase in demo_clip("nl").phrases[:2]))


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film(tmp_path_factory.mktemp("talk") / "talk.flac", Sound(spoken()), sound="flac")


@pytest.fixture(scope="module")
def movie(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight seconds of film; somebody speaks from the second second on. Another track is the
    usual one."""
    music = np.zeros(8 * RATE_HZ, np.int16)
    return film(
        tmp_path_factory.mktemp("movie") / "movie.mkv",
        Sound(music, "fra", default=True),
        Sound(spoken(), "nld", begins_s=2.0),
        picture_s=8,
        subtitle="Hello",
    )


def packets(path: Path, kind: str) -> list[bytes]:
    with av.open(str(path)) as container:
        (stream,) = (each for each in container.streams if each.type == kind)
        return [bytes(packet) for packet in container.demux(stream) if packet.size]


def test_sound_is_written_in_the_format_of_its_name(tmp_path: Path, talk: Path) -> None:
    output = tmp_path / "talk.mp3"
    assert translate(talk, "--to", "en", "-o", output) == 0
    with av.open(str(output)) as container:
        assert container.format.name == "mp3"
    pcm = heard(output, "en")
    assert len(pcm) / RATE_HZ == pytest.approx(TWO_S, abs=0.05)
    assert jiwer.wer(expected(), says(pcm, "en")) < 0.4


@pytest.mark.parametrize("kind", ["mp4", "mkv"])
def test_a_film_gets_interpretations_beside_its_sound(
    tmp_path: Path, movie: Path, kind: str
) -> None:
    output = tmp_path / f"movie.{kind}"
    assert translate(movie, "--to", "en", "de", "--track", "nl", "-o", output) == 0
    with av.open(str(output)) as container:
        assert [each.language for each in container.streams.audio] == ["eng", "deu", "fra", "nld"]
        usual = [each.language for each in container.streams.audio if each.disposition & 1]
        assert usual == ["eng"]
        assert (container.duration or 0) / av.time_base == pytest.approx(8, abs=0.1)
        assert (container.start_time or 0) / av.time_base == pytest.approx(0, abs=0.05)
    assert len(packets(output, "video")) == len(packets(movie, "video"))
    pcm = heard(output, "en", "en")
    assert len(pcm) / RATE_HZ == pytest.approx(8, abs=0.1)
    assert not np.abs(pcm[: 2 * RATE_HZ].astype(int)).max() > 100  # nobody spoke yet
    assert jiwer.wer(expected(), says(pcm, "en")) < 0.4


def test_a_picture_is_copied_as_it_is(tmp_path: Path, movie: Path) -> None:
    output = tmp_path / "movie.mkv"
    assert translate(movie, "--to", "en", "--track", 2, "--replace-sound", "-o", output) == 0
    assert packets(output, "video") == packets(movie, "video")
    assert packets(output, "subtitle") == [b"Hello"]
    with av.open(str(output)) as container:
        assert [each.language for each in container.streams.audio] == ["eng"]


def test_a_picture_that_does_not_fit_into_the_file_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    web = film(
        tmp_path / "web.webm", Sound(spoken()), picture_s=1, picture="libvpx", sound="libopus"
    )
    assert translate(web, "--to", "en", "-o", tmp_path / "out.mp4") == 1
    assert "vp8" in capsys.readouterr().err
    assert sorted(each.name for each in tmp_path.iterdir()) == ["web.webm"]


def seconds(stamp: str) -> float:
    hours, minutes, rest = stamp.replace(",", ".").split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(rest)


def cues(text: str) -> list[tuple[float, float, str]]:
    found = re.findall(r"(\S+) --> (\S+)\n((?:.+\n)+)", text)
    return [(seconds(start), seconds(end), words) for start, end, words in found]


def onsets(pcm: Pcm) -> list[float]:
    """Where sound begins after at least 0.25 s of silence, in seconds."""
    steps = np.abs(pcm[: len(pcm) // 480 * 480].astype(int)).reshape(-1, 480).max(axis=1) > 300
    return [
        place / 100
        for place in np.flatnonzero(steps)
        if not steps[max(0, place - 25) : place].any()
    ]


@pytest.mark.parametrize("kind", ["srt", "vtt"])
def test_subtitles_are_shown_when_they_are_heard(tmp_path: Path, movie: Path, kind: str) -> None:
    captions, output = tmp_path / f"movie.{kind}", tmp_path / "movie.wav"
    assert translate(movie, "--to", "en", "--track", 2, "-o", output, "--captions", captions) == 0
    for path, sound in ((captions, output), (tmp_path / f"movie.nl.{kind}", movie)):
        shown = cues(path.read_text(encoding="utf8"))
        begins = onsets(heard(sound, "", "" if sound == output else "2"))
        assert shown
        for start_s, end_s, _ in shown:
            assert start_s < end_s <= 8
            assert min(abs(start_s - each) for each in begins) <= 0.3
    assert "welkom" in (tmp_path / f"movie.nl.{kind}").read_text(encoding="utf8")
    assert "welcome" in captions.read_text(encoding="utf8")


def test_text_and_data_have_what_was_said_and_its_translations(tmp_path: Path, talk: Path) -> None:
    base = tmp_path / "talk"
    captions = (f"{base}.txt", f"{base}.json")
    assert translate(talk, "--to", "en", "de", "--captions", *captions) == 0
    said = (tmp_path / "talk.nl.txt").read_text(encoding="utf8").splitlines()
    data = json.loads((tmp_path / "talk.json").read_text(encoding="utf8"))
    assert [each["text"] for each in data["segments"]] == said
    assert data["source"] == "nl" and data["targets"] == ["en", "de"]
    assert data["duration_s"] == pytest.approx(TWO_S, abs=0.01)
    for language in ("en", "de"):
        lines = (tmp_path / f"talk.{language}.txt").read_text(encoding="utf8").splitlines()
        assert [each["translations"][language]["text"] for each in data["segments"]] == lines
    assert sorted(each.suffix for each in tmp_path.iterdir()) == [".json", *3 * [".txt"]]


def test_without_hurry_the_voice_runs_over_and_says_how_far(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The recording ends with the last word, and its English is longer."""
    phrase = clip("nl")[round(3.3 * RATE_HZ) : round(5.25 * RATE_HZ)]
    short = film(tmp_path / "short.wav", Sound(phrase), sound="pcm_s16le")
    lengths = {}
    for speed in ("fit", "none"):
        output = tmp_path / f"{speed}.wav"
        translate(short, "--to", "en", "-o", output, "--speed", speed)
        lengths[speed] = len(heard(output, "en")) / RATE_HZ
    assert lengths["none"] > lengths["fit"] + 0.3 >= 1.9 + 0.3
    (told,) = re.findall(r"goes on for ([\d.]+) s after the end", capsys.readouterr().err)[-1:]
    assert float(told) == pytest.approx(lengths["none"] - 1.95, abs=0.11)


def test_one_file_that_fails_does_not_stop_the_others(
    tmp_path: Path, talk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    talks = tmp_path / "talks"
    (talks / "more").mkdir(parents=True)
    (talks / "a.mp3").write_bytes(b"not at all")
    (talks / "notes.doc").write_bytes(b"nor is this")
    (talks / "more" / "b.flac").write_bytes(talk.read_bytes())
    out = tmp_path / "out"
    assert translate(talks, "--to", "en", "-o", f"{out}/", "--format", "opus") == 1
    told = capsys.readouterr()
    assert "a.mp3" in told.err and "skipped" in told.err
    assert "2 of 3" in told.out
    assert [each.name for each in out.rglob("*") if each.is_file()] == ["b.en.opus"]


def test_a_film_that_was_cut_off_is_told(
    tmp_path: Path, movie: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut, output = tmp_path / "cut.mkv", tmp_path / "out.mkv"
    cut.write_bytes(movie.read_bytes()[: movie.stat().st_size * 3 // 4])
    assert translate(cut, "--to", "en", "--track", "2", "-o", output) == 0
    assert "has been cut off" in capsys.readouterr().err
    with av.open(str(output)) as container:
        assert 4 < (container.duration or 0) / av.time_base < 7.5


def test_what_is_there_stays_if_a_file_fails(tmp_path: Path) -> None:
    (tmp_path / "old.wav").write_bytes(b"of yesterday")
    (tmp_path / "bad.mp3").write_bytes(b"not at all")
    assert translate(tmp_path / "bad.mp3", "--to", "en", "-o", tmp_path / "old.wav") == 1
    assert (tmp_path / "old.wav").read_bytes() == b"of yesterday"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_full_disk_is_told_and_leaves_nothing_half(
    tmp_path: Path, talk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = (
        "import resource, signal, sys; from server.cli import main;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)); sys.exit(main())"
    )
    command = [sys.executable, "-c", code, "translate", str(talk), "--from", "nl", "--to", "en"]
    command += ["-o", str(tmp_path / "out.wav"), "--models", "starter"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 1, done.stderr
    assert "tolk:" in done.stderr and "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def interruptible() -> None:
    """Let SIGINT end this process: background jobs of a shell ignore it, as do their children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_ctrl_c_leaves_whole_files_and_nothing_half(tmp_path: Path, talk: Path) -> None:
    long = tmp_path / "long.wav"
    film(long, Sound(np.tile(spoken(), 300)), sound="pcm_s16le")
    out = tmp_path / "out"
    command = [sys.executable, "-m", "server", "translate", str(talk), str(long)]
    command += ["--from", "nl", "--to", "en", "-o", f"{out}/", "--models", "starter"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=interruptible)
    try:
        deadline = time.monotonic() + 90
        while not list(out.glob("talk*")) or not list(out.glob(".tolk-*")):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Traceback" not in told
    assert [each.name for each in out.iterdir()] == ["talk.en.wav"]
    assert len(heard(out / "talk.en.wav", "en")) / RATE_HZ == pytest.approx(TWO_S, abs=0.05)


@pytest.mark.parametrize("kind", ["m4a", "ogg", "mkv"])
def test_a_damaged_recording_in_a_folder_is_missing_whatever_the_system_knows(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(mimetypes, "guess_type", mimetypes.MimeTypes().guess_type)  # bare
    (tmp_path / "talks").mkdir()
    (tmp_path / "talks" / f"a.{kind}").touch()  # a recorder that lost its power
    assert translate(tmp_path / "talks", "--to", "en", "-o", f"{tmp_path}/out/") == 1
    assert "skipped" not in capsys.readouterr().err
