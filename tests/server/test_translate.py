import json
import os
import wave
from dataclasses import replace
from pathlib import Path

import jiwer
import numpy as np
import pytest

from server.cli import main
from server.config import STARTER_MODELS
from server.demo import clip
from server.interpretation.engines import EngineError, RecognizerStream
from server.interpretation.shared import Engines
from server.interpretation.types import Transcript
from server.media.files import SoundFile
from server.media.opus import RATE_HZ, Pcm, Resampler, joined
from tests.helpers.starter import demo_clip, starter_engines
from tools.bench.demo import bare
from tools.evaluate import halls
from tools.listen import recognized


def write(path: Path, pcm: Pcm, rate_hz: int, channels: int = 1) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(np.repeat(pcm, channels).tobytes())
    return path


@pytest.fixture
def engines() -> Engines:
    """Those of the shipped models."""
    return starter_engines()


@pytest.fixture(autouse=True)
def loaded(engines: Engines, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading takes longer than what is tested here, so it is done once."""
    monkeypatch.setattr("server.translate.load", lambda catalogue, wanted: engines)


def translate(source: Path, output: Path) -> int:
    return main(["translate", str(source), "--from", "nl", "--to", "en", "-o", str(output)])


def test_a_talk_in_opus_is_interpreted(tmp_path: Path) -> None:
    output = tmp_path / "talk.en.wav"
    talk = Path("server/demo/nl.opus")
    assert translate(talk, output) == 0
    with SoundFile(output, RATE_HZ) as sound:
        heard = recognized(joined(list(sound)), STARTER_MODELS, "en") or ""
    assert jiwer.wer(bare(demo_clip("nl").translation), bare(heard)) < 0.4


def beginning() -> Pcm:
    """Six seconds of Dutch, at 16 kHz."""
    return Resampler(RATE_HZ, 16_000).push(clip("nl")[: 6 * RATE_HZ])


class Once:
    """Raises EngineError, once."""

    def __init__(self) -> None:
        self._failed = False

    def fail(self) -> None:
        if not self._failed:
            self._failed = True
            raise EngineError("a loop")


class FailingTranslator(Once):
    """A translator that refuses the first clause."""

    def __init__(self, engines: Engines) -> None:
        super().__init__()
        self._translator = engines.translator

    def translate(self, text: str, source: str, target: str, prefix: str = "") -> str:
        self.fail()
        return self._translator.translate(text, source, target, prefix)


class FailingVoice(Once):
    """A voice that cannot say the first clause."""

    def __init__(self, engines: Engines) -> None:
        super().__init__()
        self._voice = engines.synthesizers["en"]
        self.language, self.rate_hz = "en", self._voice.rate_hz

    def synthesize(self, text: str, length_scale: float) -> Pcm:
        self.fail()
        return self._voice.synthesize(text, length_scale)


class FailingRecognizer(Once):
    """A recogniser that fails on the first piece of sound, and then recognises the rest."""

    language = "nl"

    def __init__(self, engines: Engines) -> None:
        super().__init__()
        self._recognizer = engines.recognizers["nl"]

    def stream(self) -> "FailingStream":
        return FailingStream(self._recognizer.stream(), self)


class FailingStream:
    """A stream of a FailingRecognizer."""

    def __init__(self, stream: RecognizerStream, once: Once) -> None:
        self._stream, self._once = stream, once
        self.pause_samples = stream.pause_samples

    def accept(self, pcm: Pcm) -> Transcript | None:
        self._once.fail()
        return self._stream.accept(pcm)

    def finish(self) -> Transcript | None:
        return self._stream.finish()


def failing(engines: Engines, stage: str) -> Engines:
    match stage:
        case "recognize":
            return replace(engines, recognizers={"nl": FailingRecognizer(engines)})
        case "translate":
            return replace(engines, translator=FailingTranslator(engines))
        case _:
            return replace(engines, synthesizers={"en": FailingVoice(engines)})


@pytest.mark.parametrize("stage", ["recognize", "translate", "synthesize"])
def test_a_failure_costs_one_clause_and_is_told(
    tmp_path: Path,
    engines: Engines,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    stage: str,
) -> None:
    broken = failing(engines, stage)
    monkeypatch.setattr("server.translate.load", lambda catalogue, wanted: broken)
    output = tmp_path / "talk.en.wav"
    assert translate(write(tmp_path / "talk.wav", beginning(), 16_000), output) == 1
    assert "left out at 1 s: a loop" in capsys.readouterr().err
    with SoundFile(output, RATE_HZ) as sound:
        assert joined(list(sound)).any()


@pytest.mark.parametrize(
    "odd",
    [
        np.zeros(3 * 8000, np.int16),
        np.random.default_rng(1).normal(0, 3000, 3 * 8000).astype(np.int16),
        np.random.default_rng(1).normal(0, 10, 3 * 8000).astype(np.int16),
        (20_000 * np.sin(np.arange(3 * 8000) * 2 * np.pi * 1000 / 8000)).astype(np.int16),
        np.zeros(0, np.int16),
    ],
    ids=["silence", "noise", "soft noise", "tone", "nothing"],
)
def test_where_nothing_is_understood_that_is_told(
    tmp_path: Path, odd: Pcm, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out.wav"
    assert translate(write(tmp_path / "in.wav", odd, 8000), output) == 1
    assert "nothing was understood" in capsys.readouterr().err
    with SoundFile(output, RATE_HZ) as sound:
        assert len(joined(list(sound))) == pytest.approx(len(odd) * 6, abs=100)


def test_silence_stays_silent(tmp_path: Path) -> None:
    output = tmp_path / "out.wav"
    translate(write(tmp_path / "in.wav", np.zeros(10 * 16000, np.int16), 16000), output)
    with SoundFile(output, RATE_HZ) as sound:
        assert not joined(list(sound)).any()


def test_stereo_and_clipped_sound_is_interpreted(tmp_path: Path) -> None:
    clipped = np.clip(beginning().astype(np.int32) * 4, -32768, 32767).astype(np.int16)
    output = tmp_path / "out.wav"
    assert translate(write(tmp_path / "in.wav", clipped, 16_000, channels=2), output) == 0
    with SoundFile(output, RATE_HZ) as sound:
        assert joined(list(sound)).any()


def test_a_file_without_sound_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = tmp_path / "talk.txt"
    text.write_text("Good morning.")
    assert translate(text, tmp_path / "out.wav") == 1
    assert str(text) in capsys.readouterr().err


def test_an_unknown_language_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = write(tmp_path / "in.wav", np.zeros(1600, np.int16), 16_000)
    arguments = ["translate", str(source), "--from", "xx", "--to", "en", "-o", str(tmp_path / "o")]
    assert main(arguments) == 2
    assert "'xx'" in capsys.readouterr().err


def test_soft_speech_is_understood_from_its_first_word(tmp_path: Path) -> None:
    soft = np.rint(beginning() / 100).astype(np.int16)  # by 40 dB
    source, text = write(tmp_path / "in.wav", soft, 16_000), tmp_path / "text.txt"
    assert (
        main(["translate", str(source), "--from", "nl", "--to", "en", "--captions", str(text)]) == 0
    )
    said = (tmp_path / "text.nl.txt").read_text(encoding="utf8")
    assert said.split()[:3] == demo_clip("nl").phrases[0].text.lower().split()[:3]


@pytest.mark.parametrize("name", ["-talk.wav", "http:talk.wav", os.fsdecode(b"talk\xff.wav")])
def test_a_name_is_a_name_on_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / name, np.zeros(1600, np.int16), 16_000)
    arguments = ["translate", name, "--from", "nl", "--to", "en", "-o", f"out {name}"]
    assert main(arguments) == 1
    assert "nothing was understood" in capsys.readouterr().err
    assert (tmp_path / f"out {name}").exists()


@pytest.mark.parametrize("kind", ["organ", "applause"])
def test_sounds_of_a_hall_are_not_taken_for_speech(tmp_path: Path, kind: str) -> None:
    loud, soft = halls.sound(kind, 10).astype(np.float64), halls.sound(kind, 10) / 30
    source = write(tmp_path / "in.wav", np.concatenate((loud, soft)).astype(np.int16), 16_000)
    text = tmp_path / "text.txt"
    arguments = ["translate", str(source), "--from", "nl", "--to", "en", "--captions", str(text)]
    assert main(arguments) == 1
    assert text.read_text(encoding="utf8") == ""


def test_a_name_that_is_no_utf8_is_told_in_json_and_the_next_file_is_done(tmp_path: Path) -> None:
    talks = tmp_path / "talks"
    talks.mkdir()
    for name in (b"t\xe9.wav", b"u.wav"):
        write(talks / os.fsdecode(name), np.zeros(1600, np.int16), 16_000)
    arguments = ["translate", str(talks), "--from", "nl", "--to", "en", "--captions", "json"]
    assert main(arguments) == 1  # nothing was understood
    names = {json.loads(each.read_text("utf8"))["file"] for each in talks.glob("*.json")}
    assert names == {"t\ufffd.wav", "u.wav"}
