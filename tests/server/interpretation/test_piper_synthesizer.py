"""With the voices that are shipped."""

import contextlib
import ctypes
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soxr

from server.bus.messages import RATE_HZ
from server.interpretation.engines import EngineError, ModelError
from server.interpretation.piper_synthesizer import (
    MAX_EDGE_SILENCE_S,
    SHRINK_RUNS,
    SILENCE,
    PiperSynthesizer,
)
from server.interpretation.vosk_recognizer import VoskRecognizer
from server.models.catalogue import Catalogue
from tests.helpers.memory import own_memory
from tests.helpers.starter import demo_clip, error_rate


def test_the_recogniser_understands_the_voice(
    english_voice: PiperSynthesizer, english: VoskRecognizer
) -> None:
    text = demo_clip("nl").translation
    sound = english_voice.synthesize(text, 1.0).astype(np.float32)
    stream = english.stream()
    heard = [
        stream.accept(chunk.astype(np.int16))
        for chunk in np.array_split(soxr.resample(sound, english_voice.rate_hz, RATE_HZ), 300)
    ]
    final = " ".join(each.text for each in [*heard, stream.finish()] if each and each.final)
    assert error_rate(text, final) <= 0.15


@pytest.mark.parametrize("scale", [0.75, 0.9, 1.2])
def test_length_scale_makes_it_faster_or_slower(
    english_voice: PiperSynthesizer, scale: float
) -> None:
    own = english_voice.synthesize("The tower is five hundred years old.", 1.0)
    scaled = english_voice.synthesize("The tower is five hundred years old.", scale)
    assert len(scaled) / len(own) == pytest.approx(scale, abs=0.08)


@pytest.mark.parametrize("text", ["", " ", "...", "\n\n"])
def test_text_without_words_gives_no_sound(english_voice: PiperSynthesizer, text: str) -> None:
    found = english_voice.synthesize(text, 1.0)
    assert len(found) == 0


@pytest.fixture(scope="module")
def voices(starter: Catalogue) -> list[PiperSynthesizer]:
    return [PiperSynthesizer(starter.path(id), language) for language, id in starter.voices.items()]


@pytest.mark.parametrize("text", ["\x00\x07\x1b", "\ud83d", "😀 🎉", "❤️", "→ ★", "?!", "\u200b"])
def test_signs_without_words_give_no_sound_in_any_voice(
    voices: list[PiperSynthesizer], text: str
) -> None:
    assert [len(voice.synthesize(text, 1.0)) for voice in voices] == [0] * len(voices)


@pytest.mark.parametrize("mark", ["\x00", "\ud83d", "😀"])
def test_an_unspoken_sign_only_separates_words(english_voice: PiperSynthesizer, mark: str) -> None:
    plain = len(english_voice.synthesize("Good morning", 1.0))
    marked = len(english_voice.synthesize(f"Good{mark}morning", 1.0))
    assert marked == pytest.approx(plain, rel=0.1)


@pytest.mark.parametrize("text", ["Привет", "你好", "مرحبا", "99999999", "<break time='9s'/>"])
def test_unexpected_scripts_and_markup_give_bounded_sound(
    voices: list[PiperSynthesizer], text: str
) -> None:
    for voice in voices:
        assert len(voice.synthesize(text, 1.0)) < 30 * voice.rate_hz


def test_brackets_are_no_phonemes(english_voice: PiperSynthesizer) -> None:
    plain = len(english_voice.synthesize("room 1953", 1.0))
    assert len(english_voice.synthesize("[[room 1953]]", 1.0)) == pytest.approx(plain, rel=0.1)


@pytest.mark.parametrize("text", ["x" * 5000, "7" * 5000, "😀" * 5000])
def test_five_thousand_equal_characters_give_bounded_sound(
    voices: list[PiperSynthesizer], text: str
) -> None:
    for voice in voices:
        with contextlib.suppress(EngineError):  # espeak-ng reads some of it, or all
            assert len(voice.synthesize(text, 1.0)) < 120 * voice.rate_hz


@pytest.mark.parametrize("text", ["one more word " * 357, "привет " * 714])
def test_five_thousand_characters_are_refused_at_once(
    voices: list[PiperSynthesizer], text: str
) -> None:
    for voice in voices:
        with pytest.raises(EngineError, match=r"a clause of \d+ phonemes"):
            voice.synthesize(text, 1.0)


def test_the_longest_clause_is_spoken(english_voice: PiperSynthesizer) -> None:
    sound = english_voice.synthesize("We walk to the old castle and back to the bridge " * 18, 1.0)
    assert 30 * english_voice.rate_hz < len(sound) < 90 * english_voice.rate_hz


def test_it_is_neither_faint_nor_clipped(english_voice: PiperSynthesizer) -> None:
    peak = int(np.abs(english_voice.synthesize("Good morning everyone.", 1.0)).max())
    assert 2000 < peak < 32767


def test_it_starts_and_ends_with_little_silence(english_voice: PiperSynthesizer) -> None:
    sound = english_voice.synthesize("Welcome.", 1.0)
    loud = np.flatnonzero(np.abs(sound) >= int(SILENCE * 32767))
    most = MAX_EDGE_SILENCE_S * english_voice.rate_hz + 1
    assert loud[0] <= most
    assert len(sound) - loud[-1] <= most + 1


@pytest.fixture
def copy(tmp_path: Path, starter: Catalogue) -> Path:
    folder = tmp_path / "voice"
    shutil.copytree(starter.path(starter.voices["en"]), folder)
    return folder


def test_a_voice_cut_short_is_no_voice(copy: Path) -> None:
    (model,) = copy.glob("*.onnx")
    model.write_bytes(model.read_bytes()[:1000])
    with pytest.raises(ModelError, match=f"voice in {copy}.*install the voice again"):
        PiperSynthesizer(copy, "en")


def test_a_voice_without_its_settings_is_no_voice(copy: Path) -> None:
    (settings,) = copy.glob("*.onnx.json")
    settings.write_text(json.dumps({"num_symbols": 10}))
    with pytest.raises(ModelError, match=f"voice in {copy}.*install the voice again"):
        PiperSynthesizer(copy, "en")


def test_a_folder_without_a_voice_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=f"{tmp_path} has 0 .onnx files"):
        PiperSynthesizer(tmp_path, "en")


def memory_in_use() -> int:
    """Of this process, in bytes."""
    ctypes.CDLL(None).malloc_trim(0)
    return own_memory()


COUNTED = "one two three four five six seven eight nine ten eleven twelve thirteen "


def growth_over_many_lengths(folder: Path) -> int:
    """In bytes, of the memory of this process."""
    voice = PiperSynthesizer(folder, "en")
    for _ in range(SHRINK_RUNS):
        voice.synthesize(COUNTED * 3, 1.2)
    before = memory_in_use()
    for length in range(SHRINK_RUNS, 20 * SHRINK_RUNS):
        voice.synthesize((COUNTED * 3)[:length], 1.0)
    return memory_in_use() - before


def growth_over_a_long_text(folder: Path) -> int:
    """In bytes, of the memory of this process, some short texts after a long one."""
    voice = PiperSynthesizer(folder, "en")
    for _ in range(SHRINK_RUNS):
        voice.synthesize(COUNTED, 1.0)
    before = memory_in_use()
    voice.synthesize(COUNTED * 11, 1.0)
    for _ in range(SHRINK_RUNS - 1):
        voice.synthesize(COUNTED, 1.0)
    return memory_in_use() - before


@pytest.mark.parametrize("growth", [growth_over_many_lengths, growth_over_a_long_text])
def test_memory_does_not_grow(growth: Callable[[Path], int], starter: Catalogue) -> None:
    folder = starter.path(starter.voices["en"])
    script = (
        f"from pathlib import Path; from {__name__} import {growth.__name__} as growth; "
        f"print(growth(Path({str(folder)!r})))"
    )
    # In a process of its own: this one has free memory that would hide it.
    printed = subprocess.check_output([sys.executable, "-c", script], timeout=60, text=True)
    assert int(printed) < 2_000_000
