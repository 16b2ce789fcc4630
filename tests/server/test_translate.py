import wave
from dataclasses import replace
from pathlib import Path

import jiwer
import numpy as np
import pytest

from server.cli import main
from server.config import STARTER_MODELS
from server.demo import clip
from server.interpretation.engines import EngineError, Translator
from server.interpretation.shared import Engines
from server.media.files import SoundFile
from server.media.opus import RATE_HZ, Pcm, Resampler, joined
from tests.helpers.starter import demo_clip, starter_engines
from tools.bench.demo import bare
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
    """Twelve seconds of Dutch, at 16 kHz."""
    return Resampler(RATE_HZ, 16_000).push(clip("nl")[: 12 * RATE_HZ])


class FailingOnce:
    """A translator that refuses the first clause."""

    def __init__(self, translator: Translator) -> None:
        self._translator = translator
        self._failed = False

    def translate(self, text: str, source: str, target: str, prefix: str = "") -> str:
        if not self._failed:
            self._failed = True
            raise EngineError("a loop")
        return self._translator.translate(text, source, target, prefix)


def test_a_clause_that_cannot_be_translated_is_left_out_and_named(
    tmp_path: Path,
    engines: Engines,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    failing = replace(engines, translator=FailingOnce(engines.translator))
    monkeypatch.setattr("server.translate.load", lambda catalogue, wanted: failing)
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
        (20_000 * np.sin(np.arange(3 * 8000) * 2 * np.pi * 1000 / 8000)).astype(np.int16),
        np.zeros(0, np.int16),
    ],
    ids=["silence", "noise", "tone", "nothing"],
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
