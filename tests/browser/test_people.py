"""People read aloud into the microphone of a page, and the captions are compared with the text.
Needs Whisper base in the folder that TOLK_TEST_MODELS names (``models pull --to FOLDER``)."""

import json
import os
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import jiwer
import numpy as np
import pytest
from playwright.sync_api import Browser

from server.demo import clip
from server.interpretation.types import Pcm
from server.media.opus import RATE_HZ, Resampler
from tests.browser.conftest import DEMO, Launch, opener
from tests.browser.people import begin_speaking, lines, wait_for_last_line, wait_until_spoken
from tests.browser.serving import ServerProcess
from tools.evaluate import material, people

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240), pytest.mark.slow]

MODEL = "whisper-base"
#: On a busy machine Whisper may be seconds behind.
SETTLED_S = 8.0
#: Recordings of a woman reading Dutch that were not used for tuning, and their length.
DUTCH, DUTCH_S = people.Part("nathalie-nl", "held-out"), 45.0


class Recording(NamedTuple):
    """What is read aloud, and its sound at 48 kHz."""

    text: str
    pcm: Pcm


@pytest.fixture(scope="module")
def hearing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A running server that recognises speech with Whisper."""
    folder = Path(os.environ.get("TOLK_TEST_MODELS", ""))
    if not (folder / MODEL / "model.bin").is_file():
        pytest.skip(f"TOLK_TEST_MODELS names no folder with {MODEL}")
    state = tmp_path_factory.mktemp("state")
    process = ServerProcess(state, "--models", str(folder), "--recognizer", "whisper")
    process.start()
    yield process
    process.stop()


def english() -> Recording:
    """The clip of the demonstration."""
    described = json.loads((DEMO / "person-en.json").read_text(encoding="utf8"))
    text = " ".join(phrase["text"] for phrase in described["phrases"])
    return Recording(text, clip("en", person=True))


def dutch() -> Recording:
    """One sentence after the other, with pauses."""
    try:
        material.folder()
    except FileNotFoundError as error:
        pytest.skip(str(error))
    said, pcm = people.made("nl", people.chosen((DUTCH,), DUTCH_S), None)
    resampler = Resampler(material.RATE_HZ, RATE_HZ)
    sound = np.concatenate((resampler.push(pcm), resampler.flush()))
    return Recording(" ".join(each.text for each in said.sentences), sound)


#: The highest word error rates allowed.
BOUNDS = [("en", english, 0.10), ("nl", dutch, 0.25)]


@pytest.mark.parametrize(("language", "recorded", "bound"), BOUNDS)
def test_a_person_is_understood(
    hearing: ServerProcess,
    launch: Launch,
    tmp_path: Path,
    language: str,
    recorded: Callable[[], Recording],
    bound: float,
) -> None:
    recording = recorded()
    microphone = tmp_path / "microphone.wav"
    write_wav(microphone, recording.pcm)
    browser = launch(microphone)
    captions = captions_of(hearing, browser, language, len(recording.pcm) / RATE_HZ)
    said, heard = (people.plain(text, language) for text in (recording.text, " ".join(captions)))
    assert jiwer.wer(" ".join(said), " ".join(heard)) <= bound, captions


def captions_of(
    hearing: ServerProcess, browser: Browser, language: str, seconds: float
) -> list[str]:
    """What a speaker's page shows in the end when its microphone has played its file."""
    try:
        pages = opener(hearing, browser)
        speaker = next(pages)(f"/speak/people-{language}")
        speaker.check("#line_in")
        begin_speaking(speaker, language)
        wait_until_spoken(speaker, seconds)
        wait_for_last_line([speaker], SETTLED_S)
        shown = lines(speaker)
        next(pages, None)
    finally:
        browser.close()
    return shown


def write_wav(path: Path, pcm: Pcm) -> None:
    """As Chromium takes it for a microphone: 48 kHz mono."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(pcm.tobytes())
